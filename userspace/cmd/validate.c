// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"
#include "engine/verdict.h"
#include "util/out.h"

static const struct sq_option options[] = {
	{ "set", "NAME=VALUE", "give a variable a value; may be repeated" },
	{ NULL },
};

static void take(size_t option, const char *value, void *data)
{
	sq_texts_add(data, value);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	_cleanup_texts_ struct sq_texts settings = { 0 };
	int first = sq_options_parse(command, argc, argv, take, &settings);
	enum sq_verdict verdict = SQ_PASSED;

	sq_operands(command, argc, argv, first, 1, argc);
	for (int i = first; i < argc; i++) {
		struct sq_experiment *experiment = sq_load(argv[i], &settings);

		if (experiment)
			sq_print("%s: valid: %s\n", argv[i], experiment->title);
		else
			verdict = SQ_INVALID;
		sq_experiment_free(experiment);
	}
	return sq_verdict_exit(verdict);
}

const struct sq_command sq_command_validate = {
	.name = "validate",
	.arguments = "EXPERIMENT...",
	.help = "Checks experiment files, or standard input for -; needs no root",
	.options = options,
	.run = run,
};
