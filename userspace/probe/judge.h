/* SPDX-License-Identifier: GPL-2.0-only */
/* A probe's samples by phase, and whether they show what the experiment wants. */
#ifndef SQ_PROBE_JUDGE_H
#define SQ_PROBE_JUDGE_H

#include "experiment/experiment.h"

/* Under so many samples a percentile says nothing. */
#define SQ_ENOUGH_SAMPLES 10

/* The samples of one phase. */
struct sq_series {
	uint64_t *met_ns; /* how long each sample that was met took */
	size_t n_met;
	size_t samples, failures;
	char *first_failure; /* why the first one failed */
};

void sq_series_add(struct sq_series *series, bool met, uint64_t took_ns, const char *why);
void sq_series_clear(struct sq_series *series);

/* The latency below which @share (0 to 1) of the samples that were met lie; 0 without any. */
uint64_t sq_series_quantile(struct sq_series *series, double share);

/* NULL where the series meets the judgement; else what does not hold, to be freed. */
char *sq_series_judge(struct sq_series *series, const struct sq_judge_phase *judge);

#endif
