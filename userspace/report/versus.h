/* SPDX-License-Identifier: GPL-2.0-only */
/* Two runs side by side: did the change between them help? */
#ifndef SQ_REPORT_VERSUS_H
#define SQ_REPORT_VERSUS_H

#include <jansson.h>

#include "util/text.h"

/*
 * {same_experiment, same_variables, same_seed, runs: [{run, title, verdict, reason, host, kernel, seed,
 * duration_s, variables} of each], probes: [{name, phase, a: {...}, b: {...}}],
 * faults: [{name, a: {...}, b: {...}}]}: what one of them lacks is null. New.
 */
json_t *sq_report_versus(const json_t *a, const json_t *b);

/* The same for people. */
void sq_report_comparison(const json_t *comparison, struct sq_buffer *text);

#endif
