// SPDX-License-Identifier: GPL-2.0-only
#include "report/versus.h"

#include <string.h>

#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

static json_t *run_json(const json_t *journal)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	const json_t *host = json_object_get(journal, "host");
	json_t *run = sq_json(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:o}", "run",
		sq_json_text(journal, "run"), "title", sq_json_text(experiment, "title"), "verdict",
		sq_json_text(journal, "verdict"), "reason", sq_json_text(journal, "reason"), "host",
		sq_json_text(host, "name"), "kernel", sq_json_text(host, "kernel"), "seed",
		(json_int_t)sq_json_int(experiment, "seed"), "duration_s",
		sq_json_real(journal, "duration_s"), "variables",
		json_object_get(experiment, "variables")
			? json_deep_copy(json_object_get(experiment, "variables"))
			: json_array());

	return run;
}

/* {samples, failures, p50_ms, p95_ms, max_ms, verdict} as far as there are, or null */
static json_t *phase_json(const json_t *probe, const char *phase)
{
	const json_t *result = json_object_get(probe, phase);

	return result ? json_deep_copy(result) : json_null();
}

static json_t *fault_json(const json_t *fault)
{
	const json_t *counters = json_object_get(fault, "counters");
	const json_t *got = json_object_get(fault, "got");
	json_t *json;

	if (!counters)
		return json_null();
	json = sq_json("{s:I, s:I, s:O}", "seen", (json_int_t)sq_json_int(counters, "seen"),
		       "injected", (json_int_t)sq_json_int(counters, "injected"), "asked",
		       json_object_get(fault, "asked") ? json_object_get(fault, "asked")
						       : json_null());
	if (got)
		json_object_set_new(json, "got", json_deep_copy(got));
	return json;
}

/* Calls for each name that one of both lists has, in the order of the first. */
static void each_name(const json_t *a, const json_t *b,
		      void (*call)(json_t *out, const char *name, const json_t *a, const json_t *b),
		      json_t *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(a, i, item)
		call(out, sq_json_text(item, "name"), item,
		     sq_json_named(b, sq_json_text(item, "name")));
	json_array_foreach(b, i, item)
		if (!sq_json_named(a, sq_json_text(item, "name")))
			call(out, sq_json_text(item, "name"), NULL, item);
}

static void add_probe(json_t *out, const char *name, const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < SQ_REPORT_PHASES; i++) {
		const char *phase = sq_report_phases[i];

		if (json_object_get(a, phase) || json_object_get(b, phase))
			json_array_append_new(
				out, sq_json("{s:s, s:s, s:o, s:o}", "name", name, "phase", phase,
					     "a", phase_json(a, phase), "b", phase_json(b, phase)));
	}
}

static void add_fault(json_t *out, const char *name, const json_t *a, const json_t *b)
{
	json_array_append_new(out, sq_json("{s:s, s:o, s:o}", "name", name, "a", fault_json(a), "b",
					   fault_json(b)));
}

/* The same file: what was given with --set may differ. */
static bool same_file(const json_t *a, const json_t *b)
{
	const char *sha256 = sq_json_text(a, "sha256");

	return *sha256 && !strcmp(sha256, sq_json_text(b, "sha256"));
}

/* What was given with --set, in any order. */
static bool same_variables(const json_t *a, const json_t *b)
{
	const json_t *setting;
	size_t i, j, same = 0;

	for (i = 0; i < json_array_size(a); i++)
		json_array_foreach(b, j, setting)
			if (json_equal(json_array_get(a, i), setting)) {
				same++;
				break;
			}
	return same == json_array_size(a) && same == json_array_size(b);
}

json_t *sq_report_versus(const json_t *a, const json_t *b)
{
	const json_t *one = json_object_get(a, "experiment");
	const json_t *other = json_object_get(b, "experiment");
	json_t *probes = json_array(), *faults = json_array();

	each_name(json_object_get(a, "probes"), json_object_get(b, "probes"), add_probe, probes);
	each_name(json_object_get(a, "faults"), json_object_get(b, "faults"), add_fault, faults);
	return sq_json("{s:b, s:b, s:b, s:[o, o], s:o, s:o}", "same_experiment",
		       same_file(one, other), "same_variables",
		       same_variables(json_object_get(one, "variables"),
				      json_object_get(other, "variables")),
		       "same_seed", sq_json_int(one, "seed") == sq_json_int(other, "seed"), "runs",
		       run_json(a), run_json(b), "probes", probes, "faults", faults);
}

/* The verdict, or "-" of a phase that there was not. */
static const char *verdict_of(const json_t *result)
{
	return *sq_json_text(result, "verdict") ? sq_json_text(result, "verdict") : "-";
}

static void add_run(const json_t *comparison, size_t i, struct sq_buffer *text)
{
	const json_t *run = json_array_get(json_object_get(comparison, "runs"), i);
	char took[SQ_DURATION_SIZE];
	const json_t *setting;
	size_t n;

	sq_buffer_add(text, "%c  %s on %s (Linux %s), seed %lld, took %s\n     %s\n     %s%s%s\n",
		      (char)('A' + i), sq_json_text(run, "run"), sq_json_text(run, "host"),
		      sq_json_text(run, "kernel"), (long long)sq_json_int(run, "seed"),
		      sq_report_s(sq_json_real(run, "duration_s"), took),
		      sq_json_text(run, "title"), sq_json_text(run, "verdict"),
		      *sq_json_text(run, "reason") ? ": " : "", sq_json_text(run, "reason"));
	json_array_foreach(json_object_get(run, "variables"), n, setting)
		sq_buffer_add(text, "%s%s", n ? ", " : "     with ", json_string_value(setting));
	if (n)
		sq_buffer_add(text, "\n");
}

/* What somebody who looks at two runs wants to know first. */
static void add_changes(const json_t *comparison, struct sq_buffer *text)
{
	const json_t *row;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(comparison, "probes"), i, row) {
		const char *a = verdict_of(json_object_get(row, "a"));
		const char *b = verdict_of(json_object_get(row, "b"));

		if (!strcmp(a, b))
			continue;
		sq_buffer_add(text, "%s  - %s, %s: %s in A, %s in B\n",
			      any ? "" : "\nother verdicts\n", sq_json_text(row, "name"),
			      sq_json_text(row, "phase"), a, b);
		any = true;
	}
	if (!any && json_array_size(json_object_get(comparison, "probes")))
		sq_buffer_add(text, "\neach probe has the same verdicts in both\n");
}

/* "-12 %", or nothing where there is nothing to compare with. */
static const char *change(double a, double b, char text[32])
{
	if (a <= 0 || b < 0)
		return "";
	snprintf(text, 32, "%+.0f %%", (b - a) / a * 100);
	return text;
}

static void add_latency(const json_t *a, const json_t *b, const char *key, const char *name,
			struct sq_buffer *text)
{
	char one[SQ_DURATION_SIZE], other[SQ_DURATION_SIZE], words[32];
	bool have_a = json_object_get(a, key), have_b = json_object_get(b, key);

	if (!have_a && !have_b)
		return;
	sq_buffer_add(text, "             %-9s %12s %12s   %s\n", name,
		      have_a ? sq_report_ms(sq_json_real(a, key), one) : "-",
		      have_b ? sq_report_ms(sq_json_real(b, key), other) : "-",
		      have_a && have_b ? change(sq_json_real(a, key), sq_json_real(b, key), words)
				       : "");
}

static const char *failed_share(const json_t *result, char text[32])
{
	return result && !json_is_null(result)
		       ? sq_report_share(sq_json_int(result, "failures"),
					 sq_json_int(result, "samples"), text)
		       : "-";
}

static void add_phase(const json_t *row, struct sq_buffer *text)
{
	const json_t *a = json_object_get(row, "a"), *b = json_object_get(row, "b");
	char one[32], other[32];

	sq_buffer_add(text, "    %-8s %-9s %12s %12s\n", sq_json_text(row, "phase"), "verdict",
		      verdict_of(a), verdict_of(b));
	sq_buffer_add(text, "             %-9s %12s %12s\n", "failed", failed_share(a, one),
		      failed_share(b, other));
	add_latency(a, b, "p50_ms", "p50", text);
	add_latency(a, b, "p95_ms", "p95", text);
	add_latency(a, b, "max_ms", "max", text);
}

static void add_counts(const json_t *row, struct sq_buffer *text)
{
	static const char *const keys[] = { "seen", "injected" };
	const json_t *a = json_object_get(row, "a"), *b = json_object_get(row, "b");
	char one[32], other[32], words[32];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		bool have_a = json_is_object(a), have_b = json_is_object(b);

		sq_buffer_add(
			text, "             %-9s %12s %12s   %s\n", keys[i],
			have_a ? sq_count_text((uint64_t)sq_json_int(a, keys[i]), one) : "-",
			have_b ? sq_count_text((uint64_t)sq_json_int(b, keys[i]), other) : "-",
			have_a && have_b
				? change(sq_json_real(a, keys[i]), sq_json_real(b, keys[i]), words)
				: "");
	}
}

static void add_delay(const json_t *row, const char *key, const char *name, struct sq_buffer *text)
{
	const json_t *a = json_object_get(json_object_get(row, "a"), "got");
	const json_t *b = json_object_get(json_object_get(row, "b"), "got");
	char one[SQ_DURATION_SIZE], other[SQ_DURATION_SIZE], words[32];

	if (!a && !b)
		return;
	sq_buffer_add(text, "             %-9s %12s %12s   %s\n", name,
		      a ? sq_report_ms(sq_json_real(a, key) / 1000, one) : "-",
		      b ? sq_report_ms(sq_json_real(b, key) / 1000, other) : "-",
		      a && b ? change(sq_json_real(a, key), sq_json_real(b, key), words) : "");
}

static const char *sameness(const json_t *comparison)
{
	if (!json_is_true(json_object_get(comparison, "same_experiment")))
		return "the experiments differ";
	return json_is_true(json_object_get(comparison, "same_variables"))
		       ? "the same experiment"
		       : "the same experiment with other settings";
}

/* What was asked of a fault: once, or of both. */
static void add_asked(const json_t *row, struct sq_buffer *text)
{
	const json_t *a = json_object_get(json_object_get(row, "a"), "asked");
	const json_t *b = json_object_get(json_object_get(row, "b"), "asked");

	if (json_equal(a, b)) {
		sq_report_asked("asked", a, true, text);
		return;
	}
	sq_report_asked("asked in A", a, true, text);
	sq_report_asked("asked in B", b, true, text);
}

void sq_report_comparison(const json_t *comparison, struct sq_buffer *text)
{
	_cleanup_buffer_ struct sq_buffer wide = { 0 };
	const json_t *row;
	const char *last = "";
	size_t i;

	add_run(comparison, 0, &wide);
	add_run(comparison, 1, &wide);
	sq_buffer_add(&wide, "\n%s; %s\n", sameness(comparison),
		      json_is_true(json_object_get(comparison, "same_seed"))
			      ? "the same seed"
			      : "other seeds, so other decisions of the dice");
	add_changes(comparison, &wide);
	json_array_foreach(json_object_get(comparison, "probes"), i, row) {
		const char *name = sq_json_text(row, "name");

		if (strcmp(name, last) != 0)
			sq_buffer_add(&wide, "\nsteady state: %s\n%35s %12s\n", name, "A", "B");
		last = name;
		add_phase(row, &wide);
	}
	json_array_foreach(json_object_get(comparison, "faults"), i, row) {
		sq_buffer_add(&wide, "\nfault: %s\n%35s %12s\n", sq_json_text(row, "name"), "A",
			      "B");
		add_asked(row, &wide);
		add_counts(row, &wide);
		add_delay(row, "p50_us", "delay p50", &wide);
		add_delay(row, "p99_us", "delay p99", &wide);
	}
	sq_report_wrap(&wide, text);
}
