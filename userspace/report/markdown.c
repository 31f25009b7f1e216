// SPDX-License-Identifier: GPL-2.0-only
/* For a comment on a merge request: what deviated and why first, then tables. */
#include <string.h>

#include "report/cleanup.h"
#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

static void add_deviation(void *data, const char *probe, const char *phase, const char *why)
{
	struct sq_buffer *out = data;

	sq_buffer_add(out, "- ");
	sq_report_md(out, probe);
	sq_buffer_add(out, ", %s: ", phase);
	sq_report_md(out, why);
	sq_buffer_add(out, "\n");
}

static void add_item(void *data, const char *why)
{
	sq_buffer_add(data, "- ");
	sq_report_md(data, why);
	sq_buffer_add(data, "\n");
}

static void add_head(const json_t *journal, struct sq_buffer *out)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	const json_t *host = json_object_get(journal, "host");
	const char *verdict = sq_json_text(journal, "verdict");
	char took[SQ_DURATION_SIZE];

	sq_buffer_add(out, "### ");
	sq_report_md(out, sq_json_text(experiment, "title"));
	sq_buffer_add(out, "\n\n%s **%s**", !strcmp(verdict, "passed") ? "✅" : "❌", verdict);
	if (*sq_json_text(journal, "reason")) {
		sq_buffer_add(out, ": ");
		sq_report_md(out, sq_json_text(journal, "reason"));
	}
	sq_buffer_add(out, "\n\n");
	sq_report_each_deviation(journal, add_deviation, out);
	sq_report_each_without_effect(journal, add_item, out);
	sq_buffer_add(out, "\nRun `%s` on ", sq_json_text(journal, "run"));
	sq_report_md(out, sq_json_text(host, "name"));
	sq_buffer_add(out, " (Linux %s), seed %lld, took %s", sq_json_text(host, "kernel"),
		      (long long)sq_json_int(experiment, "seed"),
		      sq_report_s(sq_json_real(journal, "duration_s"), took));
	if (*sq_json_text(journal, "task_id")) {
		sq_buffer_add(out, ", for ");
		sq_report_md(out, sq_json_text(journal, "task_id"));
	}
	if (*sq_json_text(journal, "reason_given")) {
		sq_buffer_add(out, ", because: ");
		sq_report_md(out, sq_json_text(journal, "reason_given"));
	}
	sq_buffer_add(out, "\n");
}

static void add_phase(const json_t *probe, const char *phase, struct sq_buffer *out)
{
	const json_t *result = json_object_get(probe, phase);
	static const char *const keys[] = { "p50_ms", "p95_ms", "max_ms" };
	const char *verdict = sq_json_text(result, "verdict");
	char text[SQ_DURATION_SIZE];

	if (!result)
		return;
	sq_buffer_add(out, "| ");
	sq_report_md(out, sq_json_text(probe, "name"));
	sq_buffer_add(out, " | %s | %lld", phase, (long long)sq_json_int(result, "samples"));
	if (sq_json_int(result, "missed"))
		sq_buffer_add(out, " (%lld missed)", (long long)sq_json_int(result, "missed"));
	sq_buffer_add(out, " | %lld |", (long long)sq_json_int(result, "failures"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		sq_buffer_add(out, " %s |",
			      json_object_get(result, keys[i])
				      ? sq_report_ms(sq_json_real(result, keys[i]), text)
				      : "-");
	sq_buffer_add(out, " %s%s |\n", !strcmp(verdict, "not met") ? "❌ " : "", verdict);
}

/* What statistics have said; the sentence ends with its line. */
static void add_compare(const json_t *probe, struct sq_buffer *out)
{
	const json_t *compare = json_object_get(probe, "compare");
	_cleanup_buffer_ struct sq_buffer said = { 0 };
	_cleanup_free_ char *line = NULL;

	if (!compare)
		return;
	sq_report_compare(compare, &said);
	line = sq_strdup(sq_buffer_text(&said) + strspn(sq_buffer_text(&said), " "));
	line[strcspn(line, "\n")] = '\0';
	sq_buffer_add(out, "- ");
	sq_report_md(out, sq_json_text(probe, "name"));
	sq_buffer_add(out, ", ");
	sq_report_md(out, line);
	sq_buffer_add(out, "\n");
}

static void add_probes(const json_t *journal, struct sq_buffer *out)
{
	const json_t *probes = json_object_get(journal, "probes"), *probe;
	char took[SQ_DURATION_SIZE];
	size_t i;

	if (!json_array_size(probes))
		return;
	sq_buffer_add(out, "\n| steady state | phase | samples | failed | p50 | p95 | max | |\n"
			   "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
	json_array_foreach(probes, i, probe)
		for (size_t j = 0; j < SQ_REPORT_PHASES; j++)
			add_phase(probe, sq_report_phases[j], out);
	sq_buffer_add(out, "\n");
	json_array_foreach(probes, i, probe)
		add_compare(probe, out);
	json_array_foreach(probes, i, probe) {
		if (!json_object_get(probe, "recovered_s"))
			continue;
		sq_buffer_add(out, "- ");
		sq_report_md(out, sq_json_text(probe, "name"));
		sq_buffer_add(out, " recovered %s after the last fault\n",
			      sq_report_s(sq_json_real(probe, "recovered_s"), took));
	}
}

static void add_fault(const json_t *fault, struct sq_buffer *out)
{
	const json_t *counters = json_object_get(fault, "counters");
	const json_t *got = json_object_get(fault, "got");
	_cleanup_buffer_ struct sq_buffer asked = { 0 };
	char why[SQ_REPORT_WHY], p50[SQ_DURATION_SIZE], p99[SQ_DURATION_SIZE];
	const char *none = sq_report_no_effect(fault, why);

	sq_report_parameters(json_object_get(fault, "asked"), true, &asked);
	sq_buffer_add(out, "| ");
	sq_report_md(out, sq_json_text(fault, "name"));
	sq_buffer_add(out, " | %s | ", sq_json_text(fault, "fault"));
	sq_report_md(out, sq_buffer_text(&asked));
	sq_buffer_add(out, " | ");
	sq_report_injected(counters, out);
	sq_buffer_add(out, " | ");
	if (got)
		sq_buffer_add(out, "p50 %s, p99 %s",
			      sq_report_ms(sq_json_real(got, "p50_us") / 1000, p50),
			      sq_report_ms(sq_json_real(got, "p99_us") / 1000, p99));
	sq_buffer_add(out, " | ");
	sq_report_md(out, !none ? "" : *none ? none : "not armed");
	sq_buffer_add(out, " |\n");
}

static void add_faults(const json_t *journal, struct sq_buffer *out)
{
	const json_t *fault;
	size_t i;

	sq_buffer_add(out, "\n| fault | kind | asked | injected | delayed by | |\n"
			   "| --- | --- | --- | ---: | ---: | --- |\n");
	json_array_foreach(json_object_get(journal, "faults"), i, fault)
		add_fault(fault, out);
}

static void add_rest(const json_t *journal, struct sq_buffer *out)
{
	const json_t *used = json_object_get(json_object_get(journal, "blast_radius"), "used");
	const json_t *cleanup = json_object_get(journal, "cleanup"), *item;
	char took[SQ_DURATION_SIZE];
	size_t i;

	sq_buffer_add(out, "\n- blast radius: ");
	sq_report_used(used, out);
	sq_buffer_add(out, "\n");
	if (json_is_true(json_object_get(cleanup, "clean")))
		sq_buffer_add(out, "- clean-up: nothing of the run is left (%s)\n",
			      sq_report_ms(sq_json_real(cleanup, "took_ms"), took));
	json_array_foreach(json_object_get(cleanup, "leftovers"), i, item) {
		sq_buffer_add(out, "- ❌ still there: ");
		sq_report_md(out, json_string_value(item));
		sq_buffer_add(out, "\n");
	}
	if (sq_report_compared(journal)) {
		sq_buffer_add(out, "- ");
		sq_report_state(journal, out);
		sq_buffer_add(out, "\n");
	}
	json_array_foreach(sq_report_others(journal), i, item) {
		sq_buffer_add(out, "- changed by others: ");
		sq_report_md(out, json_string_value(item));
		sq_buffer_add(out, "\n");
	}
	json_array_foreach(json_object_get(journal, "notes"), i, item) {
		_cleanup_buffer_ struct sq_buffer note = { 0 };

		sq_buffer_add(out, "- note: ");
		sq_report_note(journal, item, &note);
		sq_report_md(out, sq_buffer_text(&note));
		sq_buffer_add(out, "\n");
	}
}

void sq_report_markdown(const json_t *journal, bool colour, struct sq_buffer *out)
{
	add_head(journal, out);
	add_probes(journal, out);
	add_faults(journal, out);
	add_rest(journal, out);
}
