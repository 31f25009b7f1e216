/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: what a run would hit on this host, by which backends, within which limits. Making it
 * touches nothing.
 */
#ifndef SQ_ENGINE_PLAN_H
#define SQ_ENGINE_PLAN_H

#include <jansson.h>

#include "experiment/experiment.h"
#include "guard/admission.h"
#include "guard/blast_radius.h"
#include "guard/protect.h"
#include "guard/registry.h"
#include "inject/backend.h"
#include "target/named.h"
#include "target/target.h"

struct sq_plan {
	struct sq_experiment *experiment; /* its limits are lowered to the policy's */
	const struct sq_policy *policy; /* or NULL */
	const struct sq_request *request;
	char run[SQ_RUN_NAME_SIZE]; /* the name that the run would have */
	struct sq_resolved *target; /* one for each target of the experiment */
	struct sq_support *support; /* one for each fault */
	struct sq_named named; /* what lists of the experiment and the policy mean by names */
	struct sq_set left_out; /* paths that 'not' carves out of targets now */
	struct sq_protection protection;
	struct sq_usage *usage; /* one for each target */
	struct sq_limits limits;
	struct sq_texts paths; /* of all cgroups that are hit, each once */
	uint64_t processes; /* in them, each once */
	struct sq_peers control; /* the control path's peers */
	struct sq_texts exempt; /* what of it no fault hits, in words */
	struct sq_texts warnings; /* traps that the plan can see */
};

/*
 * Makes the plan of @experiment under @policy (or NULL), asked for by @request; all must outlive it.
 * Where the run is impossible the error's kind says why, and @plan holds as much as was found out.
 * To be cleared in either case.
 */
int sq_plan_make(struct sq_plan *plan, struct sq_experiment *experiment,
		 const struct sq_policy *policy, const struct sq_request *request,
		 struct sq_error **err);

/*
 * Only the targets, and what the experiment and @policy (or NULL) protect in them: no limit and no fault is
 * looked at. To be cleared in either case.
 */
int sq_plan_look(struct sq_plan *plan, struct sq_experiment *experiment,
		 const struct sq_policy *policy, struct sq_error **err);

/*
 * Holds the plan's limits against what @runs, the others of this host, use as well. Lowers those of
 * the experiment to what they leave.
 */
int sq_plan_limit(struct sq_plan *plan, const struct sq_live_runs *runs, struct sq_error **err);

/*
 * What is protected in and around the cgroups @paths as they are now: the plan's, once the run has made
 * its own those too, or such as have joined. To be cleared.
 */
int sq_plan_protection(const struct sq_plan *plan, const struct sq_texts *paths,
		       struct sq_protection *ret, struct sq_error **err);

/* Adds the paths that 'not' leaves out of any target. */
void sq_plan_add_left_out(const struct sq_plan *plan, struct sq_set *ret);

/* What 'not' leaves out of the target with this index is @carved now, which is taken over. */
void sq_plan_leave_out(struct sq_plan *plan, size_t target, struct sq_texts *carved);

/*
 * The row of @path among the plan's paths, which is its row of the counters; their number where it is
 * none. Looks from behind @before on, since a target's paths stand in the order of its members.
 */
size_t sq_plan_row(const struct sq_plan *plan, const char *path, size_t before);

/* Adds a sentence that `plan` tells and that changes nothing, unless it is there already. */
void sq_plan_warn(struct sq_plan *plan, const char *format, ...) _printf_(2, 3);

/* The plan for people's programs: also what `run` writes to the journal. */
json_t *sq_plan_json(const struct sq_plan *plan);

/*
 * What else binds the run, key by key with the place where it stands: of the policy all that can, of the
 * experiment what it asks of the host. Part of sq_plan_json().
 */
json_t *sq_plan_rules(const struct sq_plan *plan);

void sq_plan_clear(struct sq_plan *plan);

#endif
