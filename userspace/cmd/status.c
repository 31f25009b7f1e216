// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/watch.h"
#include "engine/verdict.h"
#include "guard/latch.h"
#include "guard/paths.h"
#include "guard/registry.h"
#include "report/report.h"
#include "util/json.h"
#include "util/out.h"

enum {
	WATCH,
	JSON,
	FLAGS,
};

static const struct sq_option options[FLAGS + 1] = {
	[WATCH] = { "watch", NULL,
		    "the whole screen at a terminal; elsewhere again every second, until nothing runs" },
	[JSON] = { "json", NULL, "for programs: one object a line with --watch" },
	{ NULL },
};

static json_t *status_json(const struct sq_live_runs *runs, const struct sq_latch *latch)
{
	json_t *list = json_array();

	for (size_t i = 0; i < runs->n; i++) {
		const struct sq_live_run *run = &runs->item[i];

		json_array_append_new(list, sq_json("{s:s, s:b, s:i, s:O?, s:O?}", "run", run->run,
						    "alive", run->alive, "pid", (int)run->pid,
						    "claim", run->claim, "status", run->status));
	}
	return sq_json("{s:o, s:o, s:b}", "runs", list, "latch",
		       latch->by ? sq_json("{s:s, s:s, s:s}", "by", latch->by, "when", latch->when,
					   "reason", latch->why)
				 : json_null(),
		       "stop_file", access(SQ_STOP_FILE, F_OK) == 0);
}

static void print_text(const struct sq_live_runs *runs, const char *only,
		       const struct sq_latch *latch)
{
	if (latch->by)
		sq_print("latched by %s at %s%s%s: nothing may start\n", latch->by, latch->when,
			 *latch->why ? ": " : "", latch->why);
	if (access(SQ_STOP_FILE, F_OK) == 0)
		sq_print("'%s' exists: nothing may start\n", SQ_STOP_FILE);
	if (!runs->n && only)
		sq_print("no run '%s' is under way\n", only);
	else if (!runs->n)
		sq_print("no run is under way\n");
	for (size_t i = 0; i < runs->n; i++) {
		const struct sq_live_run *run = &runs->item[i];
		_cleanup_buffer_ struct sq_buffer text = { 0 };

		if (run->orphaned)
			sq_buffer_add(&text,
				      "%s: its controller died; its guard process is cleaning up. "
				      "If this stays, use `squall recover`\n",
				      run->run);
		else if (!run->alive)
			sq_buffer_add(&text,
				      "%s: its controller died, or could not clean up; `squall "
				      "recover` removes what it left\n",
				      run->run);
		else if (!run->claim)
			sq_buffer_add(&text, "%s: only root may look at it: use sudo\n", run->run);
		else if (!run->status)
			sq_buffer_add(&text, "%s: %s\n  starting\n", run->run,
				      sq_json_text(run->claim, "title"));
		else
			sq_report_status(run->status, &text);
		sq_print("%s", sq_buffer_text(&text));
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sq_live_run *)a)->run, ((const struct sq_live_run *)b)->run);
}

/* The oldest first; with @only, a name or its beginning, no other. */
static int list(const char *only, struct sq_live_runs *runs, struct sq_error **err)
{
	int r = sq_registry_list(runs, err);
	size_t n = 0;

	for (size_t i = 0; i < runs->n; i++) {
		if (!only || !strncmp(runs->item[i].run, only, strlen(only))) {
			runs->item[n++] = runs->item[i];
			continue;
		}
		json_decref(runs->item[i].claim);
		json_decref(runs->item[i].status);
	}
	runs->n = n;
	if (n)
		qsort(runs->item, n, sizeof(*runs->item), by_name);
	return r;
}

int sq_status_json(const char *only, json_t **ret, struct sq_error **err)
{
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_(sq_latch_clear) struct sq_latch latch = { 0 };
	int r = list(only, &runs, err);

	if (!r)
		r = sq_latch_get(&latch, err);
	if (r < 0)
		return r;
	*ret = status_json(&runs, &latch);
	return 0;
}

/* Returns the number of runs alive, or a negative errno. */
static int show(const char *only, bool json, bool compact, struct sq_error **err)
{
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_(sq_latch_clear) struct sq_latch latch = { 0 };
	int r = list(only, &runs, err), alive = 0;

	if (!r)
		r = sq_latch_get(&latch, err);
	if (r < 0)
		return r;
	if (json) {
		_cleanup_json_ json_t *status = status_json(&runs, &latch);
		_cleanup_free_ char *text =
			sq_json_dump(status, compact ? JSON_COMPACT : JSON_INDENT(1));
		sq_print("%s\n", text);
	} else {
		print_text(&runs, only, &latch);
	}
	for (size_t i = 0; i < runs.n; i++)
		alive += runs.item[i].alive;
	return alive;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	bool flags[FLAGS] = { false };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, sq_take_flag, flags), alive;

	const char *only = first < argc ? argv[first] : NULL;

	sq_operands(command, argc, argv, first, 0, 1);
	if (flags[WATCH] && !flags[JSON] && sq_watch_can())
		return sq_watch(only);
	for (;;) {
		alive = show(only, flags[JSON], flags[WATCH], &err);
		if (alive < 0)
			return sq_fail(err);
		if (!flags[WATCH] || !alive)
			return sq_verdict_exit(SQ_PASSED);
		sleep(1);
	}
}

const struct sq_command sq_command_status = {
	.name = "status",
	.arguments = "[RUN]",
	.help = "Shows the runs under way, or one of them, and the latch",
	.options = options,
	.run = run,
};
