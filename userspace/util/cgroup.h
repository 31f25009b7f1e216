/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroup2 tree. It is reached by a mount of squall's own that stands nowhere, so it does not
 * matter where, or whether, the host has it mounted. Paths begin with '/' at the tree's root.
 */
#ifndef SQ_UTIL_CGROUP_H
#define SQ_UTIL_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/text.h"

struct sq_cgroup {
	char *path;
	uint64_t id;
	unsigned int level; /* 0: the root */
};

void sq_cgroup_clear(struct sq_cgroup *cgroup);

/* The root folder's descriptor, kept open until the program ends; or a negative errno. */
int sq_cgroup_root(struct sq_error **err);

/* Opens a cgroup's folder. */
int sq_cgroup_open(const char *path, struct sq_error **err);

/* Looks one up: fills @cgroup, to be cleared. -ENOENT where there is none. */
int sq_cgroup_find(const char *path, struct sq_cgroup *cgroup, struct sq_error **err);

/* Its depth: the number of components of its path. */
unsigned int sq_cgroup_level(const char *path);

/* Is @path the same as @ancestor, or below it? */
bool sq_cgroup_within(const char *path, const char *ancestor);

/* Has @pattern one of the characters that make it a glob? */
bool sq_cgroup_is_glob(const char *pattern);

/*
 * Does @path match @pattern, component by component? A component "**" stands for any number of
 * them, at the end for one at least.
 */
bool sq_cgroup_matches(const char *path, const char *pattern);

/* May something below @path match @pattern? */
bool sq_cgroup_may_hold(const char *path, const char *pattern);

/* Adds the paths that match @pattern, sorted, to @ret; with "**" the outermost ones. */
int sq_cgroup_glob(const char *pattern, struct sq_texts *ret, struct sq_error **err);

/* Does the result @r of a function on a cgroup or a process say that it is gone? */
bool sq_cgroup_is_gone(int r);

/* Calls @each for @path and everything below it, parents first; a positive result of its ends the walk. */
int sq_cgroup_walk(const char *path, int (*each)(const char *path, int fd, void *data), void *data,
		   struct sq_error **err);

/* The processes of a cgroup and of all below it. */
int sq_cgroup_count(const char *path, uint64_t *ret, struct sq_error **err);

/* sq_cgroup_find() and sq_cgroup_count(), where that is asked of thousands. */
int sq_cgroup_find_and_count(const char *path, struct sq_cgroup *cgroup, uint64_t *ret,
			     struct sq_error **err);

/*
 * Calls @each for every process of a cgroup and of all below it. What is threaded, or goes meanwhile, has
 * none. The result is sq_cgroup_walk()'s.
 */
int sq_cgroup_each_process(const char *path, void (*each)(pid_t pid, void *data), void *data,
			   struct sq_error **err);

/* The pids directly in a cgroup: a new array of *ret_n, to be freed. */
int sq_cgroup_pids(int cgroup_fd, pid_t **ret, size_t *ret_n, struct sq_error **err);

/* The path of the cgroup that a process is in, to be freed. */
int sq_cgroup_of(pid_t pid, char **ret, struct sq_error **err);

/* Makes a cgroup and those above it that are missing. */
int sq_cgroup_make(const char *path, struct sq_error **err);

/* Kills what is in a cgroup and below it, thaws it, and removes it; waits up to @timeout_ns. */
int sq_cgroup_destroy(const char *path, uint64_t timeout_ns, struct sq_error **err);

/* Removes a cgroup if nothing is in it. */
int sq_cgroup_remove_empty(const char *path);

/*
 * Takes the calling process out of the freezer of cgroup v1, where there is one: beside cgroup2 it
 * would still be frozen together with the process that started it.
 */
void sq_cgroup_leave_freezer(void);

/* Moves the calling process into a cgroup. */
int sq_cgroup_enter(const char *path, struct sq_error **err);

#endif
