/* SPDX-License-Identifier: GPL-2.0-only */
/* The blast radius: each limit held against what a run would use of it. */
#ifndef SQ_GUARD_BLAST_RADIUS_H
#define SQ_GUARD_BLAST_RADIUS_H

#include "experiment/experiment.h"
#include "guard/host_use.h"
#include "util/error.h"

/* One target's part. */
struct sq_usage {
	const char *target;
	uint64_t matched, selected; /* cgroups */
	uint64_t repeated; /* of the selected, those that an earlier target has too */
	uint64_t processes; /* that no earlier target has */
	bool shared; /* a glob or a list that matched two or more: share counts */
	const struct sq_texts *all; /* the paths of those that matched, or NULL */
};

struct sq_limit {
	const char *name; /* as in the file: "cgroups" */
	char *allowed, *used; /* for people; "no limit" */
	const char *source; /* "experiment", "default", "policy", "policy, all runs together" */
	const char *file; /* the experiment's or the policy's; NULL: a default */
	int line; /* of the file, in which it stands */
	bool exceeded;
	bool others; /* exceeded only together with other runs: not now */
	bool kernel; /* enforced while the run goes, by the kernel side */
	char *why, *hint; /* where it is exceeded and says more than the numbers; else NULL */
};

struct sq_limits {
	struct sq_limit *item;
	size_t n;
};

/* What a run would use, and what limits it. */
struct sq_radius_use {
	const struct sq_experiment *experiment;
	const struct sq_usage *usage; /* one for each target */
	size_t n;
	const struct sq_policy *policy; /* or NULL: of the others only those on our targets matter */
	const struct sq_host_use *others;
	const struct sq_texts *paths; /* of all cgroups that are hit */
};

/* Fills @ret with every limit, exceeded or not. */
void sq_blast_radius_limits(const struct sq_radius_use *use, struct sq_limits *ret);

/*
 * SQ_FAIL_REFUSED naming each limit that is exceeded; SQ_FAIL_NOT_NOW where it is so only because of
 * the other runs; or 0.
 */
int sq_blast_radius_check(const struct sq_limits *limits, struct sq_error **err);

void sq_limits_clear(struct sq_limits *limits);

#endif
