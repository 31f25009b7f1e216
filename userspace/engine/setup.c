// SPDX-License-Identifier: GPL-2.0-only
/* What a run makes before anything is injected, and how all of it is given back. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "engine/state.h"
#include "guard/latch.h"
#include "guard/paths.h"
#include "guard/recover.h"
#include "guard/undo.h"
#include "inject/line.h"
#include "util/cgroup.h"
#include "util/process.h"
#include "util/time.h"

#define GRACE_NS (2 * SQ_S)
#define LATE_NS (10 * SQ_S) /* the kernel frees what nobody holds any more, when it has time */
#define LATCH_WAIT_US 10000
#define LATCH_TRIES 20
#define CLOCK_LEAST_NS (1735689600ull * SQ_S) /* 2025-01-01 */

static char *cgroup_path(const struct sq_run *run, const char *name)
{
	return sq_asprintf("%s/%s%s%s", SQ_CGROUP, run->plan->run, name ? "/" : "",
			   name ? name : "");
}

/* The epoch was read before: an abort from now on stops this run, one before has set the latch. */
static int check_latch(const struct sq_run *run, struct sq_error **err)
{
	struct sq_latch latch = { 0 };
	int r = sq_latch_get(&latch, err);

	/* root writes the file a moment after the map */
	for (int i = 0; i < LATCH_TRIES && !r && sq_kill_switch_latched(&run->kill_switch); i++) {
		usleep(LATCH_WAIT_US);
		r = sq_latch_get(&latch, err);
	}
	/* a member of the group may only write the map; the file makes it last */
	if (!r && sq_kill_switch_latched(&run->kill_switch)) {
		r = sq_latch_keep(&run->kill_switch, err);
		if (!r)
			r = sq_latch_get(&latch, err);
	}
	if (r <= 0)
		return r;
	sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
		     "the latch is set: %s aborted everything at %s%s%s", latch.by, latch.when,
		     *latch.why ? ": " : "", latch.why);
	sq_latch_clear(&latch);
	return sq_error_hint(err, "`squall unlatch --reason TEXT` lets runs start again");
}

struct claim {
	struct sq_run *run;
	json_t *about;
};

/* Nobody else enters meanwhile: what the others use now is what they use. */
static int admit(void *data, const struct sq_live_runs *runs, struct sq_error **err)
{
	const struct claim *claim = data;
	struct sq_run *run = claim->run;
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	json_t *use;
	int r = sq_plan_limit(run->plan, runs, err);

	if (r)
		return r;
	use = sq_json("{s:I, s:I, s:I, s:b}", "processes", (json_int_t)run->plan->processes,
		      "faults", (json_int_t)radius->faults, "rate", (json_int_t)radius->rate,
		      "packets", sq_experiment_hits_packets(run->experiment));
	json_object_update(claim->about, use);
	json_decref(use);
	return 0;
}

/* The last resort of a person who has nothing but a shell stays in force until it is removed. */
static int check_stop_file(struct sq_error **err)
{
	if (access(SQ_STOP_FILE, F_OK) < 0)
		return 0;
	sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "'%s' exists: somebody has stopped everything",
		     SQ_STOP_FILE);
	return sq_error_hint(err, "`rm %s` once it is clear why it is there", SQ_STOP_FILE);
}

/* Leases go by another clock, but windows and whoever reads the journal by this one. */
static int check_clock(struct sq_error **err)
{
	return sq_wall() >= CLOCK_LEAST_NS
		       ? 0
		       : sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
				      "the host's clock is not set: it says a year before 2025");
}

static int enter(struct sq_run *run, uint64_t *ret_epoch, struct sq_error **err)
{
	_cleanup_json_ json_t *about = sq_json("{s:s, s:s, s:s}", "title", run->experiment->title,
					       "file", run->experiment->file, "by", run->by);
	const struct sq_entry entry = { .run = run->plan->run,
					.kill_switch = &run->kill_switch,
					.paths = &run->plan->paths,
					.about = about,
					.admit = admit,
					.data = &(struct claim){ run, about } };
	int r = sq_paths_make(err);

	if (!r)
		r = sq_kill_switch_open(&run->kill_switch, true, err);
	if (r)
		return r;
	*ret_epoch = sq_kill_switch_epoch(&run->kill_switch);
	r = check_latch(run, err);
	if (!r)
		r = check_stop_file(err);
	if (!r)
		r = check_clock(err);
	return r ? r : sq_registry_enter(&run->registration, &entry, err);
}

static int begin_journal(struct sq_run *run, struct sq_error **err)
{
	int r = sq_journal_create(&run->journal, run->plan->run, run->experiment, err);
	char boot_id[SQ_BOOT_ID_SIZE];

	if (r)
		return r;
	if (run->plan->policy)
		sq_journal_keep_policy(&run->journal, run->plan->policy);
	sq_journal_add(&run->journal, "started",
		       sq_json("{s:o, s:s, s:f}", "document", sq_run_document(run), "boot_id",
			       sq_boot_id(boot_id), "total_s",
			       (double)sq_experiment_total_ns(run->experiment) / SQ_S));
	/* synced with the first change of state: a disk that is slow must not hold up the guard */
	if (!run->journal.log.failed)
		return 0;
	return sq_error_errno(err, run->journal.log.failed, "cannot write the journal");
}

/* One event covers all cgroups of the run: they lie below one. */
static int make_cgroups(struct sq_run *run, struct sq_error **err)
{
	_cleanup_free_ char *all = cgroup_path(run, NULL), *self = cgroup_path(run, ".self");
	_cleanup_free_ char *work = cgroup_path(run, ".work");
	int r = sq_undo_cgroup(&run->journal.log, all, err);

	if (!r)
		r = sq_cgroup_make(self, err);
	if (!r)
		r = sq_cgroup_make(work, err);
	for (size_t i = 0; i < run->experiment->targets.n && !r; i++)
		if (sq_target_is_started(&sq_targets(run->experiment)[i]))
			r = sq_cgroup_make(run->plan->target[i].item[0].cgroup.path, err);
	if (r)
		return r;
	run->self_fd = sq_cgroup_open(self, err);
	run->work_fd = sq_cgroup_open(work, err);
	run->helpers.cgroup_fd = run->self_fd;
	return run->self_fd < 0 || run->work_fd < 0 ? -EIO : 0;
}

/* The guard comes before all that outlives us: from here on a SIGKILL is cleaned up after. */
static int start_guard(struct sq_run *run, struct sq_error **err)
{
	const char *const arguments[] = { run->plan->run, NULL };
	_cleanup_close_ int self = pidfd_open(getpid(), 0);
	int fds[] = { run->journal.dir_fd, run->registration.lock_fd, self }, r;

	if (self < 0)
		return sq_error_errno(err, errno, "cannot open a pidfd");
	r = sq_helpers_open(&run->helpers, err);
	if (r)
		return r;
	return sq_helper_start(&run->helpers, SQ_HELPER_GUARD, arguments, fds, ARRAY_SIZE(fds),
			       err);
}

static void on_sampled(void *data, json_t *sample)
{
	struct sq_run *run = data;

	sq_journal_add_detail(&run->journal, "sample", sample);
}

static void on_gave_up(void *data, const struct sq_probe *probe, const char *why)
{
	sq_run_stop(data, SQ_DEVIATED, "abort_after", "%s failed %llu times in a row: %s",
		    probe->name, (unsigned long long)probe->abort_after, why);
}

static void on_note(void *data, const char *what)
{
	sq_run_note(data, what);
}

/* Before the first fault it is no time for one; afterwards it is the end. */
static void on_fulfilled(void *data, const char *what, const char *why)
{
	struct sq_run *run = data;

	if (!run->stopping && run->stage <= SQ_INJECTING)
		sq_run_stop(run, run->armed_ns ? SQ_ABORTED : SQ_NOT_NOW, what, "%s", why);
}

/* Programs run as the policy's exec_user, or as we do. */
static int find_user(struct sq_run *run, const struct sq_user **ret, struct sq_error **err)
{
	const char *name = run->plan->policy ? run->plan->policy->exec_user : NULL;
	int r = name ? sq_user_find(name, &run->user) : 0;

	*ret = name ? &run->user : NULL;
	if (!r && name && run->user.uid == 0)
		r = -EPERM;
	return r ? sq_error_set(err, SQ_FAIL_REFUSED, -r,
				"the policy's exec_user '%s' cannot be used: %s", name,
				r == -EPERM ? "it is root" : strerror(-r))
		 : 0;
}

static int make_loop(struct sq_run *run, struct sq_error **err)
{
	struct sq_children_setup children = { .journal_fd = run->journal.dir_fd,
					      .work_fd = run->work_fd,
					      .ended = on_note,
					      .data = run };
	struct sq_steady_setup steady = { .experiment = run->experiment,
					  .sampled = on_sampled,
					  .gave_up = on_gave_up,
					  .data = run };
	struct sq_stops_setup stops = { .experiment = run->experiment,
					.policy = run->plan->policy,
					.journal_fd = run->journal.dir_fd,
					.fulfilled = on_fulfilled,
					.data = run };
	int r = find_user(run, &children.user, err);

	if (r)
		return r;
	r = sd_event_new(&run->event);
	if (r < 0)
		return sq_error_errno(err, -r, "cannot make the event loop");
	r = sq_keeper_start(run, err);
	if (!r)
		r = sq_prober_new(&run->prober, run->event, run->work_fd, err);
	if (r)
		return r;
	sq_prober_run_as(run->prober, children.user);
	children.event = steady.event = stops.event = run->event;
	steady.prober = stops.prober = run->prober;
	run->children = sq_children_new(&children);
	run->vitals = sq_vitals_new(run->plan, on_note, run);
	r = sq_steady_new(&run->steady, &steady, err);
	return r ? r : sq_stops_new(&run->stops, &stops, err);
}

int sq_run_open(struct sq_run *run, struct sq_error **err)
{
	uint64_t epoch = 0;
	int r = enter(run, &epoch, err);

	sq_spare_take(&run->spare);
	if (!r)
		sq_host_watch_begin(&run->watch);
	if (!r)
		r = begin_journal(run, err);
	if (!r)
		r = sq_lease_create(&run->lease, &run->kill_switch, epoch,
				    run->registration.slot.number,
				    run->registration.slot.generation, err);
	if (!r)
		r = start_guard(run, err);
	if (!r)
		r = sq_notify_start(&run->notify, &run->journal, run->plan->policy, err);
	if (!r)
		r = make_cgroups(run, err);
	return r ? r : make_loop(run, err);
}

static void stop_children(struct sq_run *run)
{
	uint64_t until = sq_now() + GRACE_NS;

	if (!run->children)
		return;
	sq_children_stop(run->children);
	while (sq_children_running(run->children) && sq_now() < until)
		if (sd_event_run(run->event, 10 * SQ_MS / SQ_US) < 0)
			break;
}

/* Everything of this process that keeps BPF objects or cgroups alive. */
static void release(struct sq_run *run)
{
	run->following = sq_following_free(run->following);
	sq_handing_clear(&run->handing);
	run->steady = sq_steady_free(run->steady);
	run->stops = sq_stops_free(run->stops);
	run->prober = sq_prober_free(run->prober);
	run->children = sq_children_free(run->children);
	run->vitals = sq_vitals_free(run->vitals);
	run->resolver = sq_resolver_free(run->resolver);
	run->injector = sq_injector_free(run->injector);
	run->event = sd_event_unref(run->event);
	sq_lease_close(&run->lease);
	run->self_fd = sq_close(run->self_fd);
	run->work_fd = sq_close(run->work_fd);
}

/*
 * Looks at the host, not at what was done: is anything that the journal announces still there, and is
 * all else as it was? Returns the journal's cleanup.state, or NULL.
 */
static json_t *clean(struct sq_run *run)
{
	const struct sq_helper_page *page = run->helpers.page;
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_json_ json_t *events = NULL;
	char device[IFNAMSIZ] = "";
	struct sq_host_ours ours = { .run = run->plan->run,
				     .device = device,
				     .notifier = run->notify.pid };

	if (sq_journal_events(&run->journal, &events, &err)) {
		sq_texts_add(&run->left, err->message);
		return NULL;
	}
	sq_recover_run(events, &run->left);
	ours.events = events;
	sq_line_name(&run->lease, device);
	if (page) {
		ours.fuse = page->helper[SQ_HELPER_NAP].value[0];
		ours.guard = run->helpers.helper[SQ_HELPER_GUARD].pid;
	}
	/* what is known to stay has been waited for */
	return sq_host_watch_end(&run->watch, &ours, run->left.n ? 0 : LATE_NS, &run->left);
}

void sq_run_close(struct sq_run *run)
{
	uint64_t begun = sq_now();
	json_t *state, *cleanup;

	stop_children(run);
	release(run);
	if (run->journal.dir_fd < 0) {
		sq_host_watch_clear(&run->watch);
		sq_registry_leave(&run->registration);
		sq_kill_switch_give(&run->kill_switch, &run->registration.slot);
		sq_kill_switch_close(&run->kill_switch);
		return;
	}
	state = clean(run);
	sq_host_watch_clear(&run->watch);
	if (run->left.n)
		sq_run_judge(run, SQ_UNCLEAN, "%s", run->left.item[0]);
	cleanup = sq_json("{s:b, s:f, s:o}", "clean", !run->left.n, "took_ms",
			  (double)(sq_now() - begun) / SQ_MS, "leftovers",
			  sq_json_texts(&run->left));
	if (state)
		json_object_set_new(cleanup, "state", state);
	sq_journal_add(&run->journal, "cleanup", cleanup);
	sq_journal_add(&run->journal, "ended",
		       sq_json("{s:s, s:i, s:s?, s:f}", "verdict", sq_verdict_name(run->verdict),
			       "exit", sq_verdict_exit(run->verdict), "reason", run->reason,
			       "duration_s", (double)(sq_now() - run->started_ns) / SQ_S));
	sq_journal_sync(&run->journal);
}
