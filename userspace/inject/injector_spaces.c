// SPDX-License-Identifier: GPL-2.0-only
/* Where an injector's programs hang on network devices: in the namespaces that the targets' processes live in. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/squall.skel.h"
#include "inject/injector_state.h"
#include "inject/link_watch.h"
#include "inject/rules.h"
#include "util/time.h"

#define NEWS_AT_ONCE 16
#define LEFT_NS (5 * SQ_S) /* without a process so long nobody is expected back */
#define LOOK_NS SQ_S
#define MOST_DELAY_NS (60 * SQ_S)

static void find_device_programs(struct sq_injector *injector)
{
	const struct squall_bpf *object = injector->object;
	struct bpf_program *const programs[2][2] = {
		{ object->progs.sq_tc_egress, object->progs.sq_tc_egress_l3 },
		{ object->progs.sq_tc_ingress, object->progs.sq_tc_ingress_l3 },
	};

	for (int ingress = 0; ingress < 2; ingress++) {
		const bool wanted = !ingress || injector->hooks & BIT(SQ_HOOK_TC_INGRESS);

		for (int l3 = 0; l3 < 2; l3++)
			injector->devices.program_fd[ingress][l3] =
				wanted ? bpf_program__fd(programs[ingress][l3]) : -EBADF;
	}
	injector->devices.egress_of_lo = !(injector->hooks & BIT(SQ_HOOK_EGRESS));
	injector->devices.tcx = sq_backend_tcx();
	injector->devices.handle = injector->setup.lease->slot;
	injector->devices.log = injector->setup.log;
}

/* Before its devices are listed for the first time: none is missed in between. */
static int watch(struct sq_injector *injector, struct sq_netns *netns, struct sq_error **err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = netns->inode };
	_cleanup_close_ int fd = sq_link_watch(netns->fd, err);

	if (fd < 0)
		return fd;
	if (epoll_ctl(injector->links_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return sq_error_errno(err, errno, "cannot watch the network devices");
	netns->links_fd = TAKE_FD(fd);
	return 0;
}

static void enter(struct sq_injector *injector, struct sq_netns *netns)
{
	uint32_t number = (uint32_t)netns->inode, known = 1;

	netns->entered = true;
	injector->setup.enters(injector->setup.data, netns->inode, netns->fd);
	/* where there are too many, some are looked for more often than need be */
	bpf_map_update_elem(bpf_map__fd(injector->object->maps.sq_spaces), &number, &known,
			    BPF_ANY);
}

/* All that there is, for devices that have no program yet. */
static int attach_there(struct sq_injector *injector, struct sq_netns *netns, struct sq_error **err)
{
	int r = sq_devices_attach(&injector->devices, netns, err);

	netns->changed |= injector->devices.more;
	/* it may have been looked at there before its program was gone */
	for (size_t i = 0; injector->devices.moved && i < injector->netns.n; i++)
		injector->netns.item[i].changed = true;
	injector->devices.moved = false;
	return r;
}

/*
 * One step, as each may wait until others are done with the kernel's one lock for all network devices: the line before
 * what sends packets to it.
 */
static int attach_in(struct sq_injector *injector, struct sq_netns *netns, struct sq_error **err)
{
	int r = 0;

	netns->changed = true;
	if (netns->links_fd >= 0)
		sq_link_watch_drain(netns->links_fd);
	if (!netns->entered) {
		enter(injector, netns);
	} else if (netns->links_fd < 0) {
		r = watch(injector, netns, err);
	} else if (injector->needs_line && !netns->has_line) {
		r = sq_line_add(&injector->line, netns->fd, err);
		netns->has_line = !r;
	} else {
		netns->changed = false;
		r = attach_there(injector, netns, err);
	}
	if (!r)
		return 0;
	netns->changed = false;
	return sq_error_wrap(err, "network namespace %llu", (unsigned long long)netns->inode);
}

/* Each has its turn, also where the first ones change all the time. */
static struct sq_netns *next_changed(const struct sq_injector *injector)
{
	for (size_t i = 0; i < injector->netns.n; i++) {
		struct sq_netns *netns =
			&injector->netns.item[(injector->next_netns + i) % injector->netns.n];

		if (netns->changed && !netns->leaving)
			return netns;
	}
	return NULL;
}

/* What failed may not fail now. */
static void try_again(struct sq_injector *injector)
{
	for (size_t i = 0; i < injector->netns.n; i++)
		injector->netns.item[i].changed |= injector->netns.item[i].failed;
}

/* Where most targets live it must be there when they come back, from their first packet on. */
static void keep_own(struct sq_injector *injector)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return;
	for (size_t i = 0; i < injector->netns.n; i++)
		injector->netns.item[i].kept |= injector->netns.item[i].inode == st.st_ino;
}

int sq_injector_find_spaces(struct sq_injector *injector, bool expect, struct sq_error **err)
{
	int r;

	if (!(injector->hooks & ON_DEVICES))
		return 0;
	try_again(injector);
	r = sq_netns_list_add(&injector->netns, &injector->paths, expect, err);
	keep_own(injector);
	if (!r)
		injector->netns_ns = sq_now();
	return r;
}

/* Whoever comes there from now on is counted as one that has arrived. */
static void begin_to_leave(struct sq_injector *injector, struct sq_netns *netns)
{
	uint32_t number = (uint32_t)netns->inode;

	if (netns->leaving)
		return;
	bpf_map_delete_elem(bpf_map__fd(injector->object->maps.sq_spaces), &number);
	injector->setup.leaves(injector->setup.data, netns->inode);
	netns->leaving = true;
	netns->entered = netns->changed = false;
}

/* A step. Programs first: afterwards nothing is sent to the line. */
static void leave(struct sq_injector *injector, size_t i, struct sq_texts *left)
{
	struct sq_netns *netns = &injector->netns.item[i];

	begin_to_leave(injector, netns);
	if (!sq_devices_leave(&injector->devices, netns->inode, &injector->netns, left))
		return;
	/* a line that does not answer is missed by its heartbeat */
	if (netns->has_line)
		sq_line_drop(&injector->line, netns->fd, NULL);
	sq_netns_list_remove(&injector->netns, i);
	/* who came meanwhile; and what failed for want of room may not fail now */
	sq_injector_find_spaces(injector, false, NULL);
}

/* What those who have left have sent may still be held: delays add up. */
static uint64_t longest_wait(const struct sq_injector *injector)
{
	uint64_t wait = 0;

	for (size_t i = 0; i < injector->n_faults; i++)
		wait += MIN(sq_fault_longest_ns(sq_injector_fault(injector, i)), MOST_DELAY_NS);
	return wait;
}

bool sq_injector_let_go_next(struct sq_injector *injector, struct sq_texts *left)
{
	const uint64_t stay = LEFT_NS + longest_wait(injector);
	bool may_go = false;

	for (size_t i = 0; i < injector->netns.n; i++)
		may_go |= !injector->netns.item[i].kept;
	if (!may_go)
		return false;
	if (sq_now() > injector->netns_ns + LOOK_NS &&
	    sq_injector_find_spaces(injector, false, NULL))
		return false;
	for (size_t i = 0; i < injector->netns.n; i++) {
		const struct sq_netns *netns = &injector->netns.item[i];

		if (netns->kept || injector->netns_ns < netns->seen_ns + stay)
			continue;
		leave(injector, i, left);
		return true;
	}
	return false;
}

int sq_injector_links_fd(const struct sq_injector *injector)
{
	return injector->links_fd;
}

void sq_injector_look_at_links(struct sq_injector *injector)
{
	struct epoll_event news[NEWS_AT_ONCE];
	int n = epoll_wait(injector->links_fd, news, NEWS_AT_ONCE, 0);

	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < injector->netns.n; j++)
			if (injector->netns.item[j].inode == news[i].data.u64)
				injector->netns.item[j].changed = true;
}

bool sq_injector_has_changed(const struct sq_injector *injector)
{
	return next_changed(injector) != NULL;
}

int sq_injector_attach_next(struct sq_injector *injector, struct sq_error **err)
{
	struct sq_netns *netns = next_changed(injector);
	bool told;
	int r;

	if (!netns)
		return 0;
	injector->next_netns = (size_t)(netns - injector->netns.item) + 1;
	told = netns->failed;
	r = attach_in(injector, netns, told ? NULL : err);
	netns->failed = r;
	return told ? 0 : r;
}

int sq_injector_attach_spaces(struct sq_injector *injector, struct sq_error **err)
{
	int r;

	if (!(injector->hooks & ON_DEVICES))
		return 0;
	injector->links_fd = epoll_create1(EPOLL_CLOEXEC);
	if (injector->links_fd < 0)
		return sq_error_errno(err, errno, "cannot watch the network devices");
	find_device_programs(injector);
	r = sq_injector_find_spaces(injector, true, err);
	while (!r && sq_injector_has_changed(injector))
		r = sq_injector_attach_next(injector, err);
	return r;
}
