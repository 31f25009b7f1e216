// SPDX-License-Identifier: GPL-2.0-only
#include "guard/kill_switch.h"
#include "unit.h"
#include "util/time.h"

static struct sq_switch entries[SQ_SWITCH_SLOTS];
static const struct sq_kill_switch all = { .map_fd = -1, .entry = entries };

static void test_one_run_has_a_slot(void **state)
{
	struct sq_slot ours = { 0 }, other = { 0 };

	assert_true(sq_kill_switch_take(&all, 7, &ours));
	assert_int_equal(ours.number, 7);
	assert_int_equal(ours.generation, entries[7].count);
	/* of another registry, which knows nothing of ours */
	assert_false(sq_kill_switch_take(&all, 7, &other));
	assert_int_equal(ours.generation, entries[7].count);
	assert_true(sq_kill_switch_take(&all, 8, &other));
	sq_kill_switch_give(&all, &ours);
	assert_true(sq_kill_switch_take(&all, 7, &other));
	assert_int_equal(other.generation, ours.generation + 1);
	/* what was given back is nobody's to give again */
	sq_kill_switch_give(&all, &ours);
	assert_false(sq_kill_switch_take(&all, 7, &ours));
}

static void test_a_run_that_says_nothing_loses_its_slot(void **state)
{
	struct sq_slot silent = { 0 }, other = { 0 };
	uint64_t long_ago = sq_now() - SQ_SWITCH_HELD_NS;

	assert_true(sq_kill_switch_take(&all, 9, &silent));
	silent.held_ns = entries[9].held_ns = long_ago;
	/* it lives after all */
	sq_kill_switch_hold(&all, &silent);
	assert_false(sq_kill_switch_take(&all, 9, &other));
	silent.held_ns = entries[9].held_ns = long_ago;
	assert_true(sq_kill_switch_take(&all, 9, &other));
	assert_true(entries[9].count != silent.generation);
	/* too late: it must not keep, or give away, what is another's */
	sq_kill_switch_hold(&all, &silent);
	sq_kill_switch_give(&all, &silent);
	assert_int_equal(entries[9].held_ns, other.held_ns);
}

static void test_none_is_held_or_given_by_who_has_none(void **state)
{
	struct sq_slot none = { 0 };

	entries[0].held_ns = 0;
	sq_kill_switch_hold(&all, &none);
	assert_int_equal(entries[0].held_ns, 0);
	sq_kill_switch_give(&(struct sq_kill_switch){ .map_fd = -1 }, &none);
}

UNIT(UNIT_TEST(test_one_run_has_a_slot), UNIT_TEST(test_a_run_that_says_nothing_loses_its_slot),
     UNIT_TEST(test_none_is_held_or_given_by_who_has_none))
