// SPDX-License-Identifier: GPL-2.0-only
#include "inject/devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi.h"
#include "guard/undo.h"
#include "util/netns.h"
#include "util/tc.h"
#include "util/time.h"

#define FIRST_PRIORITY 1
#define LAST_PRIORITY 16
#define FIRST_HANDLE 0x53510000u /* others count theirs from 1 */
#define STEP_NS (100 * SQ_MS) /* each device may take 10 ms, and others wait for their turn */

/* linux/if_arp.h, which cannot stand beside net/if_arp.h */
#define ARPHRD_RAWIP 519
#define ARPHRD_IP6GRE 823

struct attach {
	struct sq_devices *devices;
	const struct sq_netns *netns;
};

/* 0: Ethernet-like, 1: no link-layer header, negative: something else. */
static int link_layer(int fd, const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	switch (ifr.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return 0;
	case ARPHRD_NONE:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
		return 1;
	default:
		return -EOPNOTSUPP;
	}
}

/* No link dies with us here: so the journal learns of it first. */
static int attach_filter_at(struct sq_devices *devices, struct sq_device *device, int program_fd,
			    uint32_t priority, struct sq_error **err)
{
	uint32_t handle = FIRST_HANDLE + devices->handle;
	_cleanup_close_ int lock = sq_undo_lock(err);
	int r;

	if (lock < 0)
		return lock;
	json_decref(TAKE_PTR(device->filter));
	r = sq_undo_filter(devices->log, device->netns, device->ifindex, device->name,
			   device->ingress, handle, priority, &device->filter, err);
	if (!r)
		r = sq_tc_clsact_make(device->ifindex, device->ingress, err);
	if (!r)
		r = sq_tc_attach(device->ifindex, device->ingress, program_fd, handle, priority,
				 err);
	return r;
}

/*
 * Ours comes before all others of its priority, but a priority is for filters of one kind and
 * protocol: EINVAL says that this one is for another.
 */
static int attach_filter(struct sq_devices *devices, struct sq_device *device, int program_fd,
			 struct sq_error **err)
{
	_cleanup_error_ struct sq_error *last = NULL;
	int r = -EINVAL;

	for (uint32_t i = FIRST_PRIORITY; i <= LAST_PRIORITY && r == -EINVAL; i++)
		r = attach_filter_at(devices, device, program_fd, i, &last);
	if (r && r != -ENODEV && err) /* it is gone again */
		*err = TAKE_PTR(last);
	return r;
}

static void drop(struct sq_devices *devices, size_t i)
{
	sq_close(devices->item[i].link_fd);
	json_decref(devices->item[i].filter);
	devices->item[i] = devices->item[--devices->n];
}

/* In the device's network namespace. Another one may have its number by now, or it was elsewhere meanwhile. */
static bool is_still_on(const struct sq_devices *devices, const struct sq_device *device)
{
	if (devices->tcx)
		return sq_tcx_is_on(device->link_fd, device->ifindex, device->ingress);
	return sq_tc_is_attached(device->ifindex, device->ingress,
				 (uint32_t)sq_json_int(device->filter, "handle"),
				 (uint32_t)sq_json_int(device->filter, "priority"));
}

/* A device that goes elsewhere takes its link along, and its filter not: where it is now it is met anew. */
static void forget_gone(struct sq_devices *devices, uint64_t netns,
			const struct if_nameindex *interfaces)
{
	for (size_t i = devices->n; i-- > 0;) {
		const struct sq_device *device = &devices->item[i];
		const struct if_nameindex *found = interfaces;

		if (device->netns != netns)
			continue;
		while (found->if_name && found->if_index != device->ifindex)
			found++;
		if (found->if_name && is_still_on(devices, device))
			continue;
		devices->moved |= devices->tcx && sq_tcx_is_attached(device->link_fd);
		drop(devices, i);
	}
}

static bool is_attached(const struct sq_devices *devices, uint64_t netns, unsigned int ifindex,
			bool ingress)
{
	for (size_t i = 0; i < devices->n; i++)
		if (devices->item[i].netns == netns && devices->item[i].ifindex == ifindex &&
		    devices->item[i].ingress == ingress)
			return true;
	return false;
}

static int attach_one(struct sq_devices *devices, const struct sq_netns *netns,
		      const struct if_nameindex *interface, bool l3, bool ingress,
		      struct sq_error **err)
{
	int program_fd = devices->program_fd[ingress][l3], link_fd = -EBADF, r = 0;
	struct sq_device *device;

	if (!ingress && devices->egress_of_lo && interface->if_index != SQ_LO)
		return 0;
	if (program_fd < 0 || is_attached(devices, netns->inode, interface->if_index, ingress))
		return 0;
	if (devices->tcx) {
		link_fd = sq_tcx_attach(interface->if_index, ingress, program_fd);
		/* it is gone again, or came from another namespace and brought the program along */
		if (link_fd == -ENODEV || link_fd == -EEXIST)
			return 0;
		if (link_fd < 0) {
			sq_error_errno(err, -link_fd, "cannot attach");
			return sq_error_wrap(err, "device '%s'", interface->if_name);
		}
	}
	device = sq_append(&devices->item, &devices->n, sizeof(*device));
	*device = (struct sq_device){ .netns = netns->inode,
				      .ifindex = interface->if_index,
				      .ingress = ingress,
				      .link_fd = link_fd };
	snprintf(device->name, sizeof(device->name), "%s", interface->if_name);
	if (!devices->tcx)
		r = attach_filter(devices, device, program_fd, err);
	if (!r)
		return 0;
	/* the journal knows what was made of it, and it is tried again */
	drop(devices, devices->n - 1);
	return r == -ENODEV ? 0 : sq_error_wrap(err, "device '%s'", interface->if_name);
}

/* A line's device, or the near end of the line in the kernel, of this run or another: "squall1", "squall1-fq". */
static bool is_ours(const char *name)
{
	static const char start[] = "squall";
	const char *digits = name + strlen(start), *rest;

	if (strncmp(name, start, strlen(start)) != 0)
		return false;
	rest = digits + strspn(digits, "0123456789");
	return rest > digits && (!*rest || !strcmp(rest, "-fq"));
}

static int attach_all(void *argument, struct sq_error **err)
{
	struct attach *attach = argument;
	struct if_nameindex *interfaces = if_nameindex();
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const uint64_t end = sq_now() + STEP_NS;
	size_t attached;
	int r = 0;

	if (!interfaces || fd < 0) {
		r = sq_error_errno(err, errno, "cannot list the network devices");
		if (interfaces)
			if_freenameindex(interfaces);
		return r;
	}
	forget_gone(attach->devices, attach->netns->inode, interfaces);
	attached = attach->devices->n;
	for (const struct if_nameindex *i = interfaces; i->if_name; i++) {
		int layer, failed = 0;

		/* one at the least: to come to it may take as long where there are thousands */
		if (sq_now() > end && attach->devices->n > attached) {
			attach->devices->more = true;
			break;
		}
		if (is_ours(i->if_name))
			continue;
		layer = link_layer(fd, i->if_name);
		/* ingress first: egress lets pass what is meant for it */
		for (int ingress = 1; ingress >= 0 && layer >= 0 && !failed; ingress--)
			failed = attach_one(attach->devices, attach->netns, i, layer == 1, ingress,
					    r ? NULL : err);
		r = r ? r : failed;
	}
	if_freenameindex(interfaces);
	return r;
}

int sq_devices_attach(struct sq_devices *devices, const struct sq_netns *netns,
		      struct sq_error **err)
{
	struct attach attach = { .devices = devices, .netns = netns };

	devices->more = false;
	return sq_netns_call(netns->fd, attach_all, &attach, err);
}

static void detach(const struct sq_device *device, const struct sq_netns_list *netns,
		   struct sq_texts *left)
{
	int netns_fd = -EBADF;

	for (size_t i = 0; i < netns->n; i++)
		if (netns->item[i].inode == device->netns)
			netns_fd = netns->item[i].fd;
	sq_close(device->link_fd);
	if (device->filter)
		sq_undo_one(device->filter, netns_fd, left);
	json_decref(device->filter);
}

bool sq_devices_leave(struct sq_devices *devices, uint64_t inode, const struct sq_netns_list *netns,
		      struct sq_texts *left)
{
	const uint64_t end = sq_now() + STEP_NS;

	for (size_t i = devices->n; i-- > 0;) {
		if (devices->item[i].netns != inode)
			continue;
		if (sq_now() > end)
			return false;
		detach(&devices->item[i], netns, left);
		devices->item[i] = devices->item[--devices->n];
	}
	return true;
}

void sq_devices_detach(struct sq_devices *devices, const struct sq_netns_list *netns,
		       struct sq_texts *left)
{
	for (size_t i = 0; i < devices->n; i++)
		detach(&devices->item[i], netns, left);
	free(devices->item);
	devices->item = NULL;
	devices->n = 0;
}

/* Ours gets the first priority, before all others of it, unless those are of another kind or protocol. */
static void look_at_filter(void *data, const struct nlmsghdr *message)
{
	const struct tcmsg *tc = NLMSG_DATA(message);
	uint32_t chain = 0;
	int n = (int)TCA_PAYLOAD(message);
	bool *behind = data;

	for (struct rtattr *a = TCA_RTA(tc); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == TCA_CHAIN)
			memcpy(&chain, RTA_DATA(a), sizeof(chain));
	*behind |= !chain && TC_H_MAJ(tc->tcm_info) >> 16 == FIRST_PRIORITY &&
		   (strcmp(sq_tc_kind(message), "bpf") != 0 ||
		    TC_H_MIN(tc->tcm_info) != htons(ETH_P_ALL));
}

struct behind {
	bool ingress;
	struct sq_texts *ret;
};

static int look_behind(void *argument, struct sq_error **err)
{
	const struct behind *look = argument;
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct if_nameindex *interfaces = if_nameindex();
	struct sq_tc_question question = {
		.ask = RTM_GETTFILTER,
		.answer = RTM_NEWTFILTER,
		.parent = look->ingress ? SQ_CLSACT_INGRESS : SQ_CLSACT_EGRESS,
	};

	(void)err;
	for (const struct if_nameindex *i = interfaces; i && i->if_name && fd >= 0; i++) {
		_cleanup_free_ char *where = sq_asprintf("device '%s', %s", i->if_name,
							 look->ingress ? "ingress" : "egress");
		bool behind = false;

		question.ifindex = i->if_index;
		if (!sq_tc_dump(fd, &question, look_at_filter, &behind) && behind)
			sq_texts_add(look->ret, where);
	}
	if (interfaces)
		if_freenameindex(interfaces);
	return 0;
}

void sq_devices_behind(const struct sq_texts *paths, bool ingress, struct sq_texts *ret)
{
	struct behind look = { .ingress = ingress, .ret = ret };
	struct sq_netns_list netns = { 0 };

	/* what cannot be looked at is told when the run attaches there */
	if (!sq_netns_list_add(&netns, paths, true, NULL))
		for (size_t i = 0; i < netns.n; i++)
			sq_netns_call(netns.item[i].fd, look_behind, &look, NULL);
	sq_netns_list_clear(&netns);
}

struct trial {
	int program_fd;
	bool ingress, tcx;
};

static int try_lo(void *argument, struct sq_error **err)
{
	struct trial *trial = argument;
	_cleanup_close_ int fd = -EBADF;
	int r = sq_tc_attach_either(if_nametoindex("lo"), trial->ingress, trial->program_fd, &fd,
				    err);

	trial->tcx = fd >= 0;
	return r;
}

int sq_devices_probe(bool *ret_tcx, int program_fd, bool ingress, struct sq_error **err)
{
	struct trial trial = { .program_fd = program_fd, .ingress = ingress };
	int r = sq_netns_call_new(try_lo, &trial, err);

	*ret_tcx = trial.tcx;
	return r;
}
