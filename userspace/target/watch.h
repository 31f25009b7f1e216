/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Folders of the cgroup tree that are watched for what is made in them and what goes (inotify(7)). The
 * kernel bounds how many a user may watch; how many it refused is known: those must be looked at otherwise.
 */
#ifndef SQ_TARGET_WATCH_H
#define SQ_TARGET_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct sq_watch {
	int fd; /* readable when something came or went; a negative errno where there is none */
	int errnum; /* why the last one was refused */
	size_t folders, refused; /* since sq_watch_begin() */
};

void sq_watch_open(struct sq_watch *watch);

/* From now on folders are added anew; those that are watched stay so, and count again. */
void sq_watch_begin(struct sq_watch *watch);

/* Watches an open folder. */
void sq_watch_add(struct sq_watch *watch, int folder_fd);

/* Takes all that has happened; was there anything? */
bool sq_watch_drain(const struct sq_watch *watch);

/* A sentence on what is not watched, why, and what helps, to be freed. */
char *sq_watch_trouble(const struct sq_watch *watch);

void sq_watch_close(struct sq_watch *watch);

#endif
