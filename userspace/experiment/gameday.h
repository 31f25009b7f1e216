/* SPDX-License-Identifier: GPL-2.0-only */
/* A game day: experiments in an order, for people who watch, ask and learn between them. */
#ifndef SQ_EXPERIMENT_GAMEDAY_H
#define SQ_EXPERIMENT_GAMEDAY_H

#include "experiment/experiment.h"

#define SQ_EXPERIMENTS_DIR "/etc/squall/experiments"

/* One experiment of the day. */
struct sq_step {
	struct sq_object object;
	char *file; /* as written: see sq_step_path() */
	char *title; /* or NULL: the experiment's own */
	char *briefing; /* or NULL */
	struct sq_texts set; /* "NAME=VALUE" */
	uint64_t wait_ns; /* before it is asked about */
};

struct sq_gameday {
	struct sq_object object;
	struct sq_node *root;
	char *file, *source;
	size_t source_size;
	uint64_t version;
	char *title, *briefing;
	struct sq_objects steps; /* struct sq_step */
};

#define sq_steps(g) ((const struct sq_step *)(g)->steps.item)

extern const struct sq_schema sq_gameday_schema;

/*
 * Reads and checks @file, but not the experiments it names. Returns the game day, to be freed, or NULL
 * with what is wrong in @diags.
 */
struct sq_gameday *sq_gameday_load(const char *file, struct sq_diags *diags);

struct sq_gameday *sq_gameday_free(struct sq_gameday *gameday);
void sq_gameday_freep(struct sq_gameday **gameday);

/*
 * Where a step's experiment is: a path, from the game day's folder on, or a NAME for
 * /etc/squall/experiments/NAME.yaml. To be freed.
 */
char *sq_step_path(const struct sq_gameday *gameday, const struct sq_step *step);

/* Does a file look like a game day, rather than an experiment? No mistake in it is told. */
bool sq_gameday_is(const char *file);

#endif
