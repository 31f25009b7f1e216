// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "report/formats.h"
#include "report/report.h"
#include "report/view.h"
#include "util/fs.h"
#include "util/json.h"

#define MOST_CGROUPS 20

static void add_target(const json_t *target, struct sq_buffer *text)
{
	const json_t *cgroups = json_object_get(target, "cgroups"), *cgroup;
	bool started = json_is_true(json_object_get(target, "started_by_squall"));
	size_t i;

	sq_buffer_add(text, "  %s: %zu of %lld cgroups%s\n", sq_json_text(target, "name"),
		      json_array_size(cgroups), (long long)sq_json_int(target, "matched"),
		      json_is_true(json_object_get(target, "compared"))
			      ? ", to compare with, never hit"
			      : "");
	json_array_foreach(cgroups, i, cgroup) {
		_cleanup_free_ char *processes = NULL;

		if (i == MOST_CGROUPS) {
			sq_buffer_add(text, "    and %zu more\n",
				      json_array_size(cgroups) - MOST_CGROUPS);
			break;
		}
		processes = sq_number_of((uint64_t)sq_json_int(cgroup, "processes"), "process");
		if (started)
			sq_buffer_add(text, "    %s, made and started by squall\n",
				      sq_json_text(cgroup, "path"));
		else
			sq_buffer_add(text, "    %s, %s\n", sq_json_text(cgroup, "path"),
				      processes);
	}
}

static void add_fault(const json_t *fault, struct sq_buffer *text)
{
	char from[SQ_DURATION_SIZE], until[SQ_DURATION_SIZE];
	const json_t *target;
	size_t i;

	sq_buffer_add(
		text, "  %s to %s  %s (%s) on", sq_report_s(sq_json_real(fault, "at_s"), from),
		sq_report_s(sq_json_real(fault, "at_s") + sq_json_real(fault, "for_s"), until),
		sq_json_text(fault, "name"), sq_json_text(fault, "fault"));
	json_array_foreach(json_object_get(fault, "targets"), i, target)
		sq_buffer_add(text, "%s %s", i ? "," : "", json_string_value(target));
	sq_buffer_add(text, "\n");
	sq_report_asked("asked", json_object_get(fault, "asked"), false, text);
	sq_buffer_add(text, "    by %s\n", sq_json_text(fault, "backend"));
}

static void add_limit(const json_t *limit, struct sq_buffer *text)
{
	const char *allowed = sq_json_text(limit, "allowed"), *place = sq_json_text(limit, "place");
	bool any = !strcmp(allowed, "no limit");

	sq_buffer_add(text, "  %-10s %s, %s%s (%s%s)%s%s\n", sq_json_text(limit, "name"),
		      sq_json_text(limit, "used"), any ? "" : "allowed ", allowed,
		      sq_json_text(limit, "source"),
		      !any && json_is_true(json_object_get(limit, "in_kernel"))
			      ? ", held in the kernel"
			      : "",
		      *place ? ", " : "", sq_base_name(place));
}

static void add_rule(const json_t *rule, struct sq_buffer *text)
{
	sq_buffer_add(text, "  %s: %s (%s)\n", sq_json_text(rule, "key"),
		      sq_json_text(rule, "value"), sq_base_name(sq_json_text(rule, "place")));
}

static void add_plan(const json_t *plan, struct sq_buffer *text)
{
	const json_t *phases = json_object_get(plan, "phases"), *item;
	char before[SQ_DURATION_SIZE], during[SQ_DURATION_SIZE], after[SQ_DURATION_SIZE];
	size_t i;

	sq_buffer_add(text,
		      "%s\n\ntargets on this host, %s (a count is this host's: 1 on 20 hosts is "
		      "20)\n",
		      sq_json_text(plan, "title"), sq_json_text(plan, "host"));
	json_array_foreach(json_object_get(plan, "targets"), i, item)
		add_target(item, text);
	sq_buffer_add(text, "\ntimeline: before %s, method %s, after %s; seed %lld\n",
		      sq_report_s(sq_json_real(phases, "before_s"), before),
		      sq_report_s(sq_json_real(phases, "during_s"), during),
		      sq_report_s(sq_json_real(phases, "after_s"), after),
		      (long long)sq_json_int(plan, "seed"));
	json_array_foreach(json_object_get(plan, "faults"), i, item)
		add_fault(item, text);
	sq_report_list(json_object_get(plan, "probes"), "steady state, judged by", text);
	sq_buffer_add(text, "\nblast radius\n");
	json_array_foreach(json_object_get(plan, "limits"), i, item)
		add_limit(item, text);
	if (json_array_size(json_object_get(plan, "rules")))
		sq_buffer_add(text, "\nwhat else binds it\n");
	json_array_foreach(json_object_get(plan, "rules"), i, item)
		add_rule(item, text);
	sq_report_list(json_object_get(plan, "exempt"), "no fault hits", text);
	sq_report_list(json_object_get(plan, "warnings"), "mind that", text);
}

void sq_report_plan(const json_t *plan, struct sq_buffer *text)
{
	_cleanup_buffer_ struct sq_buffer wide = { 0 };

	add_plan(plan, &wide);
	sq_report_wrap(&wide, text);
}
