// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "cmd/command.h"
#include "engine/prune.h"
#include "engine/verdict.h"
#include "util/out.h"
#include "util/time.h"

enum {
	DRY_RUN,
	N_OPTIONS,
};

static const struct sq_option options[] = {
	[DRY_RUN] = { "dry-run", NULL, "says what would be removed, and removes nothing" },
	{ NULL },
};

/* Three digits are enough of what was measured: "1.02 M". */
static const char *size_text(uint64_t bytes, char text[32])
{
	static const char units[] = "BKMGT";
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1000 && unit < sizeof(units) - 2; unit++)
		size /= 1024;
	snprintf(text, 32, "%.3g %c", size, units[unit]);
	return text;
}

static void tell_removed(const struct sq_prunable *one, const struct sq_policy_journal *limits,
			 uint64_t now_ns, bool dry_run)
{
	char size[32], age[SQ_DURATION_SIZE];
	uint64_t ns = now_ns > one->written_ns ? now_ns - one->written_ns : 0;

	if (ns >= SQ_DAY)
		snprintf(age, sizeof(age), "%llu d", (unsigned long long)(ns / SQ_DAY));
	else
		sq_duration_text(ns, age);
	sq_print("%s: %s, %s, %s old: %s %s\n", one->name, dry_run ? "would be removed" : "removed",
		 size_text(one->bytes, size), age,
		 one->why == SQ_PRUNE_AGE ? "keep is" : "the oldest, and total is",
		 one->why == SQ_PRUNE_AGE ? limits->keep : limits->total);
}

static void tell_all(const struct sq_prunables *all, const struct sq_policy_journal *limits,
		     bool dry_run)
{
	uint64_t left = all->bytes - all->removed_bytes;
	char freed[32], stay[32];
	size_t held = 0;

	for (size_t i = 0; i < all->n; i++)
		held += all->item[i].held;
	sq_print("%zu of %zu journals %s, %s %s; %zu stay, with %s\n", all->removed, all->n,
		 dry_run ? "would be removed" : "removed", size_text(all->removed_bytes, freed),
		 dry_run ? "would be freed" : "freed", all->n - all->removed,
		 size_text(left, stay));
	for (size_t i = 0; i < all->n; i++)
		if (all->item[i].held)
			sq_print("%s: stays: the %s\n", all->item[i].name,
				 all->item[i].day
					 ? "game day is under way"
					 : "run is under way, or waits for `squall recover`");
	if (held && limits->total_bytes && left > limits->total_bytes)
		sq_print("that is more than the policy's total of %s: what is not over is "
			 "never removed\n",
			 limits->total);
}

static int prune(const struct sq_policy_journal *limits, bool dry_run, struct sq_prunables *all,
		 struct sq_error **err)
{
	uint64_t now_ns = sq_wall();
	int r = dry_run ? 0 : sq_prune_sweep(err);

	if (!r)
		r = sq_prune_choose(limits, now_ns, all, err);
	for (size_t i = 0; i < all->n && !r; i++) {
		if (!all->item[i].why)
			continue;
		if (!dry_run)
			r = sq_prune_remove(&all->item[i], err);
		if (!r)
			tell_removed(&all->item[i], limits, now_ns, dry_run);
	}
	if (!r)
		tell_all(all, limits, dry_run);
	return r;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	_cleanup_(sq_prunables_clear) struct sq_prunables all = { 0 };
	_cleanup_(sq_policy_freep) struct sq_policy *policy = NULL;
	bool given[N_OPTIONS] = { false };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, sq_take_flag, given);

	sq_operands(command, argc, argv, first, 0, 0);
	if (sq_root_only("remove journals", &err))
		return sq_fail(err);
	if (sq_load_policy(&policy, &err)) {
		sq_error_wrap(&err, "no journal is removed");
		return sq_fail(err);
	}
	if (!policy || (!policy->journal.keep_ns && !policy->journal.total_bytes)) {
		sq_print("no journal is removed: %s how long they are kept or how much they may "
			 "take, such as\n    journal: {keep: 90d, total: 2G}\n",
			 policy ? "'" SQ_POLICY_FILE "' does not say"
				: "there is no '" SQ_POLICY_FILE "' that says");
		return sq_verdict_exit(SQ_PASSED);
	}
	return prune(&policy->journal, given[DRY_RUN], &all, &err) ? sq_fail(err)
								   : sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_prune = {
	.name = "prune",
	.arguments = "",
	.help = "Removes old journals of runs and game days, by the policy's journal: {keep, total}",
	.options = options,
	.run = run,
};
