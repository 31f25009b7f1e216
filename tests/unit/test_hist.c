// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "inject/hist.h"
#include "tests/unit/unit.h"
#include "util/time.h"

static uint64_t quantile(const struct sq_hist *hist, double share)
{
	uint64_t value;

	sq_hist_quantiles(hist, &share, 1, &value);
	return value;
}

static void near(uint64_t value, uint64_t wanted)
{
	/* a bucket is at most 0.4 % wide */
	uint64_t slack = wanted * 4 / 1000 + SQ_US;

	if (value + slack < wanted || value > wanted + slack)
		fail_msg("%llu us instead of %llu us", (unsigned long long)(value / SQ_US),
			 (unsigned long long)(wanted / SQ_US));
}

static void test_quantile_of_nothing_is_zero(void **state)
{
	struct sq_hist *hist = sq_alloc(sizeof(*hist));

	assert_int_equal(quantile(hist, 0.5), 0);
	free(hist);
}

static void test_one_delay_is_told_within_a_bucket(void **state)
{
	static const uint64_t delays[] = { 0,		SQ_US,	     63 * SQ_US,  64 * SQ_US,
					   127 * SQ_US, 128 * SQ_US, 129 * SQ_US, 255 * SQ_US,
					   256 * SQ_US, 10 * SQ_MS,  50 * SQ_MS,  60 * SQ_S };

	for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
		struct sq_hist *hist = sq_alloc(sizeof(*hist));

		sq_hist_add(hist, delays[i]);
		assert_int_equal(hist->count, 1);
		assert_int_equal(hist->max_ns, delays[i]);
		near(quantile(hist, 0.5), delays[i]);
		/* never more than the greatest there was */
		assert_true(quantile(hist, 1) <= delays[i]);
		free(hist);
	}
}

static void test_quantiles_split_the_delays(void **state)
{
	struct sq_hist *hist = sq_alloc(sizeof(*hist));

	for (uint64_t i = 1; i <= 1000; i++)
		sq_hist_add(hist, i * 100 * SQ_US);
	near(quantile(hist, 0), 100 * SQ_US);
	near(quantile(hist, 0.5), 50 * SQ_MS);
	near(quantile(hist, 0.9), 90 * SQ_MS);
	near(quantile(hist, 0.99), 99 * SQ_MS);
	near(quantile(hist, 1), 100 * SQ_MS);
	assert_int_equal(hist->max_ns, 100 * SQ_MS);
	free(hist);
}

/* 50 ms asked is no bucket's edge: told as 49.9 it would look as if it came too early. */
static void test_no_quantile_is_below_the_shortest_delay(void **state)
{
	struct sq_hist *hist = sq_alloc(sizeof(*hist));

	for (uint64_t i = 0; i < 1000; i++)
		sq_hist_add(hist, 50 * SQ_MS + i * 100);
	for (double share = 0; share <= 1; share += 0.01)
		assert_in_range(quantile(hist, share), 50 * SQ_MS, 50 * SQ_MS + 99900);
	assert_in_range(quantile(hist, 0.5), 50 * SQ_MS + 45000, 50 * SQ_MS + 55000);
	free(hist);
}

static void test_one_outlier_moves_the_greatest_only(void **state)
{
	struct sq_hist *hist = sq_alloc(sizeof(*hist));

	for (int i = 0; i < 999; i++)
		sq_hist_add(hist, SQ_MS);
	sq_hist_add(hist, SQ_S);
	near(quantile(hist, 0.5), SQ_MS);
	near(quantile(hist, 0.99), SQ_MS);
	near(quantile(hist, 1), SQ_S);
	free(hist);
}

static void test_what_is_too_long_goes_into_the_last_bucket(void **state)
{
	struct sq_hist *hist = sq_alloc(sizeof(*hist));

	sq_hist_add(hist, UINT64_MAX);
	assert_int_equal(hist->bucket[SQ_HIST_BUCKETS - 1], 1);
	assert_int_equal(hist->max_ns, UINT64_MAX);
	free(hist);
}

static void test_each_longer_delay_is_in_no_earlier_bucket(void **state)
{
	uint64_t last = 0;

	for (uint64_t us = 0; us < 100000; us += 7) {
		struct sq_hist *hist = sq_alloc(sizeof(*hist));

		sq_hist_add(hist, us * SQ_US);
		hist->max_ns = UINT64_MAX;
		assert_true(quantile(hist, 0.5) >= last);
		last = quantile(hist, 0.5);
		free(hist);
	}
}

UNIT(UNIT_TEST(test_quantile_of_nothing_is_zero), UNIT_TEST(test_one_delay_is_told_within_a_bucket),
     UNIT_TEST(test_quantiles_split_the_delays),
     UNIT_TEST(test_no_quantile_is_below_the_shortest_delay),
     UNIT_TEST(test_one_outlier_moves_the_greatest_only),
     UNIT_TEST(test_what_is_too_long_goes_into_the_last_bucket),
     UNIT_TEST(test_each_longer_delay_is_in_no_earlier_bucket))
