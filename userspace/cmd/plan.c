// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/execute.h"

enum {
	JSON,
	SET,
};

static const struct sq_option options[] = {
	[JSON] = { "json", NULL, "for programs" },
	[SET] = { "set", "NAME=VALUE", "give a variable a value; may be repeated" },
	{ NULL },
};

struct given {
	struct sq_execution execution;
	struct sq_texts settings;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == SET)
		sq_texts_add(&given->settings, value);
	else
		sq_take_execution(&given->execution, options[option].name, value);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .execution = { .command = command, .dry_run = true } };
	int first = sq_options_parse(command, argc, argv, take, &given);
	struct sq_experiment *experiment;

	sq_operands(command, argc, argv, first, 1, 1);
	experiment = sq_load(argv[first], &given.settings);
	sq_texts_clear(&given.settings);
	return experiment ? sq_execute(&given.execution, &experiment, 1)
			  : sq_verdict_exit(SQ_INVALID);
}

const struct sq_command sq_command_plan = {
	.name = "plan",
	.arguments = "EXPERIMENT",
	.help = "Shows what would be hit, by what, within which limits; touches nothing",
	.options = options,
	.run = run,
};
