// SPDX-License-Identifier: GPL-2.0-only
#include "inject/follow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "inject/object.h"
#include "inject/wrappers.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/privileges.h"
#include "util/process.h"
#include "util/time.h"

#define LOOK_MS 20 /* how long the thread waits for a birth */
#define SWEEP_NS (250 * SQ_MS) /* how often it looks for what has ended */
#define SETTLE_NS (100 * SQ_MS) /* when an exec must have mapped its library */
#define MOST_PROCESSES 4096

/* A library, by its file. */
struct library {
	dev_t device;
	ino_t inode;
	struct sq_wrappers wrappers;
};

/* A process, with a link for each library of its. */
struct follow {
	pid_t pid;
	uint64_t started; /* with the pid it names a process for good */
	uint64_t settled_ns; /* until then look again: it is being executed */
	struct {
		size_t library;
		int fd;
	} link[2];
	size_t n;
	bool untold; /* nothing was found yet */
};

struct sq_follower {
	struct sq_follow_setup setup;
	struct library *library;
	size_t n_libraries;
	struct follow *follow;
	size_t n, covered, uncovered, refused;
	char name[SQ_PROCESS_NAME]; /* of one that is not covered */
	struct ring_buffer *births;
	pthread_t thread, closer;
	bool started;
	bool stop; /* atomic */
	pthread_mutex_t lock; /* of what follows, and of the counts */
	pthread_cond_t changed;
	struct sq_texts cgroups; /* of the targets */
	bool added; /* one of them was not looked at yet */
	uint64_t arrivals; /* as of the last look at them */
	int *dead; /* links to be released */
	size_t n_dead;
};

/* Linux 6.6's part of union bpf_attr, which Debian 12's headers do not have. */
struct uprobe_multi_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t n, multi_flags, pid, reserved;
};

static int attach(int program_fd, int fd, const struct sq_wrappers *wrappers, pid_t pid)
{
	char path[32];
	struct uprobe_multi_attr attr = {
		.prog_fd = (uint32_t)program_fd,
		.attach_type = SQ_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)wrappers->offset,
		.cookies = (uint64_t)(uintptr_t)wrappers->call,
		.n = (uint32_t)wrappers->n,
		.pid = (uint32_t)pid,
	};
	int link;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return link < 0 ? -errno : link;
}

/* The library open as @fd, looked at once. */
static ssize_t library_of(struct sq_follower *follower, int fd)
{
	struct library library = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -ENOEXEC;
	for (size_t i = 0; i < follower->n_libraries; i++)
		if (follower->library[i].device == st.st_dev &&
		    follower->library[i].inode == st.st_ino)
			return (ssize_t)i;
	library.device = st.st_dev;
	library.inode = st.st_ino;
	if (sq_wrappers_find(fd, &follower->setup.calls, &library.wrappers))
		return -ENOEXEC;
	*(struct library *)sq_append(&follower->library, &follower->n_libraries, sizeof(library)) =
		library;
	return (ssize_t)follower->n_libraries - 1;
}

/* One executable mapping of a C library in the process. */
static void cover(struct sq_follower *follower, struct follow *follow, const char *range)
{
	_cleanup_free_ char *path = sq_asprintf("/proc/%d/map_files/%s", (int)follow->pid, range);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t library;
	int link;

	if (fd < 0)
		return;
	library = library_of(follower, fd);
	if (library < 0 || follow->n == ARRAY_SIZE(follow->link) ||
	    !follower->library[library].wrappers.n)
		return;
	for (size_t i = 0; i < follow->n; i++)
		if (follow->link[i].library == (size_t)library)
			return;
	link = attach(follower->setup.program_fd, fd, &follower->library[library].wrappers,
		      follow->pid);
	if (link < 0)
		return;
	follow->link[follow->n].library = (size_t)library;
	follow->link[follow->n++].fd = link;
}

/* Looks through the process's memory for C libraries. False: it has none. */
static bool look_at(struct sq_follower *follower, struct follow *follow)
{
	_cleanup_free_ char *maps = NULL;
	char path[32], *next, *line;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)follow->pid);
	if (sq_read_file(AT_FDCWD, path, 4 << 20, &maps) < 0)
		return false;
	for (line = maps; line && *line; line = next) {
		const char *name;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		name = strrchr(line, '/');
		if (!name || !strstr(line, " r-xp ") || !sq_is_c_library(name + 1))
			continue;
		line[strcspn(line, " ")] = '\0';
		cover(follower, follow, line);
		found = true;
	}
	return found;
}

static void tell(struct sq_follower *follower, struct follow *follow)
{
	if (!follow->untold)
		return;
	follow->untold = false;
	pthread_mutex_lock(&follower->lock);
	if (follow->n) {
		follower->covered++;
	} else {
		follower->uncovered++;
		sq_process_name(follow->pid, follower->name);
	}
	pthread_mutex_unlock(&follower->lock);
}

static struct follow *find(struct sq_follower *follower, pid_t pid)
{
	for (size_t i = 0; i < follower->n; i++)
		if (follower->follow[i].pid == pid)
			return &follower->follow[i];
	return NULL;
}

/* Links are released by another thread: that waits for the naps of the whole run. */
static void drop(struct sq_follower *follower, size_t i)
{
	pthread_mutex_lock(&follower->lock);
	for (size_t j = 0; j < follower->follow[i].n; j++)
		*(int *)sq_append(&follower->dead, &follower->n_dead, sizeof(*follower->dead)) =
			follower->follow[i].link[j].fd;
	pthread_cond_signal(&follower->changed);
	pthread_mutex_unlock(&follower->lock);
	follower->follow[i] = follower->follow[--follower->n];
}

/* A process that is new, or has another program. */
static void meet(struct sq_follower *follower, pid_t pid, bool executed)
{
	struct follow *follow = find(follower, pid);
	uint64_t started;

	if (sq_process_start_time(pid, &started))
		return;
	if (follow && follow->started != started) {
		drop(follower, (size_t)(follow - follower->follow));
		follow = NULL;
	}
	if (!follow && follower->n == MOST_PROCESSES) {
		pthread_mutex_lock(&follower->lock);
		follower->refused++;
		pthread_mutex_unlock(&follower->lock);
		return;
	}
	if (!follow) {
		follow = sq_append(&follower->follow, &follower->n, sizeof(*follow));
		*follow = (struct follow){ .pid = pid, .started = started, .untold = true };
		executed = true;
	}
	if (executed)
		follow->settled_ns = sq_now() + SETTLE_NS;
	if (look_at(follower, follow) && follow->n)
		tell(follower, follow);
}

static void meet_new(pid_t pid, void *data)
{
	struct sq_follower *follower = data;

	if (!find(follower, pid))
		meet(follower, pid, true);
}

static void sweep(struct sq_follower *follower)
{
	for (size_t i = follower->n; i-- > 0;)
		if (!sq_process_alive(follower->follow[i].pid, follower->follow[i].started))
			drop(follower, i);
}

/* Who has come into the targets, and was not born there: with a new cgroup of theirs, or moved. */
static void look_for_moved(struct sq_follower *follower)
{
	_cleanup_texts_ struct sq_texts cgroups = { 0 };
	uint64_t arrivals = *follower->setup.arrivals;
	bool look;

	pthread_mutex_lock(&follower->lock);
	look = follower->added || arrivals != follower->arrivals;
	for (size_t i = 0; i < follower->cgroups.n && look; i++)
		sq_texts_add(&cgroups, follower->cgroups.item[i]);
	follower->added = false;
	pthread_mutex_unlock(&follower->lock);
	follower->arrivals = arrivals;
	for (size_t i = 0; i < cgroups.n; i++)
		sq_cgroup_each_process(cgroups.item[i], meet_new, follower, NULL);
}

/* Those whose program is still being put together. */
static void settle(struct sq_follower *follower)
{
	uint64_t now = sq_now();

	for (size_t i = 0; i < follower->n; i++) {
		struct follow *follow = &follower->follow[i];

		if (!follow->settled_ns)
			continue;
		if (look_at(follower, follow) && follow->n)
			tell(follower, follow);
		if (now < follow->settled_ns)
			continue;
		follow->settled_ns = 0;
		if (sq_process_alive(follow->pid, follow->started))
			tell(follower, follow);
	}
}

static int on_birth(void *data, void *record, size_t size)
{
	const struct sq_birth *birth = record;

	meet(data, (pid_t)birth->pid, birth->executed);
	return 0;
}

static void *follow_births(void *data)
{
	struct sq_follower *follower = data;
	uint64_t swept = 0;

	sq_privileges_drop(SQ_ROLE_CONTROLLER);
	while (!__atomic_load_n(&follower->stop, __ATOMIC_ACQUIRE)) {
		ring_buffer__poll(follower->births, LOOK_MS);
		look_for_moved(follower);
		settle(follower);
		if (sq_now() - swept < SWEEP_NS)
			continue;
		sweep(follower);
		swept = sq_now();
	}
	return NULL;
}

static void *release(void *data)
{
	struct sq_follower *follower = data;

	sq_privileges_drop(SQ_ROLE_CONTROLLER);
	pthread_mutex_lock(&follower->lock);
	for (;;) {
		int fd;

		if (!follower->n_dead) {
			if (__atomic_load_n(&follower->stop, __ATOMIC_ACQUIRE))
				break;
			pthread_cond_wait(&follower->changed, &follower->lock);
			continue;
		}
		fd = follower->dead[--follower->n_dead];
		pthread_mutex_unlock(&follower->lock);
		close(fd);
		pthread_mutex_lock(&follower->lock);
	}
	pthread_mutex_unlock(&follower->lock);
	return NULL;
}

int sq_follower_start(struct sq_follower **ret, const struct sq_follow_setup *setup,
		      struct sq_error **err)
{
	struct sq_follower *follower = sq_alloc(sizeof(*follower));
	sigset_t all, former;
	int r;

	*ret = follower;
	follower->setup = *setup;
	follower->added = true;
	pthread_mutex_init(&follower->lock, NULL);
	pthread_cond_init(&follower->changed, NULL);
	for (size_t i = 0; i < setup->cgroups->n; i++)
		sq_texts_add(&follower->cgroups, setup->cgroups->item[i]);
	follower->births = ring_buffer__new(setup->births_fd, on_birth, follower, NULL);
	if (!follower->births)
		return sq_error_errno(err, errno, "cannot read which processes are born");
	look_for_moved(follower);
	/* signals are the main loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &former);
	r = pthread_create(&follower->thread, NULL, follow_births, follower);
	if (!r) {
		follower->started = true;
		r = pthread_create(&follower->closer, NULL, release, follower);
		if (r) {
			__atomic_store_n(&follower->stop, true, __ATOMIC_RELEASE);
			pthread_join(follower->thread, NULL);
			follower->started = false;
		}
	}
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	return r ? sq_error_errno(err, r, "cannot start a thread") : 0;
}

void sq_follower_add(struct sq_follower *follower, const char *cgroup)
{
	pthread_mutex_lock(&follower->lock);
	if (!sq_texts_have(&follower->cgroups, cgroup))
		sq_texts_add(&follower->cgroups, cgroup);
	follower->added = true;
	pthread_mutex_unlock(&follower->lock);
}

struct sq_follower *sq_follower_free(struct sq_follower *follower)
{
	if (!follower)
		return NULL;
	__atomic_store_n(&follower->stop, true, __ATOMIC_RELEASE);
	if (follower->started) {
		pthread_join(follower->thread, NULL);
		pthread_mutex_lock(&follower->lock);
		pthread_cond_signal(&follower->changed);
		pthread_mutex_unlock(&follower->lock);
		pthread_join(follower->closer, NULL);
	}
	ring_buffer__free(follower->births);
	for (size_t i = 0; i < follower->n; i++)
		for (size_t j = 0; j < follower->follow[i].n; j++)
			close(follower->follow[i].link[j].fd);
	for (size_t i = 0; i < follower->n_libraries; i++)
		sq_wrappers_clear(&follower->library[i].wrappers);
	sq_texts_clear(&follower->cgroups);
	free(follower->library);
	free(follower->follow);
	free(follower->dead);
	free(follower);
	return NULL;
}

void sq_follower_notes(struct sq_follower *follower, json_t *notes)
{
	_cleanup_free_ char *text = NULL, *more = NULL, *beyond = NULL;

	pthread_mutex_lock(&follower->lock);
	text = sq_asprintf("calls are held back in the C library of %zu processes",
			   follower->covered);
	if (follower->uncovered)
		more = sq_asprintf("%zu processes have no C library that squall knows, as static "
				   "programs do ('%s'): their calls are not held back there",
				   follower->uncovered, follower->name);
	if (follower->refused)
		beyond =
			sq_asprintf("there were more processes than %d at a time: the calls of the "
				    "rest were not held back in their C library",
				    MOST_PROCESSES);
	pthread_mutex_unlock(&follower->lock);
	json_array_append_new(notes, sq_json_string(text));
	if (more)
		json_array_append_new(notes, sq_json_string(more));
	if (beyond)
		json_array_append_new(notes, sq_json_string(beyond));
}

int sq_follow_try(int program_fd)
{
	struct sq_follower probe = { .setup = { .program_fd = program_fd } };
	struct follow ours = { .pid = getpid() };
	int number = sq_call_number("fsync"), r;

	sq_calls_add(&probe.setup.calls, (unsigned int)number);
	r = look_at(&probe, &ours) && ours.n ? 0 : -EOPNOTSUPP;
	for (size_t i = 0; i < ours.n; i++)
		close(ours.link[i].fd);
	for (size_t i = 0; i < probe.n_libraries; i++)
		sq_wrappers_clear(&probe.library[i].wrappers);
	free(probe.library);
	return r;
}
