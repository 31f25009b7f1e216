// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"
#include "cmd/execute.h"
#include "util/units.h"

enum {
	DRY_RUN,
	OBSERVE,
	SEED,
	SET,
	REPORT,
	REASON,
	TASK_ID,
	KEEP_GOING,
	YES,
};

static const struct sq_option options[] = {
	[DRY_RUN] = { "dry-run", NULL, "stop after the plan; touches nothing" },
	[OBSERVE] = { "observe", NULL, "count what the faults would hit; nothing is injected" },
	[SEED] = { "seed", "N", "decide as the run with this seed did" },
	[SET] = { "set", "NAME=VALUE", "give a variable a value; may be repeated" },
	[REPORT] = { "report", "FORMAT[:FILE]",
		     "text (default), json, junit, markdown, html, ...; may be repeated" },
	[REASON] = { "reason", "TEXT", "why, for the journal" },
	[TASK_ID] = { "task-id", "ID", "of a ticket or a build, for the journal" },
	[KEEP_GOING] = { "keep-going", NULL, "go on with the next file unless one is aborted" },
	[YES] = { "yes", NULL, "do not ask; needed where there is no terminal" },
	{ NULL },
};

struct given {
	struct sq_execution execution;
	struct sq_texts settings;
	const char *seed;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == SEED)
		given->seed = value;
	else if (option == SET)
		sq_texts_add(&given->settings, value);
	else
		sq_take_execution(&given->execution, options[option].name, value);
}

/* All files are read before the first one runs. */
static bool load_all(const struct given *given, char **files, size_t n,
		     struct sq_experiment **experiments)
{
	bool valid = true;
	uint64_t seed;
	const char *why;

	for (size_t i = 0; i < n; i++) {
		experiments[i] = sq_load(files[i], &given->settings);
		valid &= experiments[i] != NULL;
		if (!experiments[i] || !given->seed)
			continue;
		if (sq_parse_count(given->seed, &seed, &why))
			sq_usage_error(given->execution.command, "--seed: '%s' %s", given->seed,
				       why);
		experiments[i]->seed = seed;
	}
	return valid;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .execution = { .command = command, .argv = argv } };
	_cleanup_free_ struct sq_experiment **experiments = NULL;
	int first = sq_options_parse(command, argc, argv, take, &given);
	size_t n = (size_t)(argc - first);
	int code = sq_verdict_exit(SQ_INVALID);

	sq_operands(command, argc, argv, first, 1, argc);
	experiments = sq_alloc((n + 1) * sizeof(struct sq_experiment *));
	if (load_all(&given, argv + first, n, experiments)) {
		code = sq_execute(&given.execution, experiments, n);
	} else {
		for (size_t i = 0; i < n; i++)
			sq_experiment_free(experiments[i]);
		sq_texts_clear(&given.execution.reports);
	}
	sq_texts_clear(&given.settings);
	return code;
}

const struct sq_command sq_command_run = {
	.name = "run",
	.arguments = "EXPERIMENT...",
	.help = "Runs experiments: files, or NAME for /etc/squall/experiments/NAME.yaml",
	.options = options,
	.run = run,
};
