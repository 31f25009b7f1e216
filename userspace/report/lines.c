// SPDX-License-Identifier: GPL-2.0-only
/* Lines that several of the reports for a terminal have: of a run, of a plan, of a game day, of two runs. */
#include <string.h>

#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

void sq_report_given(const json_t *document, struct sq_buffer *text)
{
	if (*sq_json_text(document, "task_id"))
		sq_buffer_add(text, "for %s\n", sq_json_text(document, "task_id"));
	if (*sq_json_text(document, "reason_given"))
		sq_buffer_add(text, "because: %s\n", sq_json_text(document, "reason_given"));
	if (json_is_true(json_object_get(document, "observe")))
		sq_buffer_add(text, "observed only: nothing was injected\n");
}

void sq_report_verdict(const json_t *document, bool colour, struct sq_buffer *text)
{
	const char *verdict = sq_json_text(document, "verdict");
	const char *reason = sq_json_text(document, "reason");
	const char *on = !colour ? "" : !strcmp(verdict, "passed") ? "\033[1;32m" : "\033[1;31m";

	sq_buffer_add(text, "\n%s%s%s%s%s\n", on, verdict, colour ? "\033[0m" : "",
		      *reason ? ": " : "", reason);
}

static void add_deviation(void *data, const char *probe, const char *phase, const char *why)
{
	sq_buffer_add(data, "  - %s, %s: %s\n", probe, phase, why);
}

void sq_report_deviations(const json_t *journal, struct sq_buffer *text)
{
	sq_report_each_deviation(journal, add_deviation, text);
}

void sq_report_list(const json_t *list, const char *head, struct sq_buffer *text)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list))
		sq_buffer_add(text, "\n%s\n", head);
	json_array_foreach(list, i, item)
		sq_buffer_add(text, "  - %s\n", json_string_value(item));
}

void sq_report_asked(const char *head, const json_t *asked, bool times, struct sq_buffer *text)
{
	_cleanup_buffer_ struct sq_buffer parameters = { 0 };

	sq_report_parameters(asked, times, &parameters);
	if (*sq_buffer_text(&parameters))
		sq_buffer_add(text, "    %s: %s\n", head, sq_buffer_text(&parameters));
}

void sq_report_used(const json_t *used, struct sq_buffer *text)
{
	_cleanup_free_ char *cgroups =
		sq_number_of((uint64_t)sq_json_int(used, "cgroups"), "cgroup");
	_cleanup_free_ char *processes =
		sq_number_of((uint64_t)sq_json_int(used, "processes"), "process");
	char number[32];

	sq_buffer_add(text, "%s, %s, %s injections", cgroups, processes,
		      sq_count_text((uint64_t)sq_json_int(used, "faults"), number));
}

void sq_report_wrap(struct sq_buffer *wide, struct sq_buffer *text)
{
	_cleanup_free_ char *wrapped =
		sq_text_wrap(sq_buffer_text(wide), SQ_REPORT_COLUMNS, SQ_REPORT_HANG);

	sq_buffer_add(text, "%s", sq_text_printable(wrapped));
}
