// SPDX-License-Identifier: GPL-2.0-only
/* The journal for people, in 100 columns. */
#include <string.h>

#include "report/cleanup.h"
#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

#define MOST_CGROUPS 5
#define MOST_VICTIMS 3

static void add_item(void *data, const char *why)
{
	sq_buffer_add(data, "  - %s\n", why);
}

static void add_head(const json_t *journal, bool colour, struct sq_buffer *text)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	const json_t *host = json_object_get(journal, "host");
	char took[SQ_DURATION_SIZE];

	sq_buffer_add(text, "\n%s\n", sq_json_text(experiment, "title"));
	sq_buffer_add(text, "run %s on %s (Linux %s), seed %lld, took %s\n",
		      sq_json_text(journal, "run"), sq_json_text(host, "name"),
		      sq_json_text(host, "kernel"), (long long)sq_json_int(experiment, "seed"),
		      sq_report_s(sq_json_real(journal, "duration_s"), took));
	sq_report_given(journal, text);
	sq_report_verdict(journal, colour, text);
	sq_report_deviations(journal, text);
	sq_report_each_without_effect(journal, add_item, text);
}

static void add_phase_row(const json_t *probe, const char *phase, struct sq_buffer *text)
{
	const json_t *result = json_object_get(probe, phase);
	char p50[SQ_DURATION_SIZE], p95[SQ_DURATION_SIZE], max[SQ_DURATION_SIZE];
	bool timed = json_object_get(result, "p50_ms") != NULL;

	if (!result)
		return;
	sq_buffer_add(text, "    %-8s %8lld %8lld %9s %9s %9s   %s\n", phase,
		      (long long)sq_json_int(result, "samples"),
		      (long long)sq_json_int(result, "failures"),
		      timed ? sq_report_ms(sq_json_real(result, "p50_ms"), p50) : "-",
		      timed ? sq_report_ms(sq_json_real(result, "p95_ms"), p95) : "-",
		      timed ? sq_report_ms(sq_json_real(result, "max_ms"), max) : "-",
		      sq_json_text(result, "verdict"));
	if (*sq_json_text(result, "why"))
		sq_buffer_add(text, "             %s\n", sq_json_text(result, "why"));
	else if (sq_json_int(result, "missed"))
		sq_buffer_add(text, "             %lld more were missed: squall was held up\n",
			      (long long)sq_json_int(result, "missed"));
}

static void add_probes(const json_t *journal, struct sq_buffer *text)
{
	const json_t *probes = json_object_get(journal, "probes"), *probe;
	_cleanup_buffer_ struct sq_buffer cost = { 0 };
	char took[SQ_DURATION_SIZE];
	size_t i;

	if (json_array_size(probes))
		sq_buffer_add(text, "\n%-12s %8s %8s %9s %9s %9s\n", "steady state", "samples",
			      "failed", "p50", "p95", "max");
	json_array_foreach(probes, i, probe) {
		sq_buffer_add(text, "  %s", sq_json_text(probe, "name"));
		if (json_object_get(probe, "recovered_s"))
			sq_buffer_add(text, ": recovered %s after the last fault",
				      sq_report_s(sq_json_real(probe, "recovered_s"), took));
		sq_buffer_add(text, "\n");
		for (size_t j = 0; j < SQ_REPORT_PHASES; j++)
			add_phase_row(probe, sq_report_phases[j], text);
		sq_report_compare(json_object_get(probe, "compare"), text);
	}
	sq_report_cost(journal, &cost);
	if (*sq_buffer_text(&cost))
		sq_buffer_add(text, "  %s\n", sq_buffer_text(&cost));
}

static void add_got(const json_t *got, struct sq_buffer *text)
{
	char p50[SQ_DURATION_SIZE], p99[SQ_DURATION_SIZE], max[SQ_DURATION_SIZE], n[32];

	if (!got)
		return;
	sq_buffer_add(text, "    delayed by: p50 %s, p99 %s, max %s (%s measured)\n",
		      sq_report_ms(sq_json_real(got, "p50_us") / 1000, p50),
		      sq_report_ms(sq_json_real(got, "p99_us") / 1000, p99),
		      sq_report_ms(sq_json_real(got, "max_us") / 1000, max),
		      sq_count_text((uint64_t)sq_json_int(got, "samples"), n));
}

static void add_missed(const json_t *fault, struct sq_buffer *text)
{
	_cleanup_buffer_ struct sq_buffer missed = { 0 };

	sq_report_let_pass(fault, &missed);
	if (*sq_buffer_text(&missed))
		sq_buffer_add(text, "    %s\n", sq_buffer_text(&missed));
}

/* The programs that a fault on calls has hit most. */
static void add_victims(const json_t *victims, struct sq_buffer *text)
{
	const json_t *victim;
	char n[32];
	size_t i;

	json_array_foreach(victims, i, victim) {
		const char *path = sq_json_text(victim, "path");

		if (i == MOST_VICTIMS)
			break;
		sq_buffer_add(text, "%s%s%s%s %s times",
			      i ? ", " : "    hit most: ", sq_json_text(victim, "process"),
			      *path ? " on " : "", path,
			      sq_count_text((uint64_t)sq_json_int(victim, "injected"), n));
	}
	if (i)
		sq_buffer_add(text, "\n");
}

static void add_faults(const json_t *journal, struct sq_buffer *text)
{
	const json_t *fault, *counters, *row;
	size_t i, j;

	sq_buffer_add(text, "\nfaults\n");
	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		counters = json_object_get(fault, "counters");
		sq_buffer_add(text, "  %s (%s, by %s)\n", sq_json_text(fault, "name"),
			      sq_json_text(fault, "fault"), sq_json_text(fault, "backend"));
		sq_report_asked("asked", json_object_get(fault, "asked"), true, text);
		if (!counters) {
			sq_buffer_add(text, "    not armed\n");
			continue;
		}
		sq_buffer_add(text, "    injected ");
		sq_report_injected(counters, text);
		sq_buffer_add(text, "\n");
		add_victims(json_object_get(fault, "victims"), text);
		add_got(json_object_get(fault, "got"), text);
		add_missed(fault, text);
		json_array_foreach(json_object_get(fault, "by_cgroup"), j, row)
			if (j < MOST_CGROUPS)
				sq_buffer_add(text, "    %s: %lld of %lld\n",
					      sq_json_text(row, "path"),
					      (long long)sq_json_int(row, "injected"),
					      (long long)sq_json_int(row, "seen"));
	}
}

static void add_limits(const json_t *journal, struct sq_buffer *text)
{
	const json_t *radius = json_object_get(journal, "blast_radius");
	const json_t *used = json_object_get(radius, "used"), *limit;
	size_t i;

	sq_buffer_add(text, "\nblast radius: ");
	sq_report_used(used, text);
	sq_buffer_add(text, " (at most %.0f/s)\n", sq_json_real(used, "peak_rate"));
	sq_buffer_add(text, "  limits:");
	json_array_foreach(json_object_get(radius, "limits"), i, limit)
		sq_buffer_add(text, "%s %s %s", i ? "," : "", sq_json_text(limit, "name"),
			      sq_json_text(limit, "allowed"));
	sq_buffer_add(text, "\n");
}

static void add_cleanup(const json_t *journal, struct sq_buffer *text)
{
	const json_t *cleanup = json_object_get(journal, "cleanup");
	bool compared = sq_report_compared(journal) > 0;
	char took[SQ_DURATION_SIZE];
	const json_t *one;
	size_t i;

	if (json_is_true(json_object_get(cleanup, "clean")))
		sq_buffer_add(text,
			      "\nclean-up: nothing of the run is left (looked at the host, "
			      "%s)\n",
			      sq_report_ms(sq_json_real(cleanup, "took_ms"), took));
	else
		sq_report_list(json_object_get(cleanup, "leftovers"),
			       "clean-up: STILL THERE (try `squall recover`)", text);
	if (compared) {
		sq_buffer_add(text, "  ");
		sq_report_state(journal, text);
		sq_buffer_add(text, "\n");
	}
	if (json_array_size(sq_report_others(journal))) {
		sq_buffer_add(text, "  changed by others meanwhile: ");
		sq_report_others_line(journal, text);
		sq_buffer_add(text, "\n");
	}
	json_array_foreach(sq_report_other_runs(journal), i, one)
		sq_buffer_add(text, "%s%s",
			      i ? "; " : "  of other runs of squall: ", json_string_value(one));
	if (json_array_size(sq_report_other_runs(journal)))
		sq_buffer_add(text, "\n");
}

static void add_notes(const json_t *journal, struct sq_buffer *text)
{
	const json_t *notes = json_object_get(journal, "notes"), *note;
	size_t i;

	if (json_array_size(notes))
		sq_buffer_add(text, "\nnotes\n");
	json_array_foreach(notes, i, note) {
		sq_buffer_add(text, "  - ");
		sq_report_note(journal, note, text);
		sq_buffer_add(text, "\n");
	}
}

void sq_report_text(const json_t *journal, bool colour, struct sq_buffer *text)
{
	const json_t *abort = json_object_get(journal, "abort");
	_cleanup_buffer_ struct sq_buffer wide = { 0 };

	add_head(journal, colour, &wide);
	if (abort)
		sq_buffer_add(&wide, "aborted by %s: %s\n", sq_json_text(abort, "by"),
			      sq_json_text(abort, "reason"));
	sq_report_chart(journal, colour, &wide);
	add_faults(journal, &wide);
	add_probes(journal, &wide);
	add_limits(journal, &wide);
	add_notes(journal, &wide);
	add_cleanup(journal, &wide);
	sq_buffer_add(&wide, "journal: /var/lib/squall/runs/%s\nverdict: %s, exit %lld\n",
		      sq_json_text(journal, "run"), sq_json_text(journal, "verdict"),
		      (long long)sq_json_int(journal, "exit"));
	sq_report_wrap(&wide, text);
}
