// SPDX-License-Identifier: GPL-2.0-only
/* What probes can look at, and what one sample must show. */
#include "experiment/probe.h"

#include "util/time.h"

const char *const sq_source_kinds[SQ_SOURCES + 1] = { "http",	 "tcp",	 "dns",
						      "exec",	 "file", "prometheus",
						      "systemd", "log",	 NULL };
const char *const sq_dns_rcodes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
				      "NOTIMP",	 "REFUSED", NULL };
const char *const sq_dns_types[] = { "A",   "AAAA", "CNAME", "MX",  "NS",
				     "PTR", "SOA",  "SRV",   "TXT", NULL };
const char *const sq_unit_states[] = { "active",     "reloading",    "inactive", "failed",
				       "activating", "deactivating", NULL };
const char *const sq_http_methods[] = { "GET",	 "HEAD",   "POST",    "PUT",
					"PATCH", "DELETE", "OPTIONS", NULL };

#define AT(member) offsetof(struct sq_text_expect, member)
static const struct sq_field text_fields[] = {
	{ .key = "contains",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(contains),
	  .help = "each of these texts is in it" },
	{ .key = "lacks",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(lacks),
	  .help = "none of these texts is in it" },
	{ .key = "matches",
	  .type = SQ_TYPE_REGEX,
	  .offset = AT(matches),
	  .help = "the expression matches somewhere in it" },
	{ .key = "json",
	  .type = SQ_TYPE_COMPARES,
	  .offset = AT(json),
	  .help = "it is JSON, with this at these paths: {$.status: ok, $.items.length(): \">= 1\"}" },
};
#undef AT

static const struct sq_schema text_schema = {
	.what = "an expectation of a text",
	.size = sizeof(struct sq_text_expect),
	.part = { SQ_PART(text_fields) },
};

#define AT(member) offsetof(struct sq_expect, member)
static const struct sq_field expect_fields[] = {
	{ .key = "latency",
	  .type = SQ_TYPE_DURATION_COMPARE,
	  .offset = AT(latency),
	  .help = "how long the sample took: 300ms is the most; or \"1ms..300ms\"" },
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
	{ .key = "answer",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(answer),
	  .object = &text_schema,
	  .help = "tcp: what comes back, waited for; dns: the records, one a line: A 10.0.0.1" },
	{ .key = "rcode",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(rcode),
	  .names = sq_dns_rcodes,
	  .fallback = "NOERROR",
	  .help = "dns: how the server answers" },
	{ .key = "records",
	  .type = SQ_TYPE_COMPARE,
	  .offset = AT(records),
	  .help = "dns: how many records the answer has; with NOERROR at least one if left out" },
	{ .key = "exists",
	  .type = SQ_TYPE_BOOL,
	  .offset = AT(exists),
	  .fallback = "true",
	  .help = "file: it is there, or is not" },
	{ .key = "age",
	  .type = SQ_TYPE_DURATION_COMPARE,
	  .offset = AT(age),
	  .help = "file: since it was written to last: 5m is the most" },
	{ .key = "size",
	  .type = SQ_TYPE_SIZE_COMPARE,
	  .offset = AT(size),
	  .help = "file: \"> 0B\", \"1M..2G\"" },
	{ .key = "content",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(content),
	  .object = &text_schema,
	  .help = "file: what is in it, its first 64 KiB" },
	{ .key = "value",
	  .type = SQ_TYPE_COMPARE,
	  .offset = AT(value),
	  .help = "prometheus: the number; log: how many lines came since the last sample" },
	{ .key = "state",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(state),
	  .names = sq_unit_states,
	  .fallback = "active",
	  .help = "systemd: the unit's state" },
	{ .key = "substate",
	  .type = SQ_TYPE_COMPARE,
	  .offset = AT(substate),
	  .help = "systemd: running, exited, ..." },
};
#undef AT

const struct sq_schema sq_expect_schema = {
	.what = "expect",
	.size = sizeof(struct sq_expect),
	.part = { SQ_PART(expect_fields) },
};

#define TIMEOUT(type_)                                                                        \
	{                                                                                     \
		.key = "timeout", .type = SQ_TYPE_DURATION,                                   \
		.offset = offsetof(struct type_, timeout_ns), .min = SQ_MS, .max = 60 * SQ_S, \
		.fallback = "1s", .help = "a sample that takes longer has failed"             \
	}

#define AT(member) offsetof(struct sq_http, member)
static const struct sq_field http_fields[] = {
	{ .key = "url",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(url),
	  .required = true,
	  .help = "http:// or https://" },
	{ .key = "method",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(method),
	  .names = sq_http_methods,
	  .fallback = "GET",
	  .help = "of the request" },
	{ .key = "headers",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(headers),
	  .help = "sent with the request: [\"Accept: application/json\"]" },
	{ .key = "body", .type = SQ_TYPE_TEXT, .offset = AT(body), .help = "sent with the request" },
	{ .key = "ca",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(ca),
	  .help = "a file of certificates that are trusted instead of the host's" },
	{ .key = "unix_socket",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(unix_socket),
	  .help = "connect to this socket instead of to the host of the url" },
	TIMEOUT(sq_http),
};
#undef AT

static const struct sq_schema http_schema = {
	.what = "an http probe",
	.size = sizeof(struct sq_http),
	.part = { SQ_PART(http_fields) },
};

#define AT(member) offsetof(struct sq_tcp, member)
static const struct sq_field tcp_fields[] = {
	{ .key = "address",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(address),
	  .required = true,
	  .help = "HOST:PORT, met when the connection stands" },
	{ .key = "send",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(send),
	  .help = "sent when it stands: \"PING\\r\\n\"" },
	TIMEOUT(sq_tcp),
};
#undef AT

static const struct sq_schema tcp_schema = {
	.what = "a tcp probe",
	.size = sizeof(struct sq_tcp),
	.part = { SQ_PART(tcp_fields) },
};

#define AT(member) offsetof(struct sq_dns, member)
static const struct sq_field dns_fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .required = true,
	  .help = "the name to ask for" },
	{ .key = "type",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(type),
	  .names = sq_dns_types,
	  .fallback = "A",
	  .help = "of the records" },
	{ .key = "server",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(server),
	  .help = "ADDRESS or ADDRESS:PORT; left out: the first of /etc/resolv.conf" },
	TIMEOUT(sq_dns),
};
#undef AT

static const struct sq_schema dns_schema = {
	.what = "a dns probe",
	.size = sizeof(struct sq_dns),
	.part = { SQ_PART(dns_fields) },
};

#define AT(member) offsetof(struct sq_exec, member)
static const struct sq_field exec_fields[] = {
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(command),
	  .required = true,
	  .help = "a program and its arguments; no shell" },
	TIMEOUT(sq_exec),
};
#undef AT

static const struct sq_schema exec_schema = {
	.what = "an exec probe",
	.size = sizeof(struct sq_exec),
	.part = { SQ_PART(exec_fields) },
};

#define AT(member) offsetof(struct sq_file, member)
static const struct sq_field file_fields[] = {
	{ .key = "path",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(path),
	  .required = true,
	  .help = "from / on, as the host has it" },
	TIMEOUT(sq_file),
};
#undef AT

static const struct sq_schema file_schema = {
	.what = "a file probe",
	.size = sizeof(struct sq_file),
	.part = { SQ_PART(file_fields) },
};

#define AT(member) offsetof(struct sq_prometheus, member)
static const struct sq_field prometheus_fields[] = {
	{ .key = "url",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(url),
	  .required = true,
	  .help = "of the server, without /api" },
	{ .key = "query",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(query),
	  .required = true,
	  .help = "PromQL whose answer is one number" },
	{ .key = "headers",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(headers),
	  .help = "sent with the request: [\"X-Scope-OrgID: shop\"]" },
	{ .key = "ca",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(ca),
	  .help = "a file of certificates that are trusted instead of the host's" },
	TIMEOUT(sq_prometheus),
};
#undef AT

static const struct sq_schema prometheus_schema = {
	.what = "a prometheus probe",
	.size = sizeof(struct sq_prometheus),
	.part = { SQ_PART(prometheus_fields) },
};

#define AT(member) offsetof(struct sq_unit, member)
static const struct sq_field systemd_fields[] = {
	{ .key = "unit",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(unit),
	  .required = true,
	  .help = "with its ending: nginx.service" },
	TIMEOUT(sq_unit),
};
#undef AT

static const struct sq_schema systemd_schema = {
	.what = "a systemd probe",
	.size = sizeof(struct sq_unit),
	.part = { SQ_PART(systemd_fields) },
};

static const char *const log_kinds[] = { "file", "journal", NULL };

#define AT(member) offsetof(struct sq_log, member)
static const struct sq_field log_fields[] = {
	{ .key = "file",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(file),
	  .help = "a file that lines are added to" },
	{ .key = "journal",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(journal),
	  .help = "a unit whose messages in the host's journal count; \"*\": all" },
	{ .key = "directory",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(directory),
	  .help = "where the journal's files are; left out: this host's" },
	{ .key = "matches",
	  .type = SQ_TYPE_REGEX,
	  .offset = AT(matches),
	  .required = true,
	  .help = "the lines that count" },
	TIMEOUT(sq_log),
};
#undef AT

static const struct sq_schema log_schema = {
	.what = "a log probe",
	.size = sizeof(struct sq_log),
	.part = { SQ_PART(log_fields) },
	.one_of = log_kinds,
};

#define SOURCE(kind, text)                                                                    \
	{                                                                                     \
		.key = #kind, .type = SQ_TYPE_OBJECT,                                         \
		.offset = offsetof(struct sq_sourced, source.kind), .object = &kind##_schema, \
		.help = text                                                                  \
	}
const struct sq_field sq_source_fields[SQ_SOURCES] = {
	SOURCE(http, "a request: {url: \"http://127.0.0.1/\", timeout: 1s}"),
	SOURCE(tcp, "a connection: {address: \"127.0.0.1:5432\"}"),
	SOURCE(dns, "a question to a name server: {name: db.internal, server: 127.0.0.53}"),
	SOURCE(exec, "a program: {command: [redis-cli, ping]}"),
	SOURCE(file, "a file: {path: /var/lib/app/backup.tar}"),
	SOURCE(prometheus,
	       "a query with one number as its answer: {url: \"http://127.0.0.1:9090\", query: up}"),
	SOURCE(systemd, "a unit: {unit: nginx.service}"),
	SOURCE(log, "lines that come: {file: /var/log/app.log, matches: \"ERROR|FATAL\"}"),
};

_Static_assert(offsetof(struct sq_probe, source) == offsetof(struct sq_sourced, source),
	       "begins so");
_Static_assert(offsetof(struct sq_ready, source) == offsetof(struct sq_sourced, source),
	       "begins so");

/* The object of a kind in @source. */
static const struct sq_object *object_of(const struct sq_source *source, size_t kind)
{
	return (const void *)((const char *)source + sq_source_fields[kind].offset -
			      offsetof(struct sq_sourced, source));
}

int sq_source_kind(const struct sq_source *source)
{
	for (int i = 0; i < SQ_SOURCES; i++)
		if (object_of(source, (size_t)i)->node)
			return i;
	return -1;
}

static void find_timeout(const struct sq_field *field, void *data)
{
	size_t *offset = data;

	if (field->type == SQ_TYPE_DURATION)
		*offset = field->offset;
}

uint64_t sq_source_timeout(const struct sq_source *source)
{
	int kind = sq_source_kind(source);
	size_t offset = 0;

	if (kind < 0)
		return 0;
	sq_schema_each(sq_source_fields[kind].object, find_timeout, &offset);
	return *(const uint64_t *)((const char *)object_of(source, (size_t)kind) + offset);
}
