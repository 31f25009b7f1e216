// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "experiment/names.h"
#include "inject/calls.h"
#include "tests/unit/unit.h"

static bool has(const struct sq_calls *calls, const char *name)
{
	int number = sq_call_number(name);

	assert_true(number >= 0);
	return calls->bit[number / 64] >> (number % 64) & 1;
}

static void test_groups_hold_their_calls_and_no_others(void **state)
{
	struct sq_calls calls = { 0 };

	assert_true(sq_call_group("@file-read", &calls));
	assert_true(has(&calls, "read") && has(&calls, "pread64"));
	assert_false(has(&calls, "write"));
	assert_true(sq_call_group("@sync", &calls));
	assert_true(has(&calls, "read") && has(&calls, "fsync"));
}

static void test_an_unknown_group_is_none(void **state)
{
	struct sq_calls calls = { 0 };

	assert_false(sq_call_group("@file", &calls));
	assert_string_equal(sq_call_nearest("@file-raed"), "@file-read");
}

/* A call that two security hooks carried would be decided twice, but where one stands in for another. */
static void test_a_call_stands_at_one_security_hook(void **state)
{
	for (int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		const char *call = sq_call_name((unsigned int)number);
		int n = 0;

		for (size_t i = 0; i < sq_call_hooks_n; i++)
			n += sq_call_hooks[i].lsm && sq_call_hook_has(&sq_call_hooks[i], call);
		if (n > 1 && strcmp(call, "ftruncate") != 0)
			fail_msg("%s stands at %d hooks", call, n);
	}
}

static void test_words_are_whole(void **state)
{
	const struct sq_call_hook *open = sq_call_hook_find(SQ_HOOK_FILE_OPEN);

	assert_true(sq_call_hook_has(open, "openat"));
	assert_true(sq_call_hook_has(open, "open"));
	assert_false(sq_call_hook_has(open, "at"));
	assert_false(sq_call_hook_has(open, "open_by"));
}

static void test_what_a_call_is_about(void **state)
{
	assert_true(sq_call_takes_file("fsync"));
	assert_false(sq_call_takes_file("openat"));
}

/* As the manual pages have it; of a call without a page nothing is known, and nothing is said. */
static void test_errors_that_a_call_may_return(void **state)
{
	assert_true(sq_call_may_return("fsync", EIO));
	assert_true(sq_call_may_return("openat", EMFILE));
	assert_true(sq_call_may_return("pwrite64", ENOSPC)); /* taken over from write(2) */
	assert_true(sq_call_may_return("connect", EHOSTUNREACH)); /* ip(7)'s */
	assert_true(sq_call_may_return("accept", EWOULDBLOCK)); /* two names of one error */
	assert_false(sq_call_may_return("fsync", ECONNREFUSED));
	assert_false(sq_call_may_return("close", EMFILE));
	assert_false(sq_call_may_return("getppid", EPERM)); /* always successful */
	assert_true(sq_call_may_return("no such call", EPERM));
}

UNIT(UNIT_TEST(test_groups_hold_their_calls_and_no_others),
     UNIT_TEST(test_an_unknown_group_is_none), UNIT_TEST(test_a_call_stands_at_one_security_hook),
     UNIT_TEST(test_words_are_whole), UNIT_TEST(test_errors_that_a_call_may_return),
     UNIT_TEST(test_what_a_call_is_about))
