/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runs under way on this host. Each has a folder below /run/squall/runs with a lock that its
 * controller and its guard process hold: when both are gone, the kernel lets go of it.
 */
#ifndef SQ_GUARD_REGISTRY_H
#define SQ_GUARD_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard/kill_switch.h"
#include "util/error.h"
#include "util/text.h"

#define SQ_RUN_NAME_SIZE 32

/* This run's own entry. */
struct sq_registration {
	char run[SQ_RUN_NAME_SIZE]; /* 20261124-105712-kqzt */
	struct sq_slot slot; /* in the kill switch */
	int dir_fd, lock_fd;
};

/* Somebody's entry, as read. */
struct sq_live_run {
	char run[SQ_RUN_NAME_SIZE];
	bool alive; /* its lock is held */
	bool orphaned; /* by its guard only: the controller has died */
	pid_t pid; /* the controller */
	uint64_t start_time;
	uint32_t slot; /* 0: the claim does not say, or is damaged */
	uint64_t generation;
	json_t *claim; /* {targets: [paths], title, file, ...} */
	json_t *status; /* what it last said of itself, or NULL */
};

struct sq_live_runs {
	struct sq_live_run *item;
	size_t n;
};

/* A new run's name: UTC time and four letters. */
void sq_run_name(char name[SQ_RUN_NAME_SIZE]);

/* What a run enters with. */
struct sq_entry {
	const char *run; /* its name */
	const struct sq_kill_switch *kill_switch;
	const struct sq_texts *paths; /* of its target cgroups */
	json_t *about; /* title, file and the like; a reference is not taken */
	/* Called while nobody else can enter: may it, beside @runs? May add to @about. */
	int (*admit)(void *data, const struct sq_live_runs *runs, struct sq_error **err);
	void *data;
};

/*
 * Enters a run. Takes a slot of the kill switch before anybody can see the run, so that an abort of it
 * is never lost. Fails with SQ_FAIL_NOT_NOW with no slot left, and with what admit() says.
 */
int sq_registry_enter(struct sq_registration *registration, const struct sq_entry *entry,
		      struct sq_error **err);

/*
 * Adds @paths to the targets of the run, which is under way. SQ_FAIL_NOT_NOW where another run has
 * one of them, or one above or below it.
 */
int sq_registry_extend(const struct sq_registration *registration, const struct sq_texts *paths,
		       struct sq_error **err);

/* Publishes what `squall status` shows. Failures are not errors: the run goes on. */
void sq_registry_publish(const struct sq_registration *registration, json_t *status);

/* Takes the run from the registry. */
void sq_registry_leave(struct sq_registration *registration);

/* The run is over, but has left something: its entry stays as a dead one, for `squall recover`. */
void sq_registry_keep(struct sq_registration *registration);

/* All entries, dead ones too; to be cleared. */
int sq_registry_list(struct sq_live_runs *runs, struct sq_error **err);
void sq_live_runs_clear(struct sq_live_runs *runs);

/*
 * How many of the living ones, or of those with faults on packets (@packets), have one of @paths as a target, or one
 * above or below it; one of them, and which cgroup it has, are then in @ret_run and @ret_cgroup, as long as @runs is.
 */
uint64_t sq_live_runs_sharing(const struct sq_live_runs *runs, const struct sq_texts *paths,
			      bool packets, const char **ret_run, const char **ret_cgroup);

/* The calling process is @run's guard. */
void sq_registry_enter_guard(const char *run);

/* Does the run's guard stand still? Then there is nothing to wait for. */
bool sq_registry_guard_is_stopped(const char *run);

/* Ends the guard of a run whose controller is dead: it was stopped, or hangs. */
void sq_registry_end_guard(const char *run);

/*
 * Takes a dead run's lock, so that nobody else finishes it meanwhile: a descriptor to be closed.
 * -EWOULDBLOCK: it is not dead, or somebody does so already; -ENOENT: it has no entry.
 */
int sq_registry_hold_dead(const char *run);

/* Removes the entry of a dead run. */
int sq_registry_remove(const char *run);

/* Waits until a run has ended; false after @timeout_ns. An unknown run has ended. */
bool sq_registry_wait(const char *run, uint64_t timeout_ns);

/*
 * The run's naps wait for the FUSE connection @connection, which the process @pid serves. Whoever stops the
 * run can let them go even where all of the run's processes are stopped.
 */
void sq_registry_enter_nap(const struct sq_registration *registration, pid_t pid,
			   uint64_t start_time, uint32_t connection);

/* That connection's number, if who serves it is still there; else 0. */
uint32_t sq_registry_nap(const char *run);

/* Leaves a message for the run's controller in its folder: who stops it, why, and since when. */
int sq_registry_tell_abort(const char *run, const char *by, const char *why, uint64_t begun_ns);

/* Reads that message, or NULL. */
json_t *sq_registry_abort_told(const struct sq_registration *registration);

/* Is there one? */
bool sq_registry_is_told(const struct sq_registration *registration);

/* Wakes a run's controller, so that it looks at the kill switch now. */
void sq_registry_wake(const struct sq_live_run *run);

#endif
