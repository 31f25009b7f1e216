/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespaces that the processes of some cgroups live in. */
#ifndef SQ_INJECT_NETNS_LIST_H
#define SQ_INJECT_NETNS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/text.h"

struct sq_netns {
	uint64_t inode;
	int fd;
	uint64_t seen_ns; /* when a process was seen there at last */
	bool kept; /* for good: it is squall's own, or somebody's socket lives there */
	/* the injector's: */
	int links_fd; /* tells of its devices, or -EBADF */
	bool entered; /* once; a line may be missing there all the same */
	bool has_line; /* it was asked for */
	bool changed; /* there may be devices without programs */
	bool failed; /* the last time */
	bool leaving; /* nobody is there any more, and its programs are being taken away */
};

struct sq_netns_list {
	struct sq_netns *item;
	size_t n;
};

/*
 * Adds the namespaces of the processes in the cgroups @paths and below that are not in @list yet; with @expect
 * squall's own for a cgroup without processes, since its first one will most likely be born there.
 */
int sq_netns_list_add(struct sq_netns_list *list, const struct sq_texts *paths, bool expect,
		      struct sq_error **err);

/* Adds the namespace @fd, which is the list's from now on, and stays in it whoever is seen there. */
void sq_netns_list_keep(struct sq_netns_list *list, int fd);

/* Takes the @i-th out; another has its place then. */
void sq_netns_list_remove(struct sq_netns_list *list, size_t i);

void sq_netns_list_clear(struct sq_netns_list *list);

#endif
