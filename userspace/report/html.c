// SPDX-License-Identifier: GPL-2.0-only
/*
 * One file that needs no network and no script: figures, and SVG charts that take their colours from
 * the page, so that they follow dark mode and print. A phone scrolls tables and charts sideways.
 */
#include <string.h>

#include "report/cleanup.h"
#include "report/formats.h"
#include "report/html.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1c1e21;--dim:#5c636b;--page:#fff;--card:#f5f6f8;"
	"--line:#d5d9de;--good:#137a3f;--bad:#c22f2f;--data:#2563c9;--fault:#d9822b}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--dim:#9aa3ad;--page:#15181c;"
	"--card:#1f2429;--line:#39414a;--good:#4cc27f;--bad:#ff7b72;--data:#6ea8ff;--fault:#f0a35a}}"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--page);"
	"color:var(--ink);font:1rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}"
	"h1{font-size:1.4rem;margin:.5rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}"
	"h3{font-size:1rem;margin:1rem 0 .2rem}ul{margin:.3rem 0}ul:empty{display:none}p{margin:.3rem 0}"
	".dim{color:var(--dim);font-size:.9rem}"
	".verdict{padding:.6rem .8rem;border-left:.4rem solid var(--bad);background:var(--card);"
	"margin:.8rem 0}.verdict b{color:var(--bad);font-size:1.15rem}"
	".passed{border-color:var(--good)}.passed b{color:var(--good)}"
	".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;width:100%}"
	"th,td{text-align:left;overflow-wrap:normal;padding:.25rem .5rem;border-bottom:1px solid var(--line)}"
	"th{color:var(--dim);font-weight:600}.n{text-align:right;white-space:nowrap;"
	"font-variant-numeric:tabular-nums}.bad{color:var(--bad);font-weight:600}"
	"svg{display:block;width:100%;min-width:20rem;height:auto;background:var(--card)}"
	"svg text{font:11px system-ui,sans-serif;fill:var(--dim)}.window{fill:var(--fault);opacity:.18}"
	".edge{stroke:var(--line)}.met{fill:var(--data)}.failed{stroke:var(--bad);stroke-width:1.5}"
	".on{fill:var(--fault)}.rate{fill:none;stroke:var(--fault);stroke-width:1.5}.bar{fill:var(--data)}"
	".asked{stroke:var(--fault);stroke-width:2}"
	".why td{padding-top:0}"
	"@media(max-width:40rem){svg text{font-size:18px}.tight,.more{display:none}"
	"table{font-size:.85rem}th,td{padding:.25rem .3rem}}"
	"@media print{body{max-width:none;font-size:10pt}svg,table{break-inside:avoid}"
	"h2,h3{break-after:avoid}svg{min-width:0}}";

static void add_deviation(void *data, const char *probe, const char *phase, const char *why)
{
	sq_buffer_add(data, "<li>");
	sq_report_xml(data, probe);
	sq_buffer_add(data, ", %s: ", phase);
	sq_report_xml(data, why);
	sq_buffer_add(data, "</li>\n");
}

static void add_item(void *data, const char *why)
{
	sq_buffer_add(data, "<li>");
	sq_report_xml(data, why);
	sq_buffer_add(data, "</li>\n");
}

void sq_html_fact(struct sq_buffer *out, const char *name, const char *value)
{
	if (!*value)
		return;
	sq_buffer_add(out, " · %s", name);
	sq_report_xml(out, value);
}

void sq_html_begin(const char *title, struct sq_buffer *out)
{
	sq_buffer_add(out,
		      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		      "<title>");
	sq_report_xml(out, title);
	sq_buffer_add(out, "</title>\n<style>%s</style></head>\n<body>\n", style);
}

void sq_html_verdict(const json_t *journal, struct sq_buffer *out)
{
	const char *verdict = sq_json_text(journal, "verdict");

	sq_buffer_add(out, "<div class=\"verdict %s\"><b>",
		      !strcmp(verdict, "passed") ? "passed" : "");
	sq_report_xml(out, verdict);
	sq_buffer_add(out, "</b>%s", *sq_json_text(journal, "reason") ? ": " : "");
	sq_report_xml(out, sq_json_text(journal, "reason"));
	sq_buffer_add(out, "<ul>");
	sq_report_each_deviation(journal, add_deviation, out);
	sq_report_each_without_effect(journal, add_item, out);
	sq_buffer_add(out, "</ul></div>\n");
}

static void add_head(const json_t *journal, struct sq_buffer *out)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	const json_t *host = json_object_get(journal, "host");
	char took[SQ_DURATION_SIZE];

	sq_buffer_add(out, "<h1>");
	sq_report_xml(out, sq_json_text(experiment, "title"));
	sq_buffer_add(out, "</h1>\n<p class=\"dim\">run ");
	sq_report_xml(out, sq_json_text(journal, "run"));
	sq_html_fact(out, "", sq_json_text(journal, "started"));
	sq_html_fact(out, "on ", sq_json_text(host, "name"));
	sq_html_fact(out, "Linux ", sq_json_text(host, "kernel"));
	sq_html_fact(out, "by ", sq_json_text(json_object_get(journal, "started_by"), "user"));
	sq_html_fact(out, "for ", sq_json_text(journal, "task_id"));
	sq_html_fact(out, "because: ", sq_json_text(journal, "reason_given"));
	sq_buffer_add(out, " · seed %lld · took %s</p>\n",
		      (long long)sq_json_int(experiment, "seed"),
		      sq_report_s(sq_json_real(journal, "duration_s"), took));
	sq_html_verdict(journal, out);
}

static void add_phase(const json_t *probe, const char *phase, struct sq_buffer *out)
{
	static const char *const keys[] = { "p50_ms", "p95_ms", "p99_ms", "max_ms" };
	const json_t *result = json_object_get(probe, phase);
	const char *verdict = sq_json_text(result, "verdict");
	char text[SQ_DURATION_SIZE];

	if (!result)
		return;
	sq_buffer_add(out, "<tr><td>%s</td><td class=\"%s\">", phase,
		      !strcmp(verdict, "not met") ? "bad" : "");
	sq_report_xml(out, verdict);
	sq_buffer_add(out, "</td><td class=\"n\">%lld", (long long)sq_json_int(result, "samples"));
	if (sq_json_int(result, "missed"))
		sq_buffer_add(out, " (%lld missed)", (long long)sq_json_int(result, "missed"));
	sq_buffer_add(out, "</td><td class=\"n\">%lld</td>",
		      (long long)sq_json_int(result, "failures"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		sq_buffer_add(out, "<td class=\"n%s\">%s</td>", i == 2 ? " more" : "",
			      json_object_get(result, keys[i])
				      ? sq_report_ms(sq_json_real(result, keys[i]), text)
				      : "-");
	sq_buffer_add(out, "</tr>\n");
	if (!*sq_json_text(result, "why"))
		return;
	sq_buffer_add(out, "<tr class=\"why\"><td colspan=\"8\" class=\"bad\">");
	sq_report_xml(out, sq_json_text(result, "why"));
	sq_buffer_add(out, "</td></tr>\n");
}

/* A line of its own, in grey. */
static void add_dim(struct sq_buffer *line, struct sq_buffer *out)
{
	if (!*sq_buffer_text(line))
		return;
	sq_buffer_add(out, "<p class=\"dim\">");
	sq_report_xml(out, sq_buffer_text(line));
	sq_buffer_add(out, "</p>\n");
}

static void add_probes(const json_t *journal, struct sq_buffer *out)
{
	const json_t *probes = json_object_get(journal, "probes"), *probe;
	_cleanup_buffer_ struct sq_buffer cost = { 0 };
	char took[SQ_DURATION_SIZE];
	size_t i;

	if (json_array_size(probes))
		sq_buffer_add(out,
			      "<h2>Steady state</h2>\n<p class=\"dim\">Each dot is a sample, a "
			      "red line one that failed; shaded is when a fault was on.</p>\n");
	json_array_foreach(probes, i, probe) {
		_cleanup_buffer_ struct sq_buffer compare = { 0 };

		sq_buffer_add(out, "<h3>");
		sq_report_xml(out, sq_json_text(probe, "name"));
		sq_buffer_add(out, "</h3>\n");
		sq_html_probe_chart(journal, probe, out);
		sq_buffer_add(
			out,
			"<div class=\"wide\"><table><tr><th></th><th></th><th class=\"n\">samples</th>"
			"<th class=\"n\">failed</th><th class=\"n\">p50</th>"
			"<th class=\"n\">p95</th><th class=\"n more\">p99</th>"
			"<th class=\"n\">max</th></tr>\n");
		for (size_t j = 0; j < SQ_REPORT_PHASES; j++)
			add_phase(probe, sq_report_phases[j], out);
		sq_buffer_add(out, "</table></div>\n");
		sq_report_compare(json_object_get(probe, "compare"), &compare);
		add_dim(&compare, out);
		if (json_object_get(probe, "recovered_s"))
			sq_buffer_add(out, "<p>recovered %s after the last fault</p>\n",
				      sq_report_s(sq_json_real(probe, "recovered_s"), took));
	}
	sq_report_cost(journal, &cost);
	add_dim(&cost, out);
}

static void add_row(struct sq_buffer *out, const char *name, int64_t injected, int64_t seen)
{
	char a[32], b[32], share[32];

	sq_buffer_add(out, "<tr><td>");
	sq_report_xml(out, name);
	sq_buffer_add(out,
		      "</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
		      "<td class=\"n\">%s</td></tr>\n",
		      sq_count_text((uint64_t)injected, a), sq_count_text((uint64_t)seen, b),
		      sq_report_share(injected, seen, share));
}

/* Whom a fault on calls has hit most. */
static void add_victims(const json_t *victims, struct sq_buffer *out)
{
	const json_t *victim;
	char number[32];
	size_t i;

	if (!json_array_size(victims))
		return;
	sq_buffer_add(out, "<div class=\"wide\"><table><tr><th>hit most</th><th>file</th>"
			   "<th class=\"n\">injected</th></tr>\n");
	json_array_foreach(victims, i, victim) {
		sq_buffer_add(out, "<tr><td>");
		sq_report_xml(out, sq_json_text(victim, "process"));
		sq_buffer_add(out, "</td><td>");
		sq_report_xml(out, sq_json_text(victim, "path"));
		sq_buffer_add(out, "</td><td class=\"n\">%s</td></tr>\n",
			      sq_count_text((uint64_t)sq_json_int(victim, "injected"), number));
	}
	sq_buffer_add(out, "</table></div>\n");
}

static void add_fault(const json_t *journal, const json_t *fault, struct sq_buffer *out)
{
	const json_t *counters = json_object_get(fault, "counters"), *row;
	_cleanup_buffer_ struct sq_buffer asked = { 0 }, lost = { 0 }, passed = { 0 };
	char words[SQ_REPORT_WHY];
	const char *none = sq_report_no_effect(fault, words);
	size_t i;

	sq_buffer_add(out, "<h3>");
	sq_report_xml(out, sq_json_text(fault, "name"));
	sq_buffer_add(out, "</h3>\n<p class=\"dim\">%s", sq_json_text(fault, "fault"));
	sq_html_fact(out, "by ", sq_json_text(fault, "backend"));
	sq_report_parameters(json_object_get(fault, "asked"), true, &asked);
	sq_html_fact(out, "asked: ", sq_buffer_text(&asked));
	sq_buffer_add(out, "</p>\n");
	if (none) {
		sq_buffer_add(out, "<p class=\"bad\">");
		sq_report_xml(out, *none ? none : "not armed");
		sq_buffer_add(out, "</p>\n");
	}
	sq_html_rate_chart(journal, fault, out);
	sq_html_delay_chart(fault, out);
	if (!counters)
		return;
	sq_buffer_add(out,
		      "<div class=\"wide\"><table><tr><th>hit</th><th class=\"n\">injected</th>"
		      "<th class=\"n\">seen</th><th class=\"n\">share</th></tr>\n");
	add_row(out, "all", sq_json_int(counters, "injected"), sq_json_int(counters, "seen"));
	json_array_foreach(json_object_get(fault, "by_cgroup"), i, row)
		add_row(out, sq_json_text(row, "path"), sq_json_int(row, "injected"),
			sq_json_int(row, "seen"));
	sq_buffer_add(out, "</table></div>\n");
	add_victims(json_object_get(fault, "victims"), out);
	sq_report_overflowed(counters, "", &lost);
	add_dim(&lost, out);
	sq_report_let_pass(fault, &passed);
	add_dim(&passed, out);
}

static void add_list(const json_t *journal, const json_t *list, const char *head,
		     struct sq_buffer *out)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	sq_buffer_add(out, "<h2>%s</h2>\n<ul>\n", head);
	json_array_foreach(list, i, item) {
		sq_buffer_add(out, "<li>");
		_cleanup_buffer_ struct sq_buffer note = { 0 };

		sq_report_note(journal, item, &note);
		sq_report_xml(out, sq_buffer_text(&note));
		sq_buffer_add(out, "</li>\n");
	}
	sq_buffer_add(out, "</ul>\n");
}

static void add_radius(const json_t *journal, struct sq_buffer *out)
{
	const json_t *radius = json_object_get(journal, "blast_radius"), *limit, *target;
	const json_t *used = json_object_get(radius, "used");
	size_t i;

	sq_buffer_add(out, "<h2>Blast radius</h2>\n<p>");
	sq_report_used(used, out);
	sq_buffer_add(out, ", at most %.0f a second</p>\n<div class=\"wide\"><table>\n",
		      sq_json_real(used, "peak_rate"));
	json_array_foreach(json_object_get(radius, "limits"), i, limit) {
		sq_buffer_add(out, "<tr><td>");
		sq_report_xml(out, sq_json_text(limit, "name"));
		sq_buffer_add(out, "</td><td>");
		sq_report_xml(out, sq_json_text(limit, "allowed"));
		sq_buffer_add(out, "</td><td>");
		sq_report_xml(out, sq_json_text(limit, "source"));
		sq_buffer_add(out, "</td></tr>\n");
	}
	sq_buffer_add(out, "</table></div>\n<p class=\"dim\">");
	json_array_foreach(json_object_get(journal, "targets"), i, target) {
		size_t n = json_array_size(json_object_get(target, "cgroups"));
		int64_t matched = sq_json_int(target, "matched");

		sq_report_xml(out, sq_json_text(target, "name"));
		sq_buffer_add(out, ": %zu of %lld cgroups that match%s. ", n, (long long)matched,
			      (int64_t)n < matched ? ", the others were exempt" : "");
	}
	sq_buffer_add(out, "</p>\n");
	add_list(journal, json_object_get(journal, "exempt"), "No fault hits", out);
}

static void add_cleanup(const json_t *journal, struct sq_buffer *out)
{
	const json_t *cleanup = json_object_get(journal, "cleanup");
	const json_t *abort = json_object_get(journal, "abort");
	char took[SQ_DURATION_SIZE];

	if (abort) {
		sq_buffer_add(out, "<h2>Aborted</h2>\n<p>by ");
		sq_report_xml(out, sq_json_text(abort, "by"));
		sq_buffer_add(out, ": ");
		sq_report_xml(out, sq_json_text(abort, "reason"));
		sq_buffer_add(out, "</p>\n");
	}
	if (json_is_true(json_object_get(cleanup, "clean")))
		sq_buffer_add(out,
			      "<h2>Clean-up</h2>\n<p>Nothing of the run is left (looked at the "
			      "host, %s).</p>\n",
			      sq_report_ms(sq_json_real(cleanup, "took_ms"), took));
	add_list(journal, json_object_get(cleanup, "leftovers"), "Still there (try squall recover)",
		 out);
	if (sq_report_compared(journal)) {
		sq_buffer_add(out, "<p>Proof: ");
		sq_report_state(journal, out);
		sq_buffer_add(out, ".</p>\n");
	}
	add_list(journal, sq_report_others(journal), "Changed by others meanwhile", out);
}

void sq_html_findings(const json_t *journal, struct sq_buffer *out)
{
	const json_t *fault;
	size_t i;

	sq_html_timeline(journal, out);
	add_probes(journal, out);
	sq_buffer_add(out, "<h2>Faults</h2>\n");
	json_array_foreach(json_object_get(journal, "faults"), i, fault)
		add_fault(journal, fault, out);
}

void sq_report_html(const json_t *journal, bool colour, struct sq_buffer *out)
{
	sq_html_begin(sq_json_text(json_object_get(journal, "experiment"), "title"), out);
	add_head(journal, out);
	sq_html_findings(journal, out);
	add_radius(journal, out);
	add_list(journal, json_object_get(journal, "notes"), "Notes", out);
	add_list(journal, json_object_get(journal, "warnings"), "The plan warned", out);
	add_cleanup(journal, out);
	sq_buffer_add(out, "</body></html>\n");
}
