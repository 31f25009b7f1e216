/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaching the uprobes on C libraries' functions to the processes of the targets, one by one, and
 * to those that appear later: the kernel side tells of each birth and each exec.
 */
#ifndef SQ_INJECT_FOLLOW_H
#define SQ_INJECT_FOLLOW_H

#include <jansson.h>
#include <linux/types.h>

#include "experiment/names.h"
#include "util/error.h"
#include "util/text.h"

struct sq_follower;

struct sq_follow_setup {
	int program_fd; /* the uprobe's */
	int births_fd; /* the ring buffer */
	struct sq_calls calls;
	const struct sq_texts *cgroups; /* of the targets; are copied */
	const volatile __u64 *arrivals; /* counts processes that are moved into them */
};

/* Attaches to every process there is, then starts a thread that looks for others. */
int sq_follower_start(struct sq_follower **ret, const struct sq_follow_setup *setup,
		      struct sq_error **err);

/* One more cgroup of the targets, whose processes are to be found. */
void sq_follower_add(struct sq_follower *follower, const char *cgroup);

/* Ends the thread and releases the links, which waits for naps: the nap server has ended before. */
struct sq_follower *sq_follower_free(struct sq_follower *follower);

/* Adds sentences for the report: how many processes are covered, which are not, and why. */
void sq_follower_notes(struct sq_follower *follower, json_t *notes);

/* Can a program be attached to functions of one process, here? 0, or a negative errno. */
int sq_follow_try(int program_fd);

#endif
