/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helper processes: this program again, in a session and a cgroup of its own, so that neither
 * Ctrl-Z at the terminal nor a frozen cgroup of the controller stops them. They share one page
 * with the controller: who beats, who is ready, and a robust mutex that the controller holds for
 * as long as it lives. The kernel releases it when the controller's memory goes, which is before
 * its descriptors are closed: earlier than a pidfd or a signal tells (futex_exit_release()).
 */
#ifndef SQ_UTIL_HELPER_H
#define SQ_UTIL_HELPER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

/* A helper shows at least every 50 ms that it lives; silent for so long, it was stopped or hangs. */
#define SQ_HELPER_SILENT_NS 500000000ull

enum sq_helper_id {
	SQ_HELPER_GUARD,
	SQ_HELPER_NAP,
	SQ_HELPER_LINE,
	SQ_HELPERS,
};

struct sq_helper_state {
	uint64_t beat_ns; /* when it last showed that it lives, by sq_now() */
	uint32_t ready;
	uint32_t ended; /* it has done its work; silence means nothing any more */
	uint32_t value[2]; /* what it has to tell: see each helper */
	int32_t pid; /* its own, and when that began: see sq_process_alive() */
	uint64_t start_time;
};

struct sq_helper_page {
	pthread_mutex_t controller; /* robust, held by the controller */
	uint32_t finished; /* the controller ends because it has cleaned up */
	uint32_t left; /* but not everything: the run keeps its entry, for `squall recover` */
	struct sq_helper_state helper[SQ_HELPERS];
};

/* The controller's side. */
struct sq_helpers {
	int page_fd;
	struct sq_helper_page *page;
	int cgroup_fd; /* where helpers are born, or -EBADF */
	struct {
		pid_t pid;
		int pidfd; /* -EBADF: not started */
	} helper[SQ_HELPERS];
};

int sq_helpers_open(struct sq_helpers *helpers, struct sq_error **err);

/*
 * Releases everything and waits for the helpers to end; kills those that do not. With @finished
 * the guard has nothing left to do.
 */
void sq_helpers_close(struct sq_helpers *helpers, bool finished);

/*
 * Starts a helper with @arguments (NULL behind the last) and descriptors @fds at 4, 5, ..., and
 * waits until it is ready. If it fails, *err is what it said.
 */
int sq_helper_start(struct sq_helpers *helpers, enum sq_helper_id id, const char *const *arguments,
		    const int *fds, size_t n_fds, struct sq_error **err);

/*
 * Waits until a helper has ended; -ETIMEDOUT after @timeout_ns, or when it falls silent, and then
 * kills it.
 */
int sq_helper_wait(struct sq_helpers *helpers, enum sq_helper_id id, uint64_t timeout_ns);

/*
 * How long ago it last showed that it lives, ns: UINT64_MAX where it has died, 0 where it was not
 * started, or has done its work.
 */
uint64_t sq_helper_silence(const struct sq_helpers *helpers, enum sq_helper_id id);

/* Has it said that its work is done? */
bool sq_helper_has_ended(const struct sq_helpers *helpers, enum sq_helper_id id);

/* The name of a helper's process and of its command: "squall-nap". */
const char *sq_helper_name(enum sq_helper_id id);

/* A helper's own side: first thing it does, with the page at descriptor 3. */
struct sq_helper {
	struct sq_helper_page *page;
	struct sq_helper_state *state;
	int orphaned_fd; /* readable once the controller is gone */
	sem_t watching; /* the thread that waits for that has given up its rights, or could not */
	int watch_error;
};

/*
 * Maps the page, locks memory, raises priority, ignores the terminal's signals and begins to
 * watch the controller. Failures to raise priority or to lock memory are not errors.
 */
int sq_helper_enter(struct sq_helper *helper, enum sq_helper_id id, struct sq_error **err);

/* Shows that the helper lives. */
void sq_helper_beat(struct sq_helper *helper);

/*
 * Gives up all rights that the helper does not need from now on (util/privileges.h), and says that it is
 * ready, with two values to tell.
 */
int sq_helper_ready(struct sq_helper *helper, uint32_t value, uint32_t second,
		    struct sq_error **err);

/* Says that it has done its work. */
void sq_helper_end(struct sq_helper *helper);

/* Writes *err to standard error, where the controller reads it, and frees it. Returns 1. */
int sq_helper_fail(struct sq_error *err);

#endif
