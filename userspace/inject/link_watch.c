// SPDX-License-Identifier: GPL-2.0-only
#include "inject/link_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/netns.h"

#define ROOM (32 << 10) /* for some messages: where more come one look is enough for all */
#define MOST_MESSAGES 256 /* that are read at once: the rest makes another look */

static int open_there(void *argument, struct sq_error **err)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	const int room = ROOM;
	int *ret = argument;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sq_error_errno(err, errno, "cannot watch the network devices");
	*ret = TAKE_FD(fd);
	return 0;
}

int sq_link_watch(int netns_fd, struct sq_error **err)
{
	int fd = -EBADF, r = sq_netns_call(netns_fd, open_there, &fd, err);

	return r ? r : fd;
}

bool sq_link_watch_drain(int fd)
{
	char byte;
	int n = 0;

	/* a datagram's rest is dropped; ENOBUFS says once that there were more than there was room for */
	while (n < MOST_MESSAGES &&
	       (recv(fd, &byte, sizeof(byte), 0) >= 0 || errno == ENOBUFS || errno == EINTR))
		n++;
	return n;
}
