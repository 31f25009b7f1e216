/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs that a run starts: command targets and load. What they write is kept in the run's
 * journal folder, its beginning at least.
 */
#ifndef SQ_ENGINE_CHILDREN_H
#define SQ_ENGINE_CHILDREN_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "experiment/experiment.h"
#include "target/target.h"
#include "util/error.h"

struct sq_children;

struct sq_children_setup {
	sd_event *event;
	int journal_fd; /* the folder for what they write */
	int work_fd; /* the cgroup of load */
	const struct sq_user *user; /* whom they run as; NULL: ours */
	/* Called when one ends by itself: "load 'shoppers' ended: exit code 1". */
	void (*ended)(void *data, const char *what);
	void *data;
};

struct sq_children *sq_children_new(const struct sq_children_setup *setup);

/* Starts a command target in its cgroup, which exists. */
int sq_children_start_target(struct sq_children *children, const struct sq_target *target,
			     struct sq_member *member, struct sq_error **err);

int sq_children_start_load(struct sq_children *children, const struct sq_load *load,
			   struct sq_error **err);

/* Has the program named @name ended by itself? */
bool sq_children_has_ended(const struct sq_children *children, const char *name);

/* Asks all of them to end; the event loop then sees them go. */
void sq_children_stop(struct sq_children *children);

/* How many are still there. */
size_t sq_children_running(const struct sq_children *children);

struct sq_children *sq_children_free(struct sq_children *children);

#endif
