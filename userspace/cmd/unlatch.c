// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "cmd/command.h"
#include "engine/verdict.h"
#include "guard/admission.h"
#include "guard/kill_switch.h"
#include "guard/latch.h"
#include "guard/operator.h"
#include "util/out.h"

static const struct sq_option options[] = {
	{ "reason", "TEXT", "why runs may start again; required" },
	{ NULL },
};

static void take(size_t option, const char *value, void *data)
{
	*(const char **)data = value;
}

static int unlatch(const char *reason, struct sq_error **err)
{
	_cleanup_(sq_kill_switch_close) struct sq_kill_switch kill_switch = { .map_fd = -EBADF };
	_cleanup_(sq_latch_clear) struct sq_latch latch = { 0 };
	_cleanup_free_ char *by = sq_operator();
	/* an abort that comes from here on writes its latch when we are done */
	_cleanup_close_ int lock_fd = sq_latch_lock();
	uint64_t epoch = 0;
	int set, r;

	if (lock_fd == -EWOULDBLOCK)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
				    "an abort or another unlatch is under way: try again");
	r = sq_kill_switch_open(&kill_switch, false, err);
	if (r && r != -ENOENT)
		return r;
	if (r) {
		sq_error_freep(err);
		*err = NULL;
	}
	if (kill_switch.entry)
		epoch = sq_kill_switch_epoch(&kill_switch);
	set = sq_latch_get(&latch, err);
	if (set < 0)
		return set;
	if (!set && !(kill_switch.entry && sq_kill_switch_latched(&kill_switch))) {
		sq_print("the latch is not set\n");
		return 0;
	}
	/* the file last: it is the truth, so what fails in between leaves it latched */
	if (kill_switch.entry && !sq_kill_switch_unlatch(&kill_switch, epoch)) {
		sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "somebody aborts at this moment");
		return sq_error_hint(err, "the latch stays: `squall status` shows it");
	}
	r = sq_latch_remove(err);
	if (r)
		return r;
	if (set)
		sq_print("%s had latched it at %s%s%s\n", latch.by, latch.when,
			 *latch.why ? ": " : "", latch.why);
	sq_print("runs may start again, says %s: %s\n", by, reason);
	return 0;
}

/* Root's word, and where the policy names a role for it, that of the person behind root. */
static int check_role(struct sq_error **err)
{
	_cleanup_(sq_policy_freep) struct sq_policy *policy = NULL;
	int r = sq_load_policy(&policy, err);

	if (r || !policy)
		return r;
	return sq_admission_role(&policy->roles.unlatch, "unlatch", err);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct sq_error *err = NULL;
	const char *reason = NULL;
	int first = sq_options_parse(command, argc, argv, take, &reason);

	sq_operands(command, argc, argv, first, 0, 0);
	if (!reason || !*reason)
		sq_usage_error(command, "--reason is required");
	if (sq_root_only("unlatch", &err) || check_role(&err))
		return sq_fail(err);
	return unlatch(reason, &err) ? sq_fail(err) : sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_unlatch = {
	.name = "unlatch",
	.arguments = "",
	.help = "Lets runs start again after an abort; shows who latched and why",
	.options = options,
	.run = run,
};
