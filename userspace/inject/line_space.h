/* SPDX-License-Identifier: GPL-2.0-only */
/* The delay line's part in one network namespace: its device and the ways back. */
#ifndef SQ_INJECT_LINE_SPACE_H
#define SQ_INJECT_LINE_SPACE_H

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdint.h>

#include "abi.h"
#include "inject/line_ip.h"
#include "inject/line_outbox.h"
#include "util/error.h"

struct sq_line_space {
	int tap_fd; /* a packet a read, behind a struct virtio_net_hdr */
	int packet_fd; /* to any device but lo */
	int back_fd; /* the link of the program on the device, or -EBADF */
	int devices_fd; /* /proc/net/dev of the namespace */
	struct sq_line_ip ip; /* to lo */
	uint64_t cookie; /* the namespace's: packets of another one are let go unsent */
	char name[IFNAMSIZ];
};

/* How packets that came in go back: what the line server shares with the program on its device. */
struct sq_line_backs {
	struct sq_line_back *entry; /* SQ_LINE_BACKS of them */
	uint32_t next;
};

/* Everything in the calling thread's network namespace. */
int sq_line_space_open(struct sq_line_space *space, uint32_t ifindex, const char *name,
		       struct sq_error **err);

/* Makes its device, or makes it again, in the thread's network namespace; the program on it is another matter. */
int sq_line_space_make_device(struct sq_line_space *space, uint32_t ifindex, struct sq_error **err);

/* A descriptor of its network namespace, the caller's, or -1. */
int sq_line_space_netns(const struct sq_line_space *space);

/* Attaches the program that sends packets in again, for as long as the space is open. */
int sq_line_space_attach_back(struct sq_line_space *space, uint32_t ifindex, int program_fd,
			      struct sq_error **err);

void sq_line_space_close(struct sq_line_space *space);

/* How many packets the kernel dropped because nobody had read those before them. */
uint64_t sq_line_space_dropped(const struct sq_line_space *space);

/*
 * Sends a packet on its way, at the latest when @outbox is flushed; it is taken. Its frame begins with the Ethernet
 * header that the gate left, its slot is what the gate wrote about it. The outbox tells what became of it.
 */
void sq_line_space_send(struct sq_line_space *space, struct sq_line_backs *backs,
			struct sq_line_outbox *outbox, struct sq_line_packet *packet);

/*
 * The same of an IP packet of squall's own, complete with its checksums, which is all that is in the frame: it goes
 * the way that the IP stack finds; one of the namespace's own addresses is reached too, whoever it is said to be
 * from. The faults on packets that come in let it pass.
 */
void sq_line_space_send_made(struct sq_line_space *space, struct sq_line_outbox *outbox,
			     struct sq_line_packet *packet);

#endif
