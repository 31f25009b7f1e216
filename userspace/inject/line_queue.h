/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets that the delay line holds, by the time when they are due. */
#ifndef SQ_INJECT_LINE_QUEUE_H
#define SQ_INJECT_LINE_QUEUE_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct sq_line_packet {
	uint64_t due_ns;
	uint64_t order; /* of two that are due at once the earlier goes first */
	struct sq_line_slot slot;
	size_t space; /* the network namespace's index */
	uint64_t netns; /* its cookie: another one may have the index by now */
	size_t first_segment; /* which of the wire packets that the gate drew for its number it begins with */
	size_t n;
	struct virtio_net_hdr header;
	unsigned char frame[]; /* right behind the header, as they are read */
};

_Static_assert(offsetof(struct sq_line_packet, frame) ==
		       offsetof(struct sq_line_packet, header) + sizeof(struct virtio_net_hdr),
	       "header and frame are read as one");

#define SQ_LINE_SETS 2048
#define SQ_LINE_WAYS 4

/* When the last packet of a flow is due: jitter must not reorder. */
struct sq_line_last {
	uint64_t flow, due_ns;
};

struct sq_line_queue {
	struct sq_line_packet **heap;
	size_t n;
	size_t bytes;
	uint64_t order;
	struct sq_line_last last[SQ_LINE_SETS][SQ_LINE_WAYS];
};

/* Takes a packet whose frame has @n bytes, to be freed with free(). */
struct sq_line_packet *sq_line_packet_new(size_t n);

/* What it takes of the room that there is. */
size_t sq_line_packet_bytes(const struct sq_line_packet *packet);

/* Adds it: due after its slot's delay, but not before its flow's last one. */
void sq_line_queue_add(struct sq_line_queue *queue, struct sq_line_packet *packet);

/* When the next one is due, or UINT64_MAX. */
uint64_t sq_line_queue_due(const struct sq_line_queue *queue);

/* Takes the next one out; it is the caller's. */
struct sq_line_packet *sq_line_queue_take(struct sq_line_queue *queue);

#endif
