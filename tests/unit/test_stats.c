// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe/stats.h"
#include "tests/unit/unit.h"

#define TRIALS 300

static void near(double value, double wanted, double slack)
{
	if (fabs(value - wanted) > slack)
		fail_msg("%.6f instead of %.6f", value, wanted);
}

/*
 * Hollander and Wolfe (1973), page 69: permeability of the human chorioamnion at term and between
 * 12 and 26 weeks; the results are those of R 4.2's wilcox.test(x, y, conf.int = TRUE).
 */
static void test_permeability_of_hollander_and_wolfe(void **state)
{
	static const double x[] = { 0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46 };
	static const double y[] = { 1.15, 0.88, 0.90, 0.74, 1.21 };
	struct sq_shift shift;

	sq_shift_find(x, ARRAY_SIZE(x), y, ARRAY_SIZE(y), 0.95, &shift);
	assert_true(shift.u == 35);
	near(shift.p, 0.2544, 0.00005);
	near(shift.estimate, 0.305, 1e-9);
	near(shift.low, -0.15, 1e-9);
	near(shift.high, 0.76, 1e-9);
	near(shift.chance, 0.7, 1e-9);
}

/*
 * Ozone in New York in May and August 1973 (Chambers et al. 1983, R's data set airquality), with
 * ties: W = 127.5, p-value = 0.0001208 in the example of R's wilcox.test.
 */
static void test_ozone_of_may_and_august(void **state)
{
	static const double may[] = { 41, 36, 12, 18, 28, 23, 19, 8, 7,	 16, 11, 14,  18,
				      14, 34, 6,  30, 11, 1,  11, 4, 32, 23, 45, 115, 37 };
	static const double august[] = { 39, 9,	 16, 78, 35, 66, 122, 89,  110, 44, 28,	 65, 22,
					 59, 23, 31, 44, 21, 9,	 45,  168, 73,	76, 118, 84, 85 };
	struct sq_shift shift;

	sq_shift_find(may, ARRAY_SIZE(may), august, ARRAY_SIZE(august), 0.95, &shift);
	assert_true(shift.u == 127.5);
	near(shift.p, 0.0001208, 0.00000005);
	/* the other way round it is the same but for the sign */
	sq_shift_find(august, ARRAY_SIZE(august), may, ARRAY_SIZE(may), 0.95, &shift);
	assert_true(shift.u == 26 * 26 - 127.5);
	near(shift.p, 0.0001208, 0.00000005);
	assert_true(shift.low > 0 && shift.low < shift.estimate && shift.estimate < shift.high);
}

/* Mann and Whitney (1947), table I: the probability of U <= u for n = 4, m = 4 and n = 3, m = 5. */
static void test_exact_probabilities_of_mann_and_whitney(void **state)
{
	static const double low4[] = { 1, 2, 3, 4 }, high4[] = { 5, 6, 7, 8 };
	static const double low3[] = { 1, 2, 4 }, high5[] = { 3, 5, 6, 7, 8 };
	struct sq_shift shift;

	sq_shift_find(low4, 4, high4, 4, 0.9, &shift);
	assert_true(shift.u == 0);
	near(shift.p, 2 * 0.014, 0.001);
	sq_shift_find(low3, 3, high5, 5, 0.9, &shift);
	assert_true(shift.u == 1);
	near(shift.p, 2 * 0.036, 0.001);
}

static const struct sq_rule_of kayenta = { .confidence = 0.98, .tolerance = 0.25 };

static void test_equal_groups_are_not_worse(void **state)
{
	double same[20], other[20];
	struct sq_rule_of rule = kayenta;
	struct sq_shift shift;

	for (size_t i = 0; i < 20; i++) {
		same[i] = 7;
		other[i] = (double)i;
	}
	for (rule.worse = SQ_WORSE_INCREASE; rule.worse <= SQ_WORSE_EITHER; rule.worse++) {
		sq_shift_find(same, 20, same, 20, 0.98, &shift);
		near(shift.p, 1, 1e-9);
		assert_false(sq_shift_is_worse(&shift, 7, &rule));
		sq_shift_find(other, 20, other, 20, 0.98, &shift);
		near(shift.estimate, 0, 1e-9);
		assert_false(sq_shift_is_worse(&shift, 9.5, &rule));
	}
}

static void test_direction_and_least_effect_count(void **state)
{
	double low[30], high[30];
	struct sq_rule_of rule = kayenta;
	struct sq_shift up, down;

	for (size_t i = 0; i < 30; i++) {
		low[i] = 100 + (double)i / 10;
		high[i] = 108 + (double)i / 10;
	}
	sq_shift_find(high, 30, low, 30, 0.98, &up);
	sq_shift_find(low, 30, high, 30, 0.98, &down);
	near(up.estimate, 8, 1e-9);
	assert_true(sq_shift_is_worse(&up, 101.45, &rule));
	assert_false(sq_shift_is_worse(&down, 109.45, &rule));
	rule.worse = SQ_WORSE_DECREASE;
	assert_false(sq_shift_is_worse(&up, 101.45, &rule));
	assert_true(sq_shift_is_worse(&down, 109.45, &rule));
	rule.worse = SQ_WORSE_EITHER;
	assert_true(sq_shift_is_worse(&up, 101.45, &rule));
	rule.min_effect = 0.07;
	assert_true(sq_shift_is_worse(&up, 101.45, &rule));
	rule.min_effect = 0.08; /* of 101.45 more than 8 */
	assert_false(sq_shift_is_worse(&up, 101.45, &rule));
}

static void test_many_samples_are_judged_soon(void **state)
{
	enum { MANY = 200000 };
	_cleanup_free_ double *a = sq_alloc(MANY * sizeof(*a)), *b = sq_alloc(MANY * sizeof(*b));
	struct sq_shift shift;

	for (size_t i = 0; i < MANY; i++) {
		a[i] = (double)(i * 7919 % MANY) + 100;
		b[i] = (double)(i * 104729 % MANY);
	}
	sq_shift_find(a, MANY, b, MANY, 0.98, &shift);
	assert_in_range(shift.chance * 100, 45, 55);
}

/* Log-normal with sigma 0.3, as latencies are; Box and Muller. */
static double draw(double factor)
{
	double radius = sqrt(-2 * log(drand48() + 1e-300));

	return factor * exp(0.3 * radius * cos(2 * M_PI * drand48()));
}

static double power(size_t n, double factor)
{
	int found = 0;

	for (int trial = 0; trial < TRIALS; trial++) {
		double a[50], b[50];
		struct sq_shift shift;

		for (size_t i = 0; i < n; i++) {
			a[i] = draw(factor);
			b[i] = draw(1);
		}
		sq_shift_find(a, n, b, n, kayenta.confidence, &shift);
		found += sq_shift_is_worse(&shift, sq_median(b, n), &kayenta);
	}
	return (double)found / TRIALS;
}

/* How often the rule finds what is there: what its users are told. */
static void test_power_of_the_rule(void **state)
{
	static const struct {
		size_t n;
		double factor, power;
	} figures[] = { { 10, 2, 0.83 },    { 10, 1.5, 0.28 },	{ 15, 2, 0.99 },
			{ 15, 1.5, 0.53 },  { 30, 2, 1 },	{ 30, 1.5, 0.98 },
			{ 30, 1.25, 0.35 }, { 50, 1.25, 0.67 }, { 30, 1, 0 } };

	srand48(1);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		double found = power(figures[i].n, figures[i].factor);

		print_message("n = %zu, x %.2f: found in %.0f %%, told %.0f %%\n", figures[i].n,
			      figures[i].factor, 100 * found, 100 * figures[i].power);
		/* three standard deviations of a share of 300 */
		near(found, figures[i].power, 0.09);
	}
	assert_true(power(10, 1) <= 0.01);
}

UNIT(UNIT_TEST(test_permeability_of_hollander_and_wolfe), UNIT_TEST(test_ozone_of_may_and_august),
     UNIT_TEST(test_exact_probabilities_of_mann_and_whitney),
     UNIT_TEST(test_equal_groups_are_not_worse), UNIT_TEST(test_direction_and_least_effect_count),
     UNIT_TEST(test_many_samples_are_judged_soon), UNIT_TEST(test_power_of_the_rule))
