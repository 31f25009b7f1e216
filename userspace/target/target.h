/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets: what the experiment names, as cgroups of this host. Every kind of target (a path, a
 * command, later units, containers, pods) answers to the same interface.
 */
#ifndef SQ_TARGET_TARGET_H
#define SQ_TARGET_TARGET_H

#include "experiment/experiment.h"
#include "util/cgroup.h"
#include "util/error.h"
#include "util/user.h"

/* One cgroup that is hit. */
struct sq_member {
	struct sq_cgroup cgroup; /* id 0: not there yet */
	char *name; /* by which it is drawn: the unit's, the pod's, or the path */
	uint64_t processes;
};

/* One target of the experiment. */
struct sq_resolved {
	const struct sq_target *target;
	struct sq_member *item; /* those selected, sorted by path */
	size_t n;
	size_t matched; /* before `select` */
	struct sq_texts all; /* their paths */
	bool shared; /* a glob or a list matched two or more */
	struct sq_texts carved; /* paths below them that 'not' leaves out */
	struct sq_texts warnings; /* for the plan */
};

/*
 * Finds the cgroups of a target; of one that is the rest of @of (else NULL), what that does not
 * select. @seed draws for `select`: by the lowest hash of seed, target and name, so that neither a
 * restart nor a newcomer changes who else is drawn. @run is the run's name, for the cgroups that
 * squall makes. SQ_FAIL_REFUSED if nothing matches, naming what comes close; SQ_FAIL_NOT_NOW if it
 * does not run.
 */
int sq_target_resolve(const struct sq_target *target, const struct sq_target *of, uint64_t seed,
		      const char *run, struct sq_resolved *ret, struct sq_error **err);

void sq_resolved_clear(struct sq_resolved *resolved);

/* Does squall start this target itself? */
bool sq_target_is_started(const struct sq_target *target);

/*
 * Starts the program of such a target in its cgroup, which exists, as @user (NULL: ours);
 * output goes to @output_fd. Fills the member's id. The pidfd is the caller's.
 */
int sq_target_start(const struct sq_target *target, struct sq_member *member,
		    const struct sq_user *user, int output_fd, pid_t *ret_pid, int *ret_pidfd,
		    struct sq_error **err);

#endif
