/* SPDX-License-Identifier: GPL-2.0-only */
/* The formats that have a file of their own. */
#ifndef SQ_REPORT_FORMATS_H
#define SQ_REPORT_FORMATS_H

#include <jansson.h>

#include "util/text.h"

#define SQ_REPORT_COLUMNS 100
#define SQ_REPORT_HANG 4

void sq_report_text(const json_t *journal, bool colour, struct sq_buffer *text);
void sq_report_html(const json_t *journal, bool colour, struct sq_buffer *out);
void sq_report_junit(const json_t *journal, bool colour, struct sq_buffer *out);
void sq_report_markdown(const json_t *journal, bool colour, struct sq_buffer *out);
void sq_report_prometheus(const json_t *journal, bool colour, struct sq_buffer *out);

/* Of a game day. */
void sq_report_day_text(const json_t *day, bool colour, struct sq_buffer *text);
void sq_report_day_html(const json_t *day, bool colour, struct sq_buffer *out);
void sq_report_day_markdown(const json_t *day, bool colour, struct sq_buffer *out);
void sq_report_day_junit(const json_t *day, bool colour, struct sq_buffer *out);

/* What became of an experiment of a game day: its verdict, or why it has none. */
const char *sq_report_day_outcome(const json_t *experiment);

/* How long a game day took; 0 where it is not over. */
double sq_report_day_seconds(const json_t *day);

/* The timeline as a chart of a few lines; nothing where nothing was armed. */
void sq_report_chart(const json_t *journal, bool colour, struct sq_buffer *text);

/* A step of a chart, from 0 to 7, and a sample that failed. */
const char *sq_report_step(int step);
#define SQ_REPORT_FAILED "x"

/* What was given with --task-id, --reason and --observe, a line each. */
void sq_report_given(const json_t *document, struct sq_buffer *text);

/* "passed", or "deviated: why", below an empty line. */
void sq_report_verdict(const json_t *document, bool colour, struct sq_buffer *text);

/* What deviated besides the verdict's reason, a line each. */
void sq_report_deviations(const json_t *journal, struct sq_buffer *text);

/* Texts below a head; nothing where there are none. */
void sq_report_list(const json_t *list, const char *head, struct sq_buffer *text);

/* A fault's parameters on a line of their own, but those that stand elsewhere. */
void sq_report_asked(const char *head, const json_t *asked, bool times, struct sq_buffer *text);

/* "1 cgroup, 2 processes, 300 injections": what a run has used. */
void sq_report_used(const json_t *used, struct sq_buffer *text);

/* Adds @wide to @text, its lines broken to SQ_REPORT_COLUMNS. */
void sq_report_wrap(struct sq_buffer *wide, struct sq_buffer *text);

/* A line on what `compare` has found for a probe; nothing where @compare is NULL. */
void sq_report_compare(const json_t *compare, struct sq_buffer *text);

#endif
