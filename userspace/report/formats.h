/* SPDX-License-Identifier: GPL-2.0-only */
/* The formats that have a file of their own. */
#ifndef SQ_REPORT_FORMATS_H
#define SQ_REPORT_FORMATS_H

#include <jansson.h>

#include "util/text.h"

void sq_report_text(const json_t *journal, bool colour, struct sq_buffer *text);

#endif
