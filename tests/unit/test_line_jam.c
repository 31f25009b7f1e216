// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "inject/line_jam.h"
#include "tests/unit/unit.h"
#include "util/mem.h"

#define LATER_NS 1000000000ull

static struct sq_line_packet *packet(uint64_t number, uint32_t ifindex, size_t space)
{
	struct sq_line_packet *packet = sq_line_packet_new(100);

	packet->slot.number = number;
	packet->slot.ifindex = ifindex;
	packet->space = space;
	return packet;
}

/* The next to be tried has this number. */
static struct sq_line_packet *next(struct sq_line_jams *jams, uint64_t number)
{
	struct sq_line_packet *packet = sq_line_jams_next(jams, LATER_NS);

	assert_non_null(packet);
	assert_int_equal(packet->slot.number, number);
	return packet;
}

/* Nothing waits any more. */
static void end(struct sq_line_jams *jams)
{
	assert_null(sq_line_jams_next(jams, LATER_NS));
	sq_line_jams_tidy(jams);
	assert_int_equal(jams->n, 0);
	assert_int_equal(jams->bytes, 0);
	assert_true(sq_line_jams_due(jams) == UINT64_MAX);
	free(jams->item);
}

static void test_only_the_full_device_is_waited_for(void **state)
{
	struct sq_line_jams jams = { 0 };
	struct sq_line_packet *others[] = { packet(2, 3, 0), packet(3, 2, 1), packet(4, 2, 0) };

	others[2]->slot.ingress = 1; /* it goes in by the device, not out */
	sq_line_jams_add(&jams, packet(1, 2, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(sq_line_jams_wait(&jams, others[i]));
		free(others[i]);
	}
	assert_true(sq_line_jams_wait(&jams, packet(5, 2, 0)));
	free(next(&jams, 1));
	free(next(&jams, 5));
	end(&jams);
}

static void test_a_device_is_tried_again_later(void **state)
{
	struct sq_line_jams jams = { 0 };

	sq_line_jams_add(&jams, packet(1, 2, 0), 1000);
	assert_true(sq_line_jams_due(&jams) > 1000);
	assert_null(sq_line_jams_next(&jams, sq_line_jams_due(&jams) - 1));
	free(next(&jams, 1));
	end(&jams);
}

static void test_what_is_not_taken_again_keeps_its_order(void **state)
{
	struct sq_line_jams jams = { 0 };
	struct sq_line_packet *tried[40];

	sq_line_jams_add(&jams, packet(0, 2, 0), 0);
	for (uint64_t i = 1; i < 100; i++)
		assert_true(sq_line_jams_wait(&jams, packet(i, 2, 0)));
	for (size_t i = 0; i < ARRAY_SIZE(tried); i++)
		tried[i] = next(&jams, i);
	for (size_t i = 0; i < 30; i++)
		free(tried[i]);
	assert_false(sq_line_jams_full(&jams, tried[30]));
	for (size_t i = 30; i < ARRAY_SIZE(tried); i++) {
		sq_line_jams_add(&jams, tried[i], 0);
		assert_true(sq_line_jams_full(&jams, tried[30]));
	}
	sq_line_jams_tidy(&jams);
	assert_true(sq_line_jams_wait(&jams, packet(100, 2, 0)));
	for (uint64_t i = 30; i < 80; i++)
		free(next(&jams, i));
	sq_line_jams_tidy(&jams);
	for (uint64_t i = 80; i <= 100; i++)
		free(next(&jams, i));
	end(&jams);
}

static void test_what_waits_too_long_is_given_up(void **state)
{
	struct sq_line_jams jams = { 0 };
	struct sq_line_packet *stale;

	sq_line_jams_add(&jams, packet(1, 2, 0), 1000);
	sq_line_jams_add(&jams, packet(2, 2, 0), 2000);
	sq_line_jams_add(&jams, packet(3, 3, 0), 1500);
	for (uint64_t number = 1; number <= 3; number += 2) {
		stale = sq_line_jams_stale(&jams, 1600);
		assert_non_null(stale);
		assert_int_equal(stale->slot.number, number);
		free(stale);
	}
	assert_null(sq_line_jams_stale(&jams, 1600));
	free(next(&jams, 2));
	end(&jams);
}

UNIT(UNIT_TEST(test_only_the_full_device_is_waited_for),
     UNIT_TEST(test_a_device_is_tried_again_later),
     UNIT_TEST(test_what_is_not_taken_again_keeps_its_order),
     UNIT_TEST(test_what_waits_too_long_is_given_up))
