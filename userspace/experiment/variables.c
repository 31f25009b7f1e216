// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/units.h"

struct variable {
	const char *name, *value;
	const struct sq_node *node;
};

struct variables {
	struct variable *item;
	size_t n;
	struct sq_diags *diags;
};

static const char *child_value(const struct sq_node *map, const char *key)
{
	const struct sq_node *node = sq_node_get(map, key);

	return node && node->type == SQ_NODE_SCALAR ? node->value : NULL;
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

static const struct variable *find(const struct variables *variables, const char *name, size_t n)
{
	for (size_t i = 0; i < variables->n; i++)
		if (strlen(variables->item[i].name) == n &&
		    !strncmp(variables->item[i].name, name, n))
			return &variables->item[i];
	return NULL;
}

static const char *find_setting(const struct sq_texts *settings, const char *name)
{
	size_t length = strlen(name);

	/* the last one counts, as with every option */
	for (size_t i = settings ? settings->n : 0; i-- > 0;)
		if (!strncmp(settings->item[i], name, length) && settings->item[i][length] == '=')
			return settings->item[i] + length + 1;
	return NULL;
}

/* A value and its limits are of one type: the first of these that can read the limit. */
static bool comparable(const char *text, int type, double *ret)
{
	uint64_t value;

	switch (type) {
	case 0:
		if (sq_parse_duration(text, &value, NULL))
			return false;
		break;
	case 1:
		if (sq_parse_share(text, &value, NULL))
			return false;
		break;
	default:
		return !sq_parse_number(text, ret, NULL);
	}
	*ret = (double)value;
	return true;
}

static void check_limit(const struct variables *variables, const struct variable *variable,
			const char *key, int sign)
{
	const struct sq_node *node = sq_node_get(variable->node, key);
	double value, limit;

	if (!node || node->type != SQ_NODE_SCALAR || !variable->value)
		return;
	for (int type = 0; type < 3; type++) {
		if (!comparable(node->value, type, &limit))
			continue;
		if (!comparable(variable->value, type, &value))
			sq_diag_error(variables->diags, node->mark, NULL, "variable '%s': '%s' and "
				      "its %s '%s' cannot be compared", variable->name,
				      variable->value, key, node->value);
		else if ((value - limit) * sign > 0)
			sq_diag_error(variables->diags, node->mark, NULL, "variable '%s': %s is %s "
				      "than its %s, %s", variable->name, variable->value,
				      sign > 0 ? "more" : "less", key, node->value);
		return;
	}
	sq_diag_error(variables->diags, node->mark, NULL, "%s: '%s' is neither a duration, a share "
		      "nor a number", key, node->value);
}

static void declare(struct variables *variables, const struct sq_node *map,
		    const struct sq_texts *settings)
{
	for (size_t i = 0; map && map->type == SQ_NODE_MAP && i < map->n; i++) {
		struct variable *variable = sq_append(&variables->item, &variables->n,
						      sizeof(*variable));
		const char *from_env = child_value(map->item[i], "from_env");

		variable->name = map->key[i]->value;
		variable->node = map->item[i];
		variable->value = find_setting(settings, variable->name);
		if (!variable->value && from_env)
			variable->value = getenv(from_env);
		if (!variable->value)
			variable->value = child_value(map->item[i], "default");
		if (!*variable->name || name_length(variable->name) != strlen(variable->name))
			sq_diag_error(variables->diags, map->key[i]->mark, NULL, "'%s' is not a "
				      "name of letters, digits and '_'", variable->name);
		check_limit(variables, variable, "max", 1);
		check_limit(variables, variable, "min", -1);
	}
}

static void check_settings(const struct variables *variables, const struct sq_texts *settings)
{
	for (size_t i = 0; settings && i < settings->n; i++) {
		const char *equals = strchr(settings->item[i], '=');
		_cleanup_free_ char *name = NULL, *hint = NULL;
		const char **names, *near;

		if (!equals) {
			sq_diag_error(variables->diags, (struct sq_mark){ 0 },
				      "write --set NAME=VALUE", "--set %s: there is no '='",
				      settings->item[i]);
			continue;
		}
		name = sq_strndup(settings->item[i], (size_t)(equals - settings->item[i]));
		if (find(variables, name, strlen(name)))
			continue;
		names = sq_alloc((variables->n + 1) * sizeof(*names));
		for (size_t j = 0; j < variables->n; j++)
			names[j] = variables->item[j].name;
		near = sq_nearest(name, names, variables->n);
		if (near)
			hint = sq_asprintf("did you mean '%s'?", near);
		sq_diag_error(variables->diags, (struct sq_mark){ 0 }, hint,
			      "--set %s: the file declares no such variable", name);
		free(names);
	}
}

static void replace(struct variables *variables, struct sq_node *node)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	const char *p = node->value;

	if (!strstr(p, "${"))
		return;
	while (*p) {
		const struct variable *variable;
		size_t n;

		if (!strncmp(p, "$${", 3)) {	/* a literal "${" */
			sq_buffer_add(&text, "${");
			p += 3;
			continue;
		}
		if (strncmp(p, "${", 2) != 0) {
			sq_buffer_add(&text, "%c", *p++);
			continue;
		}
		n = name_length(p + 2);
		if (!n || p[2 + n] != '}') {
			sq_diag_error(variables->diags, node->mark, "write $${ for a literal ${",
				      "'%s': '${' begins a variable, ${NAME}", node->value);
			return;
		}
		variable = find(variables, p + 2, n);
		if (!variable) {
			sq_diag_error(variables->diags, node->mark, "declare it under 'variables'",
				      "there is no variable '%.*s'", (int)n, p + 2);
			return;
		}
		if (!variable->value) {
			sq_diag_error(variables->diags, node->mark, "give it with --set NAME=VALUE",
				      "the variable '%s' has no value", variable->name);
			return;
		}
		sq_buffer_add(&text, "%s", variable->value);
		p += n + 3;
	}
	free(node->value);
	node->value = sq_buffer_take(&text);
	node->quoted = true;	/* who set it meant it as it is */
}

static void replace_all(struct variables *variables, struct sq_node *node)
{
	if (node->type == SQ_NODE_SCALAR)
		replace(variables, node);
	for (size_t i = 0; i < node->n; i++)
		replace_all(variables, node->item[i]);
}

void sq_variables_apply(struct sq_experiment *experiment, const struct sq_texts *settings,
			struct sq_diags *diags)
{
	struct variables variables = { .diags = diags };
	struct sq_node *root = experiment->root;
	char program[4096];

	declare(&variables, sq_node_get(root, "variables"), settings);
	check_settings(&variables, settings);
	for (size_t i = 0; i < variables.n; i++) {
		const struct variable *variable = &variables.item[i];
		const char *secret = child_value(variable->node, "secret");
		bool hidden = secret && !strcmp(secret, "true");
		_cleanup_free_ char *setting = NULL;

		if (!variable->value)
			continue;
		setting = sq_asprintf("%s=%s", variable->name, hidden ? "***" : variable->value);
		sq_texts_add(&experiment->settings, setting);
		if (hidden && *variable->value)
			sq_texts_add(&experiment->secrets, variable->value);
	}
	/* always there: the running program, for experiments that bring their own service */
	if (!find(&variables, "squall", strlen("squall"))) {
		struct variable *self = sq_append(&variables.item, &variables.n, sizeof(*self));
		ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

		program[n > 0 ? n : 0] = '\0';
		*self = (struct variable){ .name = "squall",
					   .value = n > 0 ? program : "/proc/self/exe" };
	}
	for (size_t i = 0; root->type == SQ_NODE_MAP && i < root->n; i++)
		if (strcmp(root->key[i]->value, "variables") != 0 &&
		    strncmp(root->key[i]->value, "x-", 2) != 0)
			replace_all(&variables, root->item[i]);
	free(variables.item);
}
