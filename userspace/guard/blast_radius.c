// SPDX-License-Identifier: GPL-2.0-only
#include "guard/blast_radius.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/set.h"
#include "util/time.h"
#include "util/units.h"

static const char together[] = "policy, all runs together";

/* Where it comes from: @object of @file, if that has the key. */
static void come_from(struct sq_limit *limit, const char *source, const struct sq_object *object,
		      const char *file)
{
	limit->source = "default";
	limit->file = NULL;
	if (!sq_schema_has(object, limit->name))
		return;
	limit->source = source;
	limit->file = file;
	limit->line = sq_schema_mark(object, limit->name).line;
}

static struct sq_limit *add(struct sq_limits *limits, const struct sq_experiment *experiment,
			    const char *name)
{
	struct sq_limit *limit = sq_append(&limits->item, &limits->n, sizeof(*limit));

	limit->name = name;
	come_from(limit, "experiment", &experiment->blast_radius.object, experiment->file);
	return limit;
}

/* @policy may be NULL: it stays where it comes from. */
static void come_from_policy(struct sq_limit *limit, const char *source,
			     const struct sq_policy *policy)
{
	if (policy)
		come_from(limit, source, &policy->limits.object, policy->file);
}

static void add_count(struct sq_limits *limits, const struct sq_experiment *experiment,
		      const char *name, uint64_t allowed, uint64_t used)
{
	struct sq_limit *limit = add(limits, experiment, name);
	char text[32];

	limit->allowed = sq_strdup(allowed ? sq_count_text(allowed, text) : "no limit");
	limit->used = sq_strdup(sq_count_text(used, text));
	limit->exceeded = allowed && used > allowed;
}

/* The share of a target that this run hits, and with it @others where they count. */
static uint64_t hit_of(const struct sq_usage *usage, const struct sq_set *others)
{
	uint64_t hit = usage->selected;

	for (size_t i = 0; others && usage->all && i < usage->all->n; i++)
		hit += sq_set_has(others, usage->all->item[i]);
	return hit;
}

/* @others, what only they hit, or NULL: the experiment's own limit, else the policy's for all together. */
static void add_share(struct sq_limits *limits, const struct sq_radius_use *use, uint64_t allowed,
		      const struct sq_set *others)
{
	struct sq_limit *limit = add(limits, use->experiment, "share");
	const struct sq_usage *most = NULL;
	uint64_t most_hit = 0;
	char text[32];

	/* the greatest share, compared in whole numbers: a share of half is not more than half */
	for (size_t i = 0; i < use->n; i++) {
		const struct sq_usage *usage = &use->usage[i];
		uint64_t hit = hit_of(usage, others);

		if (!usage->shared || !usage->selected ||
		    (most && hit * most->matched <= most_hit * usage->matched))
			continue;
		most = usage;
		most_hit = hit;
	}
	limit->allowed = sq_strdup(sq_share_text(allowed, text));
	if (!most) {
		limit->used = sq_strdup("only exact names");
		return;
	}
	limit->used = sq_asprintf("%s (%llu of %llu in '%s')",
				  sq_share_text(most_hit * SQ_SHARE_ONE / most->matched, text),
				  (unsigned long long)most_hit, (unsigned long long)most->matched,
				  most->target);
	limit->exceeded = most_hit * SQ_SHARE_ONE > allowed * most->matched;
	limit->others = most->selected * SQ_SHARE_ONE <= allowed * most->matched;
}

static void add_together(struct sq_limits *limits, const struct sq_radius_use *use,
			 const char *name, uint64_t allowed, uint64_t own, uint64_t others)
{
	struct sq_limit *limit;
	char text[32];

	if (!allowed)
		return;
	limit = add(limits, use->experiment, name);
	come_from_policy(limit, together, use->policy);
	limit->allowed = sq_strdup(sq_count_text(allowed, text));
	limit->used = sq_strdup(sq_count_text(own, text));
	if (others) {
		char *more = sq_asprintf("%s and %s by other runs", limit->used,
					 sq_count_text(others, text));

		free(limit->used);
		limit->used = more;
	}
	limit->exceeded = own + others > allowed;
	limit->others = own <= allowed;
}

/* The policy's, but for those that are held in the kernel: the stricter of those is already in place. */
static void add_policy(struct sq_limits *limits, const struct sq_radius_use *use, uint64_t cgroups,
		       uint64_t processes)
{
	const struct sq_policy_limits *policy = &use->policy->limits;
	const struct sq_host_use *others = use->others;
	_cleanup_set_ struct sq_set ours = { 0 }, theirs = { 0 };

	for (size_t i = 0; i < use->paths->n; i++)
		sq_set_add(&ours, use->paths->item[i]);
	for (size_t i = 0; i < others->paths.n; i++)
		if (!sq_set_has(&ours, others->paths.item[i]))
			sq_set_add(&theirs, others->paths.item[i]);
	add_together(limits, use, "cgroups", policy->cgroups, cgroups, theirs.n);
	add_together(limits, use, "processes", policy->processes, processes, others->processes);
	if (policy->share_ppb) {
		add_share(limits, use, policy->share_ppb, &theirs);
		come_from_policy(&limits->item[limits->n - 1], together, use->policy);
	}
	add_together(limits, use, "runs", policy->runs, 1, others->runs);
}

/* @why is the limit's. */
static void tell_run(struct sq_limit *limit, const char *run, char *why)
{
	limit->why = why;
	limit->hint = sq_asprintf("wait for it with `squall wait %s`, or stop it with "
				  "`squall abort %s`",
				  run, run);
}

/*
 * Two runs that meet on a cgroup confuse each other's verdict. Where the policy lets them, its packets are still one
 * run's: what comes back from a run's delay line is squall's own, and no other run's faults see it any more.
 */
static void add_per_target(struct sq_limits *limits, const struct sq_radius_use *use)
{
	const struct sq_policy *policy = use->policy;
	const struct sq_host_use *others = use->others;
	struct sq_limit *limit;

	add_together(limits, use, "per_target", policy ? policy->limits.per_target : 1, 1,
		     others->sharing);
	limit = &limits->item[limits->n - 1];
	come_from_policy(limit, "policy", policy);
	if (limit->exceeded) {
		tell_run(limit, others->sharing_run,
			 sq_asprintf("the run %s has the cgroup '%s' as its target",
				     others->sharing_run, others->sharing_cgroup));
	} else if (others->packets && sq_experiment_hits_packets(use->experiment)) {
		add_together(limits, use, "packets", 1, 1, others->packets);
		limit = &limits->item[limits->n - 1];
		come_from_policy(limit, "policy", NULL);
		tell_run(limit, others->packets_run,
			 sq_asprintf("the run %s has faults on the packets of the cgroup '%s', "
				     "which are one run's at a time",
				     others->packets_run, others->packets_cgroup));
	}
}

static void add_runtime(struct sq_limits *limits, const struct sq_radius_use *use)
{
	const struct sq_experiment *experiment = use->experiment;
	const struct sq_blast_radius *radius = &experiment->blast_radius;
	char text[SQ_DURATION_SIZE];
	struct sq_limit *limit = add(limits, experiment, "faults");

	limit->allowed =
		sq_strdup(radius->faults ? sq_count_text(radius->faults, text) : "no limit");
	limit->used = sq_strdup("counted as the run goes");
	limit->kernel = true;
	if (radius->by_policy.faults)
		come_from_policy(limit, "policy", use->policy);

	limit = add(limits, experiment, "rate");
	limit->allowed = radius->rate ? sq_asprintf("%.15g/s", (double)radius->rate / 1000)
				      : sq_strdup("no limit");
	limit->used = sq_strdup("counted as the run goes");
	limit->kernel = true;
	if (radius->by_policy.rate)
		come_from_policy(limit, "policy", use->policy);

	limit = add(limits, experiment, "duration");
	limit->allowed = sq_strdup(sq_duration_text(radius->duration_ns, text));
	limit->used = sq_strdup(sq_duration_text(sq_experiment_method_ns(experiment), text));
	limit->exceeded = sq_experiment_method_ns(experiment) > radius->duration_ns;
	limit->kernel = true;
	if (radius->by_policy.duration)
		come_from_policy(limit, "policy", use->policy);
}

void sq_blast_radius_limits(const struct sq_radius_use *use, struct sq_limits *ret)
{
	const struct sq_experiment *experiment = use->experiment;
	const struct sq_blast_radius *radius = &experiment->blast_radius;
	uint64_t cgroups = 0, processes = 0;

	*ret = (struct sq_limits){ 0 };
	for (size_t i = 0; i < use->n; i++) {
		cgroups += use->usage[i].selected - use->usage[i].repeated;
		processes += use->usage[i].processes;
	}
	add_count(ret, experiment, "cgroups", radius->cgroups, cgroups);
	add_share(ret, use, radius->share_ppb, NULL);
	add_count(ret, experiment, "processes", radius->processes, processes);
	add_runtime(ret, use);
	if (use->policy)
		add_policy(ret, use, cgroups, processes);
	add_per_target(ret, use);
}

int sq_blast_radius_check(const struct sq_limits *limits, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	unsigned int exceeded = 0, others = 0, policys = 0;
	const struct sq_limit *last = NULL;

	for (size_t i = 0; i < limits->n; i++) {
		const struct sq_limit *limit = &limits->item[i];

		if (!limit->exceeded)
			continue;
		last = limit;
		others += limit->others;
		policys += !strncmp(limit->source, "policy", 6);
		sq_buffer_add(&text, "%s%s: %s, allowed are %s (%s)", exceeded++ ? "; " : "",
			      limit->name, limit->used, limit->allowed, limit->source);
	}
	if (!exceeded)
		return 0;
	if (exceeded == 1 && last->why) {
		sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "%s", last->why);
		return sq_error_hint(err, "%s", last->hint);
	}
	sq_error_set(err, exceeded == others ? SQ_FAIL_NOT_NOW : SQ_FAIL_REFUSED, EPERM,
		     "the blast radius is exceeded: %s", sq_buffer_text(&text));
	if (exceeded == others)
		return sq_error_hint(err, "wait for the other runs: `squall status` lists them");
	if (policys == exceeded)
		return sq_error_hint(err,
				     "choose fewer with 'select': what the host's policy limits, "
				     "only its owner raises");
	return sq_error_hint(err,
			     "choose fewer with 'select', or raise the limit under "
			     "'blast_radius' if you mean it%s",
			     policys ? "; the policy's own limits stay" : "");
}

void sq_limits_clear(struct sq_limits *limits)
{
	for (size_t i = 0; i < limits->n; i++) {
		free(limits->item[i].allowed);
		free(limits->item[i].used);
		free(limits->item[i].why);
		free(limits->item[i].hint);
	}
	free(limits->item);
	*limits = (struct sq_limits){ 0 };
}
