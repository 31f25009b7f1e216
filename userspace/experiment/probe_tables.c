// SPDX-License-Identifier: GPL-2.0-only
/* What a probe may hold, and how it is judged. */
#include "experiment/probe.h"

#include "util/time.h"
#include "util/units.h"

const char *const sq_phase_names[SQ_PHASES] = { "before", "during", "after" };

const char *const sq_metric_names[] = { "latency", "value", NULL };
const char *const sq_worse_names[] = { "increase", "decrease", "either", NULL };

#define AT(member) offsetof(struct sq_no_worse, member)
#define EXCESS(key_, member, text)                                                      \
	{                                                                               \
		.key = key_, .type = SQ_TYPE_EXCESS, .offset = AT(member), .help = text \
	}
static const struct sq_field no_worse_fields[] = {
	{ .key = "failures",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(failures_ppb),
	  .max = SQ_SHARE_ONE,
	  .help = "the share that fails may be so much greater: 1% before and 2% here allow 3%" },
	EXCESS("p50", p50_ppb, "the median latency may be so much above that before: 20%"),
	EXCESS("p90", p90_ppb, "the 90th percentile"),
	EXCESS("p95", p95_ppb, "the 95th percentile"),
	EXCESS("p99", p99_ppb, "the 99th percentile"),
	EXCESS("max", max_ppb, "the slowest"),
	EXCESS("value", value_ppb, "prometheus, log: the median of the values"),
	{ .key = "slack",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(slack_ns),
	  .max = 60 * SQ_S,
	  .help = "a latency that is above that before by no more than this is not worse" },
	{ .key = "worse",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(worse),
	  .names = sq_worse_names,
	  .fallback = "increase",
	  .help = "which way a value is worse" },
};
#undef AT

static const struct sq_schema no_worse_schema = {
	.what = "no_worse_than_before",
	.size = sizeof(struct sq_no_worse),
	.part = { SQ_PART(no_worse_fields) },
};

#define AT(member) offsetof(struct sq_judge_phase, member)
#define LATENCY(key_, member, text)                                                    \
	{                                                                              \
		.key = key_, .type = SQ_TYPE_DURATION, .offset = AT(member), .min = 1, \
		.max = 60 * SQ_S, .help = text                                         \
	}
static const struct sq_field judge_phase_fields[] = {
	{ .key = "failures",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(failures_ppb),
	  .max = SQ_SHARE_ONE,
	  .fallback = "0%",
	  .help = "at most this share of the samples fails" },
	LATENCY("p50", p50_ns, "at most this median latency of the samples that were met"),
	LATENCY("p90", p90_ns, "at most this 90th percentile"),
	LATENCY("p95", p95_ns, "at most this 95th percentile"),
	LATENCY("p99", p99_ns, "at most this 99th percentile"),
	LATENCY("max", max_ns, "at most this for the slowest"),
	{ .key = "total",
	  .type = SQ_TYPE_COMPARE,
	  .offset = AT(total),
	  .help = "prometheus, log: the sum of the values: \">= 1\"" },
	{ .key = "no_worse_than_before",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(no_worse),
	  .object = &no_worse_schema,
	  .help = "during, after: against the phase before of the same run: {p95: 50%}" },
};
#undef AT

static const struct sq_schema judge_phase_schema = {
	.what = "a judgement",
	.size = sizeof(struct sq_judge_phase),
	.part = { SQ_PART(judge_phase_fields) },
};

#define AT(phase_) offsetof(struct sq_judge, phase[phase_])
static const struct sq_field judge_fields[] = {
	{ .key = "before",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(SQ_BEFORE),
	  .object = &judge_phase_schema,
	  .help = "the samples before the first fault" },
	{ .key = "during",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(SQ_DURING),
	  .object = &judge_phase_schema,
	  .help = "from the first fault on to the last one off" },
	{ .key = "after",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(SQ_AFTER),
	  .object = &judge_phase_schema,
	  .help = "after the last fault" },
};
#undef AT

static const struct sq_schema judge_schema = {
	.what = "judge",
	.size = sizeof(struct sq_judge),
	.part = { SQ_PART(judge_fields) },
};

#define AT(member) offsetof(struct sq_versus, member)
static const struct sq_field versus_fields[] = {
	{ .key = "with",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(with),
	  .fallback = "before",
	  .help = "before, or the name of a probe that looks at the control" },
	{ .key = "metric",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(metric),
	  .names = sq_metric_names,
	  .fallback = "latency",
	  .help = "of the samples that are met; or their values" },
	{ .key = "worse",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(worse),
	  .names = sq_worse_names,
	  .fallback = "increase",
	  .help = "which way it is worse" },
	{ .key = "confidence",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(confidence_ppb),
	  .min = SQ_SHARE_ONE / 2,
	  .max = SQ_SHARE_ONE - SQ_SHARE_ONE / 1000,
	  .fallback = "98%",
	  .help = "of the interval of the shift" },
	{ .key = "tolerance",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(tolerance_ppb),
	  .max = SQ_SHARE_ONE,
	  .fallback = "25%",
	  .help = "the interval must lie so far off 0, as a share of the shift" },
	{ .key = "min_effect",
	  .type = SQ_TYPE_EXCESS,
	  .offset = AT(min_effect_ppb),
	  .fallback = "10%",
	  .help = "a shift below this share of the other's median does not count" },
};
#undef AT

static const struct sq_schema versus_schema = {
	.what = "compare",
	.size = sizeof(struct sq_versus),
	.part = { SQ_PART(versus_fields) },
};

#define AT(member) offsetof(struct sq_probe, member)
static const struct sq_field probe_fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .required = true,
	  .help = "its name in the report" },
	{ .key = "every",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(every_ns),
	  .min = 10 * SQ_MS,
	  .max = SQ_HOUR,
	  .fallback = "1s",
	  .help = "from one sample's start to the next one's" },
	{ .key = "expect",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(expect),
	  .object = &sq_expect_schema,
	  .help = "when one sample is met" },
	{ .key = "judge",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(judge),
	  .object = &judge_schema,
	  .help = "what the samples of each phase must show together" },
	{ .key = "compare",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(versus),
	  .object = &versus_schema,
	  .help = "is it worse during the faults than before, or than the control? {with: before}" },
	{ .key = "recovers_within",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(recovers_within_ns),
	  .min = SQ_MS,
	  .max = SQ_HOUR,
	  .help = "how soon after the last fault it is met again; "
		  "'after' is judged from then on" },
	{ .key = "abort_after",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(abort_after),
	  .min = 1,
	  .help = "so many failures in a row during the faults end the run early" },
};
#undef AT

const struct sq_schema sq_probe_schema = {
	.what = "a probe",
	.size = sizeof(struct sq_probe),
	.part = { SQ_PART(probe_fields), { sq_source_fields, SQ_SOURCES } },
	.one_of = sq_source_kinds,
};

#define AT(member) offsetof(struct sq_ready, member)
static const struct sq_field ready_fields[] = {
	{ .key = "within",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(within_ns),
	  .min = SQ_MS,
	  .max = SQ_HOUR,
	  .fallback = "10s",
	  .help = "or the run is off" },
};
#undef AT

const struct sq_schema sq_ready_schema = {
	.what = "ready",
	.size = sizeof(struct sq_ready),
	.part = { SQ_PART(ready_fields), { sq_source_fields, SQ_SOURCES } },
	.one_of = sq_source_kinds,
};
