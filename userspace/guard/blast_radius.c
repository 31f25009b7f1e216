// SPDX-License-Identifier: GPL-2.0-only
#include "guard/blast_radius.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/time.h"
#include "util/units.h"

static struct sq_limit *add(struct sq_limits *limits, const struct sq_experiment *experiment,
			    const char *name)
{
	struct sq_limit *limit = sq_append(&limits->item, &limits->n, sizeof(*limit));

	limit->name = name;
	limit->source = sq_schema_has(&experiment->blast_radius.object, name) ? "experiment"
									      : "default";
	return limit;
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

static void add_share(struct sq_limits *limits, const struct sq_experiment *experiment,
		      const struct sq_usage *usage, size_t n)
{
	struct sq_limit *limit = add(limits, experiment, "share");
	const struct sq_usage *most = NULL;
	char text[32];

	/* the greatest share, compared in whole numbers: a share of half is not more than half */
	for (size_t i = 0; i < n; i++)
		if (usage[i].shared && usage[i].selected &&
		    (!most ||
		     usage[i].selected * most->matched > most->selected * usage[i].matched))
			most = &usage[i];
	limit->allowed = sq_strdup(sq_share_text(experiment->blast_radius.share_ppb, text));
	if (!most) {
		limit->used = sq_strdup("only exact names");
		return;
	}
	limit->used =
		sq_asprintf("%s (%llu of %llu in '%s')",
			    sq_share_text(most->selected * SQ_SHARE_ONE / most->matched, text),
			    (unsigned long long)most->selected, (unsigned long long)most->matched,
			    most->target);
	limit->exceeded = most->selected * SQ_SHARE_ONE >
			  experiment->blast_radius.share_ppb * most->matched;
}

static void add_runtime(struct sq_limits *limits, const struct sq_experiment *experiment)
{
	const struct sq_blast_radius *radius = &experiment->blast_radius;
	char text[SQ_DURATION_SIZE];
	struct sq_limit *limit = add(limits, experiment, "faults");

	limit->allowed =
		sq_strdup(radius->faults ? sq_count_text(radius->faults, text) : "no limit");
	limit->used = sq_strdup("counted as the run goes");
	limit->kernel = true;

	limit = add(limits, experiment, "rate");
	limit->allowed = radius->rate ? sq_asprintf("%.15g/s", (double)radius->rate / 1000)
				      : sq_strdup("no limit");
	limit->used = sq_strdup("counted as the run goes");
	limit->kernel = true;

	limit = add(limits, experiment, "duration");
	limit->allowed = sq_strdup(sq_duration_text(radius->duration_ns, text));
	limit->used = sq_strdup(sq_duration_text(sq_experiment_method_ns(experiment), text));
	limit->exceeded = sq_experiment_method_ns(experiment) > radius->duration_ns;
	limit->kernel = true;
}

void sq_blast_radius_limits(const struct sq_experiment *experiment, const struct sq_usage *usage,
			    size_t n, struct sq_limits *ret)
{
	const struct sq_blast_radius *radius = &experiment->blast_radius;
	uint64_t cgroups = 0, processes = 0;

	*ret = (struct sq_limits){ 0 };
	for (size_t i = 0; i < n; i++) {
		cgroups += usage[i].selected - usage[i].repeated;
		processes += usage[i].processes;
	}
	add_count(ret, experiment, "cgroups", radius->cgroups, cgroups);
	add_share(ret, experiment, usage, n);
	add_count(ret, experiment, "processes", radius->processes, processes);
	add_runtime(ret, experiment);
}

int sq_blast_radius_check(const struct sq_limits *limits, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	unsigned int exceeded = 0;

	for (size_t i = 0; i < limits->n; i++) {
		const struct sq_limit *limit = &limits->item[i];

		if (limit->exceeded)
			sq_buffer_add(&text, "%s%s: %s, allowed are %s (%s)",
				      exceeded++ ? "; " : "", limit->name, limit->used,
				      limit->allowed, limit->source);
	}
	if (!exceeded)
		return 0;
	sq_error_set(err, SQ_FAIL_REFUSED, EPERM, "the blast radius is exceeded: %s",
		     sq_buffer_text(&text));
	return sq_error_hint(err, "choose fewer with 'select', or raise the limit under "
				  "'blast_radius' if you mean it");
}

void sq_limits_clear(struct sq_limits *limits)
{
	for (size_t i = 0; i < limits->n; i++) {
		free(limits->item[i].allowed);
		free(limits->item[i].used);
	}
	free(limits->item);
	*limits = (struct sq_limits){ 0 };
}
