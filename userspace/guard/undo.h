/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run puts into the kernel that does not go away by itself. It is written to the run's
 * journal before it is made, so that another process can undo it after a SIGKILL. Undoing is
 * idempotent: what is gone already is fine.
 */
#ifndef SQ_GUARD_UNDO_H
#define SQ_GUARD_UNDO_H

#include <stdint.h>

#include "util/eventlog.h"
#include "util/text.h"

/* Announces that the cgroup @path is about to be made. */
int sq_undo_cgroup(struct sq_eventlog *log, const char *path, struct sq_error **err);

/*
 * Held while a filter and its clsact qdisc are made: no other run removes what has no filter yet.
 * A descriptor to be closed.
 */
int sq_undo_lock(struct sq_error **err);

/*
 * Announces a tc filter of ours on a device, at @handle and @priority of clsact's egress; only on
 * kernels without tcx (before 6.6). Called in the network namespace with inode @netns, before the
 * filter and, where it is missing, the clsact qdisc are made, with sq_undo_lock() held until they
 * are. *ret is to be given to sq_undo_one()
 * and json_decref().
 */
int sq_undo_filter(struct sq_eventlog *log, uint64_t netns, unsigned int ifindex,
		   const char *device, bool ingress, uint32_t handle, uint32_t priority,
		   json_t **ret, struct sq_error **err);

/*
 * Undoes one thing, from anywhere; of a filter in the network namespace @netns_fd, or where that is negative in the one
 * that the event names, if a process or a mount still has it. Adds a sentence to @left if that fails.
 */
void sq_undo_one(json_t *event, int netns_fd, struct sq_texts *left);

/* Undoes everything that @events announce, last first. Adds a sentence per failure to @left. */
void sq_undo_all(const json_t *events, struct sq_texts *left);

#endif
