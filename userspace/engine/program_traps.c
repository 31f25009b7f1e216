// SPDX-License-Identifier: GPL-2.0-only
#include "engine/program_traps.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "inject/wrappers.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/process.h"

#define MOST_PROCESSES 400
#define MOST_FILES 400 /* of one process */
#define LARGEST_MAPS (4u << 20)

struct kind {
	uint64_t n;
	char name[SQ_PROCESS_NAME]; /* of the first */
};

struct look {
	struct kind narrow, uring, bare;
	bool wrappers; /* calls are held back in the C library */
	size_t looked;
};

static void count(struct kind *kind, pid_t pid)
{
	if (!kind->n++)
		sq_process_name(pid, kind->name);
}

/*
 * The kernel keeps what it told the program at its start, in words of the program's size: the first is
 * a small number, so what stands above it in 64 bits is the second word of a 32-bit program.
 */
static bool is_narrow(pid_t pid)
{
	_cleanup_free_ char *auxv = NULL;
	uint64_t first;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	if (sq_read_file(AT_FDCWD, path, 4096, &auxv) < (ssize_t)sizeof(first))
		return false;
	memcpy(&first, auxv, sizeof(first));
	return first >> 32;
}

/* By the names of its descriptors: nothing of them is opened, so nothing can hang. */
static bool uses_uring(pid_t pid)
{
	struct dirent *entry;
	char path[32];
	bool found = false;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && !found && n++ < MOST_FILES && (entry = readdir(dir))) {
		char link[64] = "";

		found = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1) > 0 &&
			!strcmp(link, "anon_inode:[io_uring]");
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool has_c_library(pid_t pid)
{
	_cleanup_free_ char *maps = NULL;
	char path[32], *next;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (sq_read_file(AT_FDCWD, path, LARGEST_MAPS, &maps) <= 0)
		return true; /* it has ended, or has no memory: nothing to say of it */
	for (char *line = maps; line && *line && !found; line = next) {
		const char *name;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		name = strrchr(line, '/');
		found = name && sq_is_c_library(name + 1);
	}
	return found;
}

static void look_at(pid_t pid, void *data)
{
	struct look *look = data;

	if (look->looked++ >= MOST_PROCESSES)
		return;
	if (is_narrow(pid))
		count(&look->narrow, pid);
	else if (look->wrappers && !has_c_library(pid))
		count(&look->bare, pid);
	if (uses_uring(pid))
		count(&look->uring, pid);
}

/* Is the target hit by a fault on system calls? */
static bool concerns(const struct sq_plan *plan, const struct sq_target *target, bool *wrappers)
{
	bool found = false;

	for (size_t i = 0; i < plan->experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(plan->experiment)[i];

		if (!sq_fault_kind_is_call(fault->kind) || !sq_fault_hits(fault, target))
			continue;
		found = true;
		*wrappers |= plan->support[i].hooks >> SQ_HOOK_WRAPPER & 1;
	}
	return found;
}

static void warn(struct sq_plan *plan, const struct kind *kind, const char *what)
{
	if (kind->n)
		sq_plan_warn(plan, "%llu of the targets' processes ('%s') %s",
			     (unsigned long long)kind->n, kind->name, what);
}

void sq_program_traps(struct sq_plan *plan)
{
	struct look look = { 0 };

	for (size_t i = 0; i < plan->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		look.wrappers = false;
		if (!concerns(plan, target->target, &look.wrappers))
			continue;
		for (size_t j = 0; j < target->n && look.looked < MOST_PROCESSES; j++)
			if (target->item[j].cgroup.id && target->item[j].processes)
				sq_cgroup_each_process(target->item[j].cgroup.path, look_at, &look,
						       NULL);
	}
	warn(plan, &look.narrow,
	     "are 32-bit programs: their system calls are not hit, as their numbers mean other calls");
	warn(plan, &look.uring,
	     "use io_uring: what it does for them is no system call, and is not hit");
	warn(plan, &look.bare,
	     "have no C library that squall knows, as static programs do: what is held back there is "
	     "not held back for them, and counted as uncovered");
}
