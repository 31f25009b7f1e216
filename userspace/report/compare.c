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
		sq_buffer_add(text, ") beside a median of ");
		add_amount(compare, "median_other", false, text);
		sq_buffer_add(text, "; above it in %.0f %% of all pairs",
			      sq_json_real(compare, "effect") * 100);
	}
	sq_buffer_add(text, "; %lld and %lld samples\n", (long long)sq_json_int(compare, "n"),
		      (long long)sq_json_int(compare, "n_other"));
}
