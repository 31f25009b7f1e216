// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "engine/journal.h"
#include "engine/verdict.h"
#include "guard/admission.h"
#include "guard/guardian.h"
#include "guard/kill_switch.h"
#include "guard/latch.h"
#include "guard/operator.h"
#include "guard/registry.h"
#include "util/json.h"
#include "util/out.h"
#include "util/time.h"

#define PATIENCE_NS (20 * SQ_S)
#define AWAKE_NS SQ_S /* a run that can still let its sleepers go has done so by then */
#define FLUSH_NS (2 * SQ_S)

enum {
	NO_LATCH,
	REASON,
};

static const struct sq_option options[] = {
	[NO_LATCH] = { "no-latch", NULL, "let new runs start at once" },
	[REASON] = { "reason", "TEXT", "why, for the journals and the latch" },
	{ NULL },
};

struct given {
	bool no_latch;
	const char *reason;
	uint64_t begun_ns; /* when the command began */
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == NO_LATCH)
		given->no_latch = true;
	else
		given->reason = value;
}

/*
 * Waits until a run has ended. Where its controller, its guard and its nap server are all stopped, those
 * who nap can neither wake up nor be killed: then it is us who lets them go.
 */
static bool await_one(const char *run)
{
	uint32_t connection;

	if (sq_registry_wait(run, AWAKE_NS))
		return true;
	connection = geteuid() == 0 ? sq_registry_nap(run) : 0;
	if (connection && !sq_guardian_abort_connection(connection))
		sq_print("run %s: its processes are stopped; whoever napped is awake\n", run);
	return sq_registry_wait(run, PATIENCE_NS - AWAKE_NS);
}

/*
 * When the last fault of a run acted, and when the last of those who napped went on, by the kernel's
 * clock, counted from the command's start.
 */
static void print_last(const char *run, uint64_t begun_ns)
{
	_cleanup_json_ json_t *journal = NULL;
	_cleanup_error_ struct sq_error *err = NULL;
	char after[SQ_DURATION_SIZE];
	uint64_t last, woken;
	const json_t *used;

	if (geteuid() != 0 || sq_journal_load(run, &journal, &err))
		return;
	used = json_object_get(json_object_get(journal, "blast_radius"), "used");
	last = (uint64_t)sq_json_int(used, "last_fault_ns");
	woken = (uint64_t)sq_json_int(used, "last_woken_ns");
	if (!last)
		sq_print("run %s: no fault had acted\n", run);
	else if (last <= begun_ns)
		sq_print("run %s: no fault acted after the command's start\n", run);
	else
		sq_print("run %s: the last fault acted %s after the command's start\n", run,
			 sq_duration_text(last - begun_ns, after));
	if (woken > begun_ns)
		sq_print("run %s: all who napped were awake %s after the command's start\n", run,
			 sq_duration_text(woken - begun_ns, after));
}

/* Tells each living run who stops it, and waits until it has cleaned up. */
static enum sq_verdict await_all(const struct sq_live_runs *runs, const char *only, bool inert,
				 const char *by, const char *why, uint64_t command_ns)
{
	enum sq_verdict verdict = SQ_PASSED;
	uint64_t begun = sq_now();
	char took[SQ_DURATION_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < runs->n; i++) {
		if (!runs->item[i].alive || (only && strcmp(runs->item[i].run, only) != 0))
			continue;
		sq_registry_tell_abort(runs->item[i].run, by, why, command_ns);
		sq_registry_wake(&runs->item[i]);
	}
	for (size_t i = 0; i < runs->n; i++) {
		if (!runs->item[i].alive || (only && strcmp(runs->item[i].run, only) != 0))
			continue;
		if (await_one(runs->item[i].run)) {
			n++;
			print_last(runs->item[i].run, command_ns);
			continue;
		}
		sq_print_error("squall: run %s %s within 20 s\n"
			       "hint: is its controller stopped? Kill it, then use `squall "
			       "recover`\n",
			       runs->item[i].run,
			       inert ? "is inert but has not cleaned up" : "has not ended");
		verdict = SQ_UNCLEAN;
	}
	if (n)
		sq_print("%zu run%s cleaned up in %s\n", n, n == 1 ? "" : "s",
			 sq_duration_text(sq_now() - begun, took));
	else if (verdict == SQ_PASSED)
		sq_print("no run was under way\n");
	return verdict;
}

static int abort_one(const struct sq_kill_switch *kill_switch, const char *name, const char *why,
		     uint64_t command_ns)
{
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_free_ char *by = NULL;
	struct sq_error *err = NULL;
	char took[SQ_DURATION_SIZE];

	if (sq_registry_list(&runs, &err))
		return sq_fail(err);
	for (size_t i = 0; i < runs.n; i++) {
		uint64_t begun = sq_now();
		bool ours;

		if (strcmp(runs.item[i].run, name) != 0 || !runs.item[i].alive)
			continue;
		ours = runs.item[i].slot && sq_kill_switch_stop_run(kill_switch, runs.item[i].slot,
								    runs.item[i].generation);
		sq_out_start();
		/* one that looks at another switch, or that somebody else stops, is only told */
		if (ours)
			sq_print("run %s is inert after %s\n", name,
				 sq_duration_text(sq_now() - begun, took));
		by = sq_operator();
		return sq_verdict_exit(await_all(&runs, name, ours, by, why, command_ns));
	}
	sq_error_set(&err, SQ_FAIL_INVALID, ENOENT, "no run '%s' is under way", name);
	sq_error_hint(&err, "`squall status` lists the runs; `squall abort` stops all of them");
	return sq_fail(err);
}

/* The map's write is all that counts; what goes wrong after it is only told. */
static int abort_all(const struct sq_kill_switch *kill_switch, const struct given *given,
		     const char *why)
{
	_cleanup_free_ char *by = NULL;
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_close_ int lock_fd = -EBADF;
	enum sq_verdict verdict = SQ_PASSED, cleaned;
	struct sq_error *err = NULL;
	uint64_t begun = sq_now(), inert;
	char took[SQ_DURATION_SIZE];
	bool latched = !given->no_latch;

	if (kill_switch->entry)
		sq_kill_switch_stop_all(kill_switch, !given->no_latch);
	else if (geteuid() == 0)
		sq_kill_switch_stop_others(NULL, !given->no_latch);
	inert = sq_now() - begun;
	/* from here on nothing may hold it up: not a terminal with Ctrl-S either */
	sq_out_start();
	sq_print("all faults are inert after %s\n", sq_duration_text(inert, took));
	if (geteuid() == 0 && kill_switch->entry)
		sq_kill_switch_stop_others(kill_switch, !given->no_latch);
	by = sq_operator();
	if (latched && geteuid() == 0)
		lock_fd = sq_latch_lock();
	if (latched && geteuid() == 0 && sq_latch_set(by, why, &err)) {
		sq_fail(err);
		err = NULL;
		verdict = SQ_ERROR;
		latched = kill_switch->entry; /* until the next boot */
	}
	sq_close(TAKE_FD(lock_fd));
	if (sq_registry_list(&runs, &err))
		return sq_fail(err);
	cleaned = await_all(&runs, NULL, true, by, why, given->begun_ns);
	verdict = MAX(verdict, cleaned);
	if (latched)
		sq_print(
			"the latch is set: `squall unlatch --reason TEXT` lets runs start again\n");
	return sq_verdict_exit(verdict);
}

/* The policy's roles.abort, if it may be read, for who may not abort himself. */
static void tell_whom_to_ask(struct sq_error *err)
{
	_cleanup_(sq_policy_freep) struct sq_policy *policy = NULL;
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_buffer_ struct sq_buffer names = { 0 };

	if (sq_policy_of_host(&policy, &diags, NULL) || !policy || !policy->roles.abort.n)
		return;
	for (size_t i = 0; i < policy->roles.abort.n; i++)
		sq_buffer_add(&names, "%s%s", i ? ", " : "", policy->roles.abort.item[i]);
	sq_error_hint(&err, "who may, on this host: the members of %s", sq_buffer_text(&names));
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .reason = "", .begun_ns = sq_now() };
	_cleanup_(sq_kill_switch_close) struct sq_kill_switch kill_switch = { .map_fd = -EBADF };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, take, &given), r;

	sq_operands(command, argc, argv, first, 0, 1);
	r = sq_kill_switch_open(&kill_switch, false, &err);
	if (r == -EACCES || r == -EPERM) {
		sq_error_free(err);
		err = NULL;
		sq_error_set(&err, SQ_FAIL_UNSUPPORTED, EACCES,
			     "only root and the members of the "
			     "group squall may stop runs: use sudo");
		tell_whom_to_ask(err);
	}
	/* without a switch nothing can be running, but the latch still keeps others from starting */
	if (r && (r != -ENOENT || first < argc || geteuid() != 0))
		return sq_fail(err);
	sq_error_free(err);
	r = first < argc ? abort_one(&kill_switch, argv[first], given.reason, given.begun_ns)
			 : abort_all(&kill_switch, &given, given.reason);
	sq_out_flush(FLUSH_NS);
	return r;
}

const struct sq_command sq_command_abort = {
	.name = "abort",
	.arguments = "[RUN]",
	.help = "Stops everything at once and lets nothing start; with RUN stops only that run",
	.options = options,
	.run = run,
};
