// SPDX-License-Identifier: GPL-2.0-only
/*
 * What keeps a run alive and what ends it: the lease's renewal, the kill switch, the helpers'
 * heartbeats, the budget, the disk, signals. All of it hangs on the main loop: a loop that hangs
 * renews nothing.
 */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/state.h"
#include "guard/guardian.h"
#include "guard/health.h"
#include "guard/latch.h"
#include "guard/paths.h"
#include "util/event.h"
#include "util/process.h"
#include "util/time.h"

#define TICK_NS (50 * SQ_MS)
#define TELL_NS SQ_S
#define COUNT_NS (2 * SQ_MS) /* of one tick, for the counters of thousands of cgroups */
#define HEARTBEAT_NS (800 * SQ_MS)
#define LOOK_NS (100 * SQ_MS)
#define TOLD_WAIT_US 2000
#define TOLD_TRIES 25
#define ACCURACY_US 1000
#define MOST_EXCESS 1.5 /* of the rate, and a burst */
#define SLACK 10

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* Who used the kill switch leaves a message, a moment after the switch itself. */
static void stop_killed(struct sq_run *run)
{
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_json_ json_t *told = NULL;

	sq_lease_end(&run->lease);
	sq_spare_give(&run->spare);
	for (int i = 0; i < TOLD_TRIES && !told; i++) {
		told = sq_registry_abort_told(&run->registration);
		if (!told)
			usleep(TOLD_WAIT_US);
	}
	sq_run_stop(run, SQ_ABORTED, told ? sq_json_text(told, "by") : "the kill switch", "%s",
		    told && *sq_json_text(told, "why") ? sq_json_text(told, "why")
						       : "the kill switch was used");
	if (sq_latch_keep(&run->kill_switch, &err))
		sq_run_note(run, err->message);
}

/* Is it time that the method is over? Then a lease that ends is no news. */
static bool method_over(const struct sq_run *run)
{
	return sq_now() >= run->armed_ns + run->method_ns;
}

static int on_renew(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_run *run = data;

	if (run->armed && !run->stopping && !sq_lease_renew(&run->lease))
		sq_run_stop(run, SQ_ABORTED, "the lease",
			    "the lease lapsed: squall was stopped, "
			    "frozen or held up for more than a second");
	return sq_event_again(source, SQ_LEASE_RENEW_NS);
}

static void check_lease(struct sq_run *run)
{
	/* the message alone will do: who left it may not reach the switch that we look at */
	if (sq_lease_killed(&run->lease) || sq_registry_is_told(&run->registration))
		stop_killed(run);
	else if (run->armed && !method_over(run) && sq_lease_state(&run->lease) == SQ_LEASE_LAPSED)
		sq_run_stop(run, SQ_ABORTED, "the lease",
			    "the lease lapsed: squall was stopped, "
			    "frozen or held up for more than a second");
	else if (access(SQ_STOP_FILE, F_OK) == 0)
		sq_run_stop(run, SQ_ABORTED, "the stop file", "'%s' exists", SQ_STOP_FILE);
}

static void check_helpers(struct sq_run *run)
{
	for (enum sq_helper_id id = 0; id < SQ_HELPERS && !run->stopping; id++) {
		uint64_t silence = sq_helper_silence(&run->helpers, id);

		/* in this order: one that ends with the lease sees it lapse first */
		if (sq_helper_has_ended(&run->helpers, id) && run->armed &&
		    sq_lease_state(&run->lease) == SQ_LEASE_ALIVE)
			silence = UINT64_MAX;
		if (silence >= SQ_HELPER_SILENT_NS)
			sq_run_stop(run, SQ_ABORTED, "the guard", "the helper process %s %s",
				    sq_helper_name(id),
				    silence == UINT64_MAX ? "has died" : "was stopped, or hangs");
	}
	/* the guard does so as well; but it may be the one that hangs */
	sq_guardian_wake_sleepers(run->helpers.page);
}

/* Windows, and whatever else goes by the clock on the wall, mean nothing once somebody has set it. */
static void check_clock(struct sq_run *run)
{
	int64_t jump = sq_health_clock_jump(&run->clock_ns, sq_wall(), sq_now());
	char by[SQ_DURATION_SIZE];

	if (jump)
		sq_run_stop(run, run->armed_ns ? SQ_ABORTED : SQ_NOT_NOW, "the clock",
			    "it was set %s by %s", jump > 0 ? "forward" : "back",
			    sq_duration_text((uint64_t)(jump > 0 ? jump : -jump), by));
}

/* A loop that comes round late renews late: better to end it before the lease does. */
static void check_heartbeat(struct sq_run *run)
{
	uint64_t now = sq_now(), held_up = run->tick_ns ? now - run->tick_ns : 0;
	char by[SQ_DURATION_SIZE];

	run->tick_ns = now;
	if (run->armed && !method_over(run) && held_up >= HEARTBEAT_NS)
		sq_run_stop(run, SQ_ABORTED, "the heartbeat",
			    "it was missed: squall's main loop was held up for %s",
			    sq_duration_text(held_up, by));
}

static void check_budget(struct sq_run *run)
{
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	uint64_t limit = radius->faults, now = sq_now();
	uint64_t claimed = run->injector ? sq_injector_claimed(run->injector) : 0;

	if (now >= run->claimed_ns + SQ_S) {
		/* less than before, where claims were given back */
		double rate = ((double)claimed - (double)run->claimed) * SQ_S /
			      (double)(now - run->claimed_ns);

		run->peak_rate = MAX(run->peak_rate, rate);
		run->claimed = claimed;
		run->claimed_ns = now;
		/* the kernel side holds it; where that did not work it is time to go */
		if (radius->rate && rate > MOST_EXCESS * (double)radius->rate / 1000 + SLACK)
			sq_run_stop(run, SQ_ABORTED, "the blast radius",
				    "%.0f injections a second are more than the rate of %.15g/s "
				    "allows",
				    rate, (double)radius->rate / 1000);
	}
	if (limit && claimed >= limit && !run->stopping)
		sq_run_stop(run, SQ_ABORTED, "the blast radius",
			    "the budget of %llu injections is "
			    "spent",
			    (unsigned long long)limit);
}

void sq_keeper_follow_timeline(struct sq_run *run)
{
	static const char *const what[] = { "", "started", "ended" };
	uint64_t now = sq_now();

	for (size_t i = 0; run->armed_ns && i < run->experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(run->experiment)[i];
		uint64_t from = run->armed_ns + fault->at_ns;
		uint8_t state = now < from ? 0 : now < from + fault->for_ns && run->armed ? 1 : 2;

		/* stopped before it began: it never was */
		if (state == 2 && !run->fault_state[i] && !run->armed)
			continue;
		while (run->fault_state[i] < state) {
			run->fault_state[i]++;
			sq_journal_add(&run->journal, "fault",
				       sq_json("{s:s, s:s}", "name", fault->name, "what",
					       what[run->fault_state[i]]));
			run->told_ns = 0;
		}
	}
}

static void tell(struct sq_run *run)
{
	json_t *status;

	if (sq_now() < run->told_ns + TELL_NS)
		return;
	if (run->injector && run->armed_ns &&
	    !sq_injector_count_on(run->injector, sq_now() + COUNT_NS))
		return;
	run->told_ns = sq_now();
	status = sq_run_status(run);
	if (run->request->tell)
		run->request->tell(run->request->data, status);
	sq_registry_publish(&run->registration, status);
	if (run->injector && run->armed_ns)
		sq_journal_add_detail(&run->journal, "counters", sq_run_counters(run));
}

static void check_all(struct sq_run *run)
{
	sq_kill_switch_hold(&run->kill_switch, &run->registration.slot);
	if (!run->stopping)
		check_lease(run);
	if (!run->stopping)
		check_clock(run);
	if (!run->stopping)
		check_helpers(run);
	if (!run->stopping && run->armed)
		check_budget(run);
	if (!run->stopping && run->journal.log.failed)
		sq_run_stop(run, SQ_ABORTED, "the guard", "the journal cannot be written: %s",
			    strerror(run->journal.log.failed));
}

static int on_tick(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_run *run = data;

	check_all(run);
	if (!run->stopping)
		check_heartbeat(run);
	sq_keeper_follow_timeline(run);
	sq_following_look(run);
	sq_vitals_look(run->vitals);
	tell(run);
	return sq_event_again(source, TICK_NS);
}

int sq_keeper_look(struct sq_run *run, struct sq_error **err)
{
	uint64_t until = sq_now() + LOOK_NS;
	int r = 1;

	check_all(run);
	/* a load that writes without pause would keep the loop busy for ever */
	while (r > 0 && !run->stopping && sq_now() < until)
		r = sd_event_run(run->event, 0);
	return r < 0 ? sq_error_errno(err, -r, "the event loop failed") : 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct sq_run *run = data;

	if (!run->stopping)
		sq_run_stop(run, SQ_ABORTED, run->by, "SIG%s",
			    sq_signal_name((int)info->ssi_signo));
	return 0;
}

static int on_wake(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct sq_run *run = data;

	if (!run->stopping)
		check_lease(run);
	return 0;
}

static int add_timer(struct sq_run *run, uint64_t ns, sd_event_time_handler_t call)
{
	return sd_event_add_time_relative(run->event, NULL, CLOCK_MONOTONIC, ns / SQ_US,
					  ACCURACY_US, call, run);
}

int sq_keeper_start(struct sq_run *run, struct sq_error **err)
{
	int r = add_timer(run, SQ_LEASE_RENEW_NS, on_renew);

	if (r >= 0)
		r = add_timer(run, 0, on_tick);
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals) && r >= 0; i++)
		r = sd_event_add_signal(run->event, NULL, stop_signals[i], on_signal, run);
	if (r >= 0)
		r = sd_event_add_signal(run->event, NULL, SIGUSR1, on_wake, run);
	return r < 0 ? sq_error_errno(err, -r, "cannot set up the event loop") : 0;
}
