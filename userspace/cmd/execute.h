/* SPDX-License-Identifier: GPL-2.0-only */
/* What `run`, `inject` and `plan` share: from experiments to plans, to a question, to runs. */
#ifndef SQ_CMD_EXECUTE_H
#define SQ_CMD_EXECUTE_H

#include "cmd/command.h"
#include "engine/plan.h"
#include "engine/verdict.h"

enum sq_choice {
	SQ_GO_ON,
	SQ_SKIP, /* this one */
	SQ_STOP, /* this one and those behind it */
};

/*
 * Whoever runs several experiments and decides between them: then nothing else asks, and no report
 * of a single run is written. @i is the experiment's index.
 */
struct sq_director {
	/* Before it is run; its plan is as the host is now. */
	enum sq_choice (*ask)(void *data, size_t i, const struct sq_plan *plan);
	void (*begins)(void *data, size_t i, const struct sq_plan *plan);
	/*
	 * After it: @journal is NULL where it was refused or never began. @why is the reason then, and may
	 * be NULL.
	 */
	void (*ended)(void *data, size_t i, enum sq_verdict verdict, const char *why,
		      const json_t *journal);
	void *data;
};

struct sq_execution {
	const struct sq_command *command;
	char **argv; /* the whole command line */
	struct sq_texts reports;
	const char *reason, *task_id;
	bool dry_run, json, keep_going, yes;
	bool observe; /* attach and count, inject nothing */
	const struct sq_director *director; /* or NULL */
	char *why; /* what was wrong with the last one that was refused or never began */
};

/* Takes what the commands that run something have in common: report, reason, task-id, yes, ... */
void sq_take_execution(struct sq_execution *execution, const char *option, const char *value);

/*
 * Plans all of @experiments, asks, runs one after the other and reports each. Returns the exit
 * code of the worst. The experiments are freed.
 */
int sq_execute(struct sq_execution *execution, struct sq_experiment **experiments, size_t n);

/* Prints a plan, for people or, with json, for programs. */
void sq_print_plan(const struct sq_execution *execution, const struct sq_plan *plan, int fd);

#endif
