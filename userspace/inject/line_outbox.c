// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/time.h"

struct sq_line_letter *sq_line_outbox_letter(struct sq_line_outbox *outbox, int fd)
{
	struct sq_line_letter *letter;

	if (outbox->n == SQ_LINE_LETTERS || (outbox->n && outbox->fd != fd))
		sq_line_outbox_flush(outbox);
	outbox->fd = fd;
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
	for (size_t i = 0; i < n;) {
		uint64_t now = sq_now();
		int sent = sendmmsg(outbox->fd, &message[i], (unsigned int)(n - i), 0);
		int result = sent < 0 ? -errno : 0;

		/* the first that cannot be sent ends the call; what it was for, the next one tells */
		for (int j = 0; j < (sent > 0 ? sent : 1); j++, i++) {
			outbox->gone(outbox->letter[i].packet, now, result);
			free(outbox->letter[i].packet);
		}
	}
	outbox->n = 0;
}
