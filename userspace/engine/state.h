/* SPDX-License-Identifier: GPL-2.0-only */
/* A run under way: what the parts of the engine share among themselves. */
#ifndef SQ_ENGINE_STATE_H
#define SQ_ENGINE_STATE_H

#include <systemd/sd-event.h>

#include "engine/children.h"
#include "engine/handover.h"
#include "engine/journal.h"
#include "engine/names.h"
#include "engine/notify.h"
#include "engine/run.h"
#include "engine/steady.h"
#include "engine/stops.h"
#include "engine/vitals.h"
#include "guard/host_state.h"
#include "guard/kill_switch.h"
#include "guard/lease.h"
#include "inject/injector.h"
#include "util/helper.h"
#include "util/spare.h"

enum sq_stage {
	SQ_STARTING, /* targets and load start */
	SQ_STEADYING, /* before */
	SQ_INJECTING, /* during */
	SQ_RECOVERING, /* after */
	SQ_CLEANING,
};

struct sq_following;

struct sq_run {
	const struct sq_run_request *request;
	struct sq_plan *plan;
	const struct sq_experiment *experiment;
	char *by; /* who started it: found once, as it may take a second */
	sd_event *event;
	struct sq_registration registration;
	struct sq_journal journal;
	struct sq_notify notify;
	struct sq_kill_switch kill_switch;
	struct sq_lease lease;
	struct sq_helpers helpers;
	struct sq_injector *injector;
	struct sq_prober *prober;
	struct sq_steady *steady;
	struct sq_stops *stops;
	struct sq_user user; /* whom programs run as, where the policy names one */
	struct sq_children *children;
	struct sq_following *following;
	sd_event_source *spaces; /* what is to be said of network namespaces */
	struct sq_handing handing;
	struct sq_vitals *vitals;
	struct sq_resolver *resolver; /* of host names, or NULL */
	int work_fd; /* the cgroup of load and exec probes */
	int self_fd; /* the cgroup of the helpers */
	struct sq_spare spare; /* until the run ends */
	enum sq_stage stage;
	uint64_t started_ns, stage_ns;
	uint64_t armed_ns, method_ns; /* when the method began and how long it takes */
	bool armed; /* the lease is to be kept alive */
	bool stopping; /* the run is over, whatever is left of it */
	bool noted; /* what the injector has to say stands in the journal */
	enum sq_verdict verdict;
	char *reason; /* of the verdict */
	uint64_t claimed, claimed_ns; /* at the last look, for the rate */
	double peak_rate;
	uint64_t told_ns;
	int64_t clock_ns; /* how far the wall clock is from the one that only goes on */
	uint64_t tick_ns; /* when the main loop last came round */
	uint8_t fault_state[SQ_MAX_FAULTS]; /* what the journal knows of each fault */
	struct sq_host_watch watch; /* of the host, before and after */
	struct sq_texts left; /* what could not be removed */
};

/* Makes the verdict @verdict, if it is worse than what it is; the first reason of the worst stays. */
void sq_run_judge(struct sq_run *run, enum sq_verdict verdict, const char *format, ...)
	_printf_(3, 4);

/* Ends the run early: everything is inert when it returns. @by is who or what ends it. */
void sq_run_stop(struct sq_run *run, enum sq_verdict verdict, const char *by, const char *format,
		 ...) _printf_(4, 5);

/* A remark for the report. */
void sq_run_note(struct sq_run *run, const char *text);

/* Runs the event loop until @until_ns, or until the run is stopped. */
int sq_run_wait(struct sq_run *run, uint64_t until_ns, struct sq_error **err);

/*
 * follow.c: from the arming on, keeps the faults on the targets as they change. sq_following_rows():
 * how many rows of counters that may take; sq_following_places(): NULL before that.
 */
int sq_following_start(struct sq_run *run, struct sq_error **err);
size_t sq_following_rows(const struct sq_plan *plan);
struct sq_places;
const struct sq_places *sq_following_places(const struct sq_run *run);

/* What fault @fault has done to the @n-th of all that were ever hit: false: there are no more. */
struct sq_row {
	const char *path; /* NULL: nobody's */
	struct sq_counters counters;
};
bool sq_following_row(const struct sq_run *run, size_t n, size_t fault, struct sq_row *ret);

/*
 * What hits the member at @path, and its row; false: it is no target now. Also before it is started,
 * by the plan.
 */
bool sq_following_aim(const struct sq_run *run, const char *path, uint64_t *ret_faults,
		      size_t *ret_row);

/* Adds the paths of the members, there now, of the targets that @wanted wants. */
void sq_following_paths(const struct sq_run *run,
			bool (*wanted)(const struct sq_experiment *experiment,
				       const struct sq_target *target),
			struct sq_texts *paths);

/* Looks whether processes have come unannounced, and for what they bring. */
void sq_following_look(struct sq_run *run);

struct sq_following *sq_following_free(struct sq_following *following);

/*
 * spaces.c: from the arming on, attaches to what the targets' processes bring along: sq_spaces_look() says
 * that there may be some.
 */
int sq_spaces_start(struct sq_run *run, struct sq_error **err);
void sq_spaces_look(struct sq_run *run);
void sq_spaces_end(struct sq_run *run);

/* aim.c: which cgroups the faults hit, and what is protected in them and so carved out. */
uint64_t sq_run_faults_of(const struct sq_run *run,
			  const struct sq_target *target); /* a bit each */
int sq_run_aim(struct sq_run *run, struct sq_error **err);

/* Carves out what is protected in @path, which is to be hit next; an error where it is so itself. */
int sq_run_carve(struct sq_run *run, const char *path, struct sq_error **err);

/*
 * Looks anew at what is protected in the paths given last, some of them each time the loop comes
 * round; what cannot be looked at ends the run. sq_carving_look() takes over @paths.
 */
struct sq_carving;
int sq_carving_new(struct sq_carving **ret, struct sq_run *run, struct sq_error **err);
void sq_carving_look(struct sq_carving *carving, struct sq_texts *paths);
struct sq_carving *sq_carving_free(struct sq_carving *carving);

/* keeper.c: timers and signals: what keeps the lease alive, and what ends the run. */
int sq_keeper_start(struct sq_run *run, struct sq_error **err);

/* Takes note of all that has come meanwhile: signals, the kill switch, the helpers, the disk. */
int sq_keeper_look(struct sq_run *run, struct sq_error **err);

/* Tells the journal which faults have begun and ended by now. */
void sq_keeper_follow_timeline(struct sq_run *run);

/* setup.c: everything a run makes, in order, and the same given back. */
int sq_run_open(struct sq_run *run, struct sq_error **err);
void sq_run_close(struct sq_run *run);

/* effect.c: judges what the faults have done; their counters must still be there. */
void sq_run_judge_effect(struct sq_run *run);

/* survival.c: judges whether the targets are still there. */
int sq_run_judge_survival(struct sq_run *run, struct sq_error **err);

/* describe.c: the run as JSON. */
json_t *sq_run_document(const struct sq_run *run); /* the journal's beginning */
json_t *sq_run_status(struct sq_run *run); /* what `status` shows */
json_t *sq_run_counters(struct sq_run *run); /* of all faults, for the journal */
json_t *sq_run_last_counters(struct sq_run *run); /* the same, with whom they have hit most */

#endif
