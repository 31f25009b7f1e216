/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports: views of a run's journal. A new format is a function and a line in report.c's table. */
#ifndef SQ_REPORT_REPORT_H
#define SQ_REPORT_REPORT_H

#include <jansson.h>

#include "util/error.h"
#include "util/text.h"

struct sq_report_format {
	const char *name;
	const char *help;
	void (*render)(const json_t *journal, bool colour, struct sq_buffer *text);
	void (*render_day)(const json_t *day, bool colour, struct sq_buffer *text); /* or NULL */
};

extern const struct sq_report_format sq_report_formats[];
extern const size_t sq_report_formats_n;

/*
 * Checks "FORMAT" or "FORMAT:FILE" before the run, so that a mistake shows then: SQ_FAIL_INVALID,
 * with the formats there are.
 */
int sq_report_check(const char *report, struct sq_error **err);

/* The same for the report of a game day, which not every format has. */
int sq_report_check_day(const char *report, struct sq_error **err);

/* Can several runs write this report without one replacing the other's? */
bool sq_report_holds_several(const char *report);

/*
 * Writes one report of a run or of a game day: to FILE, or to standard output. "{run}" in FILE stands for
 * its name; a run that was never started has none.
 */
int sq_report_write(const char *report, const json_t *journal, struct sq_error **err);

/* The plan, for people. */
void sq_report_plan(const json_t *plan, struct sq_buffer *text);

/* One line of progress, without a newline, from what a run's status says. */
void sq_report_progress(const json_t *status, struct sq_buffer *text);

/* How `status --watch` looks at a terminal. */
struct sq_watch_view {
	int columns, rows;
	bool colour;
	size_t selected; /* the run that a key would stop */
	const char *question; /* in the place of the keys, or NULL */
	const struct sq_texts *over; /* what became of runs that have ended, a line each */
};

/*
 * A screen of @status, the object that `status --json` prints, to be written at the top left. @before, an
 * object of earlier status by run, gives the rates. No line is wider than the screen, nor are there more.
 */
void sq_report_watch(const json_t *status, const json_t *before, const struct sq_watch_view *view,
		     struct sq_buffer *out);

/* A run's status in full. */
void sq_report_status(const json_t *status, struct sq_buffer *text);

#endif
