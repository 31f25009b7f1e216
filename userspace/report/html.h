/* SPDX-License-Identifier: GPL-2.0-only */
/* The charts of the HTML report, as SVG. */
#ifndef SQ_REPORT_HTML_H
#define SQ_REPORT_HTML_H

#include <jansson.h>

#include "util/text.h"

/* A probe's samples over the whole run, with the faults' windows. */
void sq_html_probe_chart(const json_t *journal, const json_t *probe, struct sq_buffer *out);

/* What a fault injected a second. */
void sq_html_rate_chart(const json_t *journal, const json_t *fault, struct sq_buffer *out);

/* How long a fault held things back, beside what was asked; nothing where it holds nothing back. */
void sq_html_delay_chart(const json_t *fault, struct sq_buffer *out);

#endif
