// SPDX-License-Identifier: GPL-2.0-only
/* What a probe may hold, and how it is judged. */
#include "experiment/probe.h"

#include "util/mem.h"
#include "util/time.h"
#include "util/units.h"

#define HOUR (3600 * SQ_S)
#define PART(fields)                       \
	{                                  \
		fields, ARRAY_SIZE(fields) \
	}

const char *const sq_phase_names[SQ_PHASES] = { "before", "during", "after" };

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
};
#undef AT

static const struct sq_schema judge_phase_schema = {
	.what = "a judgement",
	.size = sizeof(struct sq_judge_phase),
	.part = { PART(judge_phase_fields) },
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
	.part = { PART(judge_fields) },
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
	  .max = HOUR,
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
	{ .key = "recovers_within",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(recovers_within_ns),
	  .min = SQ_MS,
	  .max = HOUR,
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
	.part = { PART(probe_fields), { sq_source_fields, SQ_SOURCES } },
	.one_of = sq_source_kinds,
};

#define AT(member) offsetof(struct sq_ready, member)
static const struct sq_field ready_fields[] = {
	{ .key = "within",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(within_ns),
	  .min = SQ_MS,
	  .max = HOUR,
	  .fallback = "10s",
	  .help = "or the run is off" },
};
#undef AT

const struct sq_schema sq_ready_schema = {
	.what = "ready",
	.size = sizeof(struct sq_ready),
	.part = { PART(ready_fields), { sq_source_fields, SQ_SOURCES } },
	.one_of = sq_source_kinds,
};
