// SPDX-License-Identifier: GPL-2.0-only
/* The cgroups that some processes are in. Faults hit cgroups, so whoever else is there is hit too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "target/kind.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/process.h"
#include "util/set.h"

#define LONGEST_PATH 4096
#define MOST_NAMED 5
#define STALE_S 3 /* later than its PID file a process may seem to begin: clocks are coarse */

/* The program's file as the process sees it. False for kernel threads, zombies and those gone. */
static bool read_program(pid_t pid, char path[LONGEST_PATH])
{
	char file[32];
	ssize_t n;
	size_t stem;

	snprintf(file, sizeof(file), "/proc/%d/exe", (int)pid);
	n = readlink(file, path, LONGEST_PATH - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	/* an upgrade has put another file in its place */
	stem = sq_text_stem(path, " (deleted)");
	if (stem)
		path[stem] = '\0';
	return true;
}

/* Is that the last part of the program's path, or of how it was called, or of the script that it runs? */
static bool is_called(pid_t pid, const char *program, const char *name)
{
	char file[32], line[LONGEST_PATH] = "";
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	if (!strcmp(sq_base_name(program), name))
		return true;
	snprintf(file, sizeof(file), "/proc/%d/cmdline", (int)pid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	for (ssize_t i = 0, part = 0; i < n && part < 2; i += (ssize_t)strlen(line + i) + 1, part++)
		if (!strcmp(sq_base_name(line + i), name))
			return true;
	return false;
}

static bool is_meant(const struct sq_process_target *process, pid_t wanted, pid_t pid)
{
	char path[LONGEST_PATH], name[SQ_PROCESS_NAME] = "";
	char pattern[SQ_PROCESS_NAME];

	if (process->pid_file)
		return pid == wanted;
	if (!read_program(pid, path))
		return false;
	if (process->executable)
		return fnmatch(process->executable, path, FNM_PATHNAME | FNM_NOESCAPE) == 0;
	sq_process_name(pid, name);
	if (sq_cgroup_is_glob(process->name))
		return fnmatch(process->name, name, FNM_NOESCAPE) == 0;
	/* the kernel keeps 15 characters: a longer name must not take all that begin like it */
	snprintf(pattern, sizeof(pattern), "%s", process->name);
	return !strcmp(pattern, name) &&
	       (strlen(process->name) < SQ_PROCESS_NAME || is_called(pid, path, process->name));
}

/* Did the process begin after its number was written down? Then it is another's by now. */
static int check_age(const struct sq_target *target, pid_t pid, struct sq_error **err)
{
	const char *path = target->process.pid_file;
	struct timespec now, since_boot;
	struct stat st;
	uint64_t ticks;

	if (sq_process_start_time(pid, &ticks) || stat(path, &st) < 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	if (now.tv_sec - since_boot.tv_sec + (time_t)ticks / sysconf(_SC_CLK_TCK) <=
	    st.st_mtim.tv_sec + STALE_S)
		return 0;
	sq_error_set(err, SQ_FAIL_NOT_NOW, ESRCH,
		     "target '%s': '%s' is stale: the process %d began after it was written, its "
		     "number has been given again",
		     target->object.key, path, (int)pid);
	return sq_error_hint(err, "start the service, which writes it anew; where only the clock "
				  "was set since, `touch` it");
}

static int read_pid_file(const struct sq_target *target, pid_t *ret, struct sq_error **err)
{
	const char *path = target->process.pid_file;
	_cleanup_free_ char *text = NULL;
	ssize_t n = path ? sq_read_regular(AT_FDCWD, path, 64, &text) : 0;
	char *end = NULL;
	long number;

	*ret = 0;
	if (!path)
		return 0;
	if (n < 0)
		return sq_error_set(err, n == -ENOENT ? SQ_FAIL_NOT_NOW : SQ_FAIL_REFUSED, (int)-n,
				    "target '%s': cannot read '%s': %s", target->object.key, path,
				    n == -EINVAL ? "it is no plain file" : strerror((int)-n));
	number = strtol(text, &end, 10);
	if (end == text || number <= 0 || number > INT_MAX)
		return sq_error_set(err, SQ_FAIL_REFUSED, EINVAL,
				    "target '%s': '%s' does not begin with a process's number",
				    target->object.key, path);
	*ret = (pid_t)number;
	return check_age(target, *ret, err);
}

struct others {
	const struct sq_process_target *process;
	pid_t wanted;
	size_t n;
	struct sq_buffer names;
};

static void look_for_other(pid_t pid, void *data)
{
	struct others *others = data;
	char program[LONGEST_PATH], name[SQ_PROCESS_NAME] = "";

	if (!read_program(pid, program) || is_meant(others->process, others->wanted, pid))
		return;
	sq_process_name(pid, name);
	if (others->n++ < MOST_NAMED)
		sq_buffer_add(&others->names, "%s%s (%d)", others->n > 1 ? ", " : "", name,
			      (int)pid);
}

/* Is nobody in @path who is not meant? */
static int check_alone(const struct sq_target *target, pid_t wanted, const char *path,
		       struct sq_error **err)
{
	struct others others = { .process = &target->process, .wanted = wanted };
	int r = 0;

	if (!strcmp(path, "/")) {
		sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
			     "target '%s': the process is in the root cgroup, with the whole host",
			     target->object.key);
		return sq_error_hint(err, "start it in a cgroup of its own, as by "
					  "`systemd-run --scope`, or as a 'command' target");
	}
	if (target->whole_cgroup)
		return 0;
	r = sq_cgroup_each_process(path, look_for_other, &others, err);
	if (!r && others.n) {
		r = sq_error_set(
			err, SQ_FAIL_REFUSED, EPERM,
			"target '%s': in its cgroup '%s' there are others that would be hit "
			"too: %s%s",
			target->object.key, path, sq_buffer_text(&others.names),
			others.n > MOST_NAMED ? " and more" : "");
		sq_error_hint(err, "'whole_cgroup: true' hits them all");
	}
	sq_buffer_clear(&others.names);
	return r;
}

static bool is_process(const struct sq_target *target)
{
	return target->process.object.node != NULL;
}

/* Where it shares its cgroup with others that is no reason, during a run, to know nothing of the rest. */
static int add_cgroup(const struct sq_target *target, pid_t wanted, pid_t pid,
		      struct sq_set *looked_at, struct sq_finding *finding, struct sq_error **err)
{
	struct sq_error *why = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	if (sq_cgroup_of(pid, &path, NULL))
		return 0; /* it has ended meanwhile */
	if (!sq_set_add(looked_at, path))
		return 0;
	r = sq_target_leaves_out(target, path, path) ? 0 : check_alone(target, wanted, path, &why);
	if (!r)
		sq_finding_add(finding, path, path);
	if (r == -EPERM && finding->during)
		sq_finding_refuse(finding, path, path, &why);
	if (sq_cgroup_is_gone(r) || (r == -EPERM && finding->during))
		r = 0;
	if (r && err)
		*err = TAKE_PTR(why);
	sq_error_free(why);
	return r;
}

static int match_process(const struct sq_target *target, const char *run,
			 struct sq_finding *finding, struct sq_error **err)
{
	const struct sq_process_target *process = &target->process;
	_cleanup_set_ struct sq_set looked_at = { 0 };
	struct dirent *entry;
	pid_t wanted;
	DIR *dir;
	int r = read_pid_file(target, &wanted, err);

	if (r)
		return r;
	dir = opendir("/proc");
	if (!dir)
		return sq_error_errno(err, errno, "cannot list the processes");
	while (!r && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && is_meant(process, wanted, pid))
			r = add_cgroup(target, wanted, pid, &looked_at, finding, err);
	}
	closedir(dir);
	if (!r && !finding->n)
		r = sq_error_set(err, SQ_FAIL_NOT_NOW, ESRCH, "target '%s': no process %s '%s'",
				 target->object.key,
				 process->executable ? "runs"
				 : process->name     ? "is named"
						     : "has the number in",
				 process->executable ? process->executable
				 : process->name     ? process->name
						     : process->pid_file);
	finding->shared = finding->n > 1;
	return r;
}

const struct sq_kind sq_kind_process = { is_process, match_process, NULL };
