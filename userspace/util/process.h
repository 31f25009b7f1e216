/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting processes and knowing them again. */
#ifndef SQ_UTIL_PROCESS_H
#define SQ_UTIL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/numbers.h"
#include "util/user.h"

struct sq_spawn {
	const char *const *argv; /* NULL behind the last; argv[0] is looked up in PATH */
	const char *program; /* what to execute instead of argv[0], or NULL */
	const char *const *environment; /* "NAME=value" to add or replace, NULL behind the last */
	const char *directory; /* NULL: ours */
	int cgroup_fd; /* the cgroup to be born in, or -EBADF for ours */
	int stdin_fd, stdout_fd, stderr_fd; /* -EBADF: /dev/null */
	const int *keep_fds; /* passed on at 3, 4, 5, ... */
	size_t n_keep_fds;
	const struct sq_user *user; /* NULL: ours; another one gets no new privileges either */
	uint64_t patience_ns; /* how long to wait for its execution; 0: 2 s */
};

/*
 * Starts a program in a session of its own, with default signal handling and no other descriptor
 * than those named. Fails if it cannot be executed. *ret_pidfd is the caller's to close.
 *
 * The program's file may lie where nobody answers. After patience_ns it counts as started: if it
 * fails later it says so on its standard error and ends with 126.
 */
int sq_spawn(const struct sq_spawn *spawn, pid_t *ret_pid, int *ret_pidfd, struct sq_error **err);

/*
 * Gives this process the best of the ordinary priorities, and what it starts the usual one: a busy
 * host must not hold up the lease. Where that is forbidden it goes on without.
 */
void sq_process_raise(void);

/*
 * Lets this process have @n descriptors, as far as its hard limit goes; what it starts later gets the
 * limit that there was.
 */
void sq_process_want_files(size_t n);

#define SQ_PROCESS_NAME 16 /* as much of it as the kernel keeps, and its end */

/* What the kernel calls a process. False, with @name as it was: it is gone. */
bool sq_process_name(pid_t pid, char name[SQ_PROCESS_NAME]);

/* When a process started, in clock ticks since boot; with the pid it names a process for good. */
int sq_process_start_time(pid_t pid, uint64_t *ret);

/* Who started a process, or whom it was left to; 0 of what has no parent, or a negative errno. */
pid_t sq_process_parent(pid_t pid);

/* Is the process with this pid and start time still there (zombies are not)? */
bool sq_process_alive(pid_t pid, uint64_t start_time);

/* Does it stand still, by a signal or a tracer? */
bool sq_process_is_stopped(pid_t pid);

/* Adds the inodes of the sockets that a process holds to @ret; none of one that is gone. */
void sq_process_sockets(pid_t pid, struct sq_numbers *ret);

#define SQ_BOOT_ID_SIZE 40

/* What names this start of the host, other after the next; "" where the kernel does not tell. */
char *sq_boot_id(char text[SQ_BOOT_ID_SIZE]);

/* The name of a signal without "SIG", or its number as text (static). */
const char *sq_signal_name(int signal);

#endif
