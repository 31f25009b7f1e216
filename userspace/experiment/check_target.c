// SPDX-License-Identifier: GPL-2.0-only
/* Targets: names that are complete, selectors that cannot widen by mistake. */
#include <ctype.h>
#include <string.h>

#include "experiment/check.h"
#include "util/fs.h"

struct sq_mark sq_check_item_mark(const struct sq_object *object, const char *key,
				  const struct sq_texts *texts, size_t i)
{
	const struct sq_node *node = sq_node_get(object->node, key);

	/* where an item could not be read the two do not correspond */
	return node->type == SQ_NODE_LIST && node->n == texts->n ? node->item[i]->mark : node->mark;
}

void sq_check_cgroups(const struct sq_object *object, const char *key,
		      const struct sq_texts *cgroups, struct sq_diags *diags)
{
	for (size_t i = 0; i < cgroups->n; i++) {
		const char *path = cgroups->item[i];
		struct sq_mark mark = sq_check_item_mark(object, key, cgroups, i);

		if (path[0] != '/')
			sq_diag_error(diags, mark,
				      "begin at the cgroup2 root, as in "
				      "/system.slice/nginx.service",
				      "%s: '%.200s' does not begin with '/'", key, path);
		/* "/" itself is every process of the host but the protected */
		else if (strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//") ||
			 (path[1] && !strcmp(path + strlen(path) - 1, "/")) ||
			 !strcmp(sq_base_name(path), "..") || !strcmp(sq_base_name(path), "."))
			sq_diag_error(diags, mark, NULL,
				      "%s: '%.200s' is not a plain path: no empty part, no "
				      "'.' nor '..', no '/' at the end",
				      key, path);
	}
}

/* Keys that mean something with some kinds only. */
static const struct {
	const char *key, *kinds[4];
} companions[] = {
	{ "labels", { "container", "pod" } }, { "only_containers", { "pod" } },
	{ "whole_cgroup", { "process" } },    { "user", { "systemd", "container", "command" } },
	{ "directory", { "command" } },	      { "environment", { "command" } },
	{ "ready", { "command" } },
};

static void check_companions(const struct sq_target *target, struct sq_diags *diags)
{
	const struct sq_object *object = &target->object;

	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		const char *const *kinds = companions[i].kinds;
		_cleanup_buffer_ struct sq_buffer text = { 0 };
		bool has = !sq_schema_has(object, companions[i].key);

		for (size_t j = 0; kinds[j]; j++) {
			has |= sq_schema_has(object, kinds[j]);
			sq_buffer_add(&text, "%s%s",
				      !j	     ? ""
				      : kinds[j + 1] ? ", "
						     : " and ",
				      kinds[j]);
		}
		if (!has)
			sq_diag_error(diags, sq_schema_mark(object, companions[i].key), NULL,
				      "'%s' is for %s targets", companions[i].key,
				      sq_buffer_text(&text));
	}
	if (target->command.n && sq_schema_has(object, "select"))
		sq_diag_error(diags, sq_schema_mark(object, "select"), NULL,
			      "'select' is for targets that match cgroups");
	if (target->command.n && sq_schema_has(object, "not"))
		sq_diag_error(diags, sq_schema_mark(object, "not"), NULL,
			      "'not' is for targets that match cgroups");
}

static void find_empty(const struct sq_node *node, struct sq_diags *diags)
{
	if (node->empty)
		sq_diag_error(diags, node->mark,
			      "it would mean more than was meant: give it with --set NAME=VALUE",
			      "the variable '%.100s' in it is empty", node->empty);
	for (size_t i = 0; i < node->n; i++)
		find_empty(node->item[i], diags);
}

void sq_check_not_empty(const struct sq_object *object, const char *const *keys,
			struct sq_diags *diags)
{
	for (size_t i = 0; keys[i]; i++) {
		const struct sq_node *node = sq_node_get(object->node, keys[i]);

		if (node)
			find_empty(node, diags);
	}
}

/*
 * Without a letter or digit of its own a glob takes all there is, whatever it was meant to take: those in
 * brackets are no more than a '?'.
 */
static bool takes_all(const char *pattern)
{
	static const char *const endings[] = { ".service", ".scope", ".slice" };
	size_t n = strlen(pattern);
	bool bracket = false;

	if (!strpbrk(pattern, "*?"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (n > ending && !strcmp(pattern + n - ending, endings[i]))
			n -= ending;
	}
	for (size_t i = 0; i < n; i++) {
		if (pattern[i] == '[' && strchr(pattern + i, ']'))
			bracket = true;
		else if (bracket)
			bracket = pattern[i] != ']';
		else if (isalnum((unsigned char)pattern[i]))
			return false;
	}
	return true;
}

static void check_width(const struct sq_target *target, const char *key,
			const struct sq_texts *patterns, struct sq_diags *diags)
{
	const struct sq_object *object = &target->object;

	for (size_t i = 0; i < patterns->n; i++)
		if (takes_all(patterns->item[i]) && !sq_schema_has(object, "select") &&
		    !target->labels.n)
			sq_diag_error(diags, sq_check_item_mark(object, key, patterns, i),
				      "is a variable in it empty? Name what is meant, or say with "
				      "'select' how many",
				      "%s: '%.200s' matches whatever there is", key,
				      patterns->item[i]);
}

void sq_check_labels(const struct sq_object *object, const struct sq_texts *labels,
		     struct sq_diags *diags)
{
	for (size_t i = 0; i < labels->n; i++) {
		const char *label = labels->item[i], *equals = strchr(label, '=');

		if (!equals || equals == label || !equals[1])
			sq_diag_error(diags, sq_check_item_mark(object, "labels", labels, i),
				      "an empty one would match more than is meant",
				      "labels: '%.200s' is not NAME=VALUE", label);
	}
}

void sq_check_pods(const struct sq_object *object, const struct sq_texts *pods,
		   struct sq_diags *diags)
{
	for (size_t i = 0; i < pods->n; i++) {
		const char *pod = pods->item[i], *slash = strchr(pod, '/');

		if (!slash || slash == pod || !slash[1] || strchr(slash + 1, '/'))
			sq_diag_error(diags, sq_check_item_mark(object, "pod", pods, i),
				      "such as shop/cart-0 or \"shop/cart-*\"",
				      "pod: '%.200s' is not NAMESPACE/NAME", pod);
	}
}

static void check_command(const struct sq_target *target, struct sq_diags *diags)
{
	const struct sq_object *object = &target->object;

	for (size_t i = 0; i < target->environment.n; i++) {
		const char *item = target->environment.item[i], *equals = strchr(item, '=');

		if (!equals || equals == item)
			sq_diag_error(
				diags,
				sq_check_item_mark(object, "environment", &target->environment, i),
				NULL, "environment: '%.200s' is not NAME=VALUE", item);
	}
	if (target->directory && target->directory[0] != '/')
		sq_diag_error(diags, sq_schema_mark(object, "directory"), NULL,
			      "directory: '%.200s' does not begin with '/'", target->directory);
	sq_check_source(&target->ready.source, diags);
}

static void check_process(const struct sq_process_target *process, struct sq_diags *diags)
{
	const char *paths[][2] = { { "executable", process->executable },
				   { "pid_file", process->pid_file } };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i][1] && paths[i][1][0] != '/')
			sq_diag_error(diags, sq_schema_mark(&process->object, paths[i][0]),
				      i ? NULL : "or write 'name' for what ps shows",
				      "%s: '%.200s' does not begin with '/'", paths[i][0],
				      paths[i][1]);
	if ((process->name && takes_all(process->name)) ||
	    (process->executable && takes_all(process->executable)))
		sq_diag_error(diags, process->object.node->mark,
			      "is a variable in it empty? Name what is meant",
			      "process: it matches whatever there is");
}

static void check_rest(const struct sq_experiment *experiment, const struct sq_target *target,
		       bool used, struct sq_diags *diags)
{
	struct sq_mark mark = sq_schema_mark(&target->object, "rest_of");
	int index = target->rest_of ? sq_experiment_target(experiment, target->rest_of) : -1;
	const struct sq_target *of = index < 0 ? NULL : &sq_targets(experiment)[index];

	if (!target->rest_of)
		return;
	if (!of)
		sq_diag_error(diags, mark, NULL, "rest_of: there is no target '%.200s'",
			      target->rest_of);
	else if (of->command.n || of->rest_of)
		sq_diag_error(diags, mark, NULL,
			      "rest_of: '%.200s' has no rest: it does not match cgroups",
			      target->rest_of);
	else if (of->select.kind == SQ_SELECT_ALL)
		sq_diag_error(diags, mark, "give it a 'select'",
			      "rest_of: '%.200s' leaves no rest: it takes all that match",
			      target->rest_of);
	if (sq_schema_has(&target->object, "select"))
		sq_diag_error(diags, sq_schema_mark(&target->object, "select"), NULL,
			      "'select' is for targets that are hit");
	if (used)
		sq_diag_error(diags, mark, NULL, "'%.200s' is to compare with: no fault may hit it",
			      target->object.key);
}

static void check_target(const struct sq_experiment *experiment, const struct sq_target *target,
			 struct sq_mark mark, struct sq_diags *diags)
{
	static const char *const selecting[] = {
		"systemd", "container",	      "pod", "process", "cgroup",
		"labels",  "only_containers", "not", "user",	NULL
	};
	bool used = false;

	sq_check_not_empty(&target->object, selecting, diags);
	for (size_t j = 0; j < experiment->faults.n; j++)
		used |= sq_fault_hits(&sq_faults(experiment)[j], target);
	if (!used && !diags->errors && !target->command.n && !target->rest_of)
		sq_diag_warning(diags, mark, NULL, "no fault hits the target '%s'",
				target->object.key);
	check_companions(target, diags);
	sq_check_cgroups(&target->object, "cgroup", &target->cgroup, diags);
	check_width(target, "systemd", &target->systemd, diags);
	check_width(target, "container", &target->container, diags);
	check_width(target, "pod", &target->pod, diags);
	check_width(target, "cgroup", &target->cgroup, diags);
	sq_check_labels(&target->object, &target->labels, diags);
	sq_check_pods(&target->object, &target->pod, diags);
	check_process(&target->process, diags);
	check_command(target, diags);
	check_rest(experiment, target, used, diags);
}

void sq_check_targets(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	const struct sq_node *names = sq_node_get(experiment->object.node, "targets");

	for (size_t i = 0; i < experiment->targets.n; i++) {
		const struct sq_target *target = &sq_targets(experiment)[i];
		struct sq_mark mark = names->key[i]->mark;

		sq_check_name(mark, target->object.key, diags);
		if (strchr(target->object.key, '/') || !*target->object.key ||
		    target->object.key[0] == '.')
			sq_diag_error(diags, mark,
				      "begin with something else than '.', and "
				      "without a '/'",
				      "'%.200s' is no name for a target: it names "
				      "a cgroup's folder",
				      target->object.key);
		check_target(experiment, target, mark, diags);
	}
}
