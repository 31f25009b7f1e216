/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The targets' network namespaces followed as they change: a thread attaches to devices and namespaces that come, and
 * leaves namespaces in which no target is any more. Whatever it waits for, it does not hold up the lease.
 */
#ifndef SQ_INJECT_NET_FOLLOW_H
#define SQ_INJECT_NET_FOLLOW_H

#include "inject/netspaces.h"

struct sq_net_follower;

/* Starts the thread, which has @spaces for itself until it has ended. Signals are the caller's to have blocked. */
int sq_net_follower_start(struct sq_net_follower **ret, struct sq_netspaces *spaces,
			  struct sq_error **err);

/* From now on the targets' cgroups are @paths: their processes may live in other namespaces. */
void sq_net_follower_look(struct sq_net_follower *follower, const struct sq_texts *paths);

/* Adds the namespace @fd, which is the follower's from now on, and stays in it. */
void sq_net_follower_keep(struct sq_net_follower *follower, int fd);

/* Readable when there are sentences for the report, which sq_net_follower_take() adds to @notes. */
int sq_net_follower_fd(const struct sq_net_follower *follower);
void sq_net_follower_take(struct sq_net_follower *follower, struct sq_texts *notes);

/*
 * Ends the thread, after the step that it is at. Adds a sentence to @left for what stays where it has left, and to @notes
 * those that were not taken.
 */
struct sq_net_follower *sq_net_follower_free(struct sq_net_follower *follower,
					     struct sq_texts *left, struct sq_texts *notes);

#endif
