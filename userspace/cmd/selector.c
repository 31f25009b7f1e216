// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/selector.h"

#include <string.h>

static const char *const kinds[] = { "systemd", "cgroup", "process" };

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

void sq_check_selector(const struct sq_command *command, const struct sq_texts *selectors)
{
	if (!selectors->n)
		sq_usage_error(command, "--target is required");
	for (size_t i = 0; i < selectors->n; i++) {
		const char *selector = selectors->item[i], *kind = kind_of(selector);

		if (!kind)
			sq_usage_error(
				command,
				"--target %s: the kinds of target are systemd:UNIT, "
				"process:NAME, process:/PROGRAM, cgroup:PATH and globs of them; `command` "
				"needs a file",
				selector);
		if (!*name_of(selector, kind))
			sq_usage_error(command, "'%s' has an empty name: is a variable unset?",
				       selector);
		if (strcmp(kind, kind_of(selectors->item[0])) != 0)
			sq_usage_error(command,
				       "--target %s: all must be of one kind; several kinds need "
				       "a file",
				       selector);
		if (!strcmp(kind, "process") && selectors->n > 1)
			sq_usage_error(command, "--target %s: one process: may be given", selector);
	}
}

void sq_add_selector(struct sq_buffer *text, const struct sq_texts *selectors)
{
	const char *kind = kind_of(selectors->item[0]);

	if (!strcmp(kind, "process")) {
		const char *name = name_of(selectors->item[0], kind);

		sq_buffer_add(text, "process: {%s: ", *name == '/' ? "executable" : "name");
		sq_add_scalar(text, name, false);
		sq_buffer_add(text, "}\n");
		return;
	}
	sq_buffer_add(text, "%s: %s", kind, selectors->n > 1 ? "[" : "");
	for (size_t i = 0; i < selectors->n; i++) {
		sq_buffer_add(text, "%s", i ? ", " : "");
		sq_add_scalar(text, name_of(selectors->item[i], kind), false);
	}
	sq_buffer_add(text, "%s\n", selectors->n > 1 ? "]" : "");
}
