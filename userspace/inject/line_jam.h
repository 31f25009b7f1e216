/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices whose queue is full, and the packets that wait before them, each for its turn: the kernel drops what a full
 * queue does not take, and says so to whoever sends it.
 */
#ifndef SQ_INJECT_LINE_JAM_H
#define SQ_INJECT_LINE_JAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inject/line_queue.h"

/* One device. */
struct sq_line_jam {
	size_t space; /* its network namespace's index */
	uint32_t ifindex;
	bool full; /* it has not been tried again yet */
	uint64_t again_ns; /* when it is */
	struct sq_line_packet **item; /* those before the first are tried, or gone */
	size_t first, n;
};

struct sq_line_jams {
	struct sq_line_jam *item;
	size_t n;
	size_t bytes; /* of all that wait */
};

/* Are there others before the device that the packet is to leave by? Then it waits behind them, and is taken. */
bool sq_line_jams_wait(struct sq_line_jams *jams, struct sq_line_packet *packet);

/* The device did not take the packet, which waits, now or again, before all that came after it, and is taken. */
void sq_line_jams_add(struct sq_line_jams *jams, struct sq_line_packet *packet, uint64_t now_ns);

/* Has it been said since the last trial that the device does not take the packet? */
bool sq_line_jams_full(const struct sq_line_jams *jams, const struct sq_line_packet *packet);

/* When to try again, or UINT64_MAX. */
uint64_t sq_line_jams_due(const struct sq_line_jams *jams);

/*
 * The next packet to be tried, the caller's until it comes back by sq_line_jams_add(): all that a device did not take
 * do, in their order, and before anything else is done with them. NULL: there is none for now.
 */
struct sq_line_packet *sq_line_jams_next(struct sq_line_jams *jams, uint64_t now_ns);

/* One that has waited since before @since_ns and is the caller's, who gives it up. NULL: there is none. */
struct sq_line_packet *sq_line_jams_stale(struct sq_line_jams *jams, uint64_t since_ns);

/* Forgets the devices before which nothing waits. After what was tried has left, or come back. */
void sq_line_jams_tidy(struct sq_line_jams *jams);

#endif
