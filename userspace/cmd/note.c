// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "cmd/command.h"
#include "engine/day.h"
#include "engine/journal.h"
#include "engine/verdict.h"
#include "guard/operator.h"
#include "guard/registry.h"
#include "util/out.h"

enum {
	RUN,
	MARK,
};

static const struct sq_option options[] = {
	[RUN] = { "run", "RUN", "only in this one, run or game day; otherwise in all under way" },
	[MARK] = { "mark", "MARK", "detected, acknowledged, diagnosed or mitigated" },
	{ NULL },
};

static const char *const marks[] = { "detected", "acknowledged", "diagnosed", "mitigated" };

struct given {
	const struct sq_command *command;
	const char *run, *mark;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == RUN) {
		given->run = value;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (!strcmp(marks[i], value))
			given->mark = marks[i];
	if (!given->mark)
		sq_usage_unknown(given->command, "mark", value,
				 sq_nearest(value, marks, ARRAY_SIZE(marks)));
}

static json_t *make_note(const struct given *given, const char *text, const char *by)
{
	json_t *note = sq_json("{s:s, s:s}", "text", text, "by", by);

	if (given->mark)
		json_object_set_new(note, "mark", json_string(given->mark));
	return note;
}

/* The run's controller folds what stands in its journal at the end, whoever wrote it. */
static int note_in(const char *run, const struct given *given, const char *text, const char *by,
		   struct sq_error **err)
{
	_cleanup_(sq_journal_close) struct sq_journal journal = { .dir_fd = -EBADF,
								  .log.fd = -EBADF };
	int r = sq_journal_open(&journal, run, err);

	if (r)
		return r;
	sq_journal_add(&journal, "note", make_note(given, text, by));
	if (journal.log.failed)
		return sq_error_errno(err, journal.log.failed, "cannot write to the journal of %s",
				      run);
	sq_print("noted in run %s\n", run);
	return 0;
}

static bool is_day(const char *name)
{
	return !strncmp(name, SQ_DAY_PREFIX, strlen(SQ_DAY_PREFIX));
}

/* A game day keeps what is noted between its runs too. 1: one is under way. */
static int note_in_day(const struct given *given, const char *text, const char *by, json_t *runs,
		       struct sq_error **err)
{
	json_t *note = make_note(given, text, by);
	char name[SQ_DAY_NAME_SIZE];
	int r;

	json_object_set(note, "runs", runs);
	r = sq_day_note(note, given->run, name, err);
	if (r > 0)
		sq_print("noted in game day %s\n", name);
	return r;
}

static int note(const struct given *given, const char *text, struct sq_error **err)
{
	_cleanup_json_ json_t *names = json_array();
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_free_ char *by = sq_operator();
	int r = sq_registry_list(&runs, err);
	size_t n = 0;

	for (size_t i = 0; i < runs.n && !r; i++) {
		if (!runs.item[i].alive ||
		    (given->run && strncmp(runs.item[i].run, given->run, strlen(given->run)) != 0))
			continue;
		n++;
		r = note_in(runs.item[i].run, given, text, by, err);
		json_array_append_new(names, json_string(runs.item[i].run));
	}
	if (!r && (!given->run || is_day(given->run))) {
		r = note_in_day(given, text, by, names, err);
		n += r > 0;
	}
	if (r < 0 || n)
		return MIN(r, 0);
	if (given->run)
		return sq_error_set(err, SQ_FAIL_INVALID, ENOENT, "run %s is not under way",
				    given->run);
	return sq_error_set(err, SQ_FAIL_INVALID, ENOENT, "no run and no game day is under way");
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .command = command };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, take, &given);

	sq_operands(command, argc, argv, first, 1, 1);
	if (sq_root_only("write to a journal", &err))
		return sq_fail(err);
	return note(&given, argv[first], &err) ? sq_fail(err) : sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_note = {
	.name = "note",
	.arguments = "TEXT",
	.help = "Puts a remark on the record of the runs and of the game day under way",
	.options = options,
	.run = run,
};
