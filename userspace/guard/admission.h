/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's policy held against a run: who starts it, where its file comes from, what it would do, and
 * when. How much it may hit is the blast radius's part.
 */
#ifndef SQ_GUARD_ADMISSION_H
#define SQ_GUARD_ADMISSION_H

#include "experiment/policy.h"
#include "util/error.h"

/* How a run was asked for. */
struct sq_request {
	const char *file; /* of the experiment, as given; NULL: no file, as with `inject` */
	const char *reason, *task_id; /* or NULL */
	bool planned; /* only a plan: who asks, and with which reason, does not matter yet */
};

/*
 * Reads the host's policy. *ret is NULL where there is none. One that root does not own, or that others
 * can write, is SQ_FAIL_REFUSED, as is one that is invalid: then *@diags says what is wrong.
 */
int sq_policy_of_host(struct sq_policy **ret, struct sq_diags *diags, struct sq_error **err);

/*
 * SQ_FAIL_REFUSED naming all of the policy's rules that forbid the run, or SQ_FAIL_NOT_NOW where only
 * the time does. @policy may be NULL: then only what the experiment itself asks of the host counts.
 */
int sq_admission_check(const struct sq_policy *policy, const struct sq_experiment *experiment,
		       const struct sq_request *request, struct sq_error **err);

/*
 * May the cgroup @path be a target? @named are patterns of what the policy's list means by names of
 * containers and pods.
 */
bool sq_admission_allows(const struct sq_policy *policy, const struct sq_texts *named,
			 const char *path);

/* Does the one who runs this program have a role? @groups empty: everybody has. */
int sq_admission_role(const struct sq_texts *groups, const char *what, struct sq_error **err);

/* When a run that takes from @from_ns to @until_ns (wall clock) lies in no window, or in a blackout. */
int sq_calendar_check(const struct sq_policy *policy, uint64_t from_ns, uint64_t until_ns,
		      struct sq_error **err);

/* At @now_ns (wall clock). */
bool sq_blackout_is_over(const struct sq_blackout *blackout, uint64_t now_ns);

#endif
