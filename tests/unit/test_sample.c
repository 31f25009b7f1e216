// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>

#include "inject/quantiles.h"
#include "tests/unit/unit.h"
#include "util/time.h"

#define SAMPLES 10000
#define DELAY (100 * SQ_MS)
#define JITTER (30 * SQ_MS)

static int32_t tables[2 * SQ_QUANTILES];

/* splitmix64, as the gate's */
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double uniform_cdf(double z)
{
	return z < -1 ? 0 : z > 1 ? 1 : (z + 1) / 2;
}

static double normal_cdf(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

/* mean 3/2 and variance 3/4 of the Pareto distribution of shape 3, moved to 0 and 1 */
static double pareto_cdf(double z)
{
	double x = z * sqrt(0.75) + 1.5;

	return x < 1 ? 0 : 1 - pow(x, -3);
}

/* Kolmogorov and Smirnov's distance of @n sorted samples. */
static double distance(const uint64_t *sample, size_t n, double (*cdf)(double))
{
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		double p = cdf(((double)sample[i] - (double)DELAY) / (double)JITTER);

		most = fmax(most, fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
	}
	return most;
}

static void test_delays_are_distributed_as_asked(void **state)
{
	static const struct {
		uint32_t distribution;
		double (*cdf)(double);
	} kinds[] = { { SQ_UNIFORM, uniform_cdf },
		      { SQ_NORMAL, normal_cdf },
		      { SQ_PARETO, pareto_cdf } };
	static uint64_t sample[SAMPLES];

	sq_quantiles_fill(tables);
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		uint64_t random = 42;

		for (size_t i = 0; i < SAMPLES; i++)
			sample[i] = sq_sample(tables, kinds[kind].distribution, DELAY, JITTER,
					      draw(&random));
		qsort(sample, SAMPLES, sizeof(*sample), by_value);
		for (size_t other = 0; other < ARRAY_SIZE(kinds); other++) {
			double d = distance(sample, SAMPLES, kinds[other].cdf);

			/* the critical value for 0.01: sqrt(ln(2 / 0.01) / 2 / n) */
			if ((d < sqrt(log(200) / 2 / SAMPLES)) != (kind == other))
				fail_msg("%zu against %zu: a distance of %f", kind, other, d);
		}
	}
}

/* The tail of probability 2^-n, which no test by samples would see. */
static void test_quantiles_are_exact_far_into_the_tail(void **state)
{
	sq_quantiles_fill(tables);
	for (uint64_t bits = 0; bits < SQ_QUANTILE_OCTAVES; bits++) {
		/* and between two points of the grid */
		for (int part = 0; part < 100; part++) {
			double tail = ldexp(1 - part * 0.005, -(int)bits);
			int64_t z = sq_sample_quantile(tables, (uint64_t)ldexp(tail, 63) - 1);
			int64_t x = sq_sample_quantile(tables + SQ_QUANTILES,
						       (uint64_t)ldexp(tail, 63) - 1);
			double p = erfc((double)z / SQ_QUANTILE_ONE / sqrt(2));
			double q = 1 - pareto_cdf((double)x / SQ_QUANTILE_ONE);

			if (fabs(p / tail - 1) > 0.002 || fabs(q / tail - 1) > 0.002)
				fail_msg("2^-%d: %g and %g instead of %g", (int)bits, p, q, tail);
		}
	}
}

static void test_delays_stay_within_0_and_60_seconds(void **state)
{
	const uint64_t extremes[] = { 0, 1, 2, 3, UINT64_MAX, UINT64_MAX - 1 };

	sq_quantiles_fill(tables);
	for (uint32_t kind = 0; kind < SQ_DISTRIBUTIONS; kind++) {
		for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
			uint64_t most = sq_sample(tables, kind, 60 * SQ_S, 60 * SQ_S, extremes[i]);
			uint64_t least = sq_sample(tables, kind, 1, 1, extremes[i]);

			assert_in_range(most, 0, 60 * SQ_S);
			assert_in_range(least, 0, 300);
		}
	}
	assert_int_equal(sq_sample(tables, SQ_NORMAL, SQ_MS, SQ_MS, 1), 0);
	assert_int_equal(sq_sample(tables, SQ_UNIFORM, SQ_MS, SQ_MS, 0), 0);
	assert_int_equal(sq_sample(tables, SQ_UNIFORM, SQ_MS, SQ_MS, 2 * SQ_MS), 2 * SQ_MS);
}

UNIT(UNIT_TEST(test_delays_are_distributed_as_asked),
     UNIT_TEST(test_quantiles_are_exact_far_into_the_tail),
     UNIT_TEST(test_delays_stay_within_0_and_60_seconds))
