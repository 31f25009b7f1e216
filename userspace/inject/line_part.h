/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Super packets (TSO) and the wire packets that they stand for: a wire loses, spoils, doubles or
 * holds up these, one by one.
 */
#ifndef SQ_INJECT_LINE_PART_H
#define SQ_INJECT_LINE_PART_H

#include "inject/line_queue.h"

/* How many wire packets a frame stands for. */
size_t sq_line_segments(const struct sq_line_packet *packet);

/*
 * A frame of its wire packets @first to @first + @n - 1, as the device would have cut them, or a
 * smaller super packet; to be freed.
 */
struct sq_line_packet *sq_line_cut(const struct sq_line_packet *packet, size_t first, size_t n);

/*
 * Does to @packet, which it frees, what its slot's masks say, and hands what is left to @add, in
 * order. @first: which wire packet of those that the masks are for is the frame's first one.
 */
void sq_line_part(struct sq_line_packet *packet, size_t first,
		  void (*add)(struct sq_line_packet *packet));

#endif
