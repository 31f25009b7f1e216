/* SPDX-License-Identifier: GPL-2.0-only */
/* What the controller and the line server say to each other, a message a datagram. */
#ifndef SQ_INJECT_LINE_PROTOCOL_H
#define SQ_INJECT_LINE_PROTOCOL_H

#include <stdint.h>

#include "inject/line.h"

enum sq_line_command {
	SQ_LINE_ADD = 'A', /* with a network namespace's descriptor */
	SQ_LINE_DROP = 'D', /* likewise: of one that was added */
	SQ_LINE_STOP = 'Q', /* the reply, with what it has counted, comes at its end */
};

struct sq_line_request {
	uint32_t command; /* enum sq_line_command */
	uint32_t number; /* the reply's too: one that is late is not taken for the next one's */
};

struct sq_line_reply {
	uint32_t number;
	int32_t result; /* 0 or a negative errno */
	char message[256];
	struct sq_line_stats stats;
};

/*
 * The line server's side: what has come, and the descriptor that came with it, the caller's, or -EBADF. 0 or a
 * negative errno: -EAGAIN where there is nothing, -EPIPE where the controller is gone.
 */
int sq_line_take_request(int socket, struct sq_line_request *ret, int *ret_fd);

void sq_line_answer(int socket, const struct sq_line_reply *reply);

/* Descriptors of the line server. */
#define SQ_LINE_FD_SLOTS 6
#define SQ_LINE_FD_HIST 7
#define SQ_LINE_FD_SHARED 8
#define SQ_LINE_FD_RING 9
#define SQ_LINE_FD_SOCKET 10
/* These two only where packets that come in are held. */
#define SQ_LINE_FD_BACKS 11
#define SQ_LINE_FD_BACK_PROGRAM 12
/* These three only where there is a line in the kernel. */
#define SQ_LINE_FD_HELD_TOTAL 13
#define SQ_LINE_FD_TURN 14
#define SQ_LINE_FD_RELEASE 15

/* What there is of these, in the last argument. */
#define SQ_LINE_WITH_BACKS 1u
#define SQ_LINE_WITH_PRIVATE 2u

#endif
