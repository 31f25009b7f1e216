// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/utsname.h>

#include "cmd/command.h"
#include "engine/verdict.h"
#include "guard/paths.h"
#include "inject/backend.h"
#include "util/cgroup.h"
#include "util/json.h"
#include "util/out.h"
#include "util/units.h"

enum {
	JSON,
	FLAGS,
};

static const struct sq_option options[FLAGS + 1] = {
	[JSON] = { "json", NULL, "for programs" },
	{ NULL },
};

#define COLUMNS 100
#define BEHIND 25 /* where the last column of the table begins */

/* One entry of the table: a fault, of one system call where that matters. */
static int examine(const struct sq_fault_kind *kind, int call, json_t *faults,
		   struct sq_error **err)
{
	struct sq_fault fault = { .kind = kind,
				  .direction = SQ_EGRESS,
				  .per = SQ_PER_PACKET,
				  .probability_ppb = SQ_SHARE_ONE };
	_cleanup_(sq_support_clear) struct sq_support support = { 0 };
	const char *name = call >= 0 ? sq_call_name((unsigned int)call) : NULL;
	int r;

	if (kind->id == SQ_FAULT_PARTITION || kind->id == SQ_FAULT_LOSS)
		fault.direction = SQ_BOTH;
	if (call >= 0)
		sq_calls_add(&fault.calls, (unsigned int)call);
	r = sq_fault_support(&fault, SQ_LOOK_ATTACH, &support, err);
	if (r)
		return r;
	json_array_append_new(faults, sq_json("{s:s, s:s?, s:b, s:s?, s:s?, s:s?}", "fault",
					      kind->name, "call", name, "supported", support.ok,
					      "backend", support.ok ? support.backend : NULL, "why",
					      support.why, "hint", support.hint));
	return 0;
}

static int examine_calls(const struct sq_fault_kind *kind, json_t *faults, struct sq_error **err)
{
	int r = 0;

	for (int call = 0; call < 64 * SQ_CALLS_WORDS && !r; call++) {
		const char *name = sq_call_name((unsigned int)call);

		if (sq_call_number(name) == call && !sq_call_untouchable(name))
			r = examine(kind, call, faults, err);
	}
	return r;
}

static int examine_all(json_t *faults, struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < sq_catalogue_n && !r; i++) {
		const struct sq_fault_kind *kind = &sq_catalogue[i];

		if (sq_fault_kind_is_call(kind))
			r = examine_calls(kind, faults, err);
		else
			r = examine(kind, -1, faults, err);
	}
	sq_cgroup_remove_empty(SQ_CGROUP);
	return r;
}

static void print_wrapped(const char *text, size_t hang)
{
	_cleanup_free_ char *wrapped = sq_text_wrap(text, COLUMNS, hang);

	sq_print("%s\n", wrapped);
}

static void print_line(const char *fault, bool ok, const char *what, const char *hint)
{
	_cleanup_free_ char *text = sq_asprintf("  %-17s %-4s %s", fault, ok ? "yes" : "no", what);
	_cleanup_free_ char *more = sq_asprintf("%*shint: %s", BEHIND, "", hint);

	print_wrapped(text, BEHIND - 2);
	if (*hint)
		print_wrapped(more, 0);
}

/* The calls that one backend carries, on one line; for those that none does, one stands for all. */
static void print_calls(const json_t *faults, size_t first)
{
	const json_t *entry = json_array_get(faults, first), *other;
	bool ok = json_is_true(json_object_get(entry, "supported"));
	const char *fault = sq_json_text(entry, "fault"), *backend = sq_json_text(entry, "backend");
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	size_t i, n = 0, all = 0;

	json_array_foreach(faults, i, other) {
		const char *call = sq_json_text(other, "call");

		if (!*call || strcmp(fault, sq_json_text(other, "fault")) != 0)
			continue;
		all++;
		if (strcmp(backend, sq_json_text(other, "backend")) != 0)
			continue;
		if (i < first)
			return; /* is on an earlier line */
		if (ok)
			sq_buffer_add(&text, "%s%s", n ? ", " : "", call);
		n++;
	}
	if (ok && n == all)
		sq_buffer_clear(&text);
	if (ok && n == all)
		sq_buffer_add(&text, "every call");
	if (ok)
		sq_buffer_add(&text, " (%s)", backend);
	else
		sq_buffer_add(&text, "%zu calls; %s", n, sq_json_text(entry, "why"));
	print_line(fault, ok, sq_buffer_text(&text), ok ? "" : sq_json_text(entry, "hint"));
}

/* What works comes first. */
static void print_faults(const json_t *faults, bool wanted)
{
	const json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault) {
		bool ok = json_is_true(json_object_get(fault, "supported"));

		if (ok != wanted)
			continue;
		if (*sq_json_text(fault, "call"))
			print_calls(faults, i);
		else
			print_line(sq_json_text(fault, "fault"), ok,
				   sq_json_text(fault, ok ? "backend" : "why"),
				   ok ? "" : sq_json_text(fault, "hint"));
	}
}

static json_t *gaps_json(const struct sq_gap *gaps, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, sq_json("{s:s, s:s}", "what", gaps[i].what, "why", gaps[i].why));
	return list;
}

/* What no fault hits, on whatever kernel. */
static void print_gaps(const json_t *gaps, const char *faults, const char *what)
{
	const json_t *gap;
	size_t i;

	json_array_foreach(gaps, i, gap) {
		_cleanup_free_ char *text = sq_asprintf("  %-17s %s %s: %s", faults, what,
							sq_json_text(gap, "what"),
							sq_json_text(gap, "why"));

		print_wrapped(text, BEHIND - 2);
	}
}

static void print_report(json_t *report, bool json)
{
	const json_t *item;
	size_t i;

	if (json) {
		_cleanup_free_ char *text = sq_json_dump(report, JSON_INDENT(1));

		sq_print("%s\n", text);
	} else {
		sq_print("squall %s on Linux %s (%s)\n", sq_json_text(report, "squall"),
			 sq_json_text(report, "kernel"), sq_json_text(report, "machine"));
		json_array_foreach(json_object_get(report, "missing"), i, item)
			sq_print("  missing: %s\n", json_string_value(item));
		print_faults(json_object_get(report, "faults"), true);
		print_faults(json_object_get(report, "faults"), false);
		print_gaps(json_object_get(report, "unseen_packets"), "network.*", "no  ");
		print_gaps(json_object_get(report, "unseen"), "syscall.*", "no  ");
		print_gaps(json_object_get(report, "never"), "syscall.*", "never");
	}
}

static bool any_supported(const json_t *faults)
{
	const json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
		if (json_is_true(json_object_get(fault, "supported")))
			return true;
	return false;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	bool flags[FLAGS] = { false };
	int first = sq_options_parse(command, argc, argv, sq_take_flag, flags);
	_cleanup_texts_ struct sq_texts missing = { 0 };
	_cleanup_json_ json_t *report = NULL;
	json_t *faults = json_array();
	struct sq_error *err = NULL;
	struct utsname host = { 0 };

	sq_operands(command, argc, argv, first, 0, 0);
	uname(&host);
	sq_backend_basics(&missing);
	report = sq_json("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "squall", SQ_VERSION, "kernel",
			 host.release, "machine", host.machine, "missing", sq_json_texts(&missing),
			 "faults", faults, "unseen_packets",
			 gaps_json(sq_packets_unseen, sq_packets_unseen_n), "unseen",
			 gaps_json(sq_calls_unseen, sq_calls_unseen_n), "never",
			 gaps_json(sq_calls_never, sq_calls_never_n));
	if (!missing.n && examine_all(faults, &err))
		return sq_fail(err);
	print_report(report, flags[JSON]);
	return sq_verdict_exit(any_supported(faults) ? SQ_PASSED : SQ_UNSUPPORTED);
}

const struct sq_command sq_command_doctor = {
	.name = "doctor",
	.arguments = "",
	.help = "Tells what this kernel can do, fault by fault, and why not",
	.options = options,
	.run = run,
};
