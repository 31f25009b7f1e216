// SPDX-License-Identifier: GPL-2.0-only
#include "util/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/time.h"

#define PATIENCE_NS (2 * SQ_S)
#define READY (-1) /* what the child says right before it executes its program */
#define FIRST_HIGH 64 /* descriptors from here on are nobody's place in a program */
#define MOST_KEPT (FIRST_HIGH - 3)

extern char **environ;

static struct rlimit files_before; /* what our limit on descriptors was, if we have raised it */

/* Another user for good: nothing it executes can get rights back. Async-signal-safe. */
static int become(const struct sq_user *user)
{
	/* the system calls themselves: the library's would ask the threads of our parent */
	if (syscall(SYS_setgroups, user->n_groups, user->groups) < 0 ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void complain(const char *program, int e)
{
	const char *const parts[] = { "squall: cannot start '", program, "': ", strerrordesc_np(e),
				      "\n" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i] && write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			return;
}

/* The child's part; only async-signal-safe calls. Reports errno through @report and ends. */
static _Noreturn void child(const struct sq_spawn *spawn, char *const *environment, int report)
{
	static const int defaults[] = { SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD,
					SIGUSR1, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ };
	int standard[3] = { spawn->stdin_fd, spawn->stdout_fd, spawn->stderr_fd };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), next = 3;
	int kept[MOST_KEPT], high;
	sigset_t none;
	int e;

	sigemptyset(&none);
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		signal(defaults[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (null < 0 || (spawn->directory && chdir(spawn->directory) < 0))
		goto out;

	/* first out of the way of 0, 1, 2, ..., then into place */
	high = fcntl(report, F_DUPFD_CLOEXEC, FIRST_HIGH);
	if (high < 0)
		goto out;
	report = high;
	for (int i = 0; i < 3; i++) {
		standard[i] =
			fcntl(standard[i] >= 0 ? standard[i] : null, F_DUPFD_CLOEXEC, FIRST_HIGH);
		if (standard[i] < 0)
			goto out;
	}
	for (size_t i = 0; i < spawn->n_keep_fds; i++) {
		kept[i] = fcntl(spawn->keep_fds[i], F_DUPFD_CLOEXEC, FIRST_HIGH);
		if (kept[i] < 0)
			goto out;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(standard[i], i) < 0)
			goto out;
	for (size_t i = 0; i < spawn->n_keep_fds; i++, next++)
		if (dup2(kept[i], next) < 0)
			goto out;
	if (report > next)
		syscall(SYS_close_range, next, report - 1, 0);
	syscall(SYS_close_range, report + 1, ~0u, 0);
	if (files_before.rlim_max && setrlimit(RLIMIT_NOFILE, &files_before) < 0)
		goto out;
	if (spawn->user && become(spawn->user))
		goto out;
	e = READY;
	if (write(report, &e, sizeof(e)) < 0)
		goto out;
	execvpe(spawn->program ? spawn->program : spawn->argv[0], (char *const *)spawn->argv,
		environment);
out:
	e = errno;
	signal(SIGPIPE, SIG_IGN);
	if (write(report, &e, sizeof(e)) == sizeof(e))
		_exit(127);
	/* so late that nobody waits any more: what it says goes where the program's words would go */
	complain(spawn->argv[0], e);
	_exit(126);
}

static char **make_environment(const char *const *extra)
{
	char **all = NULL;
	size_t n = 0;

	for (char **e = environ; *e; e++) {
		bool replaced = false;

		for (const char *const *x = extra; x && *x; x++) {
			size_t length = strcspn(*x, "=") + 1;

			replaced |= !strncmp(*e, *x, length);
		}
		if (!replaced)
			*(char **)sq_append(&all, &n, sizeof(*all)) = *e;
	}
	for (const char *const *x = extra; x && *x; x++)
		*(char **)sq_append(&all, &n, sizeof(*all)) = (char *)*x;
	sq_append(&all, &n, sizeof(*all));
	return all;
}

/* 1 and what the child says in *ret, 0: it has executed its program, negative: nothing by @until. */
static int hear(int reader, uint64_t until, int *ret)
{
	struct pollfd fd = { .fd = reader, .events = POLLIN };
	ssize_t n;

	while (poll(&fd, 1, 1) <= 0)
		if (sq_now() >= until)
			return -ETIMEDOUT;
	do
		n = read(reader, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/*
 * The errno of a child that could not execute its program; 0: it could, or it takes its time. The
 * program's disk may be a network's that is down: the lease does not wait for that. It does for all
 * that comes before, while the child still has our descriptors.
 */
static int await_exec(int reader, uint64_t patience_ns)
{
	int said = 0;

	if (hear(reader, sq_now() + PATIENCE_NS, &said) <= 0 || said != READY)
		return MAX(said, 0);
	return hear(reader, sq_now() + patience_ns, &said) > 0 ? said : 0;
}

/* The program is not there, or is none: as it is that will never work. */
static bool is_of_program(int failed)
{
	static const int errors[] = { ENOENT,  ENOTDIR, EISDIR,	      EACCES, ENOEXEC,
				      ETXTBSY, ELOOP,	ENAMETOOLONG, E2BIG };
	bool is = false;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		is |= failed == errors[i];
	return is;
}

int sq_spawn(const struct sq_spawn *spawn, pid_t *ret_pid, int *ret_pidfd, struct sq_error **err)
{
	_cleanup_free_ char **environment = make_environment(spawn->environment);
	_cleanup_close_ int reader = -EBADF, writer = -EBADF, pidfd = -EBADF;
	struct clone_args arguments = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	int ends[2], failed;
	long pid;

	if (spawn->n_keep_fds > MOST_KEPT)
		return sq_error_errno(err, E2BIG, "cannot start '%s'", spawn->argv[0]);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return sq_error_errno(err, errno, "cannot make a pipe");
	reader = ends[0];
	writer = ends[1];
	if (spawn->cgroup_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)spawn->cgroup_fd;
	}
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid < 0)
		return sq_error_errno(err, errno, "cannot start '%s'", spawn->argv[0]);
	if (pid == 0)
		child(spawn, environment, writer);

	sq_close(TAKE_FD(writer));
	failed = await_exec(reader, spawn->patience_ns ? spawn->patience_ns : PATIENCE_NS);
	if (failed) {
		waitpid((pid_t)pid, NULL, 0);
		if (!is_of_program(failed))
			return sq_error_errno(err, failed, "cannot start '%s'", spawn->argv[0]);
		return sq_error_set(err, SQ_FAIL_REFUSED, failed, "cannot start '%s': %s",
				    spawn->argv[0], strerror(failed));
	}
	*ret_pid = (pid_t)pid;
	*ret_pidfd = TAKE_FD(pidfd);
	return 0;
}

struct stat_file {
	char state;
	pid_t parent;
	uint64_t start;
};

/* Fields 3, 4 and 22 of /proc/PID/stat; the name before them may hold anything. */
static int read_stat(pid_t pid, struct stat_file *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[32];
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = sq_read_file(AT_FDCWD, path, 4096, &text);
	if (n < 0)
		return (int)n;
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			 "%*d %*d %*d %" SCNu64,
			 &ret->state, &ret->parent, &ret->start) != 3)
		return -EPROTO;
	return 0;
}

void sq_process_raise(void)
{
	struct sched_param none = { 0 };

	if (!sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none))
		setpriority(PRIO_PROCESS, 0, -20);
}

void sq_process_want_files(size_t n)
{
	struct rlimit now, more;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0 || now.rlim_cur >= n)
		return;
	more = (struct rlimit){ .rlim_cur = MIN((rlim_t)n, now.rlim_max),
				.rlim_max = now.rlim_max };
	if (!setrlimit(RLIMIT_NOFILE, &more) && !files_before.rlim_max)
		files_before = now;
}

bool sq_process_name(pid_t pid, char name[SQ_PROCESS_NAME])
{
	_cleanup_free_ char *text = NULL;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (sq_read_file(AT_FDCWD, path, 64, &text) <= 0)
		return false;
	snprintf(name, SQ_PROCESS_NAME, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

int sq_process_start_time(pid_t pid, uint64_t *ret)
{
	struct stat_file stat;
	int r = read_stat(pid, &stat);

	if (!r)
		*ret = stat.start;
	return r;
}

pid_t sq_process_parent(pid_t pid)
{
	struct stat_file stat;
	int r = read_stat(pid, &stat);

	return r ? r : stat.parent;
}

bool sq_process_alive(pid_t pid, uint64_t start_time)
{
	struct stat_file stat;

	return pid > 0 && !read_stat(pid, &stat) && stat.start == start_time && stat.state != 'Z' &&
	       stat.state != 'X';
}

bool sq_process_is_stopped(pid_t pid)
{
	struct stat_file stat;

	return pid > 0 && !read_stat(pid, &stat) && strchr("Tt", stat.state);
}

void sq_process_sockets(pid_t pid, struct sq_numbers *ret)
{
	_cleanup_free_ char *path = sq_asprintf("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char link[64] = "";
		uint64_t inode;

		if (readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1) > 0 &&
		    sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1)
			*(uint64_t *)sq_append(&ret->item, &ret->n, sizeof(inode)) = inode;
	}
	if (dir)
		closedir(dir);
}

char *sq_boot_id(char text[SQ_BOOT_ID_SIZE])
{
	_cleanup_free_ char *id = NULL;

	*text = '\0';
	if (sq_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &id) > 0)
		snprintf(text, SQ_BOOT_ID_SIZE, "%.*s", (int)strcspn(id, "\n"), id);
	return text;
}

const char *sq_signal_name(int signal)
{
	static char number[16];
	const char *name = sigabbrev_np(signal);

	if (name)
		return name;
	snprintf(number, sizeof(number), "%d", signal);
	return number;
}
