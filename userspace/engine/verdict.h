/* SPDX-License-Identifier: GPL-2.0-only */
/* How a run ends: its verdict, and the exit code that stands for it. */
#ifndef SQ_ENGINE_VERDICT_H
#define SQ_ENGINE_VERDICT_H

#include "util/error.h"

/* The better ones first: of several verdicts the last one counts. */
enum sq_verdict {
	SQ_PASSED,
	SQ_NOT_NOW,
	SQ_REFUSED,
	SQ_UNSUPPORTED,
	SQ_NO_EFFECT,
	SQ_NOT_STEADY,
	SQ_DEVIATED,
	SQ_ABORTED,
	SQ_INVALID,
	SQ_ERROR,
	SQ_UNCLEAN,
	SQ_VERDICTS,
};

/* "passed", "no effect", ... */
const char *sq_verdict_name(enum sq_verdict verdict);

/* The exit code: 0 for passed. */
int sq_verdict_exit(enum sq_verdict verdict);

/* What a failure before or during a run makes of it. */
enum sq_verdict sq_verdict_of(const struct sq_error *err);

#endif
