// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/utsname.h>

#include "cmd/command.h"
#include "engine/verdict.h"
#include "guard/paths.h"
#include "inject/backend.h"
#include "util/cgroup.h"
#include "util/eventlog.h"
#include "util/out.h"

enum {
	JSON,
	FLAGS,
};

static const struct sq_option options[FLAGS + 1] = {
	[JSON] = { "json", NULL, "for programs" },
	{ NULL },
};

#define OTHER_CALL "read" /* stands for every call that no hook carries */
#define OTHER "other calls"
#define COLUMNS 100
#define BEHIND 38 /* where the last column of the table begins */

/* One line of the table: a fault, of one system call where that matters. */
static int examine(const struct sq_fault_kind *kind, const char *call, json_t *faults,
		   struct sq_error **err)
{
	struct sq_fault fault = { .kind = kind, .direction = SQ_EGRESS };
	_cleanup_(sq_support_clear) struct sq_support support = { 0 };
	bool other = call && !strcmp(call, OTHER);
	int number = call ? sq_call_number(other ? OTHER_CALL : call) : -1, r;
	const char *why;

	if (kind->id == SQ_FAULT_PARTITION || kind->id == SQ_FAULT_LOSS)
		fault.direction = SQ_BOTH;
	if (number >= 0)
		fault.calls.bit[number / 64] |= 1ull << (number % 64);
	r = sq_fault_support(&fault, SQ_LOOK_ATTACH, &support, err);
	if (r)
		return r;
	why = support.why;
	if (other && why && !strncmp(why, OTHER_CALL " ", sizeof(OTHER_CALL)))
		why += sizeof(OTHER_CALL);
	json_array_append_new(faults, sq_json("{s:s, s:s?, s:b, s:s?, s:s?, s:s?}", "fault",
					      kind->name, "call", call, "supported", support.ok,
					      "backend", support.ok ? support.backend : NULL, "why",
					      why, "hint", support.hint));
	return 0;
}

static int examine_all(json_t *faults, struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < sq_catalogue_n && !r; i++) {
		const struct sq_fault_kind *kind = &sq_catalogue[i];

		if (kind->id != SQ_FAULT_SYSCALL_ERROR) {
			r = examine(kind, NULL, faults, err);
			continue;
		}
		for (const char *const *call = sq_error_calls; *call && !r; call++)
			r = examine(kind, *call, faults, err);
		if (!r)
			r = examine(kind, OTHER, faults, err);
	}
	sq_cgroup_remove_empty(SQ_CGROUP);
	return r;
}

static void print_wrapped(const char *text, size_t hang)
{
	_cleanup_free_ char *wrapped = sq_text_wrap(text, COLUMNS, hang);

	sq_print("%s\n", wrapped);
}

static void print_fault(const json_t *fault)
{
	bool ok = json_is_true(json_object_get(fault, "supported"));
	const char *hint = ok ? "" : sq_json_text(fault, "hint");
	_cleanup_free_ char *text = sq_asprintf(
		"  %-17s %-12s %-4s %s", sq_json_text(fault, "fault"), sq_json_text(fault, "call"),
		ok ? "yes" : "no", sq_json_text(fault, ok ? "backend" : "why"));
	_cleanup_free_ char *more = sq_asprintf("%*shint: %s", BEHIND, "", hint);

	print_wrapped(text, BEHIND - 2);
	if (*hint)
		print_wrapped(more, 0);
}

static void print_report(json_t *report, bool json)
{
	const json_t *item;
	size_t i;

	if (json) {
		_cleanup_free_ char *text = json_dumps(report, JSON_INDENT(1));

		if (!text)
			sq_oom();
		sq_print("%s\n", text);
	} else {
		sq_print("squall %s on Linux %s (%s)\n", sq_json_text(report, "squall"),
			 sq_json_text(report, "kernel"), sq_json_text(report, "machine"));
		json_array_foreach(json_object_get(report, "missing"), i, item)
			sq_print("  missing: %s\n", json_string_value(item));
		json_array_foreach(json_object_get(report, "faults"), i, item)
			print_fault(item);
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
	json_t *faults = json_array(), *lacks = json_array();
	struct sq_error *err = NULL;
	struct utsname host = { 0 };

	sq_operands(command, argc, argv, first, 0, 0);
	uname(&host);
	sq_backend_basics(&missing);
	for (size_t i = 0; i < missing.n; i++)
		json_array_append_new(lacks, sq_json_string(missing.item[i]));
	report = sq_json("{s:s, s:s, s:s, s:o, s:o}", "squall", SQ_VERSION, "kernel", host.release,
			 "machine", host.machine, "missing", lacks, "faults", faults);
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
