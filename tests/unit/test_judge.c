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
	_cleanup_free_ char *why = sq_series_judge(&series, judge, NULL);

	if (why)
		fail_msg("%zu met, %zu failed: %s", met, failed, why);
	sq_series_clear(&series);
}

static void fails(size_t met, size_t failed, const struct sq_judge_phase *judge, const char *part)
{
	struct sq_series series = series_of(met, failed);
	_cleanup_free_ char *why = sq_series_judge(&series, judge, NULL);

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

/* What squall was too late for says nothing against the target; too much of it says nothing at all. */
static void test_missed_samples_are_no_failures(void **state)
{
	struct sq_series series = series_of(15, 0);
	struct sq_judge_phase judge = { 0 };
	_cleanup_free_ char *why = NULL;

	series.missed = 5;
	assert_null(sq_series_judge(&series, &judge, NULL));
	series.missed = 6;
	why = sq_series_judge(&series, &judge, NULL);
	assert_contains(why, "insufficient data: squall was held up, and missed 6 of 21 samples");
	sq_series_clear(&series);
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

static const struct sq_node key = { .type = SQ_NODE_SCALAR };
static const struct sq_node *one_key[1], *one_item[1];
static struct sq_node key_node, no_worse_node;

/* A judgement with just this key under no_worse_than_before. */
static struct sq_judge_phase no_worse(const char *name)
{
	key_node = key;
	key_node.value = (char *)name;
	one_key[0] = one_item[0] = &key_node;
	no_worse_node = (struct sq_node){ .type = SQ_NODE_MAP,
					  .key = (struct sq_node **)one_key,
					  .item = (struct sq_node **)one_item,
					  .n = 1 };
	return (struct sq_judge_phase){ .failures_ppb = SQ_SHARE_ONE,
					.no_worse.object.node = &no_worse_node };
}

static struct sq_series run_of(size_t n, uint64_t from_ms, size_t failures)
{
	struct sq_series series = { 0 };

	for (size_t i = 0; i < n; i++) {
		sq_series_add(&series, i >= failures, (from_ms + i) * SQ_MS, "down");
		sq_series_add_value(&series, (double)(from_ms + i));
	}
	return series;
}

static void judge_against(const struct sq_judge_phase *judge, struct sq_series now,
			  struct sq_series before, const char *part)
{
	_cleanup_free_ char *why = sq_series_judge(&now, judge, &before);

	if (part && !why)
		fail_msg("it holds, where '%s' should not", part);
	if (!part && why)
		fail_msg("%s", why);
	if (part)
		assert_contains(why, part);
	sq_series_clear(&now);
	sq_series_clear(&before);
}

static void test_latency_is_held_against_before(void **state)
{
	struct sq_judge_phase judge = no_worse("p50");

	judge.no_worse.p50_ppb = SQ_SHARE_ONE / 2;
	/* medians: 109 and 149 ms before and during; 159 is allowed up to 163.5 */
	judge_against(&judge, run_of(20, 150, 0), run_of(20, 100, 0), NULL);
	judge_against(&judge, run_of(20, 155, 0), run_of(20, 100, 0),
		      "p50 is 164 ms, before 109 ms, and 50 % more are allowed");
	judge.no_worse.slack_ns = 55 * SQ_MS;
	judge_against(&judge, run_of(20, 155, 0), run_of(20, 100, 0), NULL);
	judge_against(&judge, run_of(9, 155, 0), run_of(20, 100, 0), "insufficient data");
	judge_against(&judge, run_of(20, 155, 0), run_of(9, 100, 0), "insufficient data");
	judge_against(&judge, run_of(20, 155, 0), run_of(0, 0, 0), "insufficient data");
}

static void test_failures_and_values_are_held_against_before(void **state)
{
	struct sq_judge_phase judge = no_worse("failures");

	judge.no_worse.failures_ppb = SQ_SHARE_ONE / 10;
	judge_against(&judge, run_of(20, 0, 4), run_of(20, 0, 2), NULL);
	judge_against(&judge, run_of(20, 0, 5), run_of(20, 0, 2),
		      "25 % of the samples failed, before 10 %, and 10 % more are allowed: down");
	judge = no_worse("value");
	judge.no_worse.value_ppb = SQ_SHARE_ONE / 10;
	judge_against(&judge, run_of(21, 100, 0), run_of(21, 90, 0), NULL);
	judge_against(&judge, run_of(21, 101, 0), run_of(21, 90, 0), "is 111, before 100");
	judge_against(&judge, run_of(21, 50, 0), run_of(21, 90, 0), NULL);
	judge.no_worse.worse = SQ_WORSE_DECREASE;
	judge_against(&judge, run_of(21, 50, 0), run_of(21, 90, 0), "is 60, before 100");
}

static void test_total_is_of_all_values(void **state)
{
	struct sq_judge_phase judge = { .failures_ppb = SQ_SHARE_ONE };
	const char *why;

	assert_int_equal(sq_compare_parse(">= 10", SQ_UNIT_NUMBER, &judge.total, &why), 0);
	judge_against(&judge, run_of(5, 0, 0), run_of(0, 0, 0), NULL);
	judge_against(&judge, run_of(4, 0, 0), run_of(0, 0, 0), "the total is 6, expected >= 10");
	sq_compare_clear(&judge.total);
}

static void compare(struct sq_series now, struct sq_series other, const char *part)
{
	static const struct sq_versus versus = { .with = (char *)"before",
						 .confidence_ppb = 980000000,
						 .tolerance_ppb = 250000000,
						 .min_effect_ppb = 100000000 };
	struct sq_comparison found;
	_cleanup_free_ char *why = sq_series_compare(&now, &other, &versus, &found);

	if (part)
		assert_contains(why ? why : "nothing", part);
	else
		assert_null(why);
	sq_series_clear(&now);
	sq_series_clear(&other);
}

static void test_comparison_names_shift_interval_and_numbers(void **state)
{
	compare(run_of(20, 200, 0), run_of(30, 100, 0), "latency is worse than before: +95 ms");
	compare(run_of(20, 200, 0), run_of(30, 100, 0), "98 % sure: +");
	compare(run_of(20, 200, 0), run_of(30, 100, 0), "20 and 30 samples");
	compare(run_of(20, 100, 0), run_of(20, 100, 0), NULL);
	compare(run_of(20, 100, 0), run_of(20, 200, 0), NULL);
	/* those that failed are no measurements */
	compare(run_of(20, 200, 11), run_of(30, 100, 0), "insufficient data: 9 and 30");
	compare(run_of(20, 200, 0), run_of(9, 100, 0), "insufficient data: 20 and 9");
}

UNIT(UNIT_TEST(test_missed_samples_are_no_failures), UNIT_TEST(test_series_counts_what_it_is_given),
     UNIT_TEST(test_quantile_is_the_nearest_rank), UNIT_TEST(test_quantile_has_no_rounding),
     UNIT_TEST(test_quantile_after_more_samples_is_right_again),
     UNIT_TEST(test_failures_at_the_border_hold), UNIT_TEST(test_no_failure_is_allowed_unless_said),
     UNIT_TEST(test_no_sample_is_insufficient_data),
     UNIT_TEST(test_percentile_under_10_samples_is_insufficient_data),
     UNIT_TEST(test_latency_at_the_border_holds), UNIT_TEST(test_failures_are_told_before_latency),
     UNIT_TEST(test_latency_is_held_against_before),
     UNIT_TEST(test_failures_and_values_are_held_against_before),
     UNIT_TEST(test_total_is_of_all_values),
     UNIT_TEST(test_comparison_names_shift_interval_and_numbers))
