/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's state before and after a run, in words. */
#ifndef SQ_REPORT_CLEANUP_H
#define SQ_REPORT_CLEANUP_H

#include <jansson.h>

#include "util/text.h"

/* How many things were compared, before and after; 0 where the journal has no comparison. */
long long sq_report_compared(const json_t *journal);

/*
 * "the host's state before and after compared in 2.1 ms: 31 programs, 40 maps, ...": what the run proved
 * its clean-up by. Nothing where it was not compared, as after a crash.
 */
void sq_report_state(const json_t *journal, struct sq_buffer *out);

/* What others changed meanwhile, a list of sentences; NULL or empty: nothing. */
const json_t *sq_report_others(const json_t *journal);

/* What came and went of other runs of squall: "17 BPF maps went"; NULL or empty: nothing. */
const json_t *sq_report_other_runs(const json_t *journal);

/* What others changed as one line, "a came; b went"; nothing where there is none. */
void sq_report_others_line(const json_t *journal, struct sq_buffer *out);

#endif
