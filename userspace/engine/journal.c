// SPDX-License-Identifier: GPL-2.0-only
#include "engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/fold.h"
#include "engine/syslog.h"
#include "guard/paths.h"
#include "util/fs.h"

#define EVENTS "events.jsonl"
#define DOCUMENT "journal.json"
#define MOST_DETAIL (16u << 20)
#define LARGEST_DOCUMENT (64u << 20)
#define HIDDEN "***"

/* Is a secret at @p? The length of the longest, or 0: of two that begin alike nothing may stay. */
static size_t secret_at(const char *p, const struct sq_texts *secrets)
{
	size_t longest = 0;

	for (size_t i = 0; secrets && i < secrets->n; i++) {
		size_t n = strlen(secrets->item[i]);

		if (n > longest && !strncmp(p, secrets->item[i], n))
			longest = n;
	}
	return longest;
}

/* Where the password of a URL ends whose "://" is at @p: the '@' before path and white space. */
static const char *password_end(const char *p, const char **ret_colon)
{
	const char *end = p + strcspn(p, "/?# \t\n\"'"), *at = NULL;

	for (const char *q = p; q < end; q++)
		if (*q == '@')
			at = q;
	*ret_colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	return at;
}

/* The length of what follows "authorization:" and its kind on the same line, or 0. */
static size_t authorization_at(const char *p)
{
	static const char name[] = "authorization:";

	return strncasecmp(p, name, sizeof(name) - 1) ? 0 : sizeof(name) - 1;
}

char *sq_redact(const char *text, const struct sq_texts *secrets)
{
	struct sq_buffer out = { 0 };

	while (*text) {
		size_t n = secret_at(text, secrets), header = authorization_at(text);
		const char *colon, *at;

		if (n) {
			sq_buffer_add(&out, HIDDEN);
			text += n;
		} else if (header) {
			sq_buffer_add(&out, "%.*s " HIDDEN, (int)header, text);
			text += header + strcspn(text + header, "\n\"'");
		} else if (!strncmp(text, "://", 3) && (at = password_end(text + 3, &colon)) &&
			   colon) {
			sq_buffer_add(&out, "%.*s" HIDDEN, (int)(colon + 1 - text), text);
			text = at;
		} else {
			sq_buffer_add(&out, "%c", *text++);
		}
	}
	return sq_buffer_take(&out);
}

static json_t *redact(const struct sq_texts *secrets, json_t *json)
{
	const char *key;
	json_t *value, *result;
	size_t i;

	if (json_is_string(json)) {
		_cleanup_free_ char *text = sq_redact(json_string_value(json), secrets);

		return sq_json_string(text);
	}
	if (json_is_object(json)) {
		result = json_object();
		json_object_foreach(json, key, value)
			json_object_set_new(result, key, redact(secrets, value));
		return result;
	}
	if (json_is_array(json)) {
		result = json_array();
		json_array_foreach(json, i, value)
			json_array_append_new(result, redact(secrets, value));
		return result;
	}
	return json_incref(json);
}

/* What the journal begins with says the title; NULL where it has not begun. */
static char *read_title(int dir_fd)
{
	int fd = openat(dir_fd, EVENTS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_json_ json_t *started = NULL;
	_cleanup_free_ char *line = NULL;
	const char *title;
	size_t size = 0;

	if (!file) {
		sq_close(fd);
		return NULL;
	}
	if (getline(&line, &size, file) > 0)
		started = json_loads(line, 0, NULL);
	fclose(file);
	title = sq_json_text(json_object_get(json_object_get(started, "document"), "experiment"),
			     "title");
	return *title ? sq_strdup(title) : NULL;
}

int sq_journal_open_at(struct sq_journal *journal, int dir_fd, const char *run,
		       struct sq_error **err)
{
	*journal = (struct sq_journal){ .dir_fd = dir_fd, .log.fd = -EBADF };
	snprintf(journal->run, sizeof(journal->run), "%s", run);
	journal->title = journal->read_title = read_title(dir_fd);
	return sq_eventlog_open(&journal->log, dir_fd, EVENTS, MOST_DETAIL, err);
}

void sq_journal_take_over(struct sq_journal *journal, int dir_fd, const char *run)
{
	int r = sq_journal_open_at(journal, dir_fd, run, NULL);

	if (r)
		journal->log.failed = -r;
	else
		sq_eventlog_mend(&journal->log, dir_fd, EVENTS);
}

int sq_journal_open_dir(const char *run)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, run);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sq_journal_open(struct sq_journal *journal, const char *run, struct sq_error **err)
{
	int dir_fd = sq_journal_open_dir(run);

	if (dir_fd < 0)
		return sq_error_errno(err, -dir_fd, "cannot open the journal of run %s", run);
	return sq_journal_open_at(journal, dir_fd, run, err);
}

int sq_journal_create(struct sq_journal *journal, const char *run,
		      const struct sq_experiment *experiment, struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, run);
	_cleanup_free_ char *copy = sq_redact(experiment->source, &experiment->secrets);
	int r;

	if (mkdir(path, 0750) < 0)
		return sq_error_errno(err, errno, "cannot make the journal '%s'", path);
	r = sq_journal_open(journal, run, err);
	if (r)
		return r;
	journal->secrets = &experiment->secrets;
	journal->title = experiment->title;
	r = sq_write_atomic(journal->dir_fd, "experiment.yaml", 0640, copy, strlen(copy));
	return r ? sq_error_errno(err, -r, "cannot write to the journal '%s'", path) : 0;
}

void sq_journal_keep_policy(struct sq_journal *journal, const struct sq_policy *policy)
{
	uint64_t most = policy->journal.per_run_bytes;
	int r = sq_write_atomic(journal->dir_fd, "policy.yaml", 0640, policy->source,
				policy->source_size);

	if (r && !journal->log.failed)
		journal->log.failed = -r;
	if (most)
		journal->log.max = MIN(journal->log.max, most);
}

void sq_journal_close(struct sq_journal *journal)
{
	sq_eventlog_close(&journal->log);
	journal->dir_fd = sq_close(journal->dir_fd);
	json_decref(journal->unwritten);
	journal->unwritten = NULL;
	free(journal->read_title);
	journal->title = journal->read_title = NULL;
}

static void add(struct sq_journal *journal, const char *event, json_t *members,
		int (*append)(struct sq_eventlog *log, const char *event, json_t *members))
{
	json_t *clean = members ? redact(journal->secrets, members) : json_object();

	json_decref(members);
	if (*journal->run)
		sq_syslog_event(journal->run, journal->title, event, clean);
	if (!append(&journal->log, event, json_incref(clean))) {
		json_decref(clean);
		return;
	}
	if (!journal->unwritten)
		journal->unwritten = json_array();
	json_object_set_new(clean, "event", json_string(event));
	json_array_append_new(journal->unwritten, clean);
}

void sq_journal_add(struct sq_journal *journal, const char *event, json_t *members)
{
	add(journal, event, members, sq_eventlog_add);
}

void sq_journal_add_detail(struct sq_journal *journal, const char *event, json_t *members)
{
	add(journal, event, members, sq_eventlog_add_detail);
}

void sq_journal_sync(struct sq_journal *journal)
{
	if (fdatasync(journal->log.fd) < 0 && !journal->log.failed)
		journal->log.failed = errno;
}

int sq_journal_events(struct sq_journal *journal, json_t **ret, struct sq_error **err)
{
	json_t *events = NULL;
	int r = sq_eventlog_read(journal->dir_fd, EVENTS, &events, err);

	if (!r && journal->unwritten)
		json_array_extend(events, journal->unwritten);
	*ret = events;
	return r;
}

int sq_journal_read(const char *run, json_t **ret, struct sq_error **err)
{
	_cleanup_close_ int dir_fd = sq_journal_open_dir(run);

	if (dir_fd < 0)
		return sq_error_errno(err, -dir_fd, "cannot open the journal of run %s", run);
	return sq_eventlog_read(dir_fd, EVENTS, ret, err);
}

int sq_journal_finish(struct sq_journal *journal, json_t **ret, struct sq_error **err)
{
	_cleanup_json_ json_t *events = NULL, *document = NULL;
	_cleanup_free_ char *text = NULL;
	int r = sq_journal_events(journal, &events, err);

	if (r)
		return r;
	document = sq_journal_fold(events);
	text = sq_json_dump(document, JSON_INDENT(1));
	if (ret)
		*ret = json_incref(document);
	r = sq_write_atomic(journal->dir_fd, DOCUMENT, 0640, text, strlen(text));
	return r ? sq_error_errno(err, -r, "cannot write the journal") : 0;
}

int sq_journal_load(const char *run, json_t **ret, struct sq_error **err)
{
	_cleanup_close_ int dir_fd = sq_journal_open_dir(run);
	_cleanup_free_ char *text = NULL;
	ssize_t n = dir_fd < 0 ? dir_fd : sq_read_own(dir_fd, DOCUMENT, LARGEST_DOCUMENT, &text);

	if (n == -ENOENT)
		return sq_error_set(err, SQ_FAIL_INVALID, ENOENT,
				    "there is no run '%s': `squall status` shows those under way, "
				    "'%s' holds the earlier ones",
				    run, SQ_JOURNAL_DIR);
	if (n == -EACCES)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EACCES,
				    "only root may read the journals: use sudo");
	if (n < 0)
		return sq_error_errno(err, (int)-n, "cannot read the journal of run '%s'", run);
	*ret = json_loadb(text, (size_t)n, 0, NULL);
	if (!json_is_object(*ret))
		return sq_error_set(err, SQ_FAIL_ERROR, EBADMSG,
				    "the journal of run '%s' is damaged", run);
	return 0;
}
