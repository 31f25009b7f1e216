// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "probe/judge.h"
#include "tests/unit/unit.h"
#include "util/time.h"
#include "util/units.h"

#define PERCENT (SQ_SHARE_ONE / 100)

/* @met samples of 1 ms, 2 ms, 3 ms, ..., the longest first, and @failed that fail. */
static struct sq_series series_of(size_t met, size_t failed)
{
	struct sq_series series = { 0 };

	for (size_t i = met; i > 0; i--)
		sq_series_add(&series, true, i * SQ_MS, NULL);
	for (size_t i = 0; i < failed; i++)
		sq_series_add(&series, false, 0, i ? "later" : "status 503");
	return series;
}

static void holds(size_t met, size_t failed, const struct sq_judge_phase *judge)
{
	struct sq_series series = series_of(met, failed);
	_cleanup_free_ char *why = sq_series_judge(&series, judge);

	if (why)
		fail_msg("%zu met, %zu failed: %s", met, failed, why);
	sq_series_clear(&series);
}

static void fails(size_t met, size_t failed, const struct sq_judge_phase *judge, const char *part)
{
	struct sq_series series = series_of(met, failed);
	_cleanup_free_ char *why = sq_series_judge(&series, judge);

	if (!why)
		fail_msg("%zu met, %zu failed: it holds", met, failed);
	assert_contains(why, part);
	sq_series_clear(&series);
}

static void test_series_counts_what_it_is_given(void **state)
{
	struct sq_series series = series_of(3, 2);

	assert_int_equal(series.samples, 5);
	assert_int_equal(series.failures, 2);
	assert_int_equal(series.n_met, 3);
	assert_string_equal(series.first_failure, "status 503");
	sq_series_clear(&series);
	assert_int_equal(series.samples, 0);
	assert_null(series.first_failure);
}

static void test_quantile_is_the_nearest_rank(void **state)
{
	struct sq_series series = series_of(100, 50);

	assert_int_equal(sq_series_quantile(&series, 0.5), 50 * SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 0.9), 90 * SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 0.95), 95 * SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 0.99), 99 * SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 1), 100 * SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 0), SQ_MS);
	sq_series_clear(&series);
	series = series_of(1, 0);
	assert_int_equal(sq_series_quantile(&series, 0.5), SQ_MS);
	assert_int_equal(sq_series_quantile(&series, 0.99), SQ_MS);
	sq_series_clear(&series);
	assert_int_equal(sq_series_quantile(&series, 0.5), 0);
}

/* For every number of samples the rank of whole numbers: no rounding may make it one too high. */
static void test_quantile_has_no_rounding(void **state)
{
	static const unsigned int shares[] = { 50, 90, 95, 99 };
	struct sq_series series = { 0 };

	for (size_t n = 1; n <= 2000; n++) {
		sq_series_add(&series, true, n, NULL);
		for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
			size_t rank = (n * shares[i] + 99) / 100;

			if (sq_series_quantile(&series, shares[i] / 100.0) != rank)
				fail_msg("p%u of %zu", shares[i], n);
		}
	}
	sq_series_clear(&series);
}

static void test_quantile_after_more_samples_is_right_again(void **state)
{
	struct sq_series series = series_of(10, 0);

	assert_int_equal(sq_series_quantile(&series, 1), 10 * SQ_MS);
	sq_series_add(&series, true, 1, NULL);
	assert_int_equal(sq_series_quantile(&series, 0), 1);
	sq_series_clear(&series);
}

static void test_failures_at_the_border_hold(void **state)
{
	struct sq_judge_phase odd = { .failures_ppb = 536000000 };

	/* 67 of 125 is 53.6 %, which no binary fraction is */
	holds(58, 67, &odd);
	fails(57, 68, &odd, "samples failed");
	for (uint64_t percent = 0; percent <= 100; percent++) {
		struct sq_judge_phase judge = { .failures_ppb = percent * PERCENT };

		/* exactly the allowed share of 100 and of 300 samples, and one more */
		holds(100 - percent, percent, &judge);
		holds(3 * (100 - percent), 3 * percent, &judge);
		if (percent < 100)
			fails(99 - percent, percent + 1, &judge, "samples failed");
	}
}

static void test_no_failure_is_allowed_unless_said(void **state)
{
	struct sq_judge_phase judge = { 0 };

	holds(1, 0, &judge);
	fails(99999, 1, &judge, "1 of 100000 samples failed (0.001 %, allowed 0 %): status 503");
}

static void test_no_sample_is_insufficient_data(void **state)
{
	struct sq_judge_phase judge = { .failures_ppb = SQ_SHARE_ONE };

	fails(0, 0, &judge, "insufficient data: there is no sample");
}

static void test_percentile_under_10_samples_is_insufficient_data(void **state)
{
	struct sq_judge_phase judge = { .failures_ppb = SQ_SHARE_ONE, .p95_ns = 60 * SQ_S };

	fails(9, 0, &judge, "p95: insufficient data: 9 samples were met, 10 are needed");
	/* those that failed have no latency: they do not count */
	fails(9, 20, &judge, "p95: insufficient data: 9 samples were met");
	holds(10, 0, &judge);
	/* what is not asked needs no data */
	judge.p95_ns = 0;
	holds(1, 0, &judge);
}

static void test_latency_at_the_border_holds(void **state)
{
	struct sq_judge_phase judge = { .p95_ns = 95 * SQ_MS };

	holds(100, 0, &judge);
	judge.p95_ns--;
	fails(100, 0, &judge, "p95 is 95 ms, allowed 95 ms");
	judge = (struct sq_judge_phase){ .max_ns = 100 * SQ_MS, .p50_ns = 50 * SQ_MS };
	holds(100, 0, &judge);
	judge.max_ns--;
	fails(100, 0, &judge, "max is 100 ms");
	judge = (struct sq_judge_phase){ .p50_ns = 49 * SQ_MS };
	fails(100, 0, &judge, "p50 is 50 ms, allowed 49 ms");
	judge = (struct sq_judge_phase){ .p90_ns = 89 * SQ_MS };
	fails(100, 0, &judge, "p90 is 90 ms, allowed 89 ms");
	judge = (struct sq_judge_phase){ .p99_ns = 98 * SQ_MS };
	fails(100, 0, &judge, "p99 is 99 ms, allowed 98 ms");
}

static void test_failures_are_told_before_latency(void **state)
{
	struct sq_judge_phase judge = { .p50_ns = 1 };

	fails(100, 1, &judge, "1 of 101 samples failed");
}

UNIT(UNIT_TEST(test_series_counts_what_it_is_given), UNIT_TEST(test_quantile_is_the_nearest_rank),
     UNIT_TEST(test_quantile_has_no_rounding),
     UNIT_TEST(test_quantile_after_more_samples_is_right_again),
     UNIT_TEST(test_failures_at_the_border_hold), UNIT_TEST(test_no_failure_is_allowed_unless_said),
     UNIT_TEST(test_no_sample_is_insufficient_data),
     UNIT_TEST(test_percentile_under_10_samples_is_insufficient_data),
     UNIT_TEST(test_latency_at_the_border_holds), UNIT_TEST(test_failures_are_told_before_latency))
