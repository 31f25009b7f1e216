/* SPDX-License-Identifier: GPL-2.0-only */
/* What leaves the delay line at about the same time by the same socket goes with one system call. */
#ifndef SQ_INJECT_LINE_OUTBOX_H
#define SQ_INJECT_LINE_OUTBOX_H

#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "inject/line_jam.h"
#include "inject/line_queue.h"

#define SQ_LINE_LETTERS 32

union sq_line_address {
	struct sockaddr any;
	struct sockaddr_ll link;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct sq_line_letter {
	union sq_line_address address;
	socklen_t address_n;
	struct virtio_net_hdr header; /* as it is sent */
	struct iovec parts[2];
	size_t n_parts;
	struct sq_line_packet *packet; /* what the parts point into */
	uint32_t mark;
	uint32_t device; /* of IP's: the only one by which it may leave, 0: any */
	char control[CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo))]
		__attribute__((aligned(8)));
};

struct sq_line_outbox {
	int fd; /* by which all that is in it leaves */
	uint32_t priority; /* of all that is in it; 0: the socket's own */
	size_t n;
	struct sq_line_letter letter[SQ_LINE_LETTERS];
	struct sq_line_jams jams; /* what could not leave for now */
	/* Told of each that left at @now_ns, or could not: 0 or a negative errno. */
	void (*gone)(const struct sq_line_packet *packet, uint64_t now_ns, int result);
};

/*
 * Sends what is in it where a letter by @fd and with @priority, that of its packet or 0, could not leave together with
 * that. A jam may come of it.
 */
void sq_line_outbox_make_room(struct sq_line_outbox *outbox, int fd, uint32_t priority);

/* Such a letter, to be filled; there is room for it then. */
struct sq_line_letter *sq_line_outbox_letter(struct sq_line_outbox *outbox, int fd,
					     uint32_t priority);

/* Sends all that is in it, in its order, and frees the packets but for those that get into a jam. */
void sq_line_outbox_flush(struct sq_line_outbox *outbox);

#endif
