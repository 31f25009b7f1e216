// SPDX-License-Identifier: GPL-2.0-only
#include "probe/stats.h"

#include <math.h>
#include <stdlib.h>

#include "util/mem.h"

#define FEW 10 /* from so many values on the approximation is good, and is what Kayenta takes */
#define EXACT_BELOW 50 /* values in each group, as R does */
#define MOST_VALUES 1000 /* of each group: a million differences */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double sq_median(double *value, size_t n)
{
	if (!n)
		return 0;
	qsort(value, n, sizeof(*value), by_value);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* The quantile of the normal distribution that has @p below it: bisection is exact enough. */
static double normal_quantile(double p)
{
	double low = -40, high = 40;

	for (int i = 0; i < 200; i++) {
		double middle = (low + high) / 2;

		if (erfc(-middle / M_SQRT2) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/*
 * How probable each U from 0 to n m is if there is no difference: the coefficients of the Gaussian
 * binomial, the product of (1 - q^(m + i)) / (1 - q^i) for i = 1 to n, over their sum.
 */
static double *distribution(size_t n, size_t m)
{
	size_t size = n * m + 1;
	double *p = sq_alloc(size * sizeof(*p)), sum = 0;

	p[0] = 1;
	for (size_t i = 1; i <= n; i++) {
		for (size_t u = size; u-- > m + i;)
			p[u] -= p[u - m - i];
		for (size_t u = i; u < size; u++)
			p[u] += p[u - i];
	}
	for (size_t u = 0; u < size; u++)
		sum += p[u];
	for (size_t u = 0; u < size; u++)
		p[u] /= sum;
	return p;
}

/* The sum of t^3 - t over all groups of t equal values. */
static double ties(const double *a, size_t n_a, const double *b, size_t n_b)
{
	size_t n = n_a + n_b;
	_cleanup_free_ double *all = sq_alloc((n + 1) * sizeof(*all));
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		all[i] = i < n_a ? a[i] : b[i - n_a];
	qsort(all, n, sizeof(*all), by_value);
	for (size_t i = 0, t; i < n; i += t) {
		for (t = 1; i + t < n && all[i + t] == all[i]; t++)
			;
		sum += (double)t * (double)t * (double)t - (double)t;
	}
	return sum;
}

/* At most MOST_VALUES of them, evenly taken. */
static double *thin(const double *value, size_t *n)
{
	size_t kept = MIN(*n, MOST_VALUES);
	double *few = sq_alloc((kept + 1) * sizeof(*few));

	for (size_t i = 0; i < kept; i++)
		few[i] = value[i * *n / kept];
	*n = kept;
	return few;
}

/* All differences, in order; half a difference of 0 counts for U. */
static double *differences(const double *a, size_t n_a, const double *b, size_t n_b, double *ret_u)
{
	double *d = sq_alloc((n_a * n_b + 1) * sizeof(*d));

	*ret_u = 0;
	for (size_t i = 0; i < n_a; i++) {
		for (size_t j = 0; j < n_b; j++) {
			d[i * n_b + j] = a[i] - b[j];
			*ret_u += a[i] > b[j] ? 1 : a[i] == b[j] ? 0.5 : 0;
		}
	}
	qsort(d, n_a * n_b, sizeof(*d), by_value);
	return d;
}

static void exact(struct sq_shift *shift, const double *d, size_t n_a, size_t n_b,
		  double confidence)
{
	_cleanup_free_ double *p = distribution(n_a, n_b);
	size_t all = n_a * n_b, k = 0;
	double tail = 0, below = 0;

	for (size_t u = 0; (double)u <= fmin(shift->u, (double)all - shift->u); u++)
		tail += p[u];
	shift->p = fmin(2 * tail, 1);
	/* the smallest k that has more than half of what the interval leaves out up to it */
	while (k < all && below + p[k] <= (1 - confidence) / 2)
		below += p[k++];
	k = MAX(k, 1);
	shift->low = d[k - 1];
	shift->high = d[all - k];
}

static void approximate(struct sq_shift *shift, const double *d, double n, double m, double tied,
			double confidence)
{
	size_t all = (size_t)(n * m), k;
	double sigma = sqrt(n * m / 12 * (n + m + 1 - tied / ((n + m) * (n + m - 1))));
	double off = fmax(fabs(shift->u - n * m / 2) - 0.5, 0);
	double z = normal_quantile(1 - (1 - confidence) / 2);
	double rank = n * m / 2 - z * sigma - 0.5;

	shift->p = sigma > 0 ? fmin(erfc(off / sigma / M_SQRT2), 1) : 1;
	k = rank > 1 ? (size_t)rank : 1;
	shift->low = d[k - 1];
	shift->high = d[all - k];
}

void sq_shift_find(const double *a, size_t n_a, const double *b, size_t n_b, double confidence,
		   struct sq_shift *ret)
{
	_cleanup_free_ double *few_a = thin(a, &n_a), *few_b = thin(b, &n_b);
	_cleanup_free_ double *d = differences(few_a, n_a, few_b, n_b, &ret->u);
	double tied = ties(few_a, n_a, few_b, n_b);
	size_t all = n_a * n_b;

	ret->estimate = all % 2 ? d[all / 2] : (d[all / 2 - 1] + d[all / 2]) / 2;
	ret->chance = ret->u / (double)all;
	if (tied == 0 && MIN(n_a, n_b) < FEW && MAX(n_a, n_b) < EXACT_BELOW)
		exact(ret, d, n_a, n_b, confidence);
	else
		approximate(ret, d, (double)n_a, (double)n_b, tied, confidence);
}

bool sq_shift_is_worse(const struct sq_shift *shift, double median_b, const struct sq_rule_of *rule)
{
	double bound = rule->tolerance * fabs(shift->estimate);
	bool large = fabs(shift->estimate) >= rule->min_effect * fabs(median_b);
	bool above = shift->low > bound, below = shift->high < -bound;

	if (!large)
		return false;
	return (above && rule->worse != SQ_WORSE_DECREASE) ||
	       (below && rule->worse != SQ_WORSE_INCREASE);
}
