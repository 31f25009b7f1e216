// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "inject/helper_lease.h"
#include "inject/line_protocol.h"
#include "inject/line_space.h"
#include "util/netns.h"
#include "util/time.h"

#define FIRST_IFINDEX 0x53510000u /* far above what devices are numbered with */
#define FIRST_PRIVATE_IFINDEX 0x53520000u
#define REPLY_NS (10 * SQ_S) /* others may have the kernel's lock for network devices */
#define LOOK_NS (50 * SQ_MS) /* from one look at the lease to the next, meanwhile */
#define LINE_FDS 12

uint32_t sq_line_ifindex(const struct sq_lease *lease)
{
	return FIRST_IFINDEX + lease->slot;
}

void sq_line_name(const struct sq_lease *lease, char *name)
{
	snprintf(name, IFNAMSIZ, "squall%u", lease->slot);
}

uint32_t sq_line_private_ifindex(const struct sq_lease *lease)
{
	return FIRST_PRIVATE_IFINDEX + lease->slot;
}

void sq_line_private_name(const struct sq_lease *lease, char *name)
{
	snprintf(name, IFNAMSIZ, "squall%u-fq", lease->slot);
}

/* As the line server expects them; the place of what there is not is another's. */
static void list_fds(const struct sq_line_setup *setup, int socket, int fds[LINE_FDS])
{
	const int list[LINE_FDS] = { setup->lease->control_fd,
				     setup->switch_fd,
				     setup->slots_fd,
				     setup->hist_fd,
				     setup->shared_fd,
				     setup->ring_fd,
				     socket,
				     setup->backs_fd,
				     setup->back_program_fd,
				     setup->held_total_fd,
				     setup->turn_program_fd,
				     setup->release_program_fd };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		fds[i] = list[i] < 0 ? socket : list[i];
}

int sq_line_start(struct sq_line *line, const struct sq_line_setup *setup, struct sq_error **err)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct sq_lease_arguments arguments;
	const char *argv[6] = { NULL };
	char faults[16], with[16];
	int fds[LINE_FDS];
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return sq_error_errno(err, errno, "cannot make a socket pair");
	ours = ends[0];
	theirs = ends[1];
	sq_lease_arguments(setup->lease, &arguments);
	snprintf(faults, sizeof(faults), "%u", setup->n_faults);
	for (int i = 0; i < 3; i++)
		argv[i] = arguments.argv[i];
	snprintf(with, sizeof(with), "%u",
		 (setup->backs_fd >= 0 ? SQ_LINE_WITH_BACKS : 0) |
			 (setup->held_total_fd >= 0 ? SQ_LINE_WITH_PRIVATE : 0));
	argv[3] = faults;
	argv[4] = with;
	list_fds(setup, theirs, fds);
	r = sq_helper_start(setup->helpers, SQ_HELPER_LINE, argv, fds, ARRAY_SIZE(fds), err);
	if (!r)
		*line = (struct sq_line){ .lease = setup->lease, .socket = TAKE_FD(ours) };
	return r;
}

/* Sends a command, with a descriptor if @fd is one. */
static int request(struct sq_line *line, enum sq_line_command command, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(8))) = { 0 };
	struct sq_line_request request = { .command = command, .number = ++line->asked };
	struct iovec part = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(line->socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The reply to the last command, if it is there; those to earlier ones came too late. Negative errno, -EAGAIN: not yet. */
static int take_reply(const struct sq_line *line, struct sq_line_reply *reply)
{
	ssize_t n;

	do
		n = recv(line->socket, reply, sizeof(*reply), MSG_DONTWAIT);
	while (n == sizeof(*reply) && reply->number != line->asked);
	if (n < 0)
		return -errno;
	return n == sizeof(*reply) ? 0 : -EPIPE;
}

/* Waits for it, as long as the run lasts. */
static int wait_for_reply(const struct sq_line *line, struct sq_line_reply *reply)
{
	struct pollfd poll_fd = { .fd = line->socket, .events = POLLIN };
	const uint64_t end = sq_now() + REPLY_NS;
	enum sq_lease_state state;
	int r;

	do {
		poll(&poll_fd, 1, LOOK_NS / SQ_MS);
		r = take_reply(line, reply);
		state = sq_lease_state(line->lease);
	} while (r == -EAGAIN && sq_now() < end && state != SQ_LEASE_LAPSED &&
		 state != SQ_LEASE_KILLED);
	return r;
}

/* A command about a network namespace. */
static int ask(struct sq_line *line, enum sq_line_command command, int netns_fd,
	       struct sq_error **err)
{
	struct sq_line_reply reply;

	if (request(line, command, netns_fd) || wait_for_reply(line, &reply))
		return sq_error_set(err, SQ_FAIL_ERROR, EPIPE, "the delay line does not answer");
	if (reply.result)
		return sq_error_set(err, SQ_FAIL_ERROR, -reply.result, "%s", reply.message);
	return 0;
}

int sq_line_add(struct sq_line *line, int netns_fd, struct sq_error **err)
{
	return ask(line, SQ_LINE_ADD, netns_fd, err);
}

int sq_line_drop(struct sq_line *line, int netns_fd, struct sq_error **err)
{
	return ask(line, SQ_LINE_DROP, netns_fd, err);
}

void sq_line_stop(struct sq_line *line)
{
	/* one that is dead has ended */
	if (line->socket >= 0)
		request(line, SQ_LINE_STOP, -EBADF);
}

void sq_line_stats(struct sq_line *line, struct sq_line_stats *ret)
{
	struct sq_line_reply reply;

	if (line->socket >= 0 && !take_reply(line, &reply))
		*ret = reply.stats;
	line->socket = sq_close(line->socket);
}

static int try_space(void *argument, struct sq_error **err)
{
	struct sq_line_space space;
	int r = sq_line_space_open(&space, FIRST_IFINDEX, "squall-probe", err);

	if (!r)
		sq_line_space_close(&space);
	return r;
}

int sq_line_probe(struct sq_error **err)
{
	return sq_netns_call_new(try_space, NULL, err);
}
