// SPDX-License-Identifier: GPL-2.0-only
/* What statistics have said of a probe: samples, shift, interval, effect. */
#include <math.h>
#include <string.h>

#include "report/formats.h"
#include "util/json.h"
#include "util/time.h"

static void add_amount(const json_t *compare, const char *key, bool sign, struct sq_buffer *text)
{
	double value = sq_json_real(compare, key);
	char duration[SQ_DURATION_SIZE];

	if (strcmp(sq_json_text(compare, "metric"), "latency") != 0) {
		sq_buffer_add(text, sign ? "%+.4g" : "%.4g", value);
		return;
	}
	sq_buffer_add(text, "%s%s",
		      value < 0 ? "-"
		      : sign	? "+"
				: "",
		      sq_duration_text((uint64_t)(fabs(value) * (double)SQ_MS), duration));
}

/* Why a shift is none that counts: by what rule, in figures. */
static void add_rule(const json_t *compare, struct sq_buffer *text)
{
	double shift = sq_json_real(compare, "shift");
	double least =
		sq_json_real(compare, "min_effect") * fabs(sq_json_real(compare, "median_other"));
	json_t *bound;

	if (strcmp(sq_json_text(compare, "verdict"), "not worse") != 0 || shift == 0 ||
	    !json_object_get(compare, "tolerance"))
		return;
	if (fabs(shift) < least) {
		sq_buffer_add(text, "; less than %.4g %% does not count",
			      sq_json_real(compare, "min_effect") * 100);
		return;
	}
	bound = sq_json("{s:s, s:f}", "metric", sq_json_text(compare, "metric"), "bound",
			shift * sq_json_real(compare, "tolerance"));
	sq_buffer_add(text, "; to be sure, all of it would have to be %s ",
		      shift > 0 ? "above" : "below");
	add_amount(bound, "bound", true, text);
	json_decref(bound);
}

void sq_report_compare(const json_t *compare, struct sq_buffer *text)
{
	if (!compare)
		return;
	sq_buffer_add(text, "  %s compared with %s: %s", sq_json_text(compare, "metric"),
		      sq_json_text(compare, "with"), sq_json_text(compare, "verdict"));
	if (json_object_get(compare, "shift")) {
		sq_buffer_add(text, ", ");
		add_amount(compare, "shift", true, text);
		sq_buffer_add(text, " (%.4g %% sure: ", sq_json_real(compare, "confidence") * 100);
		add_amount(compare, "low", true, text);
		sq_buffer_add(text, " to ");
		add_amount(compare, "high", true, text);
		add_rule(compare, text);
		sq_buffer_add(text, ") beside a median of ");
		add_amount(compare, "median_other", false, text);
		sq_buffer_add(text, "; above it in %.0f %% of all pairs",
			      sq_json_real(compare, "effect") * 100);
	}
	sq_buffer_add(text, "; %lld and %lld samples\n", (long long)sq_json_int(compare, "n"),
		      (long long)sq_json_int(compare, "n_other"));
}
