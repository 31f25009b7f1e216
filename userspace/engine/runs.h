/* SPDX-License-Identifier: GPL-2.0-only */
/* The runs there were: their names, and their journals as documents. */
#ifndef SQ_ENGINE_RUNS_H
#define SQ_ENGINE_RUNS_H

#include <jansson.h>

#include "util/error.h"
#include "util/text.h"

/* All runs that have a journal, the oldest first. */
int sq_runs_list(struct sq_texts *names, struct sq_error **err);

/*
 * The whole name of the run that @name stands for: itself, what no other begins with, or "last".
 * SQ_FAIL_INVALID where there is none or more than one. *ret is to be freed.
 */
int sq_runs_find(const char *name, char **ret, struct sq_error **err);

/*
 * The journal of the run that @name stands for. One that has not ended is folded from what it has
 * recorded so far, with the verdict "not over".
 */
int sq_runs_load(const char *name, json_t **ret, struct sq_error **err);

/* A journal, or a game day, from a file, from any host; "-" is standard input. */
int sq_runs_load_file(const char *file, json_t **ret, struct sq_error **err);

#endif
