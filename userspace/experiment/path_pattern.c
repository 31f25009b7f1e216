// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/path_pattern.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* The last name; "*" stands for every one. */
static int take_glob(const char *name, struct sq_path_pattern *pattern, const char **why)
{
	if (strchr(name, '/'))
		return refuse(why,
			      "is more than the kernel side can match: behind the fixed folders "
			      "may stand **, one name with * and ?, or **/ and such a name");
	if (strpbrk(name, "[]{}\\"))
		return refuse(why, "may have only * and ? as wildcards");
	if (strlen(name) >= SQ_PATH_GLOB_SIZE)
		return refuse(why, "has a last name longer than 31 bytes");
	if (strstr(name, "**"))
		return refuse(why, "has ** in a name: it stands for whole folders");
	snprintf(pattern->glob, sizeof(pattern->glob), "%s", strcmp(name, "*") ? name : "");
	return 0;
}

int sq_path_pattern_parse(const char *text, struct sq_path_pattern *ret, const char **why)
{
	const char *wild = strpbrk(text, "*?[]{}"), *rest = wild;
	struct sq_path_pattern pattern = { .reach = SQ_PATH_ITSELF };
	int r = 0;

	if (*text != '/')
		return refuse(why, "is not an absolute path");
	if (strstr(text, "//") || strstr(text, "/../") || strstr(text, "/./"))
		return refuse(why, "is not a plain path: leave out //, /./ and /../");
	while (rest && rest[-1] != '/')
		rest--;
	if (rest && !strncmp(rest, "**", 2) && (rest[2] == '/' || rest[2] == '\0')) {
		pattern.reach = SQ_PATH_BELOW;
		rest += rest[2] ? 3 : 2;
		r = *rest ? take_glob(rest, &pattern, why) : 0;
	} else if (rest) {
		pattern.reach = SQ_PATH_CHILD;
		r = take_glob(rest, &pattern, why);
	}
	if (r)
		return r;
	if (wild)
		while (wild[-1] != '/')
			wild--;
	pattern.fixed = sq_strndup(text, wild ? (size_t)(wild - text) : strlen(text));
	for (size_t n = strlen(pattern.fixed); n > 1 && pattern.fixed[n - 1] == '/'; n--)
		pattern.fixed[n - 1] = '\0';
	*ret = pattern;
	return 0;
}
