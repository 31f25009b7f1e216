// SPDX-License-Identifier: GPL-2.0-only
#include "engine/verdict.h"

static const struct {
	const char *name;
	int exit;
} verdicts[SQ_VERDICTS] = {
	[SQ_PASSED] = { "passed", 0 },
	[SQ_DEVIATED] = { "deviated", 1 },
	[SQ_INVALID] = { "invalid", 2 },
	[SQ_REFUSED] = { "refused", 3 },
	[SQ_ABORTED] = { "aborted", 4 },
	[SQ_NO_EFFECT] = { "no effect", 5 },
	[SQ_UNCLEAN] = { "unclean", 6 },
	[SQ_UNSUPPORTED] = { "unsupported", 7 },
	[SQ_NOT_STEADY] = { "not steady", 8 },
	[SQ_ERROR] = { "error", 70 }, /* EX_SOFTWARE of sysexits.h */
	[SQ_NOT_NOW] = { "not now", 75 }, /* EX_TEMPFAIL */
};

const char *sq_verdict_name(enum sq_verdict verdict)
{
	return verdicts[verdict].name;
}

int sq_verdict_exit(enum sq_verdict verdict)
{
	return verdicts[verdict].exit;
}

enum sq_verdict sq_verdict_of(const struct sq_error *err)
{
	static const enum sq_verdict of[] = {
		[SQ_FAIL_ERROR] = SQ_ERROR,	[SQ_FAIL_INVALID] = SQ_INVALID,
		[SQ_FAIL_REFUSED] = SQ_REFUSED, [SQ_FAIL_UNSUPPORTED] = SQ_UNSUPPORTED,
		[SQ_FAIL_NOT_NOW] = SQ_NOT_NOW,
	};

	return err ? of[err->kind] : SQ_ERROR;
}
