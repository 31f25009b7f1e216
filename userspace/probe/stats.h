/* SPDX-License-Identifier: GPL-2.0-only */
/* Is one group of measurements worse than another, and by how much? */
#ifndef SQ_PROBE_STATS_H
#define SQ_PROBE_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct sq_shift {
	double u; /* Mann and Whitney's U of the first group */
	double p; /* two-sided */
	double estimate; /* Hodges and Lehmann's: the median of all differences */
	double low, high; /* the estimate's confidence interval */
	double chance; /* that one of the first is above one of the second; 0.5: no difference */
};

/*
 * How far @a lies above @b, with an interval of @confidence (0 to 1). Both have at least one value.
 * As R's wilcox.test(a, b, conf.int = TRUE): Hollander and Wolfe, Nonparametric Statistical Methods,
 * section 4. The normal approximation with corrections for ties and continuity, as Kayenta has it;
 * where a group has less than 10 values and none are equal the exact distribution.
 */
void sq_shift_find(const double *a, size_t n_a, const double *b, size_t n_b, double confidence,
		   struct sq_shift *ret);

/* The median of @n values, which are put in order. */
double sq_median(double *value, size_t n);

enum sq_worse {
	SQ_WORSE_INCREASE,
	SQ_WORSE_DECREASE,
	SQ_WORSE_EITHER,
};

struct sq_rule_of {
	double confidence; /* of the interval */
	double tolerance; /* the interval must lie so far off 0, as a part of the estimate */
	double min_effect; /* as a part of the second group's median */
	enum sq_worse worse;
};

/*
 * Kayenta's rule (NetflixACAJudge, MannWhitneyClassifier): worse where the interval's near end lies
 * above @tolerance times the estimate, and the estimate is at least @min_effect.
 */
bool sq_shift_is_worse(const struct sq_shift *shift, double median_b,
		       const struct sq_rule_of *rule);

#endif
