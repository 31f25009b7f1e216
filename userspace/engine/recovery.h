/* SPDX-License-Identifier: GPL-2.0-only */
/* Finishing the runs that could not do it themselves. */
#ifndef SQ_ENGINE_RECOVERY_H
#define SQ_ENGINE_RECOVERY_H

#include "util/error.h"
#include "util/text.h"

/* The guard process's main function: waits beside a run, and finishes it if its controller dies. */
int sq_guard_main(int argc, char **argv);

/*
 * Finishes every dead run of this host, or with @only that one, which must have been and not be under way
 * (SQ_FAIL_INVALID). Calls @found for each with what is still left of it, NULL where nothing is; without
 * @only for what a killed `doctor` left too.
 */
int sq_recover_all(const char *only,
		   void (*found)(void *data, const char *run, const struct sq_texts *left),
		   void *data, struct sq_error **err);

#endif
