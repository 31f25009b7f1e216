// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "report/report.h"
#include "util/eventlog.h"
#include "util/time.h"

#define MOST_CGROUPS 20

static const char *seconds(double s, char text[SQ_DURATION_SIZE])
{
	return sq_duration_text((uint64_t)(s * (double)SQ_S), text);
}

static void add_target(const json_t *target, struct sq_buffer *text)
{
	const json_t *cgroups = json_object_get(target, "cgroups"), *cgroup;
	bool started = json_is_true(json_object_get(target, "started_by_squall"));
	size_t i;

	sq_buffer_add(text, "  %s: %zu of %lld cgroups\n", sq_json_text(target, "name"),
		      json_array_size(cgroups), (long long)sq_json_int(target, "matched"));
	json_array_foreach(cgroups, i, cgroup) {
		if (i == MOST_CGROUPS) {
			sq_buffer_add(text, "    and %zu more\n",
				      json_array_size(cgroups) - MOST_CGROUPS);
			break;
		}
		if (started)
			sq_buffer_add(text, "    %s, made and started by squall\n",
				      sq_json_text(cgroup, "path"));
		else
			sq_buffer_add(text, "    %s, %lld processes\n",
				      sq_json_text(cgroup, "path"),
				      (long long)sq_json_int(cgroup, "processes"));
	}
}

static void add_fault(const json_t *fault, struct sq_buffer *text)
{
	char from[SQ_DURATION_SIZE], until[SQ_DURATION_SIZE];
	const json_t *target;
	size_t i;

	sq_buffer_add(text, "  %s to %s  %s (%s) on", seconds(sq_json_real(fault, "at_s"), from),
		      seconds(sq_json_real(fault, "at_s") + sq_json_real(fault, "for_s"), until),
		      sq_json_text(fault, "name"), sq_json_text(fault, "fault"));
	json_array_foreach(json_object_get(fault, "targets"), i, target)
		sq_buffer_add(text, "%s %s", i ? "," : "", json_string_value(target));
	sq_buffer_add(text, "\n    by %s\n", sq_json_text(fault, "backend"));
}

void sq_report_plan(const json_t *plan, struct sq_buffer *text)
{
	const json_t *phases = json_object_get(plan, "phases"), *item;
	char before[SQ_DURATION_SIZE], during[SQ_DURATION_SIZE], after[SQ_DURATION_SIZE];
	size_t i;

	sq_buffer_add(text,
		      "%s\n\ntargets on this host (a count is this host's: 1 on 20 hosts is "
		      "20)\n",
		      sq_json_text(plan, "title"));
	json_array_foreach(json_object_get(plan, "targets"), i, item)
		add_target(item, text);
	sq_buffer_add(text, "\ntimeline: before %s, method %s, after %s; seed %lld\n",
		      seconds(sq_json_real(phases, "before_s"), before),
		      seconds(sq_json_real(phases, "during_s"), during),
		      seconds(sq_json_real(phases, "after_s"), after),
		      (long long)sq_json_int(plan, "seed"));
	json_array_foreach(json_object_get(plan, "faults"), i, item)
		add_fault(item, text);
	sq_buffer_add(text, "\nblast radius\n");
	json_array_foreach(json_object_get(plan, "limits"), i, item)
		sq_buffer_add(text, "  %-10s %s, allowed %s (%s%s)\n", sq_json_text(item, "name"),
			      sq_json_text(item, "used"), sq_json_text(item, "allowed"),
			      sq_json_text(item, "source"),
			      json_is_true(json_object_get(item, "in_kernel"))
				      ? ", held in the kernel"
				      : "");
	if (json_array_size(json_object_get(plan, "warnings")))
		sq_buffer_add(text, "\nmind that\n");
	json_array_foreach(json_object_get(plan, "warnings"), i, item)
		sq_buffer_add(text, "  - %s\n", json_string_value(item));
}
