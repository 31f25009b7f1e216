/* SPDX-License-Identifier: GPL-2.0-only */
/* What the formats share: words for numbers, escapes, and when what happened. */
#ifndef SQ_REPORT_VIEW_H
#define SQ_REPORT_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/text.h"
#include "util/time.h"

#define SQ_REPORT_PHASES 3
#define SQ_REPORT_WHY 320

extern const char *const sq_report_phases[SQ_REPORT_PHASES];

const char *sq_report_ms(double ms, char text[SQ_DURATION_SIZE]);
const char *sq_report_s(double s, char text[SQ_DURATION_SIZE]);

/* "5 %" of the whole, or "-" where there is none. */
const char *sq_report_share(int64_t part, int64_t whole, char text[32]);

/* "30 of 60 seen (50 %)", and of a limited rate what a full queue lost. */
void sq_report_injected(const json_t *counters, struct sq_buffer *out);

/* Of a limited rate, with @before in front: "12 of them lost in a full queue"; nothing where none were. */
void sq_report_overflowed(const json_t *counters, const char *before, struct sq_buffer *out);

/* A text in so many columns: cut, or with spaces behind it. */
void sq_report_column(const char *text, int columns, struct sq_buffer *out);

/* For XML and HTML, attributes too; what XML 1.0 cannot hold becomes '?'. */
void sq_report_xml(struct sq_buffer *out, const char *text);

/* For a Markdown table's cell: what would be markup is not. */
void sq_report_md(struct sq_buffer *out, const char *text);

/* A fault's parameters, "delay 50ms; to 10.0.0.7:6379", those of its time only where asked for. */
void sq_report_parameters(const json_t *asked, bool times, struct sq_buffer *out);

/*
 * Did the fault do what it was to do? NULL if so, "" where it was never armed, else why not, which
 * @why holds. Its counters against its min_effect, and what rate and room took from it.
 */
const char *sq_report_no_effect(const json_t *fault, char why[SQ_REPORT_WHY]);

/* Why a fault let something pass, in words; in the order of the gate. */
struct sq_report_missed {
	const char *key, *words;
};

#define SQ_REPORT_MISSED 11

extern const struct sq_report_missed sq_report_missed[SQ_REPORT_MISSED];

/* "let pass: 12 spared by the dice or by skip, 3 not on the paths"; nothing where nothing was. */
void sq_report_let_pass(const json_t *fault, struct sq_buffer *out);

/* Calls for each phase of a probe that does not hold, but the one that is the verdict's reason. */
void sq_report_each_deviation(const json_t *journal,
			      void (*call)(void *data, const char *probe, const char *phase,
					   const char *why),
			      void *data);

/* Calls for each fault that proved nothing, or too little, but the one that is the verdict's reason. */
void sq_report_each_without_effect(const json_t *journal, void (*call)(void *data, const char *why),
				   void *data);

/* When the phases of a run were, in seconds since its start; negative: never. */
struct sq_report_times {
	double phase_s[SQ_REPORT_PHASES];
	double end_s;
};

void sq_report_times(const json_t *journal, struct sq_report_times *times);

/* An event's or member's time in seconds since the run's start; negative where it has none. */
double sq_report_at(const json_t *journal, const json_t *object, const char *key);

/* When a sample of a probe's series was taken, in seconds since the run's start. */
double sq_report_sample_at(const struct sq_report_times *times, const json_t *sample);

/*
 * Does a sample say something about the service? One that spans a phase's border may not; one before
 * the recovery is not judged, but does.
 */
bool sq_report_sample_tells(const json_t *probe, const json_t *sample);

/* "looking took 52 ms of processor time, 2 ms of it in programs"; nothing where nothing was looked at. */
void sq_report_cost(const json_t *journal, struct sq_buffer *out);

/* From when to when a fault was on, in seconds since the run's start; false: never. */
bool sq_report_window(const json_t *journal, const struct sq_report_times *times,
		      const json_t *fault, double *ret_from, double *ret_until);

/*
 * A note on one line: its mark and how long after the first fault it came, its text, who wrote it.
 */
void sq_report_note(const json_t *journal, const json_t *note, struct sq_buffer *out);

#endif
