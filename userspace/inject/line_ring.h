/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring by which packets come to the line server without a device in between (bpf/skb.bpf.c). The map's descriptor
 * is readable when there are some.
 */
#ifndef SQ_INJECT_LINE_RING_H
#define SQ_INJECT_LINE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct sq_line_ring {
	unsigned long *consumed; /* bytes, ever */
	const unsigned long *produced;
	const char *data; /* twice, one behind the other: no record has a gap */
	unsigned long size; /* of the record that was found, all of it */
};

/* Maps it. 0 or a negative errno. */
int sq_line_ring_open(struct sq_line_ring *ring, int map_fd);

/*
 * The next record in the ring; NULL: there is none, or its packet's number is not below @limit. It is there until
 * sq_line_ring_done().
 */
const struct sq_line_record *sq_line_ring_next(struct sq_line_ring *ring, uint64_t limit);

/* Once for each that it gave. */
void sq_line_ring_done(struct sq_line_ring *ring);

#endif
