// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/time.h"

void sq_line_outbox_make_room(struct sq_line_outbox *outbox, int fd, uint32_t priority)
{
	if (outbox->n == SQ_LINE_LETTERS ||
	    (outbox->n && (outbox->fd != fd || outbox->priority != priority)))
		sq_line_outbox_flush(outbox);
	outbox->fd = fd;
	outbox->priority = priority;
}

struct sq_line_letter *sq_line_outbox_letter(struct sq_line_outbox *outbox, int fd,
					     uint32_t priority)
{
	struct sq_line_letter *letter;

	sq_line_outbox_make_room(outbox, fd, priority);
	letter = &outbox->letter[outbox->n++];
	letter->mark = 0;
	letter->device = 0;
	return letter;
}

static void add_control(struct msghdr *message, struct sq_line_letter *letter, int level, int type,
			const void *data, size_t n)
{
	struct cmsghdr *cmsg = (void *)(letter->control + message->msg_controllen);

	message->msg_control = letter->control;
	message->msg_controllen += CMSG_SPACE(n);
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(cmsg), data, n);
}

static void add_controls(struct msghdr *message, struct sq_line_letter *letter)
{
	const struct in_pktinfo v4 = { .ipi_ifindex = (int)letter->device };
	const struct in6_pktinfo v6 = { .ipi6_ifindex = letter->device };

	if (letter->mark)
		add_control(message, letter, SOL_SOCKET, SO_MARK, &letter->mark,
			    sizeof(letter->mark));
	if (letter->device && letter->address.any.sa_family == AF_INET)
		add_control(message, letter, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	else if (letter->device)
		add_control(message, letter, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
}

/* Is it for a device with a queue, which does not take it now? Of other sockets the kernel says no such thing. */
static bool is_full(const struct sq_line_letter *letter, int result)
{
	return letter->address.any.sa_family == AF_PACKET &&
	       (result == -ENOBUFS || result == -EAGAIN);
}

/* What became of a letter. */
static void settle(struct sq_line_outbox *outbox, struct sq_line_letter *letter, uint64_t now_ns,
		   int result)
{
	if (is_full(letter, result)) {
		sq_line_jams_add(&outbox->jams, letter->packet, now_ns);
		return;
	}
	outbox->gone(letter->packet, now_ns, result);
	free(letter->packet);
}

/* Of all that the socket sends from now on: one for each packet there is since 6.14 only. */
static void set_priority(int fd, uint32_t priority)
{
	/* one that is refused is missing, no more */
	setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
}

/* Sends the messages, whose letters they are. */
static void send_all(struct sq_line_outbox *outbox, struct mmsghdr *message, size_t n)
{
	bool full = false;

	for (size_t i = 0; i < n;) {
		/* from then on one by one: others to the same device must wait behind it */
		unsigned int most = full ? 1 : (unsigned int)(n - i);
		uint64_t now = sq_now();
		int sent = -1, result = -ENOBUFS;

		if (!full || !sq_line_jams_full(&outbox->jams, outbox->letter[i].packet)) {
			sent = sendmmsg(outbox->fd, &message[i], most, 0);
			result = sent < 0 ? -errno : 0;
		}
		/* the first that cannot be sent ends the call; what it was for, the next one tells */
		for (int j = 0; j < (sent > 0 ? sent : 1); j++, i++) {
			full = full || is_full(&outbox->letter[i], result);
			settle(outbox, &outbox->letter[i], now, result);
		}
	}
}

void sq_line_outbox_flush(struct sq_line_outbox *outbox)
{
	struct mmsghdr message[SQ_LINE_LETTERS];
	size_t n = outbox->n;

	for (size_t i = 0; i < n; i++) {
		struct sq_line_letter *letter = &outbox->letter[i];

		message[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &letter->address,
							    .msg_namelen = letter->address_n,
							    .msg_iov = letter->parts,
							    .msg_iovlen = letter->n_parts } };
		add_controls(&message[i].msg_hdr, letter);
	}
	if (n && outbox->priority)
		set_priority(outbox->fd, outbox->priority);
	send_all(outbox, message, n);
	if (n && outbox->priority)
		set_priority(outbox->fd, 0);
	outbox->n = 0;
}
