/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that were handed over, as the plan tells of them and as the run treats them. */
#ifndef SQ_ENGINE_HANDOVER_H
#define SQ_ENGINE_HANDOVER_H

#include "engine/plan.h"
#include "target/handover.h"

/* Adds warnings to the plan, whose targets and protection are known, where faults are on packets. */
void sq_handover_tell(struct sq_plan *plan);

struct sq_run;

/* What a run has done to such sockets. Starts as { 0 }. */
struct sq_handing {
	struct sq_numbers known; /* inodes that have been seen to */
	size_t in, out, shared, failed;
	char *why; /* the first failed */
};

/* Marks those that there are now. Once the targets are aimed at, and before anything is attached. */
int sq_handing_begin(struct sq_run *run, struct sq_error **err);

/* Whom to look at while faults act; to be cleared. False: nobody. */
bool sq_handing_scope(struct sq_run *run, struct sq_handover_scope *ret);

/* Marks what was found with such a scope. True: there is something to be attached to. */
bool sq_handing_take(struct sq_run *run, const struct sq_handover_scope *scope,
		     const struct sq_handovers *handovers);

/* Adds what was done to the run's notes. */
void sq_handing_end(struct sq_run *run);

void sq_handing_clear(struct sq_handing *handing);

#endif
