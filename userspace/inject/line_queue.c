// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_queue.h"

#include <stdint.h>

#include "util/mem.h"

struct sq_line_packet *sq_line_packet_new(size_t n)
{
	struct sq_line_packet *packet = sq_realloc(NULL, sizeof(*packet) + n);

	/* the frame is the caller's to fill: zeroed before, a super packet would be written twice */
	*packet = (struct sq_line_packet){ .n = n };
	return packet;
}

size_t sq_line_packet_bytes(const struct sq_line_packet *packet)
{
	return sizeof(*packet) + packet->n;
}

static bool before(const struct sq_line_packet *a, const struct sq_line_packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void swap(struct sq_line_queue *queue, size_t i, size_t j)
{
	struct sq_line_packet *packet = queue->heap[i];

	queue->heap[i] = queue->heap[j];
	queue->heap[j] = packet;
}

/*
 * What is known of a flow. Where its set is full it takes the place of the flow that is due first:
 * that one may lose its order, but never waits for another's delay.
 */
static struct sq_line_last *last_of(struct sq_line_queue *queue, uint64_t flow)
{
	struct sq_line_last *set = queue->last[flow % SQ_LINE_SETS], *first = set;

	for (size_t i = 0; i < SQ_LINE_WAYS; i++) {
		if (set[i].flow == flow)
			return &set[i];
		if (set[i].due_ns < first->due_ns)
			first = &set[i];
	}
	*first = (struct sq_line_last){ .flow = flow };
	return first;
}

void sq_line_queue_add(struct sq_line_queue *queue, struct sq_line_packet *packet)
{
	size_t i = queue->n;

	packet->due_ns = packet->slot.seen_ns + packet->slot.delay_ns;
	packet->order = queue->order++;
	if (!packet->slot.reorder) {
		struct sq_line_last *last = last_of(queue, packet->slot.flow);

		packet->due_ns = MAX(packet->due_ns, last->due_ns);
		last->due_ns = packet->due_ns;
	}
	*(struct sq_line_packet **)sq_append(&queue->heap, &queue->n, sizeof(*queue->heap)) =
		packet;
	queue->bytes += sq_line_packet_bytes(packet);
	for (; i && before(queue->heap[i], queue->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(queue, i, (i - 1) / 2);
}

uint64_t sq_line_queue_due(const struct sq_line_queue *queue)
{
	return queue->n ? queue->heap[0]->due_ns : UINT64_MAX;
}

struct sq_line_packet *sq_line_queue_take(struct sq_line_queue *queue)
{
	struct sq_line_packet *packet = queue->heap[0];

	queue->heap[0] = queue->heap[--queue->n];
	queue->bytes -= sq_line_packet_bytes(packet);
	for (size_t i = 0, child; (child = 2 * i + 1) < queue->n; i = child) {
		if (child + 1 < queue->n && before(queue->heap[child + 1], queue->heap[child]))
			child++;
		if (!before(queue->heap[child], queue->heap[i]))
			break;
		swap(queue, i, child);
	}
	return packet;
}
