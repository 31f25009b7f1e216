/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of the HTML reports; charts are SVG. */
#ifndef SQ_REPORT_HTML_H
#define SQ_REPORT_HTML_H

#include <jansson.h>

#include "util/text.h"

/* Everything up to <body>. */
void sq_html_begin(const char *title, struct sq_buffer *out);

/* " · name value", where there is a value. */
void sq_html_fact(struct sq_buffer *out, const char *name, const char *value);

/* A box with the verdict and what deviated. */
void sq_html_verdict(const json_t *journal, struct sq_buffer *out);

/* What probes and faults show, with their charts. */
void sq_html_findings(const json_t *journal, struct sq_buffer *out);

/* When each fault was on, by name; nothing where none was. */
void sq_html_timeline(const json_t *journal, struct sq_buffer *out);

/* A probe's samples over the whole run, with the faults' windows. */
void sq_html_probe_chart(const json_t *journal, const json_t *probe, struct sq_buffer *out);

/* What a fault injected a second. */
void sq_html_rate_chart(const json_t *journal, const json_t *fault, struct sq_buffer *out);

/* How long a fault held things back, beside what was asked; nothing where it holds nothing back. */
void sq_html_delay_chart(const json_t *fault, struct sq_buffer *out);

#endif
