// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "tests/unit/unit.h"
#include "util/set.h"

static void test_a_text_is_added_once(void **state)
{
	_cleanup_set_ struct sq_set set = { 0 };
	char text[32];

	assert_false(sq_set_has(&set, "/a"));
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 10000; i++) {
			snprintf(text, sizeof(text), "/slice/c%05d", i);
			assert_int_equal(sq_set_add(&set, text), round == 0);
		}
	assert_int_equal(set.n, 10000);
	assert_true(sq_set_has(&set, "/slice/c09999"));
	assert_false(sq_set_has(&set, "/slice/c10000"));
}

static void test_what_is_above_is_found_at_any_depth(void **state)
{
	_cleanup_set_ struct sq_set set = { 0 };

	assert_false(sq_set_has_above(&set, "/a/b"));
	sq_set_add(&set, "/a/b");
	assert_true(sq_set_has_above(&set, "/a/b/c"));
	assert_true(sq_set_has_above(&set, "/a/b/c/d/e"));
	assert_false(sq_set_has_above(&set, "/a/b"));
	assert_false(sq_set_has_above(&set, "/a/bc/d"));
	assert_false(sq_set_has_above(&set, "/"));
	sq_set_add(&set, "/");
	assert_true(sq_set_has_above(&set, "/x"));
	assert_true(sq_set_has_above(&set, "/x/y"));
	assert_false(sq_set_has_above(&set, "/"));
}

UNIT(UNIT_TEST(test_a_text_is_added_once), UNIT_TEST(test_what_is_above_is_found_at_any_depth))
