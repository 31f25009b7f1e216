/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of an experiment, from the first thing made to the last one removed. */
#ifndef SQ_ENGINE_RUN_H
#define SQ_ENGINE_RUN_H

#include <jansson.h>

#include "engine/plan.h"
#include "engine/verdict.h"

struct sq_run_request {
	struct sq_plan *plan;
	char **argv; /* of the program, for the journal; NULL behind the last */
	const char *reason, *task_id; /* or NULL */
	bool observe; /* attach and count everything, inject nothing */
	/* Called about once a second, and when something changes, with what `status` shows. */
	void (*tell)(void *data, const json_t *status);
	void *data;
};

/*
 * Runs the plan. Signals are blocked meanwhile; SIGINT, SIGTERM, SIGHUP and SIGQUIT end the run.
 * *ret_document is its journal, NULL where it never began: then *err says why. What could not be
 * written or removed is also told in *err.
 */
enum sq_verdict sq_run(const struct sq_run_request *request, json_t **ret_document,
		       struct sq_error **err);

#endif
