// SPDX-License-Identifier: GPL-2.0-only
#include "probe/judge.h"

#include <math.h>
#include <stdio.h>
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

void sq_series_add_value(struct sq_series *series, double value)
{
	*(double *)sq_append(&series->value, &series->n_value, sizeof(double)) = value;
}

void sq_series_clear(struct sq_series *series)
{
	free(series->value);
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

static char *judge_total(const struct sq_series *series, const struct sq_compare *wanted)
{
	double total = 0;

	for (size_t i = 0; i < series->n_value; i++)
		total += series->value[i];
	if (sq_compare_number(wanted, total))
		return NULL;
	return sq_asprintf("the total is %.6g, expected %s", total, wanted->text);
}

static char *judge_more_failures(const struct sq_series *series, const struct sq_series *before,
				 const struct sq_no_worse *no_worse)
{
	double was = (double)before->failures / (double)before->samples;
	double is = (double)series->failures / (double)series->samples;
	char got[32], had[32], more[32];

	if (is <= was + (double)no_worse->failures_ppb / SQ_SHARE_ONE + 1e-12)
		return NULL;
	return sq_asprintf("%s of the samples failed, before %s, and %s more are allowed: %s",
			   sq_share_text((uint64_t)(is * SQ_SHARE_ONE), got),
			   sq_share_text((uint64_t)(was * SQ_SHARE_ONE), had),
			   sq_share_text(no_worse->failures_ppb, more), series->first_failure);
}

static char *judge_slower(struct sq_series *series, struct sq_series *before, const char *name,
			  double share, uint64_t excess_ppb, uint64_t slack_ns)
{
	char got[SQ_DURATION_SIZE], had[SQ_DURATION_SIZE], more[32];
	uint64_t is, was;

	if (series->n_met < SQ_ENOUGH_SAMPLES || before->n_met < SQ_ENOUGH_SAMPLES)
		return sq_asprintf("%s against before: insufficient data: %zu and %zu samples were "
				   "met, %d are needed",
				   name, series->n_met, before->n_met, SQ_ENOUGH_SAMPLES);
	is = sq_series_quantile(series, share);
	was = sq_series_quantile(before, share);
	if (is <= was + slack_ns ||
	    (double)is <= (double)was * (1 + (double)excess_ppb / SQ_SHARE_ONE))
		return NULL;
	return sq_asprintf("%s is %s, before %s, and %s more are allowed", name,
			   sq_duration_text(is, got), sq_duration_text(was, had),
			   sq_share_text(excess_ppb, more));
}

static char *judge_other_value(struct sq_series *series, struct sq_series *before,
			       const struct sq_no_worse *no_worse)
{
	double is = sq_median(series->value, series->n_value);
	double was = sq_median(before->value, before->n_value);
	double allowed = fabs(was) * (double)no_worse->value_ppb / SQ_SHARE_ONE;
	bool worse = (no_worse->worse != SQ_WORSE_DECREASE && is > was + allowed) ||
		     (no_worse->worse != SQ_WORSE_INCREASE && is < was - allowed);
	char more[32];

	if (!series->n_value || !before->n_value)
		return sq_strdup("value against before: insufficient data: there is no value");
	return worse ? sq_asprintf("the median value is %.6g, before %.6g, and %s off are allowed",
				   is, was, sq_share_text(no_worse->value_ppb, more))
		     : NULL;
}

static char *judge_no_worse(struct sq_series *series, struct sq_series *before,
			    const struct sq_no_worse *no_worse)
{
	const struct {
		const char *name;
		double share;
		uint64_t excess_ppb;
	} latencies[] = { { "p50", 0.5, no_worse->p50_ppb },
			  { "p90", 0.9, no_worse->p90_ppb },
			  { "p95", 0.95, no_worse->p95_ppb },
			  { "p99", 0.99, no_worse->p99_ppb },
			  { "max", 1, no_worse->max_ppb } };
	char *why = NULL;

	if (!before->samples)
		return sq_strdup("against before: insufficient data: there is no sample of it");
	if (sq_schema_has(&no_worse->object, "failures"))
		why = judge_more_failures(series, before, no_worse);
	for (size_t i = 0; i < ARRAY_SIZE(latencies) && !why; i++)
		if (sq_schema_has(&no_worse->object, latencies[i].name))
			why = judge_slower(series, before, latencies[i].name, latencies[i].share,
					   latencies[i].excess_ppb, no_worse->slack_ns);
	if (!why && sq_schema_has(&no_worse->object, "value"))
		why = judge_other_value(series, before, no_worse);
	return why;
}

char *sq_series_judge(struct sq_series *series, const struct sq_judge_phase *judge,
		      struct sq_series *before)
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
	if ((double)series->missed > SQ_MOST_MISSED * (double)(series->samples + series->missed))
		return sq_asprintf("insufficient data: squall was held up, and missed %zu of %zu "
				   "samples",
				   series->missed, series->samples + series->missed);
	why = judge_failures(series, judge->failures_ppb);
	for (size_t i = 0; i < ARRAY_SIZE(latencies) && !why; i++)
		why = judge_latency(series, latencies[i].name, latencies[i].share,
				    latencies[i].allowed_ns);
	if (!why && judge->total.op != SQ_COMPARE_NONE)
		why = judge_total(series, &judge->total);
	if (!why && before && judge->no_worse.object.node)
		why = judge_no_worse(series, before, &judge->no_worse);
	return why;
}

/* What is compared, as numbers of its own. */
static double *measurements(const struct sq_series *series, unsigned int metric, size_t *ret_n)
{
	double *copy;

	*ret_n = metric == SQ_METRIC_VALUE ? series->n_value : series->n_met;
	copy = sq_alloc((*ret_n + 1) * sizeof(*copy));
	for (size_t i = 0; i < *ret_n; i++)
		copy[i] = metric == SQ_METRIC_VALUE ? series->value[i] : (double)series->met_ns[i];
	return copy;
}

static void measure_text(double value, unsigned int metric, bool sign, char text[64])
{
	char duration[SQ_DURATION_SIZE];

	if (metric == SQ_METRIC_VALUE)
		snprintf(text, 64, sign ? "%+.4g" : "%.4g", value);
	else
		snprintf(text, 64, "%s%s",
			 value < 0 ? "-"
			 : sign	   ? "+"
				   : "",
			 sq_duration_text((uint64_t)fabs(value), duration));
}

char *sq_series_compare(const struct sq_series *series, const struct sq_series *other,
			const struct sq_versus *versus, struct sq_comparison *ret)
{
	const struct sq_rule_of rule = {
		.confidence = (double)versus->confidence_ppb / SQ_SHARE_ONE,
		.tolerance = (double)versus->tolerance_ppb / SQ_SHARE_ONE,
		.min_effect = (double)versus->min_effect_ppb / SQ_SHARE_ONE,
		.worse = versus->worse,
	};
	_cleanup_free_ double *a = NULL, *b = NULL;
	char shift[64], low[64], high[64], median[64];

	*ret = (struct sq_comparison){ 0 };
	a = measurements(series, versus->metric, &ret->n);
	b = measurements(other, versus->metric, &ret->n_other);
	if (MIN(ret->n, ret->n_other) < SQ_ENOUGH_SAMPLES)
		return sq_asprintf("compared with %s: insufficient data: %zu and %zu samples, %d "
				   "are needed",
				   versus->with, ret->n, ret->n_other, SQ_ENOUGH_SAMPLES);
	ret->enough = true;
	sq_shift_find(a, ret->n, b, ret->n_other, rule.confidence, &ret->shift);
	ret->median = sq_median(a, ret->n);
	ret->median_other = sq_median(b, ret->n_other);
	if (!sq_shift_is_worse(&ret->shift, ret->median_other, &rule))
		return NULL;
	measure_text(ret->shift.estimate, versus->metric, true, shift);
	measure_text(ret->shift.low, versus->metric, true, low);
	measure_text(ret->shift.high, versus->metric, true, high);
	measure_text(ret->median_other, versus->metric, false, median);
	return sq_asprintf(
		"%s is worse than %s: %s (%.4g %% sure: %s to %s) beside a median of %s; "
		"%zu and %zu samples",
		sq_metric_names[versus->metric], versus->with, shift, rule.confidence * 100, low,
		high, median, ret->n, ret->n_other);
}
