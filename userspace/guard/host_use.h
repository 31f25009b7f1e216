/* SPDX-License-Identifier: GPL-2.0-only */
/* What the other runs under way on this host use of the policy's limits. */
#ifndef SQ_GUARD_HOST_USE_H
#define SQ_GUARD_HOST_USE_H

#include "experiment/policy.h"
#include "guard/registry.h"

struct sq_host_use {
	uint64_t runs;
	struct sq_texts paths; /* of their targets, each once */
	uint64_t processes;
	uint64_t faults, rate; /* that they may still inject: set aside for them */
	uint64_t sharing; /* how many have one of our targets, or one above or below it */
	const char *sharing_run, *sharing_cgroup; /* one of those, as long as the list of runs is */
	uint64_t packets; /* how many of them have faults on packets */
	const char *packets_run, *packets_cgroup;
};

/* Sums up the living ones of @runs beside a run on @targets; to be cleared. */
void sq_host_use_of(const struct sq_live_runs *runs, const struct sq_texts *targets,
		    struct sq_host_use *ret);
/*
 * Why the policy leaves the run @run no room for so many cgroups and processes in all, besides those of
 * the other runs (static), or NULL.
 */
const char *sq_host_use_room(const struct sq_policy *policy, const char *run, uint64_t cgroups,
			     uint64_t processes);

void sq_host_use_clear(struct sq_host_use *use);

/*
 * Lowers the limits of the experiment's blast radius to what the policy leaves beside the other runs:
 * faults, rate, duration. What is left of a budget may be nothing: SQ_FAIL_NOT_NOW.
 */
int sq_host_use_tighten(const struct sq_host_use *use, const struct sq_policy *policy,
			struct sq_experiment *experiment, struct sq_error **err);

#endif
