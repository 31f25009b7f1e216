/* SPDX-License-Identifier: GPL-2.0-only */
/* The older way to attach a program to a device: a filter in the clsact qdisc. */
#ifndef SQ_UTIL_TC_H
#define SQ_UTIL_TC_H

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define SQ_CLSACT_EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define SQ_CLSACT_INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

struct sq_tc_question {
	uint16_t ask, answer; /* RTM_GETQDISC and RTM_NEWQDISC, RTM_GETTFILTER and RTM_NEWTFILTER */
	unsigned int ifindex;
	uint32_t parent;
};

/*
 * Asks by the rtnetlink socket @fd and calls @each for each answer, of whatever device; 0 when that
 * was all of them, or a negative errno.
 */
int sq_tc_dump(int fd, const struct sq_tc_question *question,
	       void (*each)(void *data, const struct nlmsghdr *message), void *data);

/* The kind of a qdisc or filter, as an answer tells it. */
const char *sq_tc_kind(const struct nlmsghdr *message);

/*
 * Makes the clsact qdisc of a device, if it has none. In the calling thread's netns, as all here. An ingress qdisc, of
 * which there cannot be one beside it, will do for ingress.
 */
int sq_tc_clsact_make(unsigned int ifindex, bool ingress, struct sq_error **err);

/* Attaches @prog_fd at @handle and @priority of its egress or ingress. */
int sq_tc_attach(unsigned int ifindex, bool ingress, int prog_fd, uint32_t handle,
		 uint32_t priority, struct sq_error **err);

/* Is a filter there? Unknown counts as yes. */
bool sq_tc_is_attached(unsigned int ifindex, bool ingress, uint32_t handle, uint32_t priority);

/* Detaches what is there if it is a program whose name begins with "sq_". 0 too if nothing is. */
int sq_tc_detach(unsigned int ifindex, bool ingress, uint32_t handle, uint32_t priority,
		 struct sq_error **err);

/*
 * Attaches by tcx (6.6), first in the chain: a packet that comes back from the delay line must not
 * meet the others twice. The link's descriptor, or a negative errno.
 */
int sq_tcx_attach(unsigned int ifindex, bool ingress, int prog_fd);

/* Is the device still there, wherever, that this link is of? */
bool sq_tcx_is_attached(int link_fd);

/*
 * Is the link's program on this device, which may be another one with the number of the link's? Unknown counts as
 * yes.
 */
bool sq_tcx_is_on(int link_fd, unsigned int ifindex, bool ingress);

/*
 * Attaches by tcx, and where there is none by a filter, to a device of our own, which takes it along
 * when it goes. *ret_link_fd is negative where it is a filter.
 */
int sq_tc_attach_either(unsigned int ifindex, bool ingress, int prog_fd, int *ret_link_fd,
			struct sq_error **err);

/* Has the device a clsact (or ingress) qdisc, anybody's? */
bool sq_tc_has_clsact(unsigned int ifindex);

/* Is any filter, anybody's, attached to the device's clsact? */
bool sq_tc_has_filters(unsigned int ifindex);

/* Removes the clsact qdisc of a device; 0 too if there is none. */
int sq_tc_clsact_remove(unsigned int ifindex, struct sq_error **err);

#endif
