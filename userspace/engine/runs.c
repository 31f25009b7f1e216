// SPDX-License-Identifier: GPL-2.0-only
#include "engine/runs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/day.h"
#include "engine/fold.h"
#include "engine/journal.h"
#include "guard/paths.h"
#include "util/fs.h"
#include "util/json.h"

#define LAST "last"
#define SECOND_SIZE 15 /* "20261124-105712", of a run's name */
#define LARGEST (64u << 20)
#define MOST_NAMED 5

int sq_runs_list(struct sq_texts *names, struct sq_error **err)
{
	DIR *dir = opendir(SQ_JOURNAL_DIR);
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir && errno == EACCES)
		return sq_error_set(
			err, SQ_FAIL_UNSUPPORTED, EACCES,
			"only root and the group squall may read the journals: use sudo");
	if (!dir)
		return sq_error_errno(err, errno, "cannot read '%s'", SQ_JOURNAL_DIR);
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			sq_texts_add(names, entry->d_name);
	closedir(dir);
	sq_texts_sort(names);
	return 0;
}

/* Of two that began in the same second the one that was written to last. */
static const char *newest(const struct sq_texts *names)
{
	const char *last = names->item[names->n - 1], *found = last;
	struct timespec latest = { 0 };

	for (size_t i = names->n; i-- > 0 && !strncmp(names->item[i], last, SECOND_SIZE);) {
		_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, names->item[i]);
		struct stat st;

		if (stat(path, &st) < 0 || st.st_mtim.tv_sec < latest.tv_sec ||
		    (st.st_mtim.tv_sec == latest.tv_sec && st.st_mtim.tv_nsec < latest.tv_nsec))
			continue;
		latest = st.st_mtim;
		found = names->item[i];
	}
	return found;
}

static int none(const char *name, struct sq_error **err)
{
	sq_error_set(err, SQ_FAIL_INVALID, ENOENT, "there is no run '%s'", name);
	return sq_error_hint(err, "`squall runs` lists the earlier ones, `squall status` those "
				  "under way; a file is named with a '/' or '.json'");
}

int sq_runs_find(const char *name, char **ret, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_buffer_ struct sq_buffer matches = { 0 };
	const char *found = NULL;
	size_t n = 0;
	int r = sq_runs_list(&names, err);

	if (r)
		return r;
	if (!strcmp(name, LAST)) {
		if (!names.n)
			return sq_error_set(err, SQ_FAIL_INVALID, ENOENT,
					    "there has been no run on this host");
		*ret = sq_strdup(newest(&names));
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		if (!*name || strncmp(names.item[i], name, strlen(name)) != 0)
			continue;
		found = names.item[i];
		if (n++ < MOST_NAMED)
			sq_buffer_add(&matches, "%s%s", n > 1 ? ", " : "", found);
		if (!strcmp(found, name)) {
			n = 1;
			break;
		}
	}
	if (!n)
		return none(name, err);
	if (n > 1)
		return sq_error_set(err, SQ_FAIL_INVALID, EINVAL, "'%s' stands for %zu runs: %s%s",
				    name, n, sq_buffer_text(&matches),
				    n > MOST_NAMED ? ", ..." : "");
	*ret = sq_strdup(found);
	return 0;
}

static int load_unended(const char *run, json_t **ret, struct sq_error **err)
{
	_cleanup_json_ json_t *events = NULL;
	int r = sq_journal_read(run, &events, err);

	if (r)
		return sq_error_wrap(err, "run %s has not ended", run);
	*ret = sq_journal_fold(events);
	if (!json_object_get(*ret, "verdict"))
		json_object_set_new(*ret, "verdict", json_string("not over"));
	return 0;
}

int sq_runs_load(const char *name, json_t **ret, struct sq_error **err)
{
	_cleanup_error_ struct sq_error *unended = NULL;
	_cleanup_free_ char *run = NULL;
	int r = sq_runs_find(name, &run, err);

	if (r)
		return r;
	r = sq_journal_load(run, ret, &unended);
	if (r == -ENOENT)
		return load_unended(run, ret, err);
	if (r && err)
		*err = TAKE_PTR(unended);
	return r;
}

int sq_runs_load_file(const char *file, json_t **ret, struct sq_error **err)
{
	const char *path = strcmp(file, "-") ? file : "/dev/stdin";
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, path, LARGEST, &text);
	json_error_t where;

	if (n < 0)
		return sq_error_set(err, SQ_FAIL_INVALID, (int)-n, "cannot read '%s': %s", file,
				    strerror((int)-n));
	json = json_loadb(text, (size_t)n, 0, &where);
	if (!json)
		return sq_error_set(err, SQ_FAIL_INVALID, EBADMSG, "%s:%d:%d: this is not JSON: %s",
				    file, where.line, where.column, where.text);
	if (strcmp(sq_json_text(json, "schema"), SQ_JOURNAL_SCHEMA) != 0 &&
	    strcmp(sq_json_text(json, "schema"), SQ_DAY_SCHEMA) != 0) {
		sq_error_set(err, SQ_FAIL_INVALID, EBADMSG,
			     "'%s' is no journal of a run: its 'schema' is neither '%s' nor '%s'",
			     file, SQ_JOURNAL_SCHEMA, SQ_DAY_SCHEMA);
		return sq_error_hint(err, "`squall report --format json RUN` writes one");
	}
	*ret = TAKE_PTR(json);
	return 0;
}
