/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users and groups. They may be in a directory on the network, which is down with all the rest: each
 * look-up here ends within a second, whatever it would have found. Each may start a thread.
 */
#ifndef SQ_UTIL_USER_H
#define SQ_UTIL_USER_H

#include <stdbool.h>
#include <sys/types.h>

#define SQ_USER_GROUPS 256

/* Whom a program is run as. */
struct sq_user {
	char name[256];
	uid_t uid;
	gid_t gid;
	char home[256]; /* "": it has none, or one of a longer name */
	gid_t groups[SQ_USER_GROUPS];
	int n_groups;
};

/* Fills @ret; -ENOENT where there is no such user, -ETIMEDOUT where nobody answers. */
int sq_user_find(const char *name, struct sq_user *ret);
int sq_user_of(uid_t uid, struct sq_user *ret);

/* The gid of a group; the same errors. */
int sq_group_find(const char *name, gid_t *ret);

/* The name of a user, or "uid N". To be freed. */
char *sq_user_name(uid_t uid);

/* Is the user in the group? */
bool sq_user_is_in(const struct sq_user *user, gid_t gid);

#endif
