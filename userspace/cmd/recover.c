// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>

#include "cmd/command.h"
#include "engine/recovery.h"
#include "engine/verdict.h"
#include "util/out.h"

struct tally {
	size_t runs, unclean;
};

static void on_found(void *data, const char *run, const struct sq_texts *left)
{
	struct tally *tally = data;

	tally->runs++;
	tally->unclean += left != NULL;
	sq_print("%s: %s\n", run, left ? "still there:" : "cleaned up");
	for (size_t i = 0; left && i < left->n; i++)
		sq_print("  - %s\n", left->item[i]);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	int first = sq_options_parse(command, argc, argv, NULL, NULL);
	struct sq_error *err = NULL;
	struct tally tally = { 0 };
	const char *only = first < argc ? argv[first] : NULL;

	sq_operands(command, argc, argv, first, 0, 1);
	if (geteuid() != 0) {
		sq_error_set(&err, SQ_FAIL_UNSUPPORTED, EPERM,
			     "squall needs root: run it with "
			     "sudo");
		return sq_fail(err);
	}
	if (sq_recover_all(only, on_found, &tally, &err))
		return sq_fail(err);
	if (!tally.runs && only)
		sq_print("%s: nothing is left of it\n", only);
	else if (!tally.runs)
		sq_print("no dead run has left anything\n");
	return sq_verdict_exit(tally.unclean ? SQ_UNCLEAN : SQ_PASSED);
}

const struct sq_command sq_command_recover = {
	.name = "recover",
	.arguments = "[RUN]",
	.help = "Removes whatever dead controllers left, or that of one run; says what it found",
	.run = run,
};
