// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "engine/state.h"
#include "engine/verdict.h"
#include "tests/unit/unit.h"

/* Scripts, timers and CI jobs live on these: they are for ever. */
static const struct {
	enum sq_verdict verdict;
	const char *name;
	int exit;
} table[] = {
	{ SQ_PASSED, "passed", 0 },	    { SQ_DEVIATED, "deviated", 1 },
	{ SQ_INVALID, "invalid", 2 },	    { SQ_REFUSED, "refused", 3 },
	{ SQ_ABORTED, "aborted", 4 },	    { SQ_NO_EFFECT, "no effect", 5 },
	{ SQ_UNCLEAN, "unclean", 6 },	    { SQ_UNSUPPORTED, "unsupported", 7 },
	{ SQ_NOT_STEADY, "not steady", 8 }, { SQ_ERROR, "error", 70 },
	{ SQ_NOT_NOW, "not now", 75 },
};

static void test_exit_codes_are_those_of_the_table(void **state)
{
	assert_int_equal(ARRAY_SIZE(table), SQ_VERDICTS);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(sq_verdict_exit(table[i].verdict), table[i].exit);
		assert_string_equal(sq_verdict_name(table[i].verdict), table[i].name);
	}
}

static void test_the_worst_counts(void **state)
{
	/* 6, 70, 4, 1, 8, 5, 7, 3, 75, and 0 before all of them */
	static const int worst_first[] = { 6, 70, 4, 1, 8, 5, 7, 3, 75, 0 };
	enum sq_verdict last = SQ_VERDICTS;

	for (size_t i = 0; i < ARRAY_SIZE(worst_first); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(table); j++) {
			if (table[j].exit != worst_first[i])
				continue;
			if (table[j].verdict >= last)
				fail_msg("exit code %d is not less bad than the one before it",
					 worst_first[i]);
			last = table[j].verdict;
		}
	}
	assert_int_equal(last, SQ_PASSED);
}

static void test_a_failure_becomes_its_verdict(void **state)
{
	static const struct {
		enum sq_failure kind;
		enum sq_verdict verdict;
	} of[] = {
		{ SQ_FAIL_ERROR, SQ_ERROR },	 { SQ_FAIL_INVALID, SQ_INVALID },
		{ SQ_FAIL_REFUSED, SQ_REFUSED }, { SQ_FAIL_UNSUPPORTED, SQ_UNSUPPORTED },
		{ SQ_FAIL_NOT_NOW, SQ_NOT_NOW },
	};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		struct sq_error err = { .kind = of[i].kind };

		assert_int_equal(sq_verdict_of(&err), of[i].verdict);
	}
	/* a failure that nobody explained is never a pass */
	assert_int_equal(sq_verdict_of(NULL), SQ_ERROR);
}

static void test_a_run_keeps_the_worst_and_its_first_reason(void **state)
{
	struct sq_run run = { .verdict = SQ_PASSED };

	sq_run_judge(&run, SQ_NO_EFFECT, "fault '%s' hit nothing", "a");
	assert_int_equal(run.verdict, SQ_NO_EFFECT);
	assert_string_equal(run.reason, "fault 'a' hit nothing");
	sq_run_judge(&run, SQ_NO_EFFECT, "another");
	assert_string_equal(run.reason, "fault 'a' hit nothing");
	sq_run_judge(&run, SQ_DEVIATED, "p95");
	sq_run_judge(&run, SQ_NOT_STEADY, "less bad");
	assert_int_equal(run.verdict, SQ_DEVIATED);
	assert_string_equal(run.reason, "p95");
	sq_run_judge(&run, SQ_UNCLEAN, "a device is left");
	sq_run_judge(&run, SQ_ABORTED, "by a person");
	assert_int_equal(run.verdict, SQ_UNCLEAN);
	sq_run_judge(&run, SQ_PASSED, "never");
	assert_string_equal(run.reason, "a device is left");
	free(run.reason);
}

UNIT(UNIT_TEST(test_exit_codes_are_those_of_the_table), UNIT_TEST(test_the_worst_counts),
     UNIT_TEST(test_a_failure_becomes_its_verdict),
     UNIT_TEST(test_a_run_keeps_the_worst_and_its_first_reason))
