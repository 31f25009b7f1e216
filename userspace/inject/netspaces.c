// SPDX-License-Identifier: GPL-2.0-only
#include "inject/netspaces.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inject/link_watch.h"
#include "util/device.h"
#include "util/netns.h"
#include "util/time.h"

#define NEWS_AT_ONCE 16
#define LOOK_NS SQ_S

/* Before its devices are listed for the first time: none is missed in between. */
static int watch(struct sq_netspaces *spaces, struct sq_netns *netns, struct sq_error **err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = netns->inode };
	_cleanup_close_ int fd = sq_link_watch(netns->fd, err);

	if (fd < 0)
		return fd;
	if (epoll_ctl(spaces->links_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return sq_error_errno(err, errno, "cannot watch the network devices");
	netns->links_fd = TAKE_FD(fd);
	return 0;
}

static void enter(struct sq_netspaces *spaces, struct sq_netns *netns)
{
	uint32_t number = (uint32_t)netns->inode, known = 1;

	netns->entered = true;
	spaces->enters(spaces->data, netns->inode, netns->fd);
	/* where there are too many, some are looked for more often than need be */
	bpf_map_update_elem(spaces->known_fd, &number, &known, BPF_ANY);
}

/* A device that has gone elsewhere had its program still, and may have been looked at there with it. */
static void look_everywhere(struct sq_netspaces *spaces)
{
	for (size_t i = 0; i < spaces->netns.n; i++)
		spaces->netns.item[i].changed = true;
}

static int look_at_line(void *argument, struct sq_error **err)
{
	const struct sq_line *line = argument;

	(void)err;
	return sq_device_is_up(sq_line_ifindex(line->lease)) ? 0 : -ENODEV;
}

/* Somebody may have set its device down, or moved it elsewhere: what is sent to it would be lost. */
static bool has_line(struct sq_netspaces *spaces, const struct sq_netns *netns)
{
	return netns->has_line && !sq_netns_call(netns->fd, look_at_line, spaces->line, NULL);
}

/* All that there is, for devices that have no program yet. */
static int attach_there(struct sq_netspaces *spaces, struct sq_netns *netns, struct sq_error **err)
{
	int r = sq_devices_attach(&spaces->devices, netns, err);

	netns->changed = spaces->devices.more;
	if (spaces->devices.moved)
		look_everywhere(spaces);
	spaces->devices.moved = false;
	return r;
}

/*
 * One step, as each may wait until others are done with the kernel's one lock for all network devices: the line before
 * what sends packets to it.
 */
static int attach_in(struct sq_netspaces *spaces, struct sq_netns *netns, struct sq_error **err)
{
	int r = 0;

	if (netns->links_fd >= 0)
		sq_link_watch_drain(netns->links_fd);
	if (!netns->entered) {
		enter(spaces, netns);
	} else if (netns->links_fd < 0) {
		r = watch(spaces, netns, err);
		netns->changed = !r;
	} else if (spaces->line && !has_line(spaces, netns)) {
		/* what does not answer in time may make it yet */
		netns->has_line = true;
		r = sq_line_add(spaces->line, netns->fd, err);
		netns->changed = !r;
	} else {
		r = attach_there(spaces, netns, err);
	}
	return r ? sq_error_wrap(err, "network namespace %llu", (unsigned long long)netns->inode)
		 : 0;
}

/* Each has its turn, also where the first ones change all the time. */
static struct sq_netns *next_changed(const struct sq_netspaces *spaces)
{
	for (size_t i = 0; i < spaces->netns.n; i++) {
		struct sq_netns *netns = &spaces->netns.item[(spaces->next + i) % spaces->netns.n];

		if (netns->changed && !netns->leaving)
			return netns;
	}
	return NULL;
}

/* What failed may not fail now. */
static void try_again(struct sq_netspaces *spaces)
{
	for (size_t i = 0; i < spaces->netns.n; i++)
		spaces->netns.item[i].changed |= spaces->netns.item[i].failed;
}

/* Where most targets live it must be there when they come back, from their first packet on. */
static void keep_own(struct sq_netspaces *spaces)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return;
	for (size_t i = 0; i < spaces->netns.n; i++)
		spaces->netns.item[i].kept |= spaces->netns.item[i].inode == st.st_ino;
}

int sq_netspaces_open(struct sq_netspaces *spaces, struct sq_error **err)
{
	spaces->links_fd = epoll_create1(EPOLL_CLOEXEC);
	if (spaces->links_fd < 0)
		return sq_error_errno(err, errno, "cannot watch the network devices");
	return 0;
}

int sq_netspaces_find(struct sq_netspaces *spaces, bool expect, struct sq_error **err)
{
	int r;

	try_again(spaces);
	r = sq_netns_list_add(&spaces->netns, &spaces->paths, expect, err);
	keep_own(spaces);
	if (!r)
		spaces->found_ns = sq_now();
	return r;
}

/* Whoever comes there from now on is counted as one that has arrived. */
static void begin_to_leave(struct sq_netspaces *spaces, struct sq_netns *netns)
{
	uint32_t number = (uint32_t)netns->inode;

	if (netns->leaving)
		return;
	bpf_map_delete_elem(spaces->known_fd, &number);
	netns->leaving = true;
	netns->entered = netns->changed = false;
}

/* A step. Programs first: afterwards nothing is sent to the line. */
static void leave(struct sq_netspaces *spaces, size_t i, struct sq_texts *left)
{
	struct sq_netns *netns = &spaces->netns.item[i];

	begin_to_leave(spaces, netns);
	if (!sq_devices_leave(&spaces->devices, netns->inode, &spaces->netns, left))
		return;
	if (netns->links_fd >= 0 && sq_link_watch_drain(netns->links_fd))
		look_everywhere(spaces);
	/* past a line that does not answer packets pass */
	if (netns->has_line)
		sq_line_drop(spaces->line, netns->fd, NULL);
	spaces->leaves(spaces->data, netns->inode);
	sq_netns_list_remove(&spaces->netns, i);
	/* who came meanwhile; and what failed for want of room may not fail now */
	sq_netspaces_find(spaces, false, NULL);
}

bool sq_netspaces_let_go_next(struct sq_netspaces *spaces, struct sq_texts *left)
{
	bool may_go = false;

	for (size_t i = 0; i < spaces->netns.n; i++)
		may_go |= !spaces->netns.item[i].kept;
	if (!may_go)
		return false;
	if (sq_now() > spaces->found_ns + LOOK_NS && sq_netspaces_find(spaces, false, NULL))
		return false;
	for (size_t i = 0; i < spaces->netns.n; i++) {
		const struct sq_netns *netns = &spaces->netns.item[i];

		if (netns->kept || spaces->found_ns < netns->seen_ns + spaces->stay_ns)
			continue;
		leave(spaces, i, left);
		return true;
	}
	return false;
}

void sq_netspaces_look_at_links(struct sq_netspaces *spaces)
{
	struct epoll_event news[NEWS_AT_ONCE];
	int n = epoll_wait(spaces->links_fd, news, NEWS_AT_ONCE, 0);

	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < spaces->netns.n; j++)
			if (spaces->netns.item[j].inode == news[i].data.u64)
				spaces->netns.item[j].changed = true;
}

bool sq_netspaces_has_changed(const struct sq_netspaces *spaces)
{
	return next_changed(spaces) != NULL;
}

int sq_netspaces_attach_next(struct sq_netspaces *spaces, struct sq_error **err)
{
	struct sq_netns *netns = next_changed(spaces);
	bool told;
	int r;

	if (!netns)
		return 0;
	spaces->next = (size_t)(netns - spaces->netns.item) + 1;
	told = netns->failed;
	r = attach_in(spaces, netns, told ? NULL : err);
	netns->failed = r;
	return told ? 0 : r;
}

void sq_netspaces_close(struct sq_netspaces *spaces, struct sq_texts *left)
{
	sq_devices_detach(&spaces->devices, &spaces->netns, left);
	spaces->links_fd = sq_close(spaces->links_fd);
	sq_netns_list_clear(&spaces->netns);
	sq_texts_clear(&spaces->paths);
}
