// SPDX-License-Identifier: GPL-2.0-only
/*
 * For node_exporter's textfile collector: the last run of an experiment as gauges. A file holds one
 * run; an experiment that is run again replaces its file.
 */
#include <string.h>

#include "report/cleanup.h"
#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"

#define MOST_LABELS 4

struct label {
	const char *name, *value;
};

/* A label's value: backslash, quote and newline are escaped, and nothing else. */
static void add_label(struct sq_buffer *out, bool first, const struct label *label)
{
	FILE *stream = sq_buffer_stream(out);

	fprintf(stream, "%s%s=\"", first ? "{" : ",", label->name);
	for (const char *p = label->value; *p; p++) {
		if (*p == '\n')
			fputs("\\n", stream);
		else if (*p == '\\' || *p == '"')
			fprintf(stream, "\\%c", *p);
		else
			fputc(*p, stream);
	}
	fputc('"', stream);
}

static void add_head(struct sq_buffer *out, const char *name, const char *help)
{
	sq_buffer_add(out, "# HELP squall_%s %s\n# TYPE squall_%s gauge\n", name, help, name);
}

/* @labels: to the first without a name */
static void add(struct sq_buffer *out, const json_t *journal, const char *name,
		const struct label *labels, double value)
{
	const struct label experiment = {
		"experiment", sq_json_text(json_object_get(journal, "experiment"), "title")
	};

	sq_buffer_add(out, "squall_%s", name);
	add_label(out, true, &experiment);
	for (; labels && labels->name; labels++)
		add_label(out, false, labels);
	sq_buffer_add(out, "} %.15g\n", value);
}

static void add_one(struct sq_buffer *out, const json_t *journal, const char *name,
		    const char *help, double value)
{
	add_head(out, name, help);
	add(out, journal, name, NULL, value);
}

static void add_run(struct sq_buffer *out, const json_t *journal)
{
	const struct label labels[] = { { "run", sq_json_text(journal, "run") },
					{ "verdict", sq_json_text(journal, "verdict") },
					{ "task_id", sq_json_text(journal, "task_id") },
					{ NULL, NULL } };
	const json_t *used = json_object_get(json_object_get(journal, "blast_radius"), "used");

	add_head(out, "run_info", "The last run of the experiment, with its verdict.");
	add(out, journal, "run_info", labels, 1);
	add_one(out, journal, "run_exit_code", "0 passed, 1 deviated, 4 aborted, 5 no effect, ...",
		(double)sq_json_int(journal, "exit"));
	add_one(out, journal, "run_started_timestamp_seconds", "When it began.",
		(double)sq_rfc3339_parse(sq_json_text(journal, "started")) / SQ_S);
	add_one(out, journal, "run_ended_timestamp_seconds", "When it was over.",
		(double)sq_rfc3339_parse(sq_json_text(journal, "ended")) / SQ_S);
	add_one(out, journal, "run_duration_seconds", "How long it took.",
		sq_json_real(journal, "duration_s"));
	add_one(out, journal, "run_clean", "1 if nothing of it is left on the host.",
		json_is_true(json_object_get(json_object_get(journal, "cleanup"), "clean")));
	add_one(out, journal, "run_leftovers", "Things of it that are still there.",
		(double)json_array_size(
			json_object_get(json_object_get(journal, "cleanup"), "leftovers")));
	add_one(out, journal, "run_state_compared",
		"Things of the host that were compared before and after.",
		(double)sq_report_compared(journal));
	add_one(out, journal, "run_state_others", "Kinds of differences that are others' doing.",
		(double)json_array_size(sq_report_others(journal)));
	add_one(out, journal, "run_cgroups", "Cgroups that were hit.",
		sq_json_real(used, "cgroups"));
	add_one(out, journal, "run_processes", "Processes that were hit.",
		sq_json_real(used, "processes"));
}

static void add_faults(struct sq_buffer *out, const json_t *journal, const char *key,
		       const char *name, const char *help)
{
	const json_t *fault, *counters;
	size_t i;

	add_head(out, name, help);
	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		const struct label labels[] = { { "name", sq_json_text(fault, "name") },
						{ "fault", sq_json_text(fault, "fault") },
						{ NULL, NULL } };

		counters = json_object_get(fault, "counters");
		if (counters)
			add(out, journal, name, labels, sq_json_real(counters, key));
	}
}

static void add_missed(struct sq_buffer *out, const json_t *journal)
{
	const json_t *fault;
	size_t i;

	add_head(out, "fault_missed", "What it saw and did not hit, by reason.");
	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		const json_t *missed =
			json_object_get(json_object_get(fault, "counters"), "missed");

		for (size_t j = 0; missed && j < SQ_REPORT_MISSED; j++) {
			const struct label labels[] = { { "name", sq_json_text(fault, "name") },
							{ "fault", sq_json_text(fault, "fault") },
							{ "reason", sq_report_missed[j].key },
							{ NULL, NULL } };

			add(out, journal, "fault_missed", labels,
			    sq_json_real(missed, sq_report_missed[j].key));
		}
	}
}

static const struct {
	const char *probe_key, *fault_key, *label;
} quantiles[] = {
	{ "p50_ms", "p50_us", "0.5" },	{ "p90_ms", "p90_us", "0.9" },
	{ "p95_ms", "p95_us", "0.95" }, { "p99_ms", "p99_us", "0.99" },
	{ "max_ms", "max_us", "1" },
};

static void add_delays(struct sq_buffer *out, const json_t *journal)
{
	const json_t *fault;
	size_t i;

	add_head(out, "fault_delay_seconds", "How long it held back what it hit, as measured.");
	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		const json_t *got = json_object_get(fault, "got");

		for (size_t j = 0; j < ARRAY_SIZE(quantiles); j++) {
			const struct label labels[] = { { "name", sq_json_text(fault, "name") },
							{ "fault", sq_json_text(fault, "fault") },
							{ "quantile", quantiles[j].label },
							{ NULL, NULL } };

			if (json_object_get(got, quantiles[j].fault_key))
				add(out, journal, "fault_delay_seconds", labels,
				    sq_json_real(got, quantiles[j].fault_key) / 1e6);
		}
	}
}

enum what {
	SAMPLES,
	FAILURES,
	MET,
	LATENCY,
};

static void add_phase(struct sq_buffer *out, const json_t *journal, const json_t *probe,
		      const char *phase, const char *name, enum what what)
{
	const json_t *result = json_object_get(probe, phase);
	struct label labels[MOST_LABELS] = { { "probe", sq_json_text(probe, "name") },
					     { "phase", phase } };

	if (!result)
		return;
	if (what == SAMPLES)
		add(out, journal, name, labels, sq_json_real(result, "samples"));
	else if (what == FAILURES)
		add(out, journal, name, labels, sq_json_real(result, "failures"));
	else if (what == MET && strcmp(sq_json_text(result, "verdict"), "not judged") != 0)
		add(out, journal, name, labels, !strcmp(sq_json_text(result, "verdict"), "met"));
	for (size_t i = 0; what == LATENCY && i < ARRAY_SIZE(quantiles); i++) {
		if (!json_object_get(result, quantiles[i].probe_key))
			continue;
		labels[2] = (struct label){ "quantile", quantiles[i].label };
		add(out, journal, name, labels, sq_json_real(result, quantiles[i].probe_key) / 1e3);
	}
}

static void add_probes(struct sq_buffer *out, const json_t *journal)
{
	static const struct {
		const char *name, *help;
	} metrics[] = {
		[SAMPLES] = { "probe_samples", "Samples that were judged." },
		[FAILURES] = { "probe_failures", "Samples that failed." },
		[MET] = { "probe_met", "1 if the phase was as the experiment wants it." },
		[LATENCY] = { "probe_latency_seconds", "How long the samples took that were met." },
	};
	const json_t *probe;
	size_t i;

	for (enum what what = SAMPLES; what <= LATENCY; what++) {
		add_head(out, metrics[what].name, metrics[what].help);
		json_array_foreach(json_object_get(journal, "probes"), i, probe)
			for (size_t j = 0; j < SQ_REPORT_PHASES; j++)
				add_phase(out, journal, probe, sq_report_phases[j],
					  metrics[what].name, what);
	}
	add_head(out, "probe_recovery_seconds",
		 "From the last fault's end to the first sample met.");
	json_array_foreach(json_object_get(journal, "probes"), i, probe) {
		const struct label labels[] = { { "probe", sq_json_text(probe, "name") },
						{ NULL, NULL } };

		if (json_object_get(probe, "recovered_s"))
			add(out, journal, "probe_recovery_seconds", labels,
			    sq_json_real(probe, "recovered_s"));
	}
}

void sq_report_prometheus(const json_t *journal, bool colour, struct sq_buffer *out)
{
	add_run(out, journal);
	add_faults(out, journal, "seen", "fault_seen", "Calls or packets that it looked at.");
	add_faults(out, journal, "injected", "fault_injected", "Calls or packets that it hit.");
	add_missed(out, journal);
	add_delays(out, journal);
	add_probes(out, journal);
}
