// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/units.h"

/* What all replaced values of a file may have in bytes: a value may be used over and over. */
#define MAX_BYTES (4u << 20)

struct variable {
	const char *name, *value;
	const struct sq_node *node;
	struct sq_mark mark;
	bool used;
};

struct variables {
	struct variable *item;
	size_t n;
	size_t bytes;
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

static struct variable *find(const struct variables *variables, const char *name, size_t n)
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

static bool is_secret(const struct sq_node *variable)
{
	const char *secret = child_value(variable, "secret");

	return secret && !strcmp(secret, "true");
}

static void check_limit(const struct variables *variables, const struct variable *variable,
			const char *key, int sign)
{
	const struct sq_node *node = sq_node_get(variable->node, key);
	const struct sq_node *fallback = sq_node_get(variable->node, "default");
	const char *shown = is_secret(variable->node) ? "***" : variable->value;
	struct sq_mark mark;
	double value, limit;

	if (!node || node->type != SQ_NODE_SCALAR || !variable->value)
		return;
	mark = fallback && fallback->value == variable->value ? fallback->mark : node->mark;
	for (int type = 0; type < 3; type++) {
		if (!comparable(node->value, type, &limit))
			continue;
		if (!comparable(variable->value, type, &value))
			sq_diag_error(variables->diags, mark, NULL,
				      "variable '%.100s': '%.200s' "
				      "and its %s '%.200s' cannot be compared",
				      variable->name, shown, key, node->value);
		else if ((value - limit) * sign > 0)
			sq_diag_error(variables->diags, mark, NULL,
				      "variable '%.100s': %.200s "
				      "is %s than its %s, %.200s",
				      variable->name, shown, sign > 0 ? "more" : "less", key,
				      node->value);
		return;
	}
	sq_diag_error(variables->diags, node->mark, NULL,
		      "%s: '%.200s' is neither a duration, a share "
		      "nor a number",
		      key, node->value);
}

/* From the command line or the environment anything may come; journals and reports are UTF-8. */
static void check_text(const struct variables *variables, struct variable *variable)
{
	size_t where;

	if (!variable->value || sq_utf8_valid(variable->value, strlen(variable->value), &where))
		return;
	sq_diag_error(variables->diags, variable->mark, NULL,
		      "the value of the variable '%.100s' is not "
		      "UTF-8 text",
		      variable->name);
	variable->value = NULL;
}

static void declare(struct variables *variables, const struct sq_node *map,
		    const struct sq_texts *settings)
{
	for (size_t i = 0; map && map->type == SQ_NODE_MAP && i < map->n; i++) {
		struct variable *variable =
			sq_append(&variables->item, &variables->n, sizeof(*variable));
		const char *from_env = child_value(map->item[i], "from_env");

		variable->name = map->key[i]->value;
		variable->node = map->item[i];
		variable->mark = map->key[i]->mark;
		variable->value = find_setting(settings, variable->name);
		if (!variable->value && from_env)
			variable->value = getenv(from_env);
		if (!variable->value)
			variable->value = child_value(map->item[i], "default");
		if (!*variable->name || name_length(variable->name) != strlen(variable->name))
			sq_diag_error(variables->diags, variable->mark, NULL,
				      "'%.200s' is not a "
				      "name of letters, digits and '_'",
				      variable->name);
		check_text(variables, variable);
		check_limit(variables, variable, "max", 1);
		check_limit(variables, variable, "min", -1);
	}
}

/* A hint to be freed, or NULL. */
static char *did_you_mean(const struct variables *variables, const char *name)
{
	_cleanup_free_ const char **names = sq_alloc((variables->n + 1) * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < variables->n; i++)
		names[i] = variables->item[i].name;
	near = sq_nearest(name, names, variables->n);
	return near ? sq_asprintf("did you mean '%s'?", near) : NULL;
}

static void tell_undeclared(const struct variables *variables, struct sq_mark mark,
			    const char *name, size_t n)
{
	_cleanup_free_ char *copy = sq_strndup(name, n);
	_cleanup_free_ char *hint = did_you_mean(variables, copy);

	sq_diag_error(variables->diags, mark, hint ? hint : "declare it under 'variables'",
		      "there is no variable '%.200s'", copy);
}

static void check_settings(const struct variables *variables, const struct sq_texts *settings)
{
	for (size_t i = 0; settings && i < settings->n; i++) {
		const char *equals = strchr(settings->item[i], '=');
		_cleanup_free_ char *name = NULL, *hint = NULL;

		if (!equals) {
			sq_diag_error(variables->diags, (struct sq_mark){ 0 },
				      "write --set NAME=VALUE", "--set %.200s: there is no '='",
				      settings->item[i]);
			continue;
		}
		name = sq_strndup(settings->item[i], (size_t)(equals - settings->item[i]));
		if (find(variables, name, strlen(name)))
			continue;
		hint = did_you_mean(variables, name);
		sq_diag_error(variables->diags, (struct sq_mark){ 0 }, hint,
			      "--set %.200s: the file declares no such variable", name);
	}
}

static void replace(struct variables *variables, struct sq_node *node)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	const char *p = node->value;

	if (!strstr(p, "${"))
		return;
	while (*p) {
		struct variable *variable;
		size_t n;

		if (!strncmp(p, "$${", 3)) { /* a literal "${" */
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
			node->wrong = true;
			sq_diag_error(variables->diags, node->mark, "write $${ for a literal ${",
				      "'%.200s': '${' begins a variable, ${NAME}", node->value);
			return;
		}
		variable = find(variables, p + 2, n);
		if (!variable) {
			node->wrong = true;
			tell_undeclared(variables, node->mark, p + 2, n);
			return;
		}
		variable->used = true;
		if (!variable->value) {
			node->wrong = true;
			sq_diag_error(variables->diags, node->mark, "give it with --set NAME=VALUE",
				      "the variable '%.100s' has no value", variable->name);
			return;
		}
		if (!*variable->value && !node->empty)
			node->empty = variable->name;
		variables->bytes += strlen(variable->value);
		if (variables->bytes > MAX_BYTES) {
			node->wrong = true;
			sq_diag_error(variables->diags, node->mark, NULL,
				      "with its variables "
				      "replaced the file is larger than %u MiB",
				      MAX_BYTES >> 20);
			return;
		}
		sq_buffer_add(&text, "%s", variable->value);
		p += n + 3;
	}
	free(node->value);
	node->value = sq_buffer_take(&text);
	node->quoted = true; /* who set it meant it as it is */
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
		bool hidden = is_secret(variable->node);
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
	for (size_t i = 0; i < variables.n; i++)
		if (variables.item[i].node && !variables.item[i].used && !diags->errors)
			sq_diag_warning(diags, variables.item[i].mark, NULL,
					"the variable '%.100s' is used nowhere",
					variables.item[i].name);
	free(variables.item);
}
