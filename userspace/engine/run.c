// SPDX-License-Identifier: GPL-2.0-only
#include "engine/run.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/state.h"
#include "guard/operator.h"
#include "util/privileges.h"
#include "util/process.h"
#include "util/time.h"

#define RETRY_NS (50 * SQ_MS)

static struct sq_lease *lease_to_end; /* for sq_oom(), which knows no run */

static void end_lease(void)
{
	if (lease_to_end)
		sq_lease_end(lease_to_end);
}

void sq_run_judge(struct sq_run *run, enum sq_verdict verdict, const char *format, ...)
{
	va_list arguments;

	if (verdict <= run->verdict)
		return;
	run->verdict = verdict;
	free(run->reason);
	va_start(arguments, format);
	run->reason = sq_vasprintf(format, arguments);
	va_end(arguments);
}

void sq_run_stop(struct sq_run *run, enum sq_verdict verdict, const char *by, const char *format,
		 ...)
{
	uint64_t begun = sq_now();
	_cleanup_free_ char *why = NULL;
	va_list arguments;
	double took_us;

	sq_lease_end(&run->lease);
	sq_spare_give(&run->spare);
	took_us = (double)(sq_now() - begun) / SQ_US;
	run->armed = false;
	run->stopping = true;
	va_start(arguments, format);
	why = sq_vasprintf(format, arguments);
	va_end(arguments);
	sq_run_judge(run, verdict, "%s: %s", by, why);
	sq_journal_add(&run->journal, verdict == SQ_ABORTED ? "abort" : "stopped",
		       sq_json("{s:s, s:s, s:f}", "by", by, "reason", why, "disarm_us", took_us));
}

void sq_run_note(struct sq_run *run, const char *text)
{
	sq_journal_add(&run->journal, "note", sq_json("{s:s}", "text", text));
}

int sq_run_wait(struct sq_run *run, uint64_t until_ns, struct sq_error **err)
{
	while (!run->stopping) {
		uint64_t now = sq_now();
		int r;

		if (now >= until_ns)
			return 0;
		r = sd_event_run(run->event, (until_ns - now) / SQ_US + 1);
		if (r < 0)
			return sq_error_errno(err, -r, "the event loop failed");
	}
	return 0;
}

static void enter_stage(struct sq_run *run, enum sq_stage stage, const char *phase)
{
	run->stage = stage;
	run->stage_ns = sq_now();
	run->told_ns = 0;
	sq_journal_add(&run->journal, "phase", sq_json("{s:s}", "phase", phase));
	sq_journal_sync(&run->journal);
}

struct trial {
	bool done, met;
	char why[160];
};

static void on_tried(void *data, const struct sq_sample *sample)
{
	struct trial *trial = data;

	trial->done = true;
	trial->met = sample->met;
	snprintf(trial->why, sizeof(trial->why), "%s", sample->why ? sample->why : "");
}

/* One attempt; it is over within its own timeout. */
static int try_ready(struct sq_run *run, const struct sq_ready *ready, struct trial *trial,
		     struct sq_error **err)
{
	*trial = (struct trial){ .done = false };
	sq_prober_sample(run->prober, &ready->source, NULL, on_tried, trial);
	while (!trial->done) {
		int r = sd_event_run(run->event, UINT64_MAX);

		if (r < 0)
			return sq_error_errno(err, -r, "the event loop failed");
	}
	return 0;
}

static int await_ready(struct sq_run *run, const struct sq_target *target, struct sq_error **err)
{
	uint64_t until = sq_now() + target->ready.within_ns;
	char within[SQ_DURATION_SIZE];
	struct trial trial;

	if (!target->ready.object.node)
		return 0;
	while (!run->stopping) {
		int r = try_ready(run, &target->ready, &trial, err);

		if (r || trial.met)
			return r;
		if (sq_children_has_ended(run->children, target->object.key)) {
			sq_run_stop(run, SQ_NOT_STEADY, "ready",
				    "target '%s' ended before it was "
				    "ready: its output is in the journal's folder",
				    target->object.key);
		} else if (sq_now() >= until) {
			sq_run_stop(run, SQ_NOT_STEADY, "ready",
				    "target '%s' was not ready within "
				    "%s: %s",
				    target->object.key,
				    sq_duration_text(target->ready.within_ns, within), trial.why);
		} else {
			r = sq_run_wait(run, sq_now() + RETRY_NS, err);
			if (r)
				return r;
		}
	}
	return 0;
}

static int start_programs(struct sq_run *run, struct sq_error **err)
{
	const struct sq_experiment *experiment = run->experiment;
	int r = 0;

	for (size_t i = 0; i < experiment->targets.n && !r && !run->stopping; i++) {
		const struct sq_target *target = &sq_targets(experiment)[i];

		if (!sq_target_is_started(target))
			continue;
		r = sq_children_start_target(run->children, target, &run->plan->target[i].item[0],
					     err);
		if (!r)
			r = await_ready(run, target, err);
	}
	for (size_t i = 0; i < experiment->load.n && !r && !run->stopping; i++)
		r = sq_children_start_load(run->children, &sq_loads(experiment)[i], err);
	return r;
}

/* So that an abort can let those who nap go where all of our processes are stopped. */
static void enter_nap(struct sq_run *run)
{
	const struct sq_helper_state *nap = &run->helpers.page->helper[SQ_HELPER_NAP];

	if (__atomic_load_n(&nap->ready, __ATOMIC_ACQUIRE))
		sq_registry_enter_nap(&run->registration, nap->pid, nap->start_time, nap->value[0]);
}

static void on_enters(void *data, uint64_t netns, int netns_fd)
{
	struct sq_run *run = data;

	sq_host_watch_space(&run->watch, netns, netns_fd);
}

static void on_leaves(void *data, uint64_t netns)
{
	struct sq_run *run = data;

	sq_host_watch_leave(&run->watch, netns);
}

static int prepare(struct sq_run *run, struct sq_error **err)
{
	const struct sq_injector_setup setup = {
		.experiment = run->experiment,
		.lease = &run->lease,
		.switch_fd = run->kill_switch.map_fd,
		.helpers = &run->helpers,
		.log = &run->journal.log,
		.control = &run->plan->control,
		.n_cgroups = sq_following_rows(run->plan),
		.n_carved = run->plan->protection.n,
		.observe = run->request->observe,
		.enters = on_enters,
		.leaves = on_leaves,
		.data = run,
	};
	int r = sq_injector_load(&run->injector, &setup, err);

	if (r)
		return r;
	/* now, too: a run may end before it attaches */
	sq_journal_add(&run->journal, "loaded", sq_injector_objects(run->injector));
	r = sq_injector_start_helpers(run->injector, err);
	if (!r)
		r = sq_resolver_start(run, err);
	if (!r)
		enter_nap(run);
	return r;
}

static int sample_before(struct sq_run *run, struct sq_error **err)
{
	int r;

	if (!run->experiment->phases.before_ns)
		return 0;
	enter_stage(run, SQ_STEADYING, "before");
	r = sq_steady_begin(run->steady, SQ_BEFORE, err);
	if (!r)
		r = sq_run_wait(run, run->stage_ns + run->experiment->phases.before_ns, err);
	sq_steady_end(run->steady);
	return r;
}

static void judge_phase(struct sq_run *run, enum sq_phase phase, enum sq_verdict verdict)
{
	_cleanup_json_ json_t *results = json_array();
	_cleanup_free_ char *why = sq_steady_judge(run->steady, phase, results);
	json_t *result;
	size_t i;

	json_array_foreach(results, i, result)
		sq_journal_add(&run->journal, "probe", json_incref(result));
	if (why)
		sq_run_judge(run, verdict, "%s", why);
}

/* Every stop condition has been looked at before anything is injected. */
static int look_around(struct sq_run *run, struct sq_error **err)
{
	int r = 0;

	while (!r && !run->stopping && !sq_stops_looked(run->stops))
		r = sq_run_wait(run, sq_now() + RETRY_NS, err);
	return r;
}

static int inject(struct sq_run *run, struct sq_error **err)
{
	int r = look_around(run, err);

	if (r || run->stopping)
		return r;
	r = sq_run_aim(run, err);
	if (!r)
		r = sq_handing_begin(run, err);
	if (!r)
		r = sq_injector_attach(run->injector, err);
	if (r)
		return r;
	sq_journal_add(&run->journal, "loaded", sq_injector_objects(run->injector));
	/* a stop that came meanwhile, or a disk that is full: look before the lease begins */
	r = sq_keeper_look(run, err);
	if (r || run->stopping)
		return r;
	enter_stage(run, SQ_INJECTING, "during");
	if (run->request->observe)
		sq_run_note(run, "observed only: nothing was injected; what counts as injected is "
				 "what a real run would have hit");
	sq_vitals_begin(run->vitals);
	sq_lease_begin(&run->lease, run->experiment->blast_radius.duration_ns);
	run->armed_ns = sq_now();
	run->claimed_ns = run->armed_ns;
	run->tick_ns = run->armed_ns; /* what was done until now held up no lease */
	run->armed = true;
	r = sq_injector_arm(run->injector, run->armed_ns, err);
	if (sq_privileges_drop(SQ_ROLE_CONTROLLER))
		sq_run_note(run, "squall has kept all of its rights: giving some up is forbidden");
	if (!r)
		r = sq_spaces_start(run, err);
	if (!r)
		r = sq_following_start(run, err);
	if (!r)
		r = sq_steady_begin(run->steady, SQ_DURING, err);
	return r ? r : sq_run_wait(run, run->armed_ns + run->method_ns, err);
}

/* Notes all of @notes, once in a run, and frees it. */
static void note_all(struct sq_run *run, json_t *notes)
{
	json_t *note;
	size_t i;

	json_array_foreach(run->noted ? NULL : notes, i, note)
		sq_run_note(run, json_string_value(note));
	json_decref(notes);
}

/* Everything off; safe to be called when nothing is on. */
static void disarm(struct sq_run *run)
{
	_cleanup_error_ struct sq_error *err = NULL;

	sq_lease_end(&run->lease);
	run->armed = false;
	if (!run->injector || !run->armed_ns)
		return;
	sq_keeper_follow_timeline(run);
	sq_handing_end(run);
	sq_spaces_end(run);
	sq_injector_let_out(run->injector);
	note_all(run, sq_injector_notes(run->injector));
	sq_injector_disarm(run->injector, &run->left);
	/* only now has the line let go of all */
	note_all(run, sq_injector_late_notes(run->injector));
	run->noted = true;
	if (sq_injector_count(run->injector, &err))
		sq_run_judge(run, SQ_ERROR, "%s", err->message);
	sq_journal_add(&run->journal, "counters", sq_run_last_counters(run));
}

static int sample_after(struct sq_run *run, struct sq_error **err)
{
	uint64_t after_ns = run->experiment->phases.after_ns, until;
	int r;

	if (!after_ns || run->stopping)
		return 0;
	enter_stage(run, SQ_RECOVERING, "after");
	r = sq_steady_begin(run->steady, SQ_AFTER, err);
	/* a probe that recovers moves the end */
	while (!r && !run->stopping &&
	       (until = sq_steady_after_until(run->steady, after_ns)) > sq_now())
		r = sq_run_wait(run, MIN(until, sq_now() + RETRY_NS), err);
	sq_steady_end(run->steady);
	return r;
}

/* What began under a fault and fails belongs to during: wait for those that are under way. */
static int judge_during(struct sq_run *run, struct sq_error **err)
{
	uint64_t until;
	int r = 0;

	while (!r && !run->stopping && (until = sq_steady_during_until(run->steady)) > sq_now())
		r = sq_run_wait(run, MIN(until, sq_now() + RETRY_NS), err);
	judge_phase(run, SQ_DURING, SQ_DEVIATED);
	return r;
}

/* What it has cost to look, beside the programs that each probe tells of. */
static void tell_cost(struct sq_run *run)
{
	if (run->experiment->probes.n && run->prober)
		sq_journal_add(&run->journal, "cost",
			       sq_json("{s:f}", "probe_cpu_ms",
				       (double)sq_prober_cost(run->prober) / SQ_MS));
}

static int conduct(struct sq_run *run, struct sq_error **err)
{
	int r = start_programs(run, err);

	if (!r && !run->stopping)
		r = prepare(run, err);
	if (!r && !run->stopping)
		r = sample_before(run, err);
	if (r || run->stopping)
		return r;
	if (run->experiment->phases.before_ns)
		judge_phase(run, SQ_BEFORE, SQ_NOT_STEADY);
	if (run->verdict != SQ_PASSED)
		return 0;
	r = inject(run, err);
	sq_steady_end(run->steady);
	disarm(run);
	if (!run->armed_ns || r)
		return r;
	if (!run->stopping)
		sq_run_judge_effect(run);
	/* at once: recovery counts from the faults' end */
	r = sample_after(run, err);
	if (!r)
		r = judge_during(run, err);
	if (!r && run->stage == SQ_RECOVERING && !run->stopping)
		judge_phase(run, SQ_AFTER, SQ_DEVIATED);
	return r || run->stopping ? r : sq_run_judge_survival(run, err);
}

/* What fails because the run was stopped meanwhile, or because a helper died, is not the reason. */
static void judge_error(struct sq_run *run, struct sq_error **err)
{
	if (run->event)
		sq_keeper_look(run, NULL);
	if (!run->stopping) {
		sq_run_judge(run, sq_verdict_of(*err), "%s", (*err)->message);
		return;
	}
	sq_run_note(run, (*err)->message);
	sq_error_freep(err);
	*err = NULL;
}

static void block_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* A run without a record has proven nothing to those who ask later. */
static void judge_unwritten(struct sq_run *run, json_t *document, const char *why)
{
	json_t *end;

	/* a disk that is full has aborted the run already: that stays its verdict */
	if (run->verdict != SQ_ABORTED)
		sq_run_judge(run, SQ_ERROR, "%s", why);
	if (!document)
		return;
	end = sq_json("{s:s, s:i, s:s}", "verdict", sq_verdict_name(run->verdict), "exit",
		      sq_verdict_exit(run->verdict), "reason", run->reason);
	json_object_update(document, end);
	json_decref(end);
}

static enum sq_verdict finish(struct sq_run *run, json_t **ret_document, struct sq_error **err)
{
	_cleanup_error_ struct sq_error *unwritten = NULL;

	run->stage = SQ_CLEANING;
	run->stopping = true;
	sq_spare_give(&run->spare);
	disarm(run);
	tell_cost(run);
	lease_to_end = NULL;
	sq_run_close(run);
	if (run->journal.dir_fd >= 0 &&
	    sq_journal_finish(&run->journal, ret_document, &unwritten)) {
		judge_unwritten(run, *ret_document, unwritten->message);
		if (!*err)
			*err = TAKE_PTR(unwritten);
	}
	/* the guard last: until here it would have cleaned up after us */
	if (run->helpers.page) {
		run->helpers.page->left = run->left.n > 0;
		sq_helpers_close(&run->helpers, true);
	}
	if (run->left.n)
		sq_registry_keep(&run->registration);
	else
		sq_registry_leave(&run->registration);
	sq_kill_switch_give(&run->kill_switch, &run->registration.slot);
	sq_kill_switch_close(&run->kill_switch);
	sq_journal_close(&run->journal);
	/* for everybody else the run is over by now */
	sq_notify_finish(&run->notify);
	sq_texts_clear(&run->left);
	free(run->by);
	free(run->reason);
	return run->verdict;
}

enum sq_verdict sq_run(const struct sq_run_request *request, json_t **ret_document,
		       struct sq_error **err)
{
	struct sq_run run = {
		.request = request,
		.plan = request->plan,
		.experiment = request->plan->experiment,
		.registration = { .dir_fd = -EBADF, .lock_fd = -EBADF },
		.journal = { .dir_fd = -EBADF, .log.fd = -EBADF },
		.kill_switch.map_fd = -EBADF,
		.lease.control_fd = -EBADF,
		.work_fd = -EBADF,
		.self_fd = -EBADF,
		.started_ns = sq_now(),
		.method_ns = sq_experiment_method_ns(request->plan->experiment),
	};
	int r;

	*ret_document = NULL;
	block_signals();
	run.by = sq_operator(); /* with a thread, which must not take our signals */
	sq_process_raise();
	run.stage_ns = run.started_ns;
	lease_to_end = &run.lease;
	sq_oom_handler(end_lease);
	r = sq_run_open(&run, err);
	if (!r)
		r = conduct(&run, err);
	if (r)
		judge_error(&run, err);
	return finish(&run, ret_document, err);
}
