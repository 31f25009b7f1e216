// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"
#include "cmd/gameday.h"
#include "engine/verdict.h"
#include "experiment/policy.h"
#include "util/out.h"

enum {
	SET,
	POLICY,
};

static const struct sq_option options[] = {
	[SET] = { "set", "NAME=VALUE", "give a variable a value; may be repeated" },
	[POLICY] = { "policy", "FILE", "check a host's policy too" },
	{ NULL },
};

struct given {
	struct sq_texts settings;
	const char *policy;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == SET)
		sq_texts_add(&given->settings, value);
	else
		given->policy = value;
}

static bool check_policy(const char *file)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_(sq_policy_freep) struct sq_policy *policy = sq_policy_load(file, &diags);

	sq_print_diags(&diags);
	if (policy)
		sq_print("%s: valid policy%s%s\n", file, policy->environment ? ": " : "",
			 policy->environment ? policy->environment : "");
	return policy != NULL;
}

/* A game day with all of its experiments. */
static bool check_gameday(const char *file)
{
	struct sq_gameday *gameday = sq_load_gameday(file, NULL);

	if (gameday)
		sq_print("%s: valid game day of %zu experiments: %s\n", file, gameday->steps.n,
			 gameday->title);
	sq_gameday_free(gameday);
	return gameday != NULL;
}

static bool check_experiment(const char *file, const struct sq_texts *settings)
{
	struct sq_experiment *experiment = sq_load(file, settings);

	if (experiment)
		sq_print("%s: valid: %s\n", file, experiment->title);
	sq_experiment_free(experiment);
	return experiment != NULL;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .policy = NULL };
	int first = sq_options_parse(command, argc, argv, take, &given);
	enum sq_verdict verdict = SQ_PASSED;

	sq_operands(command, argc, argv, first, given.policy ? 0 : 1, argc);
	if (given.policy && !check_policy(given.policy))
		verdict = SQ_INVALID;
	for (int i = first; i < argc; i++)
		if (sq_gameday_is(argv[i]) ? !check_gameday(argv[i])
					   : !check_experiment(argv[i], &given.settings))
			verdict = SQ_INVALID;
	sq_texts_clear(&given.settings);
	return sq_verdict_exit(verdict);
}

const struct sq_command sq_command_validate = {
	.name = "validate",
	.arguments = "EXPERIMENT...",
	.help = "Checks experiments and game days, or standard input for -; needs no root",
	.options = options,
	.run = run,
};
