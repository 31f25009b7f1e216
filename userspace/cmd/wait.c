// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"
#include "engine/journal.h"
#include "engine/runs.h"
#include "guard/registry.h"
#include "util/out.h"

static int run(const struct sq_command *command, int argc, char **argv)
{
	int first = sq_options_parse(command, argc, argv, NULL, NULL);
	_cleanup_json_ json_t *journal = NULL;
	_cleanup_free_ char *name = NULL;
	struct sq_error *err = NULL;

	sq_operands(command, argc, argv, first, 1, 1);
	if (sq_runs_find(argv[first], &name, &err))
		return sq_fail(err);
	sq_registry_wait(name, UINT64_MAX);
	if (sq_journal_load(name, &journal, &err))
		return sq_fail(err);
	sq_print("%s%s%s\n", sq_json_text(journal, "verdict"),
		 *sq_json_text(journal, "reason") ? ": " : "", sq_json_text(journal, "reason"));
	return (int)sq_json_int(journal, "exit");
}

const struct sq_command sq_command_wait = {
	.name = "wait",
	.arguments = "RUN",
	.help = "Waits until a run has ended and exits with its code; `last` is the newest",
	.run = run,
};
