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
	return letter;
}

static void set_mark(struct msghdr *message, struct sq_line_letter *letter)
{
	struct cmsghdr *cmsg;

	message->msg_control = letter->control;
	message->msg_controllen = sizeof(letter->control);
	cmsg = CMSG_FIRSTHDR(message);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SO_MARK;
	cmsg->cmsg_len = CMSG_LEN(sizeof(letter->mark));
	memcpy(CMSG_DATA(cmsg), &letter->mark, sizeof(letter->mark));
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
		if (letter->mark)
			set_mark(&message[i].msg_hdr, letter);
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
