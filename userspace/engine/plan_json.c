// SPDX-License-Identifier: GPL-2.0-only
/* The plan as JSON. */
#include <sys/utsname.h>

#include "engine/plan.h"
#include "util/json.h"
#include "util/time.h"

static json_t *targets_json(const struct sq_plan *plan)
{
	json_t *targets = json_array();

	for (size_t i = 0; plan->target && i < plan->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];
		json_t *cgroups = json_array();

		for (size_t j = 0; j < target->n; j++)
			json_array_append_new(
				cgroups,
				sq_json("{s:s, s:s, s:I, s:I}", "path", target->item[j].cgroup.path,
					"name", target->item[j].name, "id",
					(json_int_t)target->item[j].cgroup.id, "processes",
					(json_int_t)target->item[j].processes));
		json_array_append_new(
			targets, sq_json("{s:s, s:I, s:o, s:b, s:b}", "name",
					 sq_targets(plan->experiment)[i].object.key, "matched",
					 (json_int_t)target->matched, "cgroups", cgroups,
					 "started_by_squall",
					 sq_target_is_started(&sq_targets(plan->experiment)[i]),
					 "compared", target->target->rest_of != NULL));
	}
	return targets;
}

/* The parameters as they stand in the file, variables replaced. */
static json_t *node_json(const struct sq_node *node)
{
	json_t *result;

	switch (node->type) {
	case SQ_NODE_SCALAR:
		return sq_json_string(node->value);
	case SQ_NODE_LIST:
		result = json_array();
		for (size_t i = 0; i < node->n; i++)
			json_array_append_new(result, node_json(node->item[i]));
		return result;
	case SQ_NODE_MAP:
		break;
	}
	result = json_object();
	for (size_t i = 0; i < node->n; i++)
		json_object_set_new(result, node->key[i]->value, node_json(node->item[i]));
	return result;
}

static json_t *faults_json(const struct sq_plan *plan)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < plan->experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(plan->experiment)[i];
		const char *backend = plan->support ? plan->support[i].backend : NULL;
		json_t *targets = json_array(), *asked = node_json(fault->object.node);

		for (size_t j = 0; j < fault->targets.n; j++)
			json_array_append_new(targets, json_string(fault->targets.item[j]));
		json_object_del(asked, "name");
		json_object_del(asked, "fault");
		json_object_del(asked, "target");
		json_array_append_new(
			faults, sq_json("{s:s, s:s, s:o, s:s?, s:f, s:f, s:I, s:o}", "name",
					fault->name, "fault", fault->kind->name, "targets", targets,
					"backend", backend, "at_s", (double)fault->at_ns / SQ_S,
					"for_s", (double)fault->for_ns / SQ_S, "min_effect",
					(json_int_t)fault->min_effect, "asked", asked));
	}
	return faults;
}

static json_t *limits_json(const struct sq_limits *limits)
{
	json_t *result = json_array();

	for (size_t i = 0; i < limits->n; i++) {
		const struct sq_limit *limit = &limits->item[i];
		_cleanup_free_ char *place =
			limit->file ? sq_asprintf("%s:%d", limit->file, limit->line) : NULL;
		json_t *item = sq_json("{s:s, s:s, s:s, s:s, s:b}", "name", limit->name, "allowed",
				       limit->allowed, "used", limit->used, "source", limit->source,
				       "in_kernel", limit->kernel);

		if (place)
			json_object_set_new(item, "place", sq_json_string(place));
		json_array_append_new(result, item);
	}
	return result;
}

json_t *sq_plan_json(const struct sq_plan *plan)
{
	const struct sq_experiment *experiment = plan->experiment;
	json_t *probes = json_array();
	struct utsname host = { 0 };

	uname(&host);
	for (size_t i = 0; i < experiment->probes.n; i++)
		json_array_append_new(probes, json_string(sq_probes(experiment)[i].name));
	return sq_json("{s:s, s:s, s:s, s:I, s:{s:f, s:f, s:f}, s:o, s:o, s:o, s:o, s:o, s:o, "
		       "s:o}",
		       "title", experiment->title, "file", experiment->file, "host", host.nodename,
		       "seed", (json_int_t)experiment->seed, "phases", "before_s",
		       (double)experiment->phases.before_ns / SQ_S, "during_s",
		       (double)sq_experiment_method_ns(experiment) / SQ_S, "after_s",
		       (double)experiment->phases.after_ns / SQ_S, "targets", targets_json(plan),
		       "faults", faults_json(plan), "limits", limits_json(&plan->limits), "rules",
		       sq_plan_rules(plan), "probes", probes, "exempt",
		       sq_json_texts(&plan->exempt), "warnings", sq_json_texts(&plan->warnings));
}
