// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "report/report.h"
#include "util/json.h"
#include "util/time.h"
#include "util/units.h"

static const char *seconds(double s, char text[SQ_DURATION_SIZE])
{
	return sq_duration_text((uint64_t)s * SQ_S, text);
}

void sq_report_progress(const json_t *status, struct sq_buffer *text)
{
	char elapsed[SQ_DURATION_SIZE], total[SQ_DURATION_SIZE], n[32], p50[SQ_DURATION_SIZE];
	const json_t *item;
	size_t i;

	sq_buffer_add(text, "%s of %s, %s", seconds(sq_json_real(status, "elapsed_s"), elapsed),
		      seconds(sq_json_real(status, "total_s"), total),
		      sq_json_text(status, "stage"));
	json_array_foreach(json_object_get(status, "faults"), i, item)
		if (!strcmp(sq_json_text(item, "state"), "active"))
			sq_buffer_add(text, " | %s: %s injected", sq_json_text(item, "name"),
				      sq_count_text((uint64_t)sq_json_int(item, "injected"), n));
	json_array_foreach(json_object_get(status, "probes"), i, item)
		if (sq_json_int(item, "samples"))
			sq_buffer_add(text, " | %s: %lld/%lld ok, p50 %s",
				      sq_json_text(item, "name"),
				      (long long)(sq_json_int(item, "samples") -
						  sq_json_int(item, "failures")),
				      (long long)sq_json_int(item, "samples"),
				      sq_duration_text((uint64_t)(sq_json_real(item, "p50_ms") *
								  (double)SQ_MS),
						       p50));
}

void sq_report_status(const json_t *status, struct sq_buffer *text)
{
	const json_t *item;
	char n[32];
	size_t i;

	sq_buffer_add(text, "%s: %s\n  ", sq_json_text(status, "run"),
		      sq_json_text(status, "title"));
	sq_report_progress(status, text);
	sq_buffer_add(text, "%s\n",
		      json_is_true(json_object_get(status, "armed")) ? ", faults armed" : "");
	json_array_foreach(json_object_get(status, "faults"), i, item)
		sq_buffer_add(text, "  %s (%s): %s, %s injected\n", sq_json_text(item, "name"),
			      sq_json_text(item, "fault"), sq_json_text(item, "state"),
			      sq_count_text((uint64_t)sq_json_int(item, "injected"), n));
}
