// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "inject/line_queue.h"
#include "tests/unit/unit.h"
#include "util/hash.h"

static struct sq_line_packet *add(struct sq_line_queue *queue, uint64_t seen_ns, uint64_t delay_ns,
				  uint64_t flow, bool reorder)
{
	struct sq_line_packet *packet = sq_line_packet_new(100);

	packet->slot.seen_ns = seen_ns;
	packet->slot.delay_ns = delay_ns;
	packet->slot.flow = flow;
	packet->slot.reorder = reorder;
	sq_line_queue_add(queue, packet);
	return packet;
}

/* Takes the next one, which must be due then. */
static struct sq_line_packet *take(struct sq_line_queue *queue, uint64_t due_ns)
{
	struct sq_line_packet *packet;

	assert_int_equal(sq_line_queue_due(queue), due_ns);
	packet = sq_line_queue_take(queue);
	assert_int_equal(packet->due_ns, due_ns);
	return packet;
}

static struct sq_line_queue *make(void)
{
	return sq_alloc(sizeof(struct sq_line_queue));
}

static void end(struct sq_line_queue *queue)
{
	while (queue->n)
		free(sq_line_queue_take(queue));
	assert_int_equal(queue->bytes, 0);
	free(queue->heap);
	free(queue);
}

static void test_empty_queue_is_never_due(void **state)
{
	struct sq_line_queue *queue = make();

	assert_true(sq_line_queue_due(queue) == UINT64_MAX);
	free(queue);
}

static void test_packets_leave_when_they_are_due(void **state)
{
	struct sq_line_queue *queue = make();
	struct sq_line_packet *a = add(queue, 1000, 500, 1, false);
	struct sq_line_packet *b = add(queue, 1010, 100, 2, false);
	struct sq_line_packet *c = add(queue, 1020, 300, 3, false);

	assert_int_equal(queue->bytes, 3 * (sizeof(*a) + 100));
	assert_ptr_equal(take(queue, 1110), b);
	assert_ptr_equal(take(queue, 1320), c);
	assert_int_equal(queue->bytes, sizeof(*a) + 100);
	assert_ptr_equal(take(queue, 1500), a);
	free(a);
	free(b);
	free(c);
	end(queue);
}

static void test_packets_due_at_once_keep_their_order(void **state)
{
	struct sq_line_queue *queue = make();
	struct sq_line_packet *packet[50];

	for (size_t i = 0; i < ARRAY_SIZE(packet); i++)
		packet[i] = add(queue, 1000, 500, i, false);
	for (size_t i = 0; i < ARRAY_SIZE(packet); i++) {
		assert_ptr_equal(take(queue, 1500), packet[i]);
		free(packet[i]);
	}
	end(queue);
}

static void test_jitter_keeps_the_order_within_a_flow(void **state)
{
	struct sq_line_queue *queue = make();
	uint64_t last_order[3] = { 0 }, last_due = 0;

	/* jitter of up to 100 among packets 10 apart, in three flows */
	for (uint64_t i = 1; i <= 3000; i++)
		add(queue, 10 * i, 100 + sq_mix64(i) % 100, i % 3, false)->space = i;
	while (queue->n) {
		struct sq_line_packet *packet = sq_line_queue_take(queue);

		assert_true(packet->due_ns >= last_due);
		last_due = packet->due_ns;
		assert_true(packet->space > last_order[packet->slot.flow]);
		last_order[packet->slot.flow] = packet->space;
		/* and none is later than the most that was asked */
		assert_true(packet->due_ns < packet->slot.seen_ns + 200);
		free(packet);
	}
	end(queue);
}

static void test_reorder_lets_a_packet_overtake(void **state)
{
	struct sq_line_queue *queue = make();
	struct sq_line_packet *a = add(queue, 1000, 200, 1, true);
	struct sq_line_packet *b = add(queue, 1010, 100, 1, true);
	struct sq_line_packet *c;

	assert_ptr_equal(take(queue, 1110), b);
	/* nor does it hold up those that may not */
	c = add(queue, 1020, 150, 1, false);
	assert_ptr_equal(take(queue, 1170), c);
	assert_ptr_equal(take(queue, 1200), a);
	free(a);
	free(b);
	free(c);
	end(queue);
}

/* Flows whose numbers fall on one another: one that is held long must not hold the others. */
static void test_one_flow_does_not_hold_another(void **state)
{
	struct sq_line_queue *queue = make();

	add(queue, 1000, 60000000000ull, 5, false);
	for (uint64_t i = 1; i < 100; i++)
		assert_int_equal(add(queue, 1000 + i, 500, 5 + i * 8192, false)->due_ns, 1500 + i);
	end(queue);
}

static void test_flows_on_one_another_keep_their_order(void **state)
{
	struct sq_line_queue *queue = make();

	for (uint64_t round = 0; round < 100; round++) {
		uint64_t seen = 1000 + 100 * round;

		for (uint64_t flow = 0; flow < 4; flow++) {
			uint64_t first = add(queue, seen, 500, flow * 8192, false)->due_ns;

			assert_true(add(queue, seen + 1, 450, flow * 8192, false)->due_ns >= first);
		}
	}
	end(queue);
}

static void test_queue_of_many_is_in_order_while_it_changes(void **state)
{
	struct sq_line_queue *queue = make();
	uint64_t now = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		add(queue, now, sq_mix64(i) % 1000, i, true);
		now += 3;
		while (sq_line_queue_due(queue) <= now) {
			struct sq_line_packet *packet = sq_line_queue_take(queue);

			assert_true(packet->due_ns <= now);
			for (size_t j = 0; j < MIN(queue->n, 3); j++)
				assert_true(queue->heap[j]->due_ns >= packet->due_ns);
			free(packet);
		}
	}
	end(queue);
}

UNIT(UNIT_TEST(test_empty_queue_is_never_due), UNIT_TEST(test_packets_leave_when_they_are_due),
     UNIT_TEST(test_packets_due_at_once_keep_their_order),
     UNIT_TEST(test_jitter_keeps_the_order_within_a_flow),
     UNIT_TEST(test_reorder_lets_a_packet_overtake),

     UNIT_TEST(test_one_flow_does_not_hold_another),
     UNIT_TEST(test_flows_on_one_another_keep_their_order),
     UNIT_TEST(test_queue_of_many_is_in_order_while_it_changes))
