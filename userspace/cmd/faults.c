// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cmd/command.h"
#include "engine/verdict.h"
#include "experiment/value.h"
#include "util/out.h"

#define KEY_WIDTH 13

static void print_names(const struct sq_field *field, struct sq_buffer *text)
{
	sq_buffer_add(text, "%s", field->type == SQ_TYPE_ENUMS ? "any of" : "one of");
	for (size_t i = 0; field->names[i]; i++)
		sq_buffer_add(text, "%s %s", i ? "," : "", field->names[i]);
}

static void print_field(const struct sq_field *field, void *data)
{
	_cleanup_buffer_ struct sq_buffer type = { 0 };

	if (!strcmp(field->key, "fault"))
		return;
	if (field->names)
		print_names(field, &type);
	else
		sq_buffer_add(&type, "%s", sq_type_text(field->type));
	sq_print("  %-*s %s%s%s%s\n  %*s %s\n", KEY_WIDTH, field->key, sq_buffer_text(&type),
		 field->required ? "; required" : "", field->fallback ? "; default " : "",
		 field->fallback ? field->fallback : "", KEY_WIDTH, "", field->help);
}

static void print_rules(const char *heading, const struct sq_gap *rules, size_t n)
{
	sq_print("\n%s\n", heading);
	for (size_t i = 0; i < n; i++)
		sq_print("- %s: %s\n", rules[i].what, rules[i].why);
}

static void print_kind(const struct sq_fault_kind *kind)
{
	sq_print("%s: %s\n", kind->name, kind->help);
	if (kind->note)
		sq_print("%s\n", kind->note);
	sq_print("\n");
	sq_schema_each(&kind->schema, print_field, NULL);
	if (!sq_fault_kind_is_call(kind))
		return;
	print_rules("Calls that must never be touched:", sq_calls_never, sq_calls_never_n);
	print_rules("Not hit:", sq_calls_unseen, sq_calls_unseen_n);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	int first = sq_options_parse(command, argc, argv, NULL, NULL);

	sq_operands(command, argc, argv, first, 0, 1);
	if (first == argc) {
		for (size_t i = 0; i < sq_catalogue_n; i++)
			sq_print("%-18s %s\n", sq_catalogue[i].name, sq_catalogue[i].help);
		sq_print("\n`squall faults NAME` shows the parameters.\n");
		return sq_verdict_exit(SQ_PASSED);
	}
	print_kind(sq_take_kind(command, argv[first]));
	return sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_faults = {
	.name = "faults",
	.arguments = "[FAULT]",
	.help = "Lists the faults, or the parameters of one",
	.run = run,
};
