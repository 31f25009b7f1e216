/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network namespaces that the targets' processes live in, and squall's programs on the devices there. Each function
 * takes at most one step in one of them, as each step may wait until others are done with the kernel's one lock for all
 * network devices: net_follow.c takes them while faults act.
 */
#ifndef SQ_INJECT_NETSPACES_H
#define SQ_INJECT_NETSPACES_H

#include "inject/devices.h"
#include "inject/line.h"
#include "inject/netns_list.h"

struct sq_netspaces {
	struct sq_devices devices;
	struct sq_netns_list netns;
	struct sq_texts paths; /* of the cgroups whose processes' they are */
	struct sq_line *line; /* NULL: no fault needs it */
	const struct sq_lease *lease;
	int known_fd; /* the map of those that are known: who comes to another one is told */
	uint64_t stay_ns; /* so long after its last process a namespace is kept */
	/*
	 * Called before anything is made in a namespace, and again where somebody comes back while it is being left; the
	 * descriptor stays the caller's.
	 */
	void (*enters)(void *data, uint64_t netns, int netns_fd);
	/* Called when nothing is there any more. */
	void (*leaves)(void *data, uint64_t netns);
	void *data;
	int links_fd; /* readable when devices have changed in one of them */
	uint64_t found_ns; /* when all of them were looked for at last */
	size_t next; /* at which to look for the next that has changed */
};

/* Gets ready; what is above the descriptor has been set. Negative errno. */
int sq_netspaces_open(struct sq_netspaces *spaces, struct sq_error **err);

/* Finds those that there are now; @expect as for sq_netns_list_add(). Negative errno. */
int sq_netspaces_find(struct sq_netspaces *spaces, bool expect, struct sq_error **err);

/* Takes note of what links_fd tells. */
void sq_netspaces_look_at_links(struct sq_netspaces *spaces);

/* Is there one in which something may be to be attached? */
bool sq_netspaces_has_changed(const struct sq_netspaces *spaces);

/*
 * A step in the next one that has changed. What fails there is tried again after the next sq_netspaces_find(), and is
 * no error a second time. Negative errno.
 */
int sq_netspaces_attach_next(struct sq_netspaces *spaces, struct sq_error **err);

/*
 * A step out of one in which no process of a target has been for stay_ns, so that it ends when others let it go;
 * squall's own stays. False: there is none, or it is not known. Adds a sentence to @left for what stays there.
 */
bool sq_netspaces_let_go_next(struct sq_netspaces *spaces, struct sq_texts *left);

/* Detaches everywhere, and adds a sentence to @left for what could not be. What was never opened is closed, too. */
void sq_netspaces_close(struct sq_netspaces *spaces, struct sq_texts *left);

#endif
