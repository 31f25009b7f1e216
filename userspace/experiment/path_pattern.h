/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pattern of paths, as much of it as the kernel side can hold a file against: a fixed folder or
 * file, then nothing, one name with * and ?, any depth, or any depth and one such name.
 */
#ifndef SQ_EXPERIMENT_PATH_PATTERN_H
#define SQ_EXPERIMENT_PATH_PATTERN_H

#define SQ_PATH_GLOB_SIZE 32 /* of the last name, with the NUL behind it */
#define SQ_PATHS_MAX 64 /* of all faults together */

enum sq_path_reach {
	SQ_PATH_ITSELF, /* /a/b */
	SQ_PATH_CHILD, /* /a/b/\*.wal */
	SQ_PATH_BELOW, /* /a/b/\**, /a/b/\**\/\*.wal */
};

struct sq_path_pattern {
	char *fixed; /* "/a/b" */
	enum sq_path_reach reach;
	char glob[SQ_PATH_GLOB_SIZE]; /* empty: every name */
};

/* 0 and *ret, whose `fixed` is to be freed; or -EINVAL with *why, completing "'PATTERN' ...". */
int sq_path_pattern_parse(const char *text, struct sq_path_pattern *ret, const char **why);

#endif
