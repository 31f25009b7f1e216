// SPDX-License-Identifier: GPL-2.0-only
#include "util/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/time.h"

#define LARGEST_LOG (256u << 20)

int sq_eventlog_open(struct sq_eventlog *log, int dir_fd, const char *name, uint64_t max,
		     struct sq_error **err)
{
	struct stat st;
	int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = sq_error_errno(err, errno, "cannot open the journal '%s'", name);

		sq_close(fd);
		return r;
	}
	*log = (struct sq_eventlog){ .fd = fd, .max = max, .size = (uint64_t)st.st_size };
	return 0;
}

void sq_eventlog_close(struct sq_eventlog *log)
{
	log->fd = sq_close(log->fd);
}

void sq_eventlog_mend(struct sq_eventlog *log, int dir_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	const char *end;
	ssize_t n = sq_read_own(dir_fd, name, LARGEST_LOG, &text);
	uint64_t whole;

	if (n <= 0)
		return;
	end = memrchr(text, '\n', (size_t)n);
	whole = end ? (uint64_t)(end + 1 - text) : 0;
	if (whole < (uint64_t)n && !ftruncate(log->fd, (off_t)whole))
		log->size = whole;
}

/* Half a line would make those behind it unreadable; but others' lines may be behind it by now. */
static void take_back(struct sq_eventlog *log, size_t size)
{
	off_t end = lseek(log->fd, 0, SEEK_CUR);
	struct stat st;

	if (size && !fstat(log->fd, &st) && st.st_size == end &&
	    ftruncate(log->fd, end - (off_t)size) < 0)
		log->failed = errno;
}

static int write_all(struct sq_eventlog *log, const char *line, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(log->fd, line + done, size - done);
		int r = -errno;

		if (n >= 0) {
			done += (size_t)n;
		} else if (r != -EINTR) {
			take_back(log, done);
			return r;
		}
	}
	log->size += size;
	return 0;
}

/* All of a line or nothing of it. */
static int write_line(struct sq_eventlog *log, const char *line, size_t size)
{
	static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
	int r;

	pthread_mutex_lock(&writing);
	r = write_all(log, line, size);
	if (r && !log->failed)
		log->failed = -r;
	pthread_mutex_unlock(&writing);
	return r;
}

static int append(struct sq_eventlog *log, const char *event, json_t *members)
{
	_cleanup_json_ json_t *line = json_object();
	_cleanup_free_ char *text = NULL;
	char t[SQ_RFC3339_SIZE];
	size_t n;

	if (!line || json_object_set_new(line, "t", json_string(sq_rfc3339(sq_wall(), t))) ||
	    json_object_set_new(line, "event", json_string(event)) ||
	    (members && json_object_update(line, members)))
		sq_oom();
	text = sq_json_dump(line, JSON_COMPACT);
	n = strlen(text);
	text = sq_realloc(text, n + 2);
	text[n] = '\n';
	return write_line(log, text, n + 1);
}

int sq_eventlog_add(struct sq_eventlog *log, const char *event, json_t *members)
{
	int r = append(log, event, members);

	json_decref(members);
	return r;
}

int sq_eventlog_add_detail(struct sq_eventlog *log, const char *event, json_t *members)
{
	int r = log->size < log->max ? append(log, event, members) : 0;

	json_decref(members);
	return r;
}

int sq_eventlog_read(int dir_fd, const char *name, json_t **ret, struct sq_error **err)
{
	_cleanup_json_ json_t *events = json_array();
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_read_own(dir_fd, name, LARGEST_LOG, &text);
	int number = 1;

	if (n < 0)
		return sq_error_errno(err, (int)-n, "cannot read '%s'", name);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, number++) {
		json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!json_is_object(event)) {
			json_decref(event);
			return sq_error_set(err, SQ_FAIL_ERROR, EBADMSG,
					    "'%s' is damaged in line %d", name, number);
		}
		if (json_array_append_new(events, event))
			sq_oom();
	}
	*ret = TAKE_PTR(events);
	return 0;
}
