// SPDX-License-Identifier: GPL-2.0-only
#include "guard/host_use.h"

#include <errno.h>
#include <string.h>

#include "util/json.h"
#include "util/set.h"

void sq_host_use_of(const struct sq_live_runs *runs, const struct sq_texts *targets,
		    struct sq_host_use *ret)
{
	_cleanup_set_ struct sq_set seen = { 0 };

	*ret = (struct sq_host_use){ 0 };
	ret->sharing =
		sq_live_runs_sharing(runs, targets, false, &ret->sharing_run, &ret->sharing_cgroup);
	ret->packets =
		sq_live_runs_sharing(runs, targets, true, &ret->packets_run, &ret->packets_cgroup);
	for (size_t i = 0; i < runs->n; i++) {
		const json_t *claim = runs->item[i].claim, *path;
		size_t j;

		if (!runs->item[i].alive)
			continue;
		ret->runs++;
		ret->processes += (uint64_t)sq_json_int(claim, "processes");
		ret->faults += (uint64_t)sq_json_int(claim, "faults");
		ret->rate += (uint64_t)sq_json_int(claim, "rate");
		json_array_foreach(json_object_get(claim, "targets"), j, path)
			if (json_is_string(path) && sq_set_add(&seen, json_string_value(path)))
				sq_texts_add(&ret->paths, json_string_value(path));
	}
}

const char *sq_host_use_room(const struct sq_policy *policy, const char *run, uint64_t cgroups,
			     uint64_t processes)
{
	const struct sq_policy_limits *limits = &policy->limits;
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_(sq_host_use_clear) struct sq_host_use use = { 0 };

	if (!limits->cgroups && !limits->processes)
		return NULL;
	if (sq_registry_list(&runs, NULL))
		return "what the other runs use is not known";
	for (size_t i = 0; i < runs.n; i++)
		runs.item[i].alive &= strcmp(runs.item[i].run, run) != 0;
	sq_host_use_of(&runs, &(struct sq_texts){ 0 }, &use);
	if (limits->cgroups && use.paths.n + cgroups > limits->cgroups)
		return "the host's policy allows no more cgroups";
	if (limits->processes && use.processes + processes > limits->processes)
		return "the host's policy allows no more processes";
	return NULL;
}

void sq_host_use_clear(struct sq_host_use *use)
{
	sq_texts_clear(&use->paths);
	*use = (struct sq_host_use){ 0 };
}

/* The lower of a run's own limit (0: none) and what the others leave of the policy's; false: nothing. */
static bool lower(uint64_t policy, uint64_t others, uint64_t *limit, bool *from_policy)
{
	if (!policy)
		return true;
	if (others >= policy)
		return false;
	if (*limit && *limit <= policy - others)
		return true;
	*limit = policy - others;
	*from_policy = true;
	return true;
}

int sq_host_use_tighten(const struct sq_host_use *use, const struct sq_policy *policy,
			struct sq_experiment *experiment, struct sq_error **err)
{
	struct sq_blast_radius *radius = &experiment->blast_radius;
	const struct sq_policy_limits *limits = &policy->limits;
	bool faults =
		lower(limits->faults, use->faults, &radius->faults, &radius->by_policy.faults);
	bool rate = lower(limits->rate, use->rate, &radius->rate, &radius->by_policy.rate);
	const char *names = faults ? "'rate'" : rate ? "'faults'" : "'faults' and 'rate'";

	lower(limits->duration_ns, 0, &radius->duration_ns, &radius->by_policy.duration);
	if (faults && rate)
		return 0;
	sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
		     "the other runs on this host have all of the policy's %s", names);
	return sq_error_hint(err,
			     "give each experiment a blast_radius with its own %s, or wait: "
			     "`squall status` lists the runs",
			     names);
}
