// SPDX-License-Identifier: GPL-2.0-only
#include "inject/quantiles.h"

#include <math.h>

#define PARETO_SHAPE 3.0

/* Above the mean, with a probability of @tail of both tails together: by bisection of erfc(). */
static double normal(double tail)
{
	double low = 0, high = 8;

	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (erfc(middle / sqrt(2)) > tail)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static double pareto(double tail)
{
	double mean = PARETO_SHAPE / (PARETO_SHAPE - 1);
	double variance =
		PARETO_SHAPE / ((PARETO_SHAPE - 1) * (PARETO_SHAPE - 1) * (PARETO_SHAPE - 2));

	return (pow(tail, -1 / PARETO_SHAPE) - mean) / sqrt(variance);
}

/* Returns the end of what it filled. */
static int32_t *fill(int32_t *table, double (*quantile)(double))
{
	for (uint32_t octave = 0; octave < SQ_QUANTILE_OCTAVES; octave++) {
		for (uint32_t step = 0; step <= SQ_QUANTILE_STEPS; step++) {
			double tail = ldexp(1 + (double)step / SQ_QUANTILE_STEPS, -(int)octave - 1);

			*table++ = (int32_t)lround(quantile(tail) * SQ_QUANTILE_ONE);
		}
	}
	return table;
}

void sq_quantiles_fill(int32_t tables[2 * SQ_QUANTILES])
{
	fill(fill(tables, normal), pareto);
}
