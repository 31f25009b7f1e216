// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "engine/day.h"
#include "experiment/gameday.h"
#include "tests/unit/unit.h"

static json_t *event(const char *second, const char *name, json_t *members)
{
	_cleanup_free_ char *t = sq_asprintf("2026-11-26T09:00:%s.000000Z", second);
	json_t *line = sq_json("{s:s, s:s}", "t", t, "event", name);

	json_object_update(line, members);
	json_decref(members);
	return line;
}

static json_t *note(const char *second, const char *text, const char *mark)
{
	json_t *members = sq_json("{s:s, s:s, s:[s]}", "text", text, "by", "ann", "runs", "one");

	if (mark)
		json_object_set_new(members, "mark", json_string(mark));
	return event(second, "note", members);
}

/* The run "one" had its faults from :10 and :12 on, "two" from :40 on; "gone" has been pruned. */
static json_t *load(const char *run)
{
	if (!strcmp(run, "one"))
		return sq_json("{s:s, s:s, s:i, s:[{s:s}, {s:s}, {s:s}], s:[o, o, o]}", "run", run,
			       "verdict", "passed", "exit", 0, "faults", "started",
			       "2026-11-26T09:00:12.000000Z", "started",
			       "2026-11-26T09:00:10.000000Z", "name", "never began", "notes",
			       sq_json("{s:s, s:s}", "t", "2026-11-26T09:00:11.000000Z", "text",
				       "squall's own"),
			       note("15", "seen", "detected"),
			       note("16", "in the run alone", NULL));
	return strcmp(run, "two") ? NULL
				  : sq_json("{s:s, s:s, s:i, s:[{s:s}], s:[]}", "run", run,
					    "verdict", "aborted", "exit", 4, "faults", "started",
					    "2026-11-26T09:00:40.000000Z", "notes");
}

static json_t *a_day(void)
{
	json_t *document = sq_json("{s:s, s:[{s:s}, {s:s}, {s:s}, {s:s}]}", "title", "a day",
				   "experiments", "title", "a", "title", "b", "title", "c", "title",
				   "d");
	_cleanup_json_ json_t *events = sq_json(
		"[o, o, o, o, o, o, o, o, o, o, o, o]",
		event("00", "started", sq_json("{s:o}", "document", document)),
		note("01", "before all", "detected"),
		event("02", "answered",
		      sq_json("{s:i, s:s}", "experiment", 0, "answer", "continue")),
		event("03", "run", sq_json("{s:i, s:s}", "experiment", 0, "run", "one")),
		note("15", "seen", "detected"), note("17", "seen again", "detected"),
		note("30", "it is over", "mitigated"),
		event("31", "answered", sq_json("{s:i, s:s}", "experiment", 1, "answer", "skip")),
		event("32", "run", sq_json("{s:i, s:s}", "experiment", 2, "run", "two")),
		note("41", "quick", "detected"),
		event("50", "run", sq_json("{s:i, s:s}", "experiment", 3, "run", "gone")),
		event("55", "ended", sq_json("{s:s, s:i}", "verdict", "aborted", "exit", 4)));

	return sq_day_fold(events, load);
}

static void test_marks_count_from_the_first_fault_before_them(void **state)
{
	_cleanup_json_ json_t *day = a_day();
	const json_t *experiments = json_object_get(day, "experiments");
	const json_t *first = json_object_get(json_array_get(experiments, 0), "times");
	const json_t *third = json_object_get(json_array_get(experiments, 2), "times");

	/* the first of its kind counts, and one before any fault is no time */
	assert_int_equal(json_object_size(first), 2);
	assert_int_equal(sq_json_real(first, "detected_s"), 5);
	assert_int_equal(sq_json_real(first, "mitigated_s"), 20);
	assert_int_equal(json_object_size(third), 1);
	assert_int_equal(sq_json_real(third, "detected_s"), 1);
}

static void test_each_note_is_told_once_in_order(void **state)
{
	static const char *const texts[] = { "before all", "seen",	 "in the run alone",
					     "seen again", "it is over", "quick" };
	_cleanup_json_ json_t *day = a_day();
	const json_t *notes = json_object_get(day, "notes");

	assert_int_equal(json_array_size(notes), ARRAY_SIZE(texts));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(sq_json_text(json_array_get(notes, i), "text"), texts[i]);
	assert_null(json_object_get(json_array_get(notes, 0), "experiment"));
	assert_int_equal(sq_json_int(json_array_get(notes, 4), "experiment"), 0);
}

static void test_what_became_of_each_experiment(void **state)
{
	static const char *const answers[] = { "continue", "skip", "not reached", "not reached" };
	_cleanup_json_ json_t *day = a_day();
	const json_t *experiments = json_object_get(day, "experiments");

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		assert_string_equal(sq_json_text(json_array_get(experiments, i), "answer"),
				    answers[i]);
	/* that of a run whose controller died stands in its journal */
	assert_string_equal(sq_json_text(json_array_get(experiments, 2), "verdict"), "aborted");
	assert_null(json_object_get(json_array_get(experiments, 3), "journal"));
	assert_string_equal(sq_json_text(day, "verdict"), "aborted");
	assert_string_equal(sq_json_text(day, "ended"), "2026-11-26T09:00:55.000000Z");
}

static void test_a_step_is_found_from_the_days_folder(void **state)
{
	static const struct {
		const char *file, *path;
	} cases[] = { { "a.yaml", "days/a.yaml" },
		      { "../b/a", "days/../b/a" },
		      { "/etc/hostname", "/etc/hostname" },
		      { "slow", "/etc/squall/experiments/slow.yaml" } };
	char file[] = "days/day.yaml";
	struct sq_gameday gameday = { .file = file };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sq_step step = { .file = (char *)cases[i].file };
		_cleanup_free_ char *path = sq_step_path(&gameday, &step);

		assert_string_equal(path, cases[i].path);
	}
}

UNIT(UNIT_TEST(test_marks_count_from_the_first_fault_before_them),
     UNIT_TEST(test_each_note_is_told_once_in_order),
     UNIT_TEST(test_what_became_of_each_experiment),
     UNIT_TEST(test_a_step_is_found_from_the_days_folder))
