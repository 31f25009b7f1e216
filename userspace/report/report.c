// SPDX-License-Identifier: GPL-2.0-only
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "report/formats.h"
#include "util/fs.h"
#include "util/out.h"

static void render_json(const json_t *journal, bool colour, struct sq_buffer *text)
{
	_cleanup_free_ char *json = json_dumps(journal, JSON_INDENT(1));

	if (!json)
		sq_oom();
	sq_buffer_add(text, "%s\n", json);
}

const struct sq_report_format sq_report_formats[] = {
	{ "text", "for people", sq_report_text },
	{ "json", "the whole journal", render_json },
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
	return 0;
}

int sq_report_write(const char *report, const json_t *journal, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	const char *file, *ready;
	const struct sq_report_format *format = find(report, &file);
	int r;

	format->render(journal, !file && sq_out_colour(STDOUT_FILENO), &text);
	ready = sq_buffer_text(&text);
	if (!file) {
		sq_out_text(STDOUT_FILENO, ready);
		return 0;
	}
	r = sq_write_atomic(AT_FDCWD, file, 0644, ready, strlen(ready));
	return r ? sq_error_errno(err, -r, "cannot write the report '%s'", file) : 0;
}
