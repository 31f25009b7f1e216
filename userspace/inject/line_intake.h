/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes to the delay line: small packets by a ring that the gate writes (bpf/skb.bpf.c), super packets and all
 * else by the line's devices.
 */
#ifndef SQ_INJECT_LINE_INTAKE_H
#define SQ_INJECT_LINE_INTAKE_H

#include <poll.h>

#include "inject/line_queue.h"
#include "inject/line_ring.h"
#include "inject/line_space.h"

struct sq_line_intake {
	const volatile struct sq_line_slot *slots;
	struct sq_line_shared *shared;
	struct sq_line_ring ring;
	void (*take)(struct sq_line_packet *packet); /* the packet is the taker's */
	uint64_t last; /* the number of the last packet that was read from a device */
	struct sq_line_packet **waiting; /* read from devices, to be merged with the ring's */
	size_t n_waiting;
	uint64_t order; /* how many were read, ever */
	uint64_t reused; /* lost: the packet's slot was another's already, or nobody knows its namespace */
	bool more; /* there is more to read at once */
	bool gone; /* a device has been removed */
};

/* Maps what the gate writes. The descriptors may be closed then, but the ring's, which is readable when there is any. */
int sq_line_intake_open(struct sq_line_intake *intake, int slots_fd, int shared_fd, int ring_fd,
			struct sq_error **err);

/* From now on the gate wakes whoever waits for the ring's descriptor, or does so no more: it costs much. */
void sq_line_intake_wait(struct sq_line_intake *intake, bool waits);

/* Packets are taken, said at @now_ns (CLOCK_BOOTTIME); 0: the gate shall send no more. */
void sq_line_intake_live(struct sq_line_intake *intake, uint64_t now_ns);

/*
 * Hands over what has come to the @n namespaces, of whose devices @devices tells what has been polled, in the order
 * of the gate's numbers for each flow. Returns how many packets there were. A device that is gone leaves @devices.
 */
size_t sq_line_intake_read(struct sq_line_intake *intake, const struct sq_line_space *spaces,
			   struct pollfd *devices, size_t n);

#endif
