/* SPDX-License-Identifier: GPL-2.0-only */
/* What `run`, `inject` and `plan` share: from experiments to plans, to a question, to runs. */
#ifndef SQ_CMD_EXECUTE_H
#define SQ_CMD_EXECUTE_H

#include "cmd/command.h"
#include "engine/verdict.h"

struct sq_execution {
	const struct sq_command *command;
	char **argv; /* the whole command line */
	struct sq_texts reports;
	const char *reason, *task_id;
	bool dry_run, json, keep_going, yes;
	bool observe; /* attach and count, inject nothing */
};

/*
 * Plans all of @experiments, asks, runs one after the other and reports each. Returns the exit
 * code of the worst. The experiments are freed.
 */
int sq_execute(struct sq_execution *execution, struct sq_experiment **experiments, size_t n);

#endif
