// SPDX-License-Identifier: GPL-2.0-only
/* Mistakes in probes that only show when their parts are held against each other. */
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>

#include "experiment/check.h"

/* Of which kinds of probes a key of `expect` speaks; latency is every kind's. */
static const struct {
	const char *key;
	const char *kinds[2];
} expect_keys[] = {
	{ "status", { "http" } },	{ "body", { "http" } },
	{ "exit", { "exec" } },		{ "output", { "exec" } },
	{ "answer", { "tcp", "dns" } }, { "rcode", { "dns" } },
	{ "records", { "dns" } },	{ "exists", { "file" } },
	{ "age", { "file" } },		{ "size", { "file" } },
	{ "content", { "file" } },	{ "value", { "prometheus", "log" } },
	{ "state", { "systemd" } },	{ "substate", { "systemd" } },
};

static void check_expect(const struct sq_probe *probe, struct sq_diags *diags)
{
	const struct sq_object *expect = &probe->expect.object;
	int kind = sq_source_kind(&probe->source);

	for (size_t i = 0; i < ARRAY_SIZE(expect_keys) && kind >= 0; i++) {
		const char *const *kinds = expect_keys[i].kinds, *is = sq_source_kinds[kind];

		if (!sq_schema_has(expect, expect_keys[i].key) || !strcmp(is, kinds[0]) ||
		    (kinds[1] && !strcmp(is, kinds[1])))
			continue;
		sq_diag_error(diags, sq_schema_mark(expect, expect_keys[i].key), NULL,
			      "'%s' is for %s%s%s probes", expect_keys[i].key, kinds[0],
			      kinds[1] ? " and " : "", kinds[1] ? kinds[1] : "");
	}
}

static void check_url(const struct sq_object *object, const char *text, struct sq_diags *diags)
{
	CURLUcode code;
	CURLU *url;

	if (!text)
		return;
	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0) {
		sq_diag_error(diags, sq_schema_mark(object, "url"), NULL,
			      "url: '%.200s' does not begin with http:// or https://", text);
		return;
	}
	url = curl_url();
	if (!url)
		sq_oom();
	code = curl_url_set(url, CURLUPART_URL, text, 0);
	curl_url_cleanup(url);
	if (code)
		sq_diag_error(diags, sq_schema_mark(object, "url"),
			      "a host is needed, and "
			      "ports go up to 65535",
			      "url: '%.200s' is not a URL such as http://127.0.0.1:8080/cart",
			      text);
}

/* A name, an IPv4 address, or an IPv6 address in brackets: it becomes a part of a URL. */
static bool is_host(const char *text, size_t n)
{
	bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
	const char *end = text + n - brackets;

	for (const char *p = text + brackets; p < end; p++)
		if (!isalnum((unsigned char)*p) && !strchr(brackets ? ":.%-_" : ".-_", *p))
			return false;
	return n > 0;
}

static void check_tcp(const struct sq_tcp *tcp, struct sq_diags *diags)
{
	const char *colon = tcp->address ? strrchr(tcp->address, ':') : NULL;
	struct sq_port_range port;
	const char *why;

	if (!tcp->address)
		return;
	/* an IPv6 address has colons of its own: which is the port's shows by the brackets */
	if (!colon || !is_host(tcp->address, (size_t)(colon - tcp->address)) ||
	    sq_parse_port_range(colon + 1, &port, &why) || port.low != port.high)
		sq_diag_error(diags, sq_schema_mark(&tcp->object, "address"),
			      "such as "
			      "127.0.0.1:5432 or \"[::1]:5432\"; ports go from 1 to 65535",
			      "address: '%.200s' is not HOST:PORT", tcp->address);
}

static void check_headers(const struct sq_object *object, const struct sq_texts *headers,
			  struct sq_diags *diags)
{
	for (size_t i = 0; i < headers->n; i++) {
		const char *text = headers->item[i], *colon = strchr(text, ':');

		if (!colon || colon == text || strpbrk(text, "\r\n") ||
		    strcspn(text, " \t") < (size_t)(colon - text))
			sq_diag_error(diags, sq_schema_mark(object, "headers"),
				      "such as \"Accept: application/json\"",
				      "headers: '%.200s' is not a header", text);
	}
}

static void check_absolute(const struct sq_object *object, const char *key, const char *path,
			   struct sq_diags *diags)
{
	if (path && *path != '/')
		sq_diag_error(diags, sq_schema_mark(object, key), NULL,
			      "%s: '%.200s' does not begin with '/'", key, path);
}

static void check_dns(const struct sq_dns *dns, struct sq_diags *diags)
{
	struct sq_peer peer = { .text = NULL };
	const char *why = "is a range of addresses or of ports";
	bool wrong;

	if (!dns->server)
		return;
	wrong = sq_parse_peer(dns->server, &peer, &why) || peer.host || peer.prefix_len != 128 ||
		(peer.has_ports && peer.ports.low != peer.ports.high);
	sq_peer_clear(&peer);
	if (wrong)
		sq_diag_error(diags, sq_schema_mark(&dns->object, "server"),
			      "one address, such as 127.0.0.53, 10.0.0.2:5353 or \"[::1]:53\"",
			      "server: '%.200s' %s", dns->server, why);
}

void sq_check_source(const struct sq_source *source, struct sq_diags *diags)
{
	const struct sq_http *http = &source->http;
	const struct sq_prometheus *prometheus = &source->prometheus;

	check_url(&http->object, http->url, diags);
	check_headers(&http->object, &http->headers, diags);
	check_absolute(&http->object, "ca", http->ca, diags);
	check_absolute(&http->object, "unix_socket", http->unix_socket, diags);
	check_tcp(&source->tcp, diags);
	check_dns(&source->dns, diags);
	check_absolute(&source->file.object, "path", source->file.path, diags);
	check_url(&prometheus->object, prometheus->url, diags);
	check_headers(&prometheus->object, &prometheus->headers, diags);
	check_absolute(&prometheus->object, "ca", prometheus->ca, diags);
	check_absolute(&source->log.object, "file", source->log.file, diags);
	check_absolute(&source->log.object, "directory", source->log.directory, diags);
	if (source->log.directory && source->log.file)
		sq_diag_error(diags, sq_schema_mark(&source->log.object, "directory"), NULL,
			      "'directory' is the journal's; 'file' stands alone");
	if (source->systemd.unit && !strchr(source->systemd.unit, '.'))
		sq_diag_error(diags, sq_schema_mark(&source->systemd.object, "unit"), NULL,
			      "unit: '%.200s' has no ending such as .service",
			      source->systemd.unit);
}

static bool has_values(const struct sq_probe *probe)
{
	return probe->source.prometheus.object.node || probe->source.log.object.node;
}

static const struct sq_probe *find_probe(const struct sq_experiment *experiment, const char *name)
{
	for (size_t i = 0; i < experiment->probes.n; i++)
		if (sq_probes(experiment)[i].name && !strcmp(sq_probes(experiment)[i].name, name))
			return &sq_probes(experiment)[i];
	return NULL;
}

static void check_judge(const struct sq_experiment *experiment, const struct sq_probe *probe,
			struct sq_diags *diags)
{
	for (enum sq_phase phase = 0; phase < SQ_PHASES; phase++) {
		const struct sq_judge_phase *judge = &probe->judge.phase[phase];
		const struct sq_object *no_worse = &judge->no_worse.object;

		if (judge->total.op != SQ_COMPARE_NONE && !has_values(probe))
			sq_diag_error(diags, sq_schema_mark(&judge->object, "total"), NULL,
				      "'total' is for prometheus and log probes");
		if (sq_schema_has(no_worse, "value") && !has_values(probe))
			sq_diag_error(diags, sq_schema_mark(no_worse, "value"), NULL,
				      "'value' is for prometheus and log probes");
		if (no_worse->node && (phase == SQ_BEFORE || !experiment->phases.before_ns))
			sq_diag_error(diags, sq_schema_mark(&judge->object, "no_worse_than_before"),
				      phase == SQ_BEFORE ? "write it under 'during' or 'after'"
							 : "give phases.before some time",
				      "there is nothing before it to compare with");
	}
	/* it would say nothing: neither that the pattern must come nor that it must not */
	if (probe->source.log.matches && probe->expect.value.op == SQ_COMPARE_NONE) {
		bool judged = false;

		for (enum sq_phase phase = 0; phase < SQ_PHASES; phase++)
			judged |= probe->judge.phase[phase].total.op != SQ_COMPARE_NONE;
		if (!judged)
			sq_diag_error(
				diags, sq_schema_mark(&probe->object, "log"),
				"`expect: {value: 0}`: no such line may come; `judge: {during: "
				"{total: \">= 1\"}}`: one must",
				"the log probe does not say what is expected");
	}
}

static void check_versus(const struct sq_experiment *experiment, const struct sq_probe *probe,
			 struct sq_diags *diags)
{
	const struct sq_versus *versus = &probe->versus;
	bool before = !strcmp(versus->with ? versus->with : "", "before");
	const struct sq_probe *other;

	if (!versus->object.node || !versus->with)
		return;
	other = before ? probe : find_probe(experiment, versus->with);
	if (before && !experiment->phases.before_ns)
		sq_diag_error(diags, sq_schema_mark(&versus->object, "with"),
			      "give phases.before some time",
			      "compare: there is nothing before the faults to compare with");
	if (!other || (!before && other == probe))
		sq_diag_error(diags, sq_schema_mark(&versus->object, "with"),
			      "write 'before', or the name of the probe that looks at the control",
			      "compare: there is no other probe '%.200s'", versus->with);
	else if (versus->metric == SQ_METRIC_VALUE && !(has_values(probe) && has_values(other)))
		sq_diag_error(diags, sq_schema_mark(&versus->object, "metric"), NULL,
			      "compare: only prometheus and log probes have values");
}

void sq_check_probes(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	for (size_t i = 0; i < experiment->probes.n; i++) {
		const struct sq_probe *probe = &sq_probes(experiment)[i];

		if (!probe->name)
			continue;
		sq_check_name(sq_schema_mark(&probe->object, "name"), probe->name, diags);
		for (size_t j = 0; j < i; j++)
			if (sq_probes(experiment)[j].name &&
			    !strcmp(sq_probes(experiment)[j].name, probe->name))
				sq_diag_error(diags, sq_schema_mark(&probe->object, "name"), NULL,
					      "two probes are named '%.200s'", probe->name);
		check_expect(probe, diags);
		sq_check_source(&probe->source, diags);
		check_judge(experiment, probe, diags);
		check_versus(experiment, probe, diags);
		if (probe->recovers_within_ns > experiment->phases.after_ns)
			sq_diag_error(diags, sq_schema_mark(&probe->object, "recovers_within"),
				      "raise phases.after",
				      "recovers_within is longer than the phase 'after'");
	}
}
