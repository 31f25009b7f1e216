/* SPDX-License-Identifier: GPL-2.0-only */
/* A probe's samples by phase, and whether they show what the experiment wants. */
#ifndef SQ_PROBE_JUDGE_H
#define SQ_PROBE_JUDGE_H

#include "experiment/experiment.h"
#include "probe/stats.h"

/* Under so many samples a percentile says nothing. */
#define SQ_ENOUGH_SAMPLES 10

/* The samples of one phase. */
struct sq_series {
	uint64_t *met_ns; /* how long each sample that was met took */
	size_t n_met;
	double *value; /* of the samples that have one */
	size_t n_value;
	size_t samples, failures;
	size_t missed; /* besides those: not taken, since squall itself was held up */
	char *first_failure; /* why the first one failed */
};

/* More of them than this, and what is left says nothing of the phase. */
#define SQ_MOST_MISSED 0.25

void sq_series_add(struct sq_series *series, bool met, uint64_t took_ns, const char *why);
void sq_series_add_value(struct sq_series *series, double value);
void sq_series_clear(struct sq_series *series);

/* The latency below which @share (0 to 1) of the samples that were met lie; 0 without any. */
uint64_t sq_series_quantile(struct sq_series *series, double share);

/*
 * NULL where the series meets the judgement; else what does not hold, to be freed. @before: the
 * series of the phase before, or NULL.
 */
char *sq_series_judge(struct sq_series *series, const struct sq_judge_phase *judge,
		      struct sq_series *before);

/* What the comparison of two series has found. */
struct sq_comparison {
	bool enough; /* there are samples to compare: the rest is found */
	size_t n, n_other;
	double median, median_other;
	struct sq_shift shift; /* ns, or of values */
};

/* The same for `compare`: NULL, or why @series is worse than @other; @with is what it is called. */
char *sq_series_compare(const struct sq_series *series, const struct sq_series *other,
			const struct sq_versus *versus, struct sq_comparison *ret);

#endif
