// SPDX-License-Identifier: GPL-2.0-only
/* What binds a run beside its limits, and where it stands: keys of the policy and of the experiment. */
#include <string.h>

#include "engine/journal.h"
#include "engine/plan.h"
#include "util/json.h"
#include "util/time.h"

struct place {
	json_t *rules;
	const char *file;
	const struct sq_texts *secrets;
};

static void add_flow(const struct sq_node *node, struct sq_buffer *text)
{
	const char *const ends = node->type == SQ_NODE_LIST ? "[]" : "{}";

	if (node->type == SQ_NODE_SCALAR) {
		sq_buffer_add(text, "%s", node->value);
		return;
	}
	sq_buffer_add(text, "%c", ends[0]);
	for (size_t i = 0; i < node->n; i++) {
		const char *key = node->type == SQ_NODE_MAP ? node->key[i]->value : "";

		sq_buffer_add(text, "%s%s%s", i ? ", " : "", key, *key ? ": " : "");
		/* they may let in whoever reads them */
		if (!strcmp(key, "headers"))
			sq_buffer_add(text, "...");
		else
			add_flow(node->item[i], text);
	}
	sq_buffer_add(text, "%c", ends[1]);
}

static void add_rule(const struct place *place, const char *above, const char *key,
		     const struct sq_node *node)
{
	_cleanup_free_ char *name = sq_asprintf("%s%s%s", above, *above ? "." : "", key);
	_cleanup_free_ char *where = sq_asprintf("%s:%d", place->file, node->mark.line);
	_cleanup_free_ char *value = NULL;
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	add_flow(node, &text);
	value = sq_redact(sq_buffer_text(&text), place->secrets);
	json_array_append_new(place->rules, sq_json("{s:s, s:s, s:s}", "key", name, "value", value,
						    "place", where));
}

/* The keys of a map, each on its own, but for one that is not to be told. */
static void add_keys(const struct place *place, const char *name, const struct sq_node *map)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(name, "journal") != 0 || !strcmp(map->key[i]->value, "per_run"))
			add_rule(place, name, map->key[i]->value, map->item[i]);
}

/* The items of a list, each on its own; of the blackouts those that are not over. */
static void add_items(const struct place *place, const char *name, const struct sq_objects *objects,
		      bool blackouts, size_t size)
{
	for (size_t i = 0; i < objects->n; i++) {
		const struct sq_object *object =
			(const void *)((const char *)objects->item + i * size);

		if (!blackouts || !sq_blackout_is_over((const void *)object, sq_wall()))
			add_rule(place, "", name, object->node);
	}
}

static void add_of_experiment(const struct sq_experiment *experiment, json_t *rules)
{
	const struct place place = { rules, experiment->file, &experiment->secrets };
	const struct sq_node *environments = sq_node_get(experiment->root, "environments");
	const struct sq_node *protect =
		sq_node_get(experiment->blast_radius.object.node, "protect");

	if (environments)
		add_rule(&place, "", "environments", environments);
	if (protect)
		add_rule(&place, "blast_radius", "protect", protect);
	add_items(&place, "stop_if", &experiment->stop_if, false, sizeof(struct sq_stop_if));
}

static void add_of_policy(const struct sq_policy *policy, json_t *rules)
{
	static const char *const told[] = { "environment", "experiments", "exec_user", "require",
					    "notify" };
	static const char *const maps[] = { "roles", "targets", "faults", "journal" };
	const struct place place = { rules, policy->file, NULL };
	const struct sq_node *node;

	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if ((node = sq_node_get(policy->root, told[i])))
			add_rule(&place, "", told[i], node);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if ((node = sq_node_get(policy->root, maps[i])))
			add_keys(&place, maps[i], node);
	add_items(&place, "windows", &policy->windows, false, sizeof(struct sq_window));
	add_items(&place, "blackouts", &policy->blackouts, true, sizeof(struct sq_blackout));
	add_items(&place, "stop_if", &policy->stop_if, false, sizeof(struct sq_stop_if));
}

json_t *sq_plan_rules(const struct sq_plan *plan)
{
	json_t *rules = json_array();

	if (plan->policy)
		add_of_policy(plan->policy, rules);
	add_of_experiment(plan->experiment, rules);
	return rules;
}
