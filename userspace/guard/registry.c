// SPDX-License-Identifier: GPL-2.0-only
#include "guard/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "guard/entry.h"
#include "guard/paths.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/json.h"
#include "util/process.h"
#include "util/set.h"
#include "util/time.h"

#define WAIT_STEP_US 2000
#define HOLD_NS (200 * SQ_MS)

void sq_run_name(char name[SQ_RUN_NAME_SIZE])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz";
	time_t now = (time_t)(sq_wall() / SQ_S);
	unsigned char random[4] = { 0 };
	struct tm utc;
	size_t n;

	if (getrandom(random, sizeof(random), 0) < 0)
		memcpy(random, &now, sizeof(random));
	gmtime_r(&now, &utc);
	n = strftime(name, SQ_RUN_NAME_SIZE, "%Y%m%d-%H%M%S-", &utc);
	for (size_t i = 0; i < sizeof(random); i++)
		name[n++] = letters[random[i] % (sizeof(letters) - 1)];
	name[n] = '\0';
}

/* 1: held by somebody, 0: free, negative: there is none. */
static int probe_lock(int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -errno;
}

/* @dir_fd is negative where we may not look into it. */
static void read_run(struct sq_live_run *run, int dir_fd, const char *name)
{
	int64_t slot;

	snprintf(run->run, sizeof(run->run), "%.*s", SQ_RUN_NAME_SIZE - 1, name);
	run->alive = dir_fd < 0;
	if (dir_fd < 0)
		return;
	run->claim = sq_entry_read(dir_fd, "claim.json");
	run->status = sq_entry_read(dir_fd, "status.json");
	slot = sq_json_int(run->claim, "slot");
	run->pid = (pid_t)sq_json_int(run->claim, "pid");
	run->start_time = (uint64_t)sq_json_int(run->claim, "start_time");
	run->slot = slot > 0 && slot < SQ_SWITCH_SLOTS ? (uint32_t)slot : 0;
	run->generation = (uint64_t)sq_json_int(run->claim, "generation");
	run->alive = probe_lock(dir_fd) == 1;
	run->orphaned = run->alive && run->claim && !sq_process_alive(run->pid, run->start_time);
}

int sq_registry_list(struct sq_live_runs *runs, struct sq_error **err)
{
	DIR *dir = opendir(SQ_LIVE_DIR);
	struct dirent *entry;

	*runs = (struct sq_live_runs){ 0 };
	if (!dir && errno == EACCES)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EACCES,
				    "only root may see the runs of this host: use sudo");
	if (!dir)
		return errno == ENOENT
			       ? 0
			       : sq_error_errno(err, errno, "cannot read '%s'", SQ_LIVE_DIR);
	while ((entry = readdir(dir))) {
		_cleanup_close_ int fd = -EBADF;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= SQ_RUN_NAME_SIZE)
			continue;
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* one that may not be looked at is there, and may well be alive */
		if (fd >= 0 || errno == EACCES)
			read_run(sq_append(&runs->item, &runs->n, sizeof(*runs->item)), fd,
				 entry->d_name);
	}
	closedir(dir);
	return 0;
}

void sq_live_runs_clear(struct sq_live_runs *runs)
{
	for (size_t i = 0; i < runs->n; i++) {
		json_decref(runs->item[i].claim);
		json_decref(runs->item[i].status);
	}
	free(runs->item);
	*runs = (struct sq_live_runs){ 0 };
}

/* Which of @run's targets holds @path, or is it. */
static const char *find_holder(const json_t *targets, const char *path)
{
	const json_t *target;
	size_t i;

	json_array_foreach(targets, i, target)
		if (json_is_string(target) && sq_cgroup_within(path, json_string_value(target)))
			return json_string_value(target);
	return NULL;
}

/* Is one of our targets also one of @run's, or above or below one? */
static const char *find_overlap(const struct sq_live_run *run, const struct sq_texts *paths)
{
	const json_t *targets = json_object_get(run->claim, "targets"), *target;
	_cleanup_set_ struct sq_set ours = { 0 }, theirs = { 0 };
	size_t i;

	for (i = 0; i < paths->n; i++)
		sq_set_add(&ours, paths->item[i]);
	json_array_foreach(targets, i, target) {
		const char *path = json_string_value(target);

		if (path && (sq_set_has(&ours, path) || sq_set_has_above(&ours, path)))
			return path;
		if (path)
			sq_set_add(&theirs, path);
	}
	for (i = 0; i < paths->n; i++)
		if (sq_set_has_above(&theirs, paths->item[i]))
			return find_holder(targets, paths->item[i]);
	return NULL;
}

uint64_t sq_live_runs_sharing(const struct sq_live_runs *runs, const struct sq_texts *paths,
			      bool packets, const char **ret_run, const char **ret_cgroup)
{
	uint64_t n = 0;

	for (size_t i = 0; i < runs->n; i++) {
		const struct sq_live_run *run = &runs->item[i];
		const char *found;

		if (!run->alive ||
		    (packets && !json_is_true(json_object_get(run->claim, "packets"))))
			continue;
		found = find_overlap(run, paths);
		if (!found)
			continue;
		n++;
		*ret_run = run->run;
		*ret_cgroup = found;
	}
	return n;
}

/*
 * A mount namespace with another /run/squall has a registry of its own, but the same switch, and two runs
 * with one slot would stop each other: so the switch itself says which are held, and each run begins to
 * look at a place of its own.
 */
static int take_slot(const struct sq_entry *entry, const struct sq_live_runs *runs,
		     struct sq_slot *ret, struct sq_error **err)
{
	bool taken[SQ_SWITCH_SLOTS] = { true };
	uint32_t first = (uint32_t)(sq_hash_text(0, entry->run) % SQ_SWITCH_SLOTS);

	for (size_t i = 0; i < runs->n; i++)
		if (runs->item[i].alive)
			taken[runs->item[i].slot] = true;
	for (uint32_t i = 0; i < SQ_SWITCH_SLOTS; i++) {
		uint32_t slot = (first + i) % SQ_SWITCH_SLOTS;

		if (!taken[slot] && sq_kill_switch_take(entry->kill_switch, slot, ret))
			return 0;
	}
	return sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "%d runs are under way already",
			    SQ_SWITCH_SLOTS - 1);
}

static int write_claim(const struct sq_registration *registration, const struct sq_texts *paths,
		       json_t *about, struct sq_error **err)
{
	_cleanup_json_ json_t *claim = json_object();
	uint64_t start_time = 0;
	json_t *targets = sq_json_texts(paths);
	int r;

	sq_process_start_time(getpid(), &start_time);
	if (json_object_update(claim, about) ||
	    json_object_set_new(claim, "pid", json_integer(getpid())) ||
	    json_object_set_new(claim, "start_time", json_integer((json_int_t)start_time)) ||
	    json_object_set_new(claim, "slot", json_integer(registration->slot.number)) ||
	    json_object_set_new(claim, "generation",
				json_integer((json_int_t)registration->slot.generation)) ||
	    json_object_set_new(claim, "targets", targets))
		sq_oom();
	r = sq_entry_write(registration->dir_fd, "claim.json", claim);
	return r ? sq_error_errno(err, -r, "cannot register the run") : 0;
}

/* The group sees what the folder of all is seen by; what is written there later belongs to it too. */
static int share_entry(const struct sq_registration *registration, int live_fd,
		       struct sq_error **err)
{
	struct stat st;

	if (fstat(live_fd, &st) < 0 || fchown(registration->dir_fd, 0, st.st_gid) < 0 ||
	    fchmod(registration->dir_fd, S_ISGID | 0750) < 0 ||
	    fchown(registration->lock_fd, 0, st.st_gid) < 0)
		return sq_error_errno(err, errno, "cannot set the owner of the run's entry");
	return 0;
}

/* Under a name that nobody looks at, until it is locked and says whose it is. */
static int make_entry(struct sq_registration *registration, int live_fd, const char *hidden,
		      struct sq_error **err)
{
	if (mkdirat(live_fd, hidden, 0750) < 0)
		return sq_error_errno(err, errno, "cannot register the run %s", registration->run);
	registration->dir_fd =
		openat(live_fd, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (registration->dir_fd >= 0)
		registration->lock_fd = openat(registration->dir_fd, "lock",
					       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (registration->lock_fd < 0 || flock(registration->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return sq_error_errno(err, errno, "cannot lock the run's entry");
	return share_entry(registration, live_fd, err);
}

static int show_entry(const struct sq_registration *registration, int live_fd, const char *hidden,
		      struct sq_error **err)
{
	if (renameat(live_fd, hidden, live_fd, registration->run) < 0)
		return sq_error_errno(err, errno, "cannot register the run %s", registration->run);
	return 0;
}

/* What died while it registered; nobody else registers now. */
static void sweep(int live_fd)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	DIR *dir = opendir(SQ_LIVE_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			sq_texts_add(&names, entry->d_name);
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < names.n; i++)
		sq_remove_tree(live_fd, names.item[i]);
}

int sq_registry_enter(struct sq_registration *registration, const struct sq_entry *entry,
		      struct sq_error **err)
{
	_cleanup_close_ int live_fd = open(SQ_LIVE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_free_ char *hidden = sq_asprintf(".%s", entry->run);
	int r;

	*registration = (struct sq_registration){ .dir_fd = -EBADF, .lock_fd = -EBADF };
	snprintf(registration->run, sizeof(registration->run), "%s", entry->run);
	/* one at a time: who looks for others must be seen by the next who looks */
	if (live_fd < 0 || flock(live_fd, LOCK_EX) < 0)
		return sq_error_errno(err, errno, "cannot lock '%s'", SQ_LIVE_DIR);
	sweep(live_fd);
	r = sq_registry_list(&runs, err);
	if (!r)
		r = entry->admit(entry->data, &runs, err);
	if (!r)
		r = take_slot(entry, &runs, &registration->slot, err);
	if (r)
		return r;
	r = make_entry(registration, live_fd, hidden, err);
	if (!r)
		r = write_claim(registration, entry->paths, entry->about, err);
	if (!r)
		r = show_entry(registration, live_fd, hidden, err);
	if (!r)
		return 0;
	sq_remove_tree(live_fd, hidden);
	sq_kill_switch_give(entry->kill_switch, &registration->slot);
	sq_registry_keep(registration);
	return r;
}

/* One that could not be joined is claimed again at each try. */
static void add_claim(json_t *targets, const char *path)
{
	json_t *one;
	size_t i;

	json_array_foreach(targets, i, one)
		if (!strcmp(json_string_value(one), path))
			return;
	json_array_append_new(targets, sq_json_string(path));
}

int sq_registry_extend(const struct sq_registration *registration, const struct sq_texts *paths,
		       struct sq_error **err)
{
	_cleanup_close_ int live_fd = open(SQ_LIVE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_json_ json_t *claim = NULL;
	int r;

	/* who registers holds it for a moment; a main loop does not wait */
	if (live_fd < 0 || flock(live_fd, LOCK_EX | LOCK_NB) < 0)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "another run is starting");
	r = sq_registry_list(&runs, err);
	for (size_t i = 0; i < runs.n && !r; i++) {
		const struct sq_live_run *run = &runs.item[i];

		if (run->alive && strcmp(run->run, registration->run) != 0 &&
		    find_overlap(run, paths))
			r = sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY, "the run %s has it",
					 run->run);
	}
	if (r)
		return r;
	claim = sq_entry_read(registration->dir_fd, "claim.json");
	for (size_t i = 0; i < paths->n; i++)
		add_claim(json_object_get(claim, "targets"), paths->item[i]);
	r = claim ? sq_entry_write(registration->dir_fd, "claim.json", claim) : -ENOENT;
	return r ? sq_error_errno(err, -r, "cannot register it: its run's claim.json") : 0;
}

void sq_registry_publish(const struct sq_registration *registration, json_t *status)
{
	sq_entry_write(registration->dir_fd, "status.json", status);
	json_decref(status);
}

void sq_registry_leave(struct sq_registration *registration)
{
	if (registration->dir_fd >= 0)
		sq_registry_remove(registration->run);
	sq_registry_keep(registration);
}

void sq_registry_keep(struct sq_registration *registration)
{
	registration->dir_fd = sq_close(registration->dir_fd);
	registration->lock_fd = sq_close(registration->lock_fd);
}

int sq_registry_remove(const char *run)
{
	_cleanup_close_ int live_fd = open(SQ_LIVE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	_cleanup_free_ char *hidden = sq_asprintf(".%s", run);

	if (live_fd < 0)
		return -errno;
	/* half removed it would look like a run that died */
	return sq_remove_tree(live_fd, renameat(live_fd, run, live_fd, hidden) < 0 ? run : hidden);
}

int sq_registry_hold_dead(const char *run)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s/lock", SQ_LIVE_DIR, run);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t until = sq_now() + HOLD_NS;

	if (fd < 0)
		return -errno;
	/* somebody who only looks holds it for a moment */
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && (errno != EWOULDBLOCK || sq_now() >= until))
			return -errno;
		usleep(WAIT_STEP_US);
	}
	return TAKE_FD(fd);
}

bool sq_registry_wait(const char *run, uint64_t timeout_ns)
{
	uint64_t until = timeout_ns > UINT64_MAX - sq_now() ? UINT64_MAX : sq_now() + timeout_ns;
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_LIVE_DIR, run);
	_cleanup_close_ int dir_fd = sq_entry_open(run);
	_cleanup_close_ int fd = -EBADF;

	if (dir_fd < 0 && dir_fd != -EACCES)
		return true;
	/* what may not be looked at has ended when it is gone */
	while (dir_fd == -EACCES && faccessat(AT_FDCWD, path, F_OK, 0) == 0) {
		if (sq_now() >= until)
			return false;
		usleep(WAIT_STEP_US);
	}
	fd = openat(dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return true;
	while (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return true;
		if (sq_now() >= until)
			return false;
		usleep(WAIT_STEP_US);
	}
	return true;
}
