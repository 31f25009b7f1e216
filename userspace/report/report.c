// SPDX-License-Identifier: GPL-2.0-only
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/formats.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/out.h"

#define RUN "{run}"

static void render_json(const json_t *journal, bool colour, struct sq_buffer *text)
{
	_cleanup_free_ char *json = sq_json_dump(journal, JSON_INDENT(1));

	sq_buffer_add(text, "%s\n", json);
}

const struct sq_report_format sq_report_formats[] = {
	{ "text", "for people", sq_report_text, sq_report_day_text },
	{ "json", "the whole journal", render_json, render_json },
	{ "html", "one file with charts", sq_report_html, sq_report_day_html },
	{ "junit", "XML for Jenkins and GitLab", sq_report_junit, sq_report_day_junit },
	{ "markdown", "for a merge request", sq_report_markdown, sq_report_day_markdown },
	{ "prometheus", "for node_exporter's textfile collector", sq_report_prometheus, NULL },
};

const size_t sq_report_formats_n = ARRAY_SIZE(sq_report_formats);

static const struct sq_report_format *find(const char *report, const char **ret_file)
{
	size_t n = strcspn(report, ":");

	*ret_file = report[n] ? report + n + 1 : NULL;
	for (size_t i = 0; i < sq_report_formats_n; i++)
		if (strlen(sq_report_formats[i].name) == n &&
		    !strncmp(sq_report_formats[i].name, report, n))
			return &sq_report_formats[i];
	return NULL;
}

static char *folder_of(const char *file)
{
	char *folder = sq_strdup(file);

	folder[sq_base_name(file) - file] = '\0';
	return folder;
}

static bool is_of_another(const struct stat *st)
{
	return st->st_uid != 0 && st->st_uid != geteuid();
}

/* A link that somebody else has made, or may exchange, leads wherever they want. */
static bool is_foreign_link(const char *file)
{
	_cleanup_free_ char *folder = folder_of(file);
	struct stat st;

	if (lstat(file, &st) < 0 || !S_ISLNK(st.st_mode))
		return false;
	return is_of_another(&st) || stat(*folder ? folder : ".", &st) < 0 || is_of_another(&st);
}

/* Can the file be written? Its folder has to be there; a device or a pipe has to be itself. */
static int check_file(const char *file, struct sq_error **err)
{
	_cleanup_free_ char *folder = folder_of(file);
	struct stat st;
	int errnum = 0;

	if (is_foreign_link(file))
		return sq_error_set(err, SQ_FAIL_INVALID, EACCES,
				    "the report '%s' is a link that another user has made, or may "
				    "change: write where it leads to",
				    file);
	if (stat(file, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			errnum = EISDIR;
		else if (access(file, W_OK) < 0)
			errnum = errno;
	} else if (errno != ENOENT) {
		errnum = errno;
	} else {
		if (access(*folder ? folder : ".", W_OK | X_OK) < 0)
			errnum = errno;
	}
	return errnum ? sq_error_set(err, SQ_FAIL_INVALID, errnum,
				     "cannot write the report '%s': %s", file, strerror(errnum))
		      : 0;
}

int sq_report_check(const char *report, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer names = { 0 };
	const char *file;

	for (size_t i = 0; i < sq_report_formats_n; i++)
		sq_buffer_add(&names, "%s%s", i ? ", " : "", sq_report_formats[i].name);
	if (!find(report, &file)) {
		sq_error_set(err, SQ_FAIL_INVALID, EINVAL, "there is no report format '%.*s'",
			     (int)strcspn(report, ":"), report);
		return sq_error_hint(err, "write FORMAT or FORMAT:FILE with one of %s",
				     sq_buffer_text(&names));
	}
	if (file && !*file)
		return sq_error_set(err, SQ_FAIL_INVALID, EINVAL,
				    "the report '%s' lacks the file behind ':'", report);
	return file ? check_file(file, err) : 0;
}

int sq_report_check_day(const char *report, struct sq_error **err)
{
	const struct sq_report_format *format;
	const char *file;
	int r = sq_report_check(report, err);

	if (r)
		return r;
	format = find(report, &file);
	if (format->render_day)
		return 0;
	sq_error_set(err, SQ_FAIL_INVALID, EINVAL, "there is no %s report of a game day",
		     format->name);
	return sq_error_hint(err,
			     "its runs have one each: `squall report --format %s RUN`; of the "
			     "day there are text, json, html, junit and markdown",
			     format->name);
}

/*
 * A file is there as a whole or not at all. What is no file is written to and not replaced: a
 * device, a pipe, what a link leads to.
 */
static int write_file(const char *file, const char *text)
{
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (is_foreign_link(file))
		return -EACCES;
	if (stat(file, &st) < 0 || S_ISREG(st.st_mode)) {
		if (lstat(file, &st) == 0 && S_ISLNK(st.st_mode))
			real = realpath(file, NULL);
		return sq_write_atomic(AT_FDCWD, real ? real : file, 0644, text, strlen(text));
	}
	/* a pipe that nobody reads fails, and does not hold us up */
	fd = open(file, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	/* another one by now */
	return S_ISREG(st.st_mode) ? -EEXIST : sq_write_all(fd, text, strlen(text));
}

bool sq_report_holds_several(const char *report)
{
	const char *file;
	struct stat st;

	return !find(report, &file) || !file || strstr(file, RUN) ||
	       (stat(file, &st) == 0 && !S_ISREG(st.st_mode));
}

static char *with_run(const char *file, const char *run)
{
	const char *at = strstr(file, RUN);

	return at ? sq_asprintf("%.*s%s%s", (int)(at - file), file, *run ? run : "not-started",
				at + strlen(RUN))
		  : sq_strdup(file);
}

int sq_report_write(const char *report, const json_t *journal, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_free_ char *named = NULL;
	const char *file, *ready;
	const struct sq_report_format *format = find(report, &file);
	const char *day = sq_json_text(journal, "gameday");
	void (*render)(const json_t *journal, bool colour, struct sq_buffer *text);
	int r;

	render = *day ? format->render_day : format->render;
	render(journal, !file && sq_out_colour(STDOUT_FILENO), &text);
	ready = sq_buffer_text(&text);
	/* where standard output is a file it must not be replaced by another */
	if (!file || !strcmp(file, "/dev/stdout")) {
		sq_out_text(STDOUT_FILENO, ready);
		return 0;
	}
	named = with_run(file, *day ? day : sq_json_text(journal, "run"));
	r = write_file(named, ready);
	return r ? sq_error_errno(err, -r, "cannot write the report '%s'", named) : 0;
}
