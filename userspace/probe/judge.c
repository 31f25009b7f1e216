// SPDX-License-Identifier: GPL-2.0-only
#include "probe/judge.h"

#include <stdlib.h>
#include <string.h>

#include "util/time.h"
#include "util/units.h"

void sq_series_add(struct sq_series *series, bool met, uint64_t took_ns, const char *why)
{
	series->samples++;
	if (met) {
		*(uint64_t *)sq_append(&series->met_ns, &series->n_met, sizeof(uint64_t)) = took_ns;
		return;
	}
	series->failures++;
	if (!series->first_failure)
		series->first_failure = sq_strdup(why ? why : "failed");
}

void sq_series_clear(struct sq_series *series)
{
	free(series->met_ns);
	free(series->first_failure);
	*series = (struct sq_series){ 0 };
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The nearest rank: the smallest sample that at least @share of them do not exceed. */
uint64_t sq_series_quantile(struct sq_series *series, double share)
{
	double exact = share * (double)series->n_met;
	size_t rank = (size_t)exact;

	if (!series->n_met)
		return 0;
	qsort(series->met_ns, series->n_met, sizeof(*series->met_ns), by_value);
	if ((double)rank < exact)
		rank++;
	return series->met_ns[MIN(rank ? rank - 1 : 0, series->n_met - 1)];
}

static char *judge_failures(const struct sq_series *series, uint64_t allowed_ppb)
{
	uint64_t got_ppb = series->failures * (uint64_t)SQ_SHARE_ONE / series->samples;
	char got[32], allowed[32];

	/* in whole numbers: exactly the allowed share holds */
	if (series->failures * (uint64_t)SQ_SHARE_ONE <= allowed_ppb * series->samples)
		return NULL;
	return sq_asprintf("%zu of %zu samples failed (%s, allowed %s): %s", series->failures,
			   series->samples, sq_share_text(got_ppb, got),
			   sq_share_text(allowed_ppb, allowed), series->first_failure);
}

static char *judge_latency(struct sq_series *series, const char *name, double share,
			   uint64_t allowed_ns)
{
	char got[SQ_DURATION_SIZE], allowed[SQ_DURATION_SIZE];
	uint64_t value;

	if (!allowed_ns)
		return NULL;
	if (series->n_met < SQ_ENOUGH_SAMPLES)
		return sq_asprintf("%s: insufficient data: %zu samples were met, %d are needed",
				   name, series->n_met, SQ_ENOUGH_SAMPLES);
	value = sq_series_quantile(series, share);
	if (value <= allowed_ns)
		return NULL;
	return sq_asprintf("%s is %s, allowed %s", name, sq_duration_text(value, got),
			   sq_duration_text(allowed_ns, allowed));
}

char *sq_series_judge(struct sq_series *series, const struct sq_judge_phase *judge)
{
	const struct {
		const char *name;
		double share;
		uint64_t allowed_ns;
	} latencies[] = { { "p50", 0.5, judge->p50_ns },
			  { "p90", 0.9, judge->p90_ns },
			  { "p95", 0.95, judge->p95_ns },
			  { "p99", 0.99, judge->p99_ns },
			  { "max", 1, judge->max_ns } };
	char *why;

	if (!series->samples)
		return sq_strdup("insufficient data: there is no sample");
	why = judge_failures(series, judge->failures_ppb);
	for (size_t i = 0; i < ARRAY_SIZE(latencies) && !why; i++)
		why = judge_latency(series, latencies[i].name, latencies[i].share,
				    latencies[i].allowed_ns);
	return why;
}
