/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs for egress and ingress on every device of some network namespaces. */
#ifndef SQ_INJECT_DEVICES_H
#define SQ_INJECT_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/netns_list.h"
#include "util/error.h"
#include "util/eventlog.h"

/* One program on one device. */
struct sq_device {
	uint64_t netns;
	unsigned int ifindex;
	char name[16];
	bool ingress;
	int link_fd; /* tcx */
	json_t *filter; /* clsact instead: how to undo it */
};

struct sq_devices {
	struct sq_device *item;
	size_t n;
	bool tcx;
	/* by ingress, and whether there is a link-layer header; -EBADF: not wanted */
	int program_fd[2][2];
	bool egress_of_lo; /* no fault is of what leaves: egress is for what goes in by lo again */
	uint32_t handle; /* of a filter: one for each run */
	bool more; /* it took long enough: there are more to attach to */
	bool moved; /* one has gone to another network namespace, without its program now */
	struct sq_eventlog *log;
};

/*
 * Attaches to the devices of @netns that have no program yet, and forgets those that are gone. The delay lines' own get
 * none, of other runs neither: what these hold was decided, and a mark on it would be taken for theirs. Devices of kinds
 * that squall cannot parse are left out. Where one fails the others are attached to all the same; the first error is the
 * result. Those that it did not come to within a tenth of a second make @devices->more.
 */
int sq_devices_attach(struct sq_devices *devices, const struct sq_netns *netns,
		      struct sq_error **err);

/*
 * Detaches in the network namespace @inode of @netns, for a tenth of a second; adds a sentence to @left for what could
 * not be. False: there is more.
 */
bool sq_devices_leave(struct sq_devices *devices, uint64_t inode, const struct sq_netns_list *netns,
		      struct sq_texts *left);

/* Detaches everywhere; adds a sentence to @left for what could not be. */
void sq_devices_detach(struct sq_devices *devices, const struct sq_netns_list *netns,
		       struct sq_texts *left);

/*
 * Adds to @ret where, in the network namespaces of the processes in the cgroups @paths, a filter of
 * somebody else's comes before squall's: "device 'eth0', egress". Only without tcx: there squall's is first.
 */
void sq_devices_behind(const struct sq_texts *paths, bool ingress, struct sq_texts *ret);

/* Can programs be attached to devices by tcx, or else by clsact? Tried in a namespace of its own. */
int sq_devices_probe(bool *ret_tcx, int program_fd, bool ingress, struct sq_error **err);

#endif
