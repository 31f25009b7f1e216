// SPDX-License-Identifier: GPL-2.0-only
#include "engine/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/call_traps.h"
#include "engine/handover.h"
#include "engine/net_traps.h"
#include "engine/program_traps.h"
#include "guard/control_path.h"
#include "guard/paths.h"
#include "util/set.h"

#define MOST_TOLD 20 /* of what is protected in the targets */

static int check_basics(struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts missing = { 0 };
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	sq_backend_basics(&missing);
	if (!missing.n)
		return 0;
	for (size_t i = 0; i < missing.n; i++)
		sq_buffer_add(&text, "%s%s", i ? "; " : "", missing.item[i]);
	return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EPERM, "%s", sq_buffer_text(&text));
}

void sq_plan_add_left_out(const struct sq_plan *plan, struct sq_set *ret)
{
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		for (size_t j = 0; j < plan->target[i].carved.n; j++)
			sq_set_add(ret, plan->target[i].carved.item[j]);
}

static int resolve(struct sq_plan *plan, struct sq_error **err)
{
	const struct sq_experiment *experiment = plan->experiment;
	_cleanup_set_ struct sq_set seen = { 0 };
	int r = 0;

	plan->target = sq_alloc((experiment->targets.n + 1) * sizeof(*plan->target));
	for (size_t i = 0; i < experiment->targets.n && !r; i++) {
		const struct sq_target *asked = &sq_targets(experiment)[i];
		struct sq_resolved *target = &plan->target[i];

		r = sq_target_resolve(asked, sq_experiment_rest_of(experiment, asked),
				      experiment->seed, plan->run, target, err);
		/* what is only compared with is never hit: no limit counts it */
		for (size_t j = 0; j < target->n && !asked->rest_of; j++)
			if (sq_set_add(&seen, target->item[j].cgroup.path))
				sq_texts_add(&plan->paths, target->item[j].cgroup.path);
	}
	sq_plan_add_left_out(plan, &plan->left_out);
	return r;
}

void sq_plan_leave_out(struct sq_plan *plan, size_t target, struct sq_texts *carved)
{
	struct sq_texts *mine = &plan->target[target].carved;
	bool any = mine->n || carved->n;

	sq_texts_clear(mine);
	*mine = *carved;
	*carved = (struct sq_texts){ 0 };
	if (!any)
		return;
	sq_set_clear(&plan->left_out);
	sq_plan_add_left_out(plan, &plan->left_out);
}

void sq_plan_warn(struct sq_plan *plan, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	if (!sq_texts_have(&plan->warnings, text))
		sq_texts_add(&plan->warnings, text);
}

size_t sq_plan_row(const struct sq_plan *plan, const char *path, size_t before)
{
	for (size_t i = 0; i < plan->paths.n; i++) {
		size_t row = (before + 1 + i) % plan->paths.n;

		if (!strcmp(plan->paths.item[row], path))
			return row;
	}
	return plan->paths.n;
}

static void add_all(const struct sq_texts *from, struct sq_texts *to)
{
	for (size_t i = 0; i < from->n; i++)
		sq_texts_add(to, from->item[i]);
}

static void add_patterns(const struct sq_objects *protects, struct sq_texts *patterns)
{
	for (size_t i = 0; i < protects->n; i++)
		add_all(&((struct sq_protect *)protects->item)[i].cgroup, patterns);
}

int sq_plan_protection(const struct sq_plan *plan, const struct sq_texts *paths,
		       struct sq_protection *ret, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts patterns = { 0 }, of_host = { 0 }, existing = { 0 };
	_cleanup_free_ char *own = sq_asprintf("%s/%s/.self", SQ_CGROUP, plan->run);
	struct sq_cgroup found;

	add_patterns(&plan->experiment->blast_radius.protect, &patterns);
	if (plan->policy)
		add_patterns(&plan->policy->targets.protect, &of_host);
	add_all(&plan->named.protect, &patterns);
	add_all(&plan->named.of_host, &of_host);
	for (size_t i = 0; i < paths->n; i++) {
		int r = sq_cgroup_find(paths->item[i], &found, NULL);

		if (sq_cgroup_is_gone(r))
			continue; /* squall makes it later */
		if (r)
			return sq_error_errno(err, -r, "cannot look at the cgroup '%s'",
					      paths->item[i]);
		sq_cgroup_clear(&found);
		sq_texts_add(&existing, paths->item[i]);
	}
	return sq_protection_find(&existing, &patterns, &of_host, &plan->left_out, own, ret, err);
}

/* A target that is protected as a whole is a mistake; one that is so in part is told later. */
static int protect(struct sq_plan *plan, struct sq_error **err)
{
	int r = sq_plan_protection(plan, &plan->paths, &plan->protection, err);

	for (size_t i = 0; i < plan->paths.n && !r; i++) {
		const char *path = plan->paths.item[i];
		const char *why = sq_protection_of(&plan->protection, path);

		if (why)
			r = sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
					 "the cgroup '%s' is protected: %s", path, why);
	}
	return r;
}

/* Without those that are carved out. */
static void count_processes(struct sq_plan *plan)
{
	for (size_t i = 0; i < plan->experiment->targets.n; i++) {
		for (size_t j = 0; j < plan->target[i].n; j++) {
			struct sq_member *member = &plan->target[i].item[j];
			uint64_t carved = member->cgroup.id
						  ? sq_protection_processes(&plan->protection,
									    member->cgroup.path)
						  : 0;

			member->processes -= MIN(carved, member->processes);
		}
	}
}

/*
 * A cgroup and a process count once, in however many targets they are: the processes of one cgroup
 * below another are the other's too.
 */
static void use(const struct sq_set *all, const struct sq_resolved *target, struct sq_set *seen,
		struct sq_usage *usage)
{
	for (size_t i = 0; i < target->n; i++) {
		const char *path = target->item[i].cgroup.path;

		if (!sq_set_add(seen, path)) {
			usage->repeated++;
			continue;
		}
		if (!sq_set_has_above(all, path))
			usage->processes += target->item[i].processes;
	}
}

static void use_all(struct sq_plan *plan)
{
	size_t n = plan->experiment->targets.n;
	_cleanup_set_ struct sq_set seen = { 0 }, all = { 0 };

	for (size_t i = 0; i < plan->paths.n; i++)
		sq_set_add(&all, plan->paths.item[i]);
	plan->usage = sq_alloc((n + 1) * sizeof(*plan->usage));
	for (size_t i = 0; i < n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		plan->usage[i] = (struct sq_usage){ .target = target->target->object.key };
		if (target->target->rest_of)
			continue;
		plan->usage[i] = (struct sq_usage){ .target = target->target->object.key,
						    .matched = target->matched,
						    .selected = target->n,
						    .shared = target->shared,
						    .all = &target->all };
		use(&all, target, &seen, &plan->usage[i]);
		plan->processes += plan->usage[i].processes;
	}
}

int sq_plan_limit(struct sq_plan *plan, const struct sq_live_runs *runs, struct sq_error **err)
{
	struct sq_host_use others = { 0 };
	const struct sq_radius_use use = { .experiment = plan->experiment,
					   .usage = plan->usage,
					   .n = plan->experiment->targets.n,
					   .policy = plan->policy,
					   .others = &others,
					   .paths = &plan->paths };
	int r = 0;

	sq_host_use_of(runs, &plan->paths, &others);
	if (plan->policy)
		r = sq_host_use_tighten(&others, plan->policy, plan->experiment, err);
	sq_limits_clear(&plan->limits);
	sq_blast_radius_limits(&use, &plan->limits);
	if (!r)
		r = sq_blast_radius_check(&plan->limits, err);
	sq_host_use_clear(&others);
	return r;
}

static int limit(struct sq_plan *plan, struct sq_error **err)
{
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	/* who may not look at others' runs may see his plan all the same */
	int r = sq_registry_list(&runs, plan->policy ? err : NULL);

	use_all(plan);
	return r && plan->policy ? r : sq_plan_limit(plan, &runs, err);
}

/* All those that the policy does not allow, in one go. */
static int check_allowed(const struct sq_plan *plan, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	for (size_t i = 0; plan->policy && i < plan->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		for (size_t j = 0; j < target->n && !sq_target_is_started(target->target); j++)
			if (!sq_admission_allows(plan->policy, &plan->named.allow,
						 target->item[j].cgroup.path))
				sq_buffer_add(&text, "%s'%s'", text.stream ? ", " : "",
					      target->item[j].cgroup.path);
	}
	if (!text.stream)
		return 0;
	return sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
			    "the policy's targets.allow does not name %s", sq_buffer_text(&text));
}

static int find_support(struct sq_plan *plan, struct sq_error **err)
{
	const struct sq_experiment *experiment = plan->experiment;
	size_t n = experiment->faults.n;
	int r = 0;

	plan->support = sq_alloc((n + 1) * sizeof(*plan->support));
	for (size_t i = 0; i < n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];
		struct sq_support *support = &plan->support[i];
		int failed = sq_fault_support(fault, SQ_LOOK_LOAD, support, r ? NULL : err);

		if (!failed && !support->ok && !r) {
			failed = sq_error_set(err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP,
					      "fault '%s': %s", fault->name, support->why);
			if (support->hint)
				sq_error_hint(err, "%s", support->hint);
		}
		if (!r)
			r = failed;
	}
	return r;
}

/* In which of the targets, once for each; a few are told of. */
static void tell_protected(struct sq_plan *plan)
{
	const struct sq_protection *protection = &plan->protection;
	size_t told = 0;

	for (size_t i = 0; i < plan->paths.n; i++) {
		const char *path = plan->paths.item[i];

		for (size_t j = sq_protection_first(protection, path);
		     j < protection->n && sq_cgroup_within(protection->item[j].cgroup.path, path);
		     j++) {
			const struct sq_protected *item = &protection->item[j];

			if (told++ < MOST_TOLD)
				sq_plan_warn(plan, "'%s' is hit without %s'%s': %s", path,
					     item->exact ? "the processes directly in " : "",
					     item->cgroup.path, item->why);
		}
	}
	if (told > MOST_TOLD)
		sq_plan_warn(plan,
			     "%zu more cgroups in the targets are not hit: `squall targets` lists "
			     "them, with the reasons",
			     told - MOST_TOLD);
}

static void look_for_traps(struct sq_plan *plan)
{
	_cleanup_texts_ struct sq_texts missing = { 0 };

	sq_handover_tell(plan);
	sq_program_traps(plan);
	sq_device_traps(plan);
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		for (size_t j = 0; j < plan->target[i].warnings.n; j++)
			sq_plan_warn(plan, "%s", plan->target[i].warnings.item[j]);
	for (size_t i = 0; i < plan->experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(plan->experiment)[i];

		if (fault->kind->note)
			sq_plan_warn(plan, "fault '%s': %s", fault->name, fault->kind->note);
		sq_call_traps(plan, i);
		sq_net_traps(plan, i);
	}
	tell_protected(plan);
	sq_named_missing(plan->experiment, &plan->named, &missing);
	for (size_t i = 0; i < missing.n; i++)
		sq_plan_warn(plan, "blast_radius.protect protects nothing now: %s",
			     missing.item[i]);
}

int sq_plan_look(struct sq_plan *plan, struct sq_experiment *experiment,
		 const struct sq_policy *policy, struct sq_error **err)
{
	_cleanup_set_ struct sq_set seen = { 0 };
	int r;

	*plan = (struct sq_plan){ .experiment = experiment, .policy = policy };
	sq_run_name(plan->run);
	r = resolve(plan, err);
	if (r)
		return r;
	for (size_t i = 0; i < plan->paths.n; i++)
		sq_set_add(&seen, plan->paths.item[i]);
	/* of those that are not drawn too */
	for (size_t i = 0; i < experiment->targets.n; i++)
		for (size_t j = 0; j < plan->target[i].all.n; j++)
			if (sq_set_add(&seen, plan->target[i].all.item[j]))
				sq_texts_add(&plan->paths, plan->target[i].all.item[j]);
	r = sq_named_find(experiment, policy, &plan->named, err);
	if (!r)
		r = sq_plan_protection(plan, &plan->paths, &plan->protection, err);
	if (!r)
		sq_handover_tell(plan);
	return r;
}

/* Only network faults can cut anybody off. */
static void look_for_control_path(struct sq_plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < plan->experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(plan->experiment)[i];
		bool network = !sq_fault_kind_is_call(fault->kind);

		any |= network && !fault->include;
		if (network && fault->include)
			sq_plan_warn(plan,
				     "fault '%s' includes the control path: it may cut off whoever "
				     "could stop it",
				     fault->name);
	}
	if (any)
		sq_control_path_find(&plan->control, &plan->exempt);
}

int sq_plan_make(struct sq_plan *plan, struct sq_experiment *experiment,
		 const struct sq_policy *policy, const struct sq_request *request,
		 struct sq_error **err)
{
	int r;

	*plan = (struct sq_plan){ .experiment = experiment, .policy = policy, .request = request };
	sq_run_name(plan->run);
	r = check_basics(err);
	if (!r)
		r = sq_admission_check(policy, experiment, request, err);
	if (!r)
		r = resolve(plan, err);
	if (!r)
		r = sq_named_find(experiment, policy, &plan->named, err);
	if (!r)
		r = check_allowed(plan, err);
	if (!r)
		r = protect(plan, err);
	if (r)
		return r;
	count_processes(plan);
	r = limit(plan, err);
	if (!r)
		r = find_support(plan, err);
	if (!r) {
		look_for_traps(plan);
		look_for_control_path(plan);
	}
	return r;
}

void sq_plan_clear(struct sq_plan *plan)
{
	for (size_t i = 0; plan->target && i < plan->experiment->targets.n; i++)
		sq_resolved_clear(&plan->target[i]);
	for (size_t i = 0; plan->support && i < plan->experiment->faults.n; i++)
		sq_support_clear(&plan->support[i]);
	free(plan->target);
	free(plan->usage);
	free(plan->support);
	sq_named_clear(&plan->named);
	sq_set_clear(&plan->left_out);
	sq_protection_clear(&plan->protection);
	sq_limits_clear(&plan->limits);
	sq_texts_clear(&plan->paths);
	sq_texts_clear(&plan->warnings);
	sq_texts_clear(&plan->exempt);
	sq_control_path_clear(&plan->control);
	*plan = (struct sq_plan){ 0 };
}
