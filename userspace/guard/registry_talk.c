// SPDX-License-Identifier: GPL-2.0-only
/* What a run's processes, and those who stop it, tell each other in its entry. */
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "guard/entry.h"
#include "guard/registry.h"
#include "util/json.h"
#include "util/process.h"

void sq_registry_enter_guard(const char *run)
{
	_cleanup_close_ int dir_fd = sq_entry_open(run);
	_cleanup_json_ json_t *guard = NULL;
	uint64_t start_time = 0;

	sq_process_start_time(getpid(), &start_time);
	guard = sq_json("{s:i, s:I}", "pid", getpid(), "start_time", (json_int_t)start_time);
	if (dir_fd >= 0)
		sq_entry_write(dir_fd, "guard.json", guard);
}

void sq_registry_enter_nap(const struct sq_registration *registration, pid_t pid,
			   uint64_t start_time, uint32_t connection)
{
	_cleanup_json_ json_t *nap = sq_json("{s:i, s:I, s:i}", "pid", (int)pid, "start_time",
					     (json_int_t)start_time, "connection", (int)connection);

	sq_entry_write(registration->dir_fd, "nap.json", nap);
}

uint32_t sq_registry_nap(const char *run)
{
	_cleanup_close_ int dir_fd = sq_entry_open(run);
	_cleanup_json_ json_t *nap = dir_fd < 0 ? NULL : sq_entry_read(dir_fd, "nap.json");

	/* its number may be another file system's by now */
	return nap && sq_process_alive((pid_t)sq_json_int(nap, "pid"),
				       (uint64_t)sq_json_int(nap, "start_time"))
		       ? (uint32_t)sq_json_int(nap, "connection")
		       : 0;
}

/* The descriptor first, then the check: the pid cannot be reused in between. */
static void send_signal(pid_t pid, uint64_t start_time, int number)
{
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);

	if (pidfd >= 0 && sq_process_alive(pid, start_time))
		pidfd_send_signal(pidfd, number, NULL, 0);
}

bool sq_registry_guard_is_stopped(const char *run)
{
	_cleanup_close_ int dir_fd = sq_entry_open(run);
	_cleanup_json_ json_t *guard = dir_fd < 0 ? NULL : sq_entry_read(dir_fd, "guard.json");
	pid_t pid = (pid_t)sq_json_int(guard, "pid");

	return sq_process_alive(pid, (uint64_t)sq_json_int(guard, "start_time")) &&
	       sq_process_is_stopped(pid);
}

void sq_registry_end_guard(const char *run)
{
	_cleanup_close_ int dir_fd = sq_entry_open(run);
	_cleanup_json_ json_t *guard = dir_fd < 0 ? NULL : sq_entry_read(dir_fd, "guard.json");

	if (guard)
		send_signal((pid_t)sq_json_int(guard, "pid"),
			    (uint64_t)sq_json_int(guard, "start_time"), SIGKILL);
}

int sq_registry_tell_abort(const char *run, const char *by, const char *why, uint64_t begun_ns)
{
	_cleanup_json_ json_t *message =
		sq_json("{s:s, s:s, s:I}", "by", by, "why", why, "begun_ns", (json_int_t)begun_ns);
	_cleanup_close_ int dir_fd = sq_entry_open(run);

	return dir_fd < 0 ? dir_fd : sq_entry_write(dir_fd, "abort.json", message);
}

json_t *sq_registry_abort_told(const struct sq_registration *registration)
{
	return sq_entry_read(registration->dir_fd, "abort.json");
}

bool sq_registry_is_told(const struct sq_registration *registration)
{
	return faccessat(registration->dir_fd, "abort.json", F_OK, 0) == 0;
}

void sq_registry_wake(const struct sq_live_run *run)
{
	send_signal(run->pid, run->start_time, SIGUSR1);
}
