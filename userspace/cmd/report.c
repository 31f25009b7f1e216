// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "engine/day.h"
#include "engine/runs.h"
#include "engine/verdict.h"
#include "report/report.h"
#include "report/versus.h"
#include "util/json.h"
#include "util/out.h"

static const struct sq_option options[] = {
	{ "format", "FORMAT[:FILE]", "text (default), json, junit, markdown, html, prometheus" },
	{ NULL },
};

static void take(size_t option, const char *value, void *data)
{
	sq_texts_add(data, value);
}

/* A run's name has neither. */
static bool is_file(const char *name)
{
	return !strcmp(name, "-") || strchr(name, '/') || sq_text_stem(name, ".json");
}

static int load(const char *name, json_t **ret, struct sq_error **err)
{
	if (is_file(name))
		return sq_runs_load_file(name, ret, err);
	if (!strncmp(name, SQ_DAY_PREFIX, strlen(SQ_DAY_PREFIX)))
		return sq_day_load(name, ret, err);
	return sq_runs_load(name, ret, err);
}

static int check_formats(const struct sq_command *command, const struct sq_texts *formats, bool two,
			 struct sq_error **err)
{
	for (size_t i = 0; i < formats->n; i++) {
		int r = sq_report_check(formats->item[i], err);

		if (r)
			return r;
		if (two && strcmp(formats->item[i], "text") != 0 &&
		    strcmp(formats->item[i], "json") != 0)
			sq_usage_error(command,
				       "two runs are compared as text or json, not as '%s'",
				       formats->item[i]);
	}
	return 0;
}

static int compare(const struct sq_texts *formats, const json_t *a, const json_t *b)
{
	_cleanup_json_ json_t *comparison = sq_report_versus(a, b);

	for (size_t i = 0; i < formats->n; i++) {
		_cleanup_buffer_ struct sq_buffer text = { 0 };

		if (!strcmp(formats->item[i], "json")) {
			_cleanup_free_ char *json = sq_json_dump(comparison, JSON_INDENT(1));

			sq_buffer_add(&text, "%s\n", json);
		} else {
			sq_report_comparison(comparison, &text);
		}
		sq_out_text(STDOUT_FILENO, sq_buffer_text(&text));
	}
	return 0;
}

static int show(const struct sq_texts *formats, const char *first, const char *second,
		struct sq_error **err)
{
	_cleanup_json_ json_t *a = NULL, *b = NULL;
	int r = load(first, &a, err);

	if (!r && second)
		r = load(second, &b, err);
	if (!r && second && (json_object_get(a, "gameday") || json_object_get(b, "gameday")))
		return sq_error_set(err, SQ_FAIL_INVALID, EINVAL,
				    "two runs are compared, no game days: name a run of each");
	for (size_t i = 0; i < formats->n && !r && json_object_get(a, "gameday"); i++)
		r = sq_report_check_day(formats->item[i], err);
	if (!r && second)
		return compare(formats, a, b);
	for (size_t i = 0; i < formats->n && !r; i++)
		r = sq_report_write(formats->item[i], a, err);
	return r;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	_cleanup_texts_ struct sq_texts formats = { 0 };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, take, &formats);
	const char *one = first < argc ? argv[first] : "last";
	const char *two = first + 1 < argc ? argv[first + 1] : NULL;

	sq_operands(command, argc, argv, first, 0, 2);
	if (!formats.n)
		sq_texts_add(&formats, "text");
	if (check_formats(command, &formats, two, &err) || show(&formats, one, two, &err))
		return sq_fail(err);
	return sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_report = {
	.name = "report",
	.arguments = "[RUN|FILE [RUN|FILE]]",
	.help = "Shows a run or a game day again, or compares two runs: a name, its beginning, `last`, a file",
	.options = options,
	.run = run,
};
