// SPDX-License-Identifier: GPL-2.0-only
#include "engine/day.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/runs.h"
#include "guard/paths.h"
#include "guard/registry.h"
#include "util/fs.h"

#define EVENTS "events.jsonl"
#define COPY "gameday.yaml"
#define MOST_BYTES (16u << 20)
#define LAST SQ_DAY_PREFIX "last"

static int open_dir(const char *name)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_DAY_DIR, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Who is in the file that a day holds: its name, or "". */
static void read_holder(int fd, char name[SQ_DAY_NAME_SIZE])
{
	ssize_t n = pread(fd, name, SQ_DAY_NAME_SIZE - 1, 0);

	name[MAX(n, 0)] = '\0';
}

/* Nobody else may begin a day until this one is over: two would ask at two terminals. */
static int take_lock(struct sq_day *day, struct sq_error **err)
{
	char holder[SQ_DAY_NAME_SIZE];

	day->lock_fd = open(SQ_DAY_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (day->lock_fd < 0)
		return sq_error_errno(err, errno, "cannot open '%s'", SQ_DAY_FILE);
	if (flock(day->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		read_holder(day->lock_fd, holder);
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
				    "the game day %s is under way on this host", holder);
	}
	if (ftruncate(day->lock_fd, 0) < 0 ||
	    pwrite(day->lock_fd, day->name, strlen(day->name), 0) < 0)
		return sq_error_errno(err, errno, "cannot write to '%s'", SQ_DAY_FILE);
	return 0;
}

static int make_folder(struct sq_day *day, const struct sq_gameday *gameday, struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_DAY_DIR, day->name);
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	if (mkdir(path, 0750) < 0)
		return sq_error_errno(err, errno, "cannot make the folder '%s'", path);
	dir_fd = open_dir(day->name);
	if (dir_fd < 0)
		return sq_error_errno(err, -dir_fd, "cannot open '%s'", path);
	r = sq_write_atomic(dir_fd, COPY, 0640, gameday->source, gameday->source_size);
	if (r)
		return sq_error_errno(err, -r, "cannot write to '%s'", path);
	return sq_eventlog_open(&day->log, dir_fd, EVENTS, MOST_BYTES, err);
}

int sq_day_open(struct sq_day *day, const struct sq_gameday *gameday, json_t *about,
		struct sq_error **err)
{
	_cleanup_json_ json_t *document = about;
	char run[SQ_RUN_NAME_SIZE];
	int r = sq_paths_make(err);

	*day = (struct sq_day){ .lock_fd = -EBADF, .log.fd = -EBADF };
	sq_run_name(run);
	snprintf(day->name, sizeof(day->name), SQ_DAY_PREFIX "%s", run);
	json_object_set_new(document, "gameday", json_string(day->name));
	if (!r)
		r = take_lock(day, err);
	if (!r)
		r = make_folder(day, gameday, err);
	if (r) {
		sq_day_close(day);
		return r;
	}
	sq_day_add(day, "started", sq_json("{s:O}", "document", document));
	return 0;
}

void sq_day_add(struct sq_day *day, const char *event, json_t *members)
{
	sq_eventlog_add(&day->log, event, members);
	/* between experiments there is time for it */
	if (fdatasync(day->log.fd) < 0 && !day->log.failed)
		day->log.failed = errno;
}

void sq_day_close(struct sq_day *day)
{
	sq_eventlog_close(&day->log);
	day->lock_fd = sq_close(day->lock_fd);
}

bool sq_day_under_way(char name[SQ_DAY_NAME_SIZE])
{
	_cleanup_close_ int fd = open(SQ_DAY_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	/* free: there was one, and it is over */
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return false;
	read_holder(fd, name);
	return true;
}

int sq_day_note(json_t *note, const char *only, char name[SQ_DAY_NAME_SIZE], struct sq_error **err)
{
	_cleanup_(sq_eventlog_close) struct sq_eventlog log = { .fd = -EBADF };
	_cleanup_json_ json_t *members = note;
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	if (!sq_day_under_way(name))
		return 0;
	if (only && strncmp(name, only, strlen(only)) != 0)
		return 0;
	dir_fd = open_dir(name);
	if (dir_fd < 0)
		return sq_error_errno(err, -dir_fd, "cannot open the record of %s", name);
	r = sq_eventlog_open(&log, dir_fd, EVENTS, MOST_BYTES, err);
	if (r)
		return r;
	r = sq_eventlog_add(&log, "note", json_incref(members));
	return r ? sq_error_errno(err, -r, "cannot write to the record of %s", name) : 1;
}

int sq_days_list(struct sq_texts *names, struct sq_error **err)
{
	DIR *dir = opendir(SQ_DAY_DIR);
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir && errno == EACCES)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EACCES,
				    "only root and the group squall may read the records of game "
				    "days: use sudo");
	if (!dir)
		return sq_error_errno(err, errno, "cannot read '%s'", SQ_DAY_DIR);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, SQ_DAY_PREFIX, strlen(SQ_DAY_PREFIX)))
			sq_texts_add(names, entry->d_name);
	closedir(dir);
	sq_texts_sort(names);
	return 0;
}

static int find(const char *name, const char **ret, struct sq_texts *names, struct sq_error **err)
{
	size_t n = 0;
	int r = sq_days_list(names, err);

	if (r)
		return r;
	if (!strcmp(name, LAST) && names->n) {
		*ret = names->item[names->n - 1];
		return 0;
	}
	for (size_t i = 0; i < names->n; i++)
		if (!strncmp(names->item[i], name, strlen(name))) {
			*ret = names->item[i];
			n++;
		}
	if (n == 1)
		return 0;
	sq_error_set(err, SQ_FAIL_INVALID, n ? EINVAL : ENOENT,
		     n ? "'%s' stands for %zu game days" : "there is no game day '%s'", name, n);
	return sq_error_hint(err, "'%s' holds them; " LAST " is the newest", SQ_DAY_DIR);
}

static json_t *load_run(const char *run)
{
	json_t *journal = NULL;

	return sq_runs_load(run, &journal, NULL) ? NULL : journal;
}

int sq_day_load(const char *name, json_t **ret, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_json_ json_t *events = NULL;
	_cleanup_close_ int dir_fd = -EBADF;
	const char *day = NULL;
	int r = find(name, &day, &names, err);

	if (r)
		return r;
	dir_fd = open_dir(day);
	if (dir_fd < 0)
		return sq_error_errno(err, -dir_fd, "cannot open the record of %s", day);
	r = sq_eventlog_read(dir_fd, EVENTS, &events, err);
	if (!r)
		*ret = sq_day_fold(events, load_run);
	return r;
}
