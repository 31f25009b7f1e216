// SPDX-License-Identifier: GPL-2.0-only
/* What an experiment file may hold, but for the faults: those are in the catalogue. */
#include "experiment/experiment.h"
#include "util/time.h"
#include "util/units.h"

#define HOUR (3600 * SQ_S)
#define PART(fields)                       \
	{                                  \
		fields, ARRAY_SIZE(fields) \
	}

const char *const sq_phase_names[SQ_PHASES] = { "before", "during", "after" };

#define AT(member) offsetof(struct sq_text_expect, member)
static const struct sq_field text_fields[] = {
	{ .key = "contains",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(contains),
	  .help = "each of these texts is in it" },
	{ .key = "matches",
	  .type = SQ_TYPE_REGEX,
	  .offset = AT(matches),
	  .help = "the expression matches somewhere in it" },
};
#undef AT

static const struct sq_schema text_schema = {
	.what = "an expectation of a text",
	.size = sizeof(struct sq_text_expect),
	.part = { PART(text_fields) },
};

#define AT(member) offsetof(struct sq_expect, member)
static const struct sq_field expect_fields[] = {
	{ .key = "status",
	  .type = SQ_TYPE_CODES,
	  .offset = AT(status),
	  .min = 100,
	  .max = 599,
	  .fallback = "200-299",
	  .help = "http: the answer's status" },
	{ .key = "body",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(body),
	  .object = &text_schema,
	  .help = "http: the answer's body, its first 64 KiB" },
	{ .key = "exit",
	  .type = SQ_TYPE_CODES,
	  .offset = AT(exit),
	  .max = 255,
	  .fallback = "0",
	  .help = "exec: the exit code" },
	{ .key = "output",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(output),
	  .object = &text_schema,
	  .help = "exec: what it writes to its standard output, the first 64 KiB" },
};
#undef AT

static const struct sq_schema expect_schema = {
	.what = "expect",
	.size = sizeof(struct sq_expect),
	.part = { PART(expect_fields) },
};

#define TIMEOUT(type_)                                                                        \
	{                                                                                     \
		.key = "timeout", .type = SQ_TYPE_DURATION,                                   \
		.offset = offsetof(struct type_, timeout_ns), .min = SQ_MS, .max = 60 * SQ_S, \
		.fallback = "1s", .help = "a sample that takes longer has failed"             \
	}

static const struct sq_field http_fields[] = {
	{ .key = "url",
	  .type = SQ_TYPE_TEXT,
	  .offset = offsetof(struct sq_http, url),
	  .required = true,
	  .help = "http:// or https://" },
	TIMEOUT(sq_http),
};

static const struct sq_field tcp_fields[] = {
	{ .key = "address",
	  .type = SQ_TYPE_TEXT,
	  .offset = offsetof(struct sq_tcp, address),
	  .required = true,
	  .help = "HOST:PORT, met when the connection stands" },
	TIMEOUT(sq_tcp),
};

static const struct sq_field exec_fields[] = {
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_exec, command),
	  .required = true,
	  .help = "a program and its arguments; no shell" },
	TIMEOUT(sq_exec),
};

static const struct sq_schema http_schema = { .what = "an http probe",
					      .size = sizeof(struct sq_http),
					      .part = { PART(http_fields) } };
static const struct sq_schema tcp_schema = { .what = "a tcp probe",
					     .size = sizeof(struct sq_tcp),
					     .part = { PART(tcp_fields) } };
static const struct sq_schema exec_schema = { .what = "an exec probe",
					      .size = sizeof(struct sq_exec),
					      .part = { PART(exec_fields) } };

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

static const char *const probe_kinds[] = { "http", "tcp", "exec", NULL };

#define AT(member) offsetof(struct sq_probe, member)
static const struct sq_field probe_fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .required = true,
	  .help = "its name in the report" },
	{ .key = "http",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(http),
	  .object = &http_schema,
	  .help = "a request: {url: \"http://127.0.0.1/\", timeout: 1s}" },
	{ .key = "tcp",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(tcp),
	  .object = &tcp_schema,
	  .help = "a connection: {address: \"127.0.0.1:5432\"}" },
	{ .key = "exec",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(exec),
	  .object = &exec_schema,
	  .help = "a program: {command: [redis-cli, ping]}" },
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
	  .object = &expect_schema,
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

static const struct sq_schema probe_schema = {
	.what = "a probe",
	.size = sizeof(struct sq_probe),
	.part = { PART(probe_fields) },
	.one_of = probe_kinds,
};

#define AT(member) offsetof(struct sq_ready, member)
static const struct sq_field ready_fields[] = {
	{ .key = "http",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(http),
	  .object = &http_schema,
	  .help = "when this request is answered" },
	{ .key = "tcp",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(tcp),
	  .object = &tcp_schema,
	  .help = "when this connection stands" },
	{ .key = "exec",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(exec),
	  .object = &exec_schema,
	  .help = "when this program exits with 0" },
	{ .key = "within",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(within_ns),
	  .min = SQ_MS,
	  .max = HOUR,
	  .fallback = "10s",
	  .help = "or the run is off" },
};
#undef AT

static const struct sq_schema ready_schema = {
	.what = "ready",
	.size = sizeof(struct sq_ready),
	.part = { PART(ready_fields) },
	.one_of = probe_kinds,
};

static const char *const target_kinds[] = { "cgroup", "command", NULL };

#define AT(member) offsetof(struct sq_target, member)
static const struct sq_field target_fields[] = {
	{ .key = "cgroup",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(cgroup),
	  .help = "a path below the cgroup2 root, such as /system.slice/nginx.service; or a glob" },
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(command),
	  .help = "a program and its arguments, run in a cgroup of its own while the run lasts" },
	{ .key = "select",
	  .type = SQ_TYPE_SELECT,
	  .offset = AT(select),
	  .fallback = "all",
	  .help = "how many of those that match; drawn by the seed" },
	{ .key = "ready",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(ready),
	  .object = &ready_schema,
	  .help = "command: when it counts as started" },
};
#undef AT

static const struct sq_schema target_schema = {
	.what = "a target",
	.size = sizeof(struct sq_target),
	.part = { PART(target_fields) },
	.one_of = target_kinds,
};

#define AT(member) offsetof(struct sq_load, member)
static const struct sq_field load_fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .required = true,
	  .help = "its name in the report" },
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(command),
	  .required = true,
	  .help = "a program and its arguments; no shell" },
};
#undef AT

static const struct sq_schema load_schema = {
	.what = "a load",
	.size = sizeof(struct sq_load),
	.part = { PART(load_fields) },
};

static const struct sq_field protect_fields[] = {
	{ .key = "cgroup",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, cgroup),
	  .required = true,
	  .help = "never hit, nor anything in it: a path or a glob" },
};

static const struct sq_schema protect_schema = {
	.what = "protect",
	.size = sizeof(struct sq_protect),
	.part = { PART(protect_fields) },
};

#define AT(member) offsetof(struct sq_blast_radius, member)
static const struct sq_field blast_radius_fields[] = {
	{ .key = "cgroups",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(cgroups),
	  .min = 1,
	  .help = "at most so many cgroups are targets" },
	{ .key = "share",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(share_ppb),
	  .min = 1,
	  .max = SQ_SHARE_ONE,
	  .fallback = "50%",
	  .help = "at most this share of what a glob matches, where it matches two or more" },
	{ .key = "processes",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(processes),
	  .min = 1,
	  .help = "at most so many processes in them" },
	{ .key = "faults",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(faults),
	  .min = 1,
	  .help = "after so many injections the run ends, aborted" },
	{ .key = "rate",
	  .type = SQ_TYPE_RATE,
	  .offset = AT(rate),
	  .help = "at most so many injections a second; what is above passes" },
	{ .key = "duration",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(duration_ns),
	  .min = SQ_S,
	  .max = 24 * HOUR,
	  .fallback = "15m",
	  .help = "no fault acts later than this after the first arming" },
	{ .key = "protect",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(protect),
	  .object = &protect_schema,
	  .help = "cgroups that are never hit: [{cgroup: /a}]" },
};
#undef AT

static const struct sq_schema blast_radius_schema = {
	.what = "blast_radius",
	.size = sizeof(struct sq_blast_radius),
	.part = { PART(blast_radius_fields) },
};

#define AT(member) offsetof(struct sq_variable, member)
static const struct sq_field variable_fields[] = {
	{ .key = "default",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(fallback),
	  .help = "its value when nothing sets it" },
	{ .key = "from_env",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(from_env),
	  .help = "the environment variable that may set it" },
	{ .key = "min", .type = SQ_TYPE_TEXT, .offset = AT(min), .help = "its least value" },
	{ .key = "max", .type = SQ_TYPE_TEXT, .offset = AT(max), .help = "its greatest value" },
	{ .key = "secret",
	  .type = SQ_TYPE_BOOL,
	  .offset = AT(secret),
	  .fallback = "false",
	  .help = "keeps its value out of journals and reports" },
};
#undef AT

static const struct sq_schema variable_schema = {
	.what = "a variable",
	.size = sizeof(struct sq_variable),
	.part = { PART(variable_fields) },
};

#define AT(member) offsetof(struct sq_experiment, member)
static const struct sq_field phases_fields[] = {
	{ .key = "before",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(phases.before_ns) - AT(phases),
	  .max = HOUR,
	  .help = "sampled before the first fault; 10s with probes, else 0s" },
	{ .key = "after",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(phases.after_ns) - AT(phases),
	  .max = HOUR,
	  .help = "sampled after the last fault; 10s with probes, else 0s" },
};

static const struct sq_schema phases_schema = {
	.what = "phases",
	.size = sizeof(((struct sq_experiment *)0)->phases),
	.part = { PART(phases_fields) },
};

static const struct sq_field experiment_fields[] = {
	{ .key = "version",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(version),
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of the file format: 1" },
	{ .key = "title",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(title),
	  .required = true,
	  .help = "what the experiment is to show, in a sentence" },
	{ .key = "description",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(description),
	  .help = "more about it" },
	{ .key = "tags", .type = SQ_TYPE_TEXTS, .offset = AT(tags), .help = "for the report" },
	{ .key = "seed",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(seed),
	  .help = "the same seed draws the same; left out: drawn, and printed" },
	{ .key = "variables",
	  .type = SQ_TYPE_NAMED,
	  .offset = AT(variables),
	  .object = &variable_schema,
	  .help = "values for ${NAME}, to be changed with --set" },
	{ .key = "phases",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(phases),
	  .object = &phases_schema,
	  .help = "how long to sample without faults" },
	{ .key = "targets",
	  .type = SQ_TYPE_NAMED,
	  .offset = AT(targets),
	  .required = true,
	  .object = &target_schema,
	  .help = "named sets of cgroups" },
	{ .key = "blast_radius",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(blast_radius),
	  .object = &blast_radius_schema,
	  .help = "what the run may not exceed" },
	{ .key = "load",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(load),
	  .object = &load_schema,
	  .help = "programs that squall runs beside the targets from start to end" },
	{ .key = "steady_state",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(probes),
	  .object = &probe_schema,
	  .help = "the probes, and what they must show" },
	{ .key = "method",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(faults),
	  .required = true,
	  .object = &sq_fault_schema,
	  .help = "the faults, on a timeline" },
};
#undef AT

const struct sq_schema sq_experiment_schema = {
	.what = "an experiment",
	.size = sizeof(struct sq_experiment),
	.part = { PART(experiment_fields) },
};
