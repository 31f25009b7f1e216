/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes as the experiment file has them: what is looked at, what it must show, how it is judged. */
#ifndef SQ_EXPERIMENT_PROBE_H
#define SQ_EXPERIMENT_PROBE_H

#include "experiment/compare.h"
#include "experiment/schema.h"

struct sq_text_expect {
	struct sq_object object;
	struct sq_texts contains, lacks;
	char *matches;
	struct sq_compares json;
};

/* What one sample of a probe must show. */
struct sq_expect {
	struct sq_object object;
	struct sq_compare latency; /* every kind, ns */
	struct sq_port_ranges status; /* http */
	struct sq_text_expect body; /* http */
	struct sq_port_ranges exit; /* exec */
	struct sq_text_expect output; /* exec */
	struct sq_text_expect answer; /* tcp, dns */
	uint32_t rcode; /* dns: a bit for each of sq_dns_rcodes */
	struct sq_compare records; /* dns */
	bool exists; /* file */
	struct sq_compare age, size; /* file: ns, bytes */
	struct sq_text_expect content; /* file */
	struct sq_compare value; /* prometheus, log */
	uint32_t state; /* systemd: a bit for each of sq_unit_states */
	struct sq_compare substate; /* systemd */
};

/* NULL behind the last. The index of an rcode is its number in RFC 1035. */
extern const char *const sq_dns_rcodes[];
extern const char *const sq_dns_types[];
extern const char *const sq_unit_states[];
extern const char *const sq_http_methods[];

struct sq_http {
	struct sq_object object;
	char *url;
	unsigned int method; /* an index into sq_http_methods */
	struct sq_texts headers; /* "Name: value" */
	char *body;
	char *ca; /* a file of certificates that are trusted instead of the host's */
	char *unix_socket;
	uint64_t timeout_ns;
};

struct sq_tcp {
	struct sq_object object;
	char *address; /* HOST:PORT */
	char *send;
	uint64_t timeout_ns;
};

struct sq_dns {
	struct sq_object object;
	char *name;
	unsigned int type; /* an index into sq_dns_types */
	char *server; /* ADDRESS or ADDRESS:PORT; NULL: the first of /etc/resolv.conf */
	uint64_t timeout_ns;
};

struct sq_exec {
	struct sq_object object;
	struct sq_texts command;
	uint64_t timeout_ns;
};

struct sq_file {
	struct sq_object object;
	char *path;
	uint64_t timeout_ns;
};

struct sq_prometheus {
	struct sq_object object;
	char *url;
	char *query;
	struct sq_texts headers;
	char *ca;
	uint64_t timeout_ns;
};

struct sq_unit {
	struct sq_object object;
	char *unit;
	uint64_t timeout_ns;
};

struct sq_log {
	struct sq_object object;
	char *file; /* or */
	char *journal; /* a unit, or "*" for everything */
	char *directory; /* of the journal's files; NULL: this host's */
	char *matches;
	uint64_t timeout_ns;
};

/* Of these exactly one is there. */
struct sq_source {
	struct sq_http http;
	struct sq_tcp tcp;
	struct sq_dns dns;
	struct sq_exec exec;
	struct sq_file file;
	struct sq_prometheus prometheus;
	struct sq_unit systemd;
	struct sq_log log;
};

/* What is looked at, with its place; each object with a source begins like this. */
struct sq_sourced {
	struct sq_object object;
	struct sq_source source;
};

/* The kind of a source: an index into sq_source_kinds, or -1 where none could be read. */
int sq_source_kind(const struct sq_source *source);

/* How long a sample of it may take, ns. */
uint64_t sq_source_timeout(const struct sq_source *source);

#define SQ_SOURCES 8

extern const char *const sq_source_kinds[SQ_SOURCES + 1]; /* NULL behind the last */
/* The keys of a struct that begins as sq_sourced does. */
extern const struct sq_field sq_source_fields[SQ_SOURCES];
extern const struct sq_schema sq_expect_schema;

enum sq_phase {
	SQ_BEFORE,
	SQ_DURING,
	SQ_AFTER,
	SQ_PHASES,
};

extern const char *const sq_phase_names[SQ_PHASES];

/* By how much a phase may be worse than the one before the faults; what is not written is not judged. */
struct sq_no_worse {
	struct sq_object object;
	uint64_t failures_ppb; /* added to the share before */
	uint64_t p50_ppb, p90_ppb, p95_ppb, p99_ppb, max_ppb; /* of what it was before */
	uint64_t value_ppb; /* of the median */
	uint64_t slack_ns; /* a latency that is no more than this above is not worse */
	unsigned int worse; /* an index into sq_worse_names: of value */
};

/* What a phase's samples must show together. */
struct sq_judge_phase {
	struct sq_object object;
	uint64_t failures_ppb;
	uint64_t p50_ns, p90_ns, p95_ns, p99_ns, max_ns; /* 0: not judged */
	struct sq_compare total; /* of the samples' values */
	struct sq_no_worse no_worse;
};

enum sq_metric {
	SQ_METRIC_LATENCY,
	SQ_METRIC_VALUE,
};

extern const char *const sq_metric_names[], *const sq_worse_names[];

/* The phase during against the one before, or against another probe's: by statistics. */
struct sq_versus {
	struct sq_object object;
	char *with; /* "before", or the name of a probe */
	unsigned int metric; /* enum sq_metric */
	unsigned int worse; /* an index into sq_worse_names */
	uint64_t confidence_ppb, tolerance_ppb, min_effect_ppb;
};

struct sq_judge {
	struct sq_object object;
	struct sq_judge_phase phase[SQ_PHASES];
};

struct sq_probe {
	struct sq_object object;
	struct sq_source source;
	char *name;
	uint64_t every_ns;
	struct sq_expect expect;
	struct sq_judge judge;
	struct sq_versus versus;
	uint64_t recovers_within_ns;
	uint64_t abort_after;
};

/* When a command target counts as started. */
struct sq_ready {
	struct sq_object object;
	struct sq_source source;
	uint64_t within_ns;
};

extern const struct sq_schema sq_probe_schema, sq_ready_schema;

#endif
