// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_places.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inject/line.h"
#include "inject/line_protocol.h"
#include "util/time.h"

/* So long something may be held that was bound for a namespace that is dropped. */
#define REUSE_NS (61 * SQ_S)

/* The part in the kernel of space @i. */
static int add_pair(struct sq_line_places *places, size_t i, struct sq_error **err)
{
	struct sq_line_pair_setup setup = { .netns_fd = places->private.netns_fd,
					    .sysfs_fd = places->private.sysfs_fd,
					    .ifindex = sq_line_private_ifindex(places->lease),
					    .turn_program_fd = SQ_LINE_FD_TURN,
					    .release_program_fd = SQ_LINE_FD_RELEASE };

	if (!places->held)
		return 0;
	sq_line_private_name(places->lease, setup.name);
	snprintf(setup.far_name, sizeof(setup.far_name), "squall%zu", i);
	return sq_line_pair_open(&places->pair[i], &setup, err);
}

/* In the thread's network namespace, as the two after it. */
static int attach_back(struct sq_line_places *places, size_t i, struct sq_error **err)
{
	return places->backs.entry ? sq_line_space_attach_back(&places->space[i],
							       sq_line_ifindex(places->lease),
							       SQ_LINE_FD_BACK_PROGRAM, err)
				   : 0;
}

static int open_space(struct sq_line_places *places, size_t i, struct sq_error **err)
{
	struct sq_line_space *space = &places->space[i];
	char name[IFNAMSIZ];
	int r;

	sq_line_name(places->lease, name);
	r = sq_line_space_open(space, sq_line_ifindex(places->lease), name, err);
	if (r)
		return r;
	r = attach_back(places, i, err);
	if (!r)
		r = add_pair(places, i, err);
	if (r)
		sq_line_space_close(space);
	return r;
}

static int remake_device(struct sq_line_places *places, size_t i, struct sq_error **err)
{
	struct sq_line_space *space = &places->space[i];
	int r = sq_line_space_make_device(space, sq_line_ifindex(places->lease), err);

	return r ? r : attach_back(places, i, err);
}

static int in_netns(int netns_fd,
		    int (*function)(struct sq_line_places *places, size_t i, struct sq_error **err),
		    struct sq_line_places *places, size_t i, struct sq_error **err)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	/* not in a thread that ends: the sockets shall belong to this process's cgroup and to it */
	if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return sq_error_errno(err, errno, "cannot enter a network namespace");
	r = function(places, i, err);
	if (setns(own, CLONE_NEWNET) < 0)
		exit(1);
	return r;
}

static void poll_place(struct sq_line_places *places, size_t i)
{
	places->fds[i] = (struct pollfd){ .fd = places->space[i].tap_fd, .events = POLLIN };
}

/* One that nobody has, or SQ_LINE_PLACES. */
static size_t find_place(const struct sq_line_places *places)
{
	uint64_t now = sq_now();

	for (size_t i = 0; i < places->n; i++)
		if (!places->place[i].netns && now > places->place[i].dropped_ns + REUSE_NS)
			return i;
	return places->n;
}

int sq_line_places_add(struct sq_line_places *places, int netns_fd, struct sq_error **err)
{
	size_t i = find_place(places);
	struct stat st;
	int r;

	if (i == SQ_LINE_PLACES)
		return sq_error_set(err, SQ_FAIL_ERROR, ENOSPC,
				    "the delay line serves no more "
				    "than %d network namespaces",
				    SQ_LINE_PLACES);
	if (fstat(netns_fd, &st) < 0)
		return sq_error_errno(err, errno, "cannot look at a network namespace");
	r = in_netns(netns_fd, open_space, places, i, err);
	if (r)
		return r;
	places->place[i].netns = st.st_ino;
	poll_place(places, i);
	places->n = MAX(places->n, i + 1);
	return 0;
}

int sq_line_places_drop(struct sq_line_places *places, int netns_fd, struct sq_error **err)
{
	struct stat st;

	if (fstat(netns_fd, &st) < 0)
		return sq_error_errno(err, errno, "cannot look at a network namespace");
	for (size_t i = 0; i < places->n; i++) {
		if (places->place[i].netns != st.st_ino)
			continue;
		places->place[i] = (struct sq_line_place){ .dropped_ns = sq_now() };
		places->dropped += sq_line_space_dropped(&places->space[i]);
		places->fds[i].fd = -1;
		places->space[i].cookie = 0;
		if (places->held)
			sq_line_pair_close(&places->pair[i]);
		sq_line_space_close(&places->space[i]);
	}
	return 0;
}

bool sq_line_places_remake(struct sq_line_places *places, uint64_t *remade)
{
	for (size_t i = 0; i < places->n; i++) {
		_cleanup_close_ int netns_fd = -EBADF;

		if (!places->place[i].netns || places->fds[i].fd >= 0)
			continue;
		netns_fd = sq_line_space_netns(&places->space[i]);
		if (netns_fd < 0 || in_netns(netns_fd, remake_device, places, i, NULL))
			return false;
		poll_place(places, i);
		(*remade)++;
	}
	return true;
}

uint64_t sq_line_places_dropped(const struct sq_line_places *places)
{
	uint64_t dropped = places->dropped;

	if (places->held)
		dropped += places->held->lost + places->held->delayed;
	for (size_t i = 0; i < places->n; i++)
		dropped += sq_line_space_dropped(&places->space[i]);
	return dropped;
}

void sq_line_places_close_pairs(struct sq_line_places *places)
{
	for (size_t i = 0; places->held && i < places->n; i++)
		sq_line_pair_close(&places->pair[i]);
}
