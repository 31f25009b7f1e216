// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/selector.h"

#include <string.h>

static const char *const kinds[] = { "systemd", "container", "pod", "cgroup", "process", "label" };

void sq_add_scalar(struct sq_buffer *text, const char *value, bool plain)
{
	if (plain && ((*value && strspn(value, "0123456789") == strlen(value)) ||
		      !strcmp(value, "true") || !strcmp(value, "false"))) {
		sq_buffer_add(text, "%s", value);
		return;
	}
	sq_buffer_add(text, "\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			sq_buffer_add(text, "\\");
		if (*value == '\n')
			sq_buffer_add(text, "\\n");
		else
			sq_buffer_add(text, "%c", *value);
	}
	sq_buffer_add(text, "\"");
}

/* What stands behind "KIND:", or NULL. */
static const char *name_of(const char *selector, const char *kind)
{
	size_t n = strlen(kind);

	return !strncmp(selector, kind, n) && selector[n] == ':' ? selector + n + 1 : NULL;
}

static const char *kind_of(const char *selector)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (name_of(selector, kinds[i]))
			return kinds[i];
	return NULL;
}

/* The kind that they are all of; a label is none, it says which of them. */
static const char *common_kind(const struct sq_texts *selectors)
{
	for (size_t i = 0; i < selectors->n; i++) {
		const char *kind = kind_of(selectors->item[i]);

		if (kind && strcmp(kind, "label") != 0)
			return kind;
	}
	return NULL;
}

static void check_label(const struct sq_command *command, const char *common, const char *selector)
{
	if (!common)
		sq_usage_error(command,
			       "'%s' says which containers or pods: --target container:'*' or "
			       "pod:'shop/*' as well",
			       selector);
	if (strcmp(common, "container") != 0 && strcmp(common, "pod") != 0)
		sq_usage_error(command, "'%s' is for containers and pods", selector);
}

void sq_check_selector(const struct sq_command *command, const struct sq_texts *selectors)
{
	const char *common = common_kind(selectors);

	if (!selectors->n)
		sq_usage_error(command, "--target is required");
	for (size_t i = 0; i < selectors->n; i++) {
		const char *selector = selectors->item[i], *kind = kind_of(selector);

		if (!kind)
			sq_usage_error(
				command,
				"--target %s: the kinds of target are systemd:UNIT, "
				"container:NAME, pod:NAMESPACE/NAME, process:NAME, process:/PROGRAM, "
				"cgroup:PATH and globs of them, label:NAME=VALUE besides container and "
				"pod; `command` needs a file",
				selector);
		if (!*name_of(selector, kind))
			sq_usage_error(command, "'%s' has an empty name: is a variable unset?",
				       selector);
		if (!strcmp(kind, "label"))
			check_label(command, common, selector);
		else if (strcmp(kind, common) != 0)
			sq_usage_error(command,
				       "--target %s: all must be of one kind; several kinds need "
				       "a file",
				       selector);
		if (!strcmp(kind, "process") && selectors->n > 1)
			sq_usage_error(command, "--target %s: one process: may be given", selector);
	}
}

static bool kind_is_there(const struct sq_texts *selectors, const char *kind)
{
	for (size_t i = 0; i < selectors->n; i++)
		if (name_of(selectors->item[i], kind))
			return true;
	return false;
}

/* A line "KEY: NAME" or "KEY: [NAME, ...]" of those of one kind. */
static void add_names(struct sq_buffer *text, const struct sq_texts *selectors, const char *kind,
		      const char *key)
{
	_cleanup_texts_ struct sq_texts names = { 0 };

	for (size_t i = 0; i < selectors->n; i++)
		if (name_of(selectors->item[i], kind))
			sq_texts_add(&names, name_of(selectors->item[i], kind));
	sq_buffer_add(text, "%s: %s", key, names.n > 1 ? "[" : "");
	for (size_t i = 0; i < names.n; i++) {
		sq_buffer_add(text, "%s", i ? ", " : "");
		sq_add_scalar(text, names.item[i], false);
	}
	sq_buffer_add(text, "%s\n", names.n > 1 ? "]" : "");
}

void sq_add_selector(struct sq_buffer *text, const struct sq_texts *selectors)
{
	const char *kind = common_kind(selectors);

	if (!strcmp(kind, "process")) {
		const char *name = name_of(selectors->item[0], kind);

		sq_buffer_add(text, "process: {%s: ", *name == '/' ? "executable" : "name");
		sq_add_scalar(text, name, false);
		sq_buffer_add(text, "}\n");
		return;
	}
	add_names(text, selectors, kind, kind);
	if (kind_is_there(selectors, "label")) {
		sq_buffer_add(text, "    ");
		add_names(text, selectors, "label", "labels");
	}
}
