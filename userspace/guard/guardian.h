/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard process. It outlives the controller and holds no BPF program: when the nap server falls
 * silent it aborts the FUSE connection, so that every sleeper can be killed; when the controller
 * dies it tells, so that what the run left is removed.
 */
#ifndef SQ_GUARD_GUARDIAN_H
#define SQ_GUARD_GUARDIAN_H

#include "util/error.h"
#include "util/helper.h"

/* Its descriptors, behind the shared page at 3. */
enum {
	SQ_GUARDIAN_FD_JOURNAL = 4, /* the run's journal folder */
	SQ_GUARDIAN_FD_LOCK, /* the run's registry lock, shared with the controller */
	SQ_GUARDIAN_FD_CONTROLLER, /* the controller's pidfd */
};

/*
 * Watches until the controller ends. 0: it has cleaned up itself; 1: it died, and its memory and
 * descriptors are gone; negative: an error.
 */
int sq_guardian_watch(struct sq_helper *helper, struct sq_error **err);

/*
 * A nap server that is stopped or hung makes its sleepers unkillable: if it is silent, this aborts
 * its FUSE connection, and the kernel wakes them. The connection's number is its state's value[0].
 */
int sq_guardian_abort_connection(uint32_t connection);
void sq_guardian_wake_sleepers(const struct sq_helper_page *page);

#endif
