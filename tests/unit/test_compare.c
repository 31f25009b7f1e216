// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/compare.h"
#include "experiment/json_path.h"
#include "tests/unit/unit.h"
#include "util/json.h"
#include "util/text.h"

static bool number(const char *text, enum sq_compare_unit unit, double value)
{
	struct sq_compare compare;
	const char *why;
	bool holds;

	if (sq_compare_parse(text, unit, &compare, &why))
		fail_msg("'%s' %s", text, why);
	holds = sq_compare_number(&compare, value);
	sq_compare_clear(&compare);
	return holds;
}

static bool text(const char *wanted, const char *value)
{
	struct sq_compare compare;
	const char *why;
	bool holds;

	if (sq_compare_parse(wanted, SQ_UNIT_NUMBER, &compare, &why))
		fail_msg("'%s' %s", wanted, why);
	holds = sq_compare_text(&compare, value);
	sq_compare_clear(&compare);
	return holds;
}

static void test_numbers_are_compared_at_the_borders(void **state)
{
	static const struct {
		const char *text;
		bool below, at, above; /* of 4, 5 and 6 */
	} cases[] = {
		{ "5", false, true, false },	  { "= 5", false, true, false },
		{ "== 5.0", false, true, false }, { "!= 5", true, false, true },
		{ "< 5", true, false, false },	  { "<=5", true, true, false },
		{ "> 5", false, false, true },	  { ">= 5", false, true, true },
		{ "5..6", false, true, true },	  { "-1..5e0", true, true, false },
		{ "ok", false, false, false },	  { "!= ok", true, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(number(cases[i].text, SQ_UNIT_NUMBER, 4), cases[i].below);
		assert_int_equal(number(cases[i].text, SQ_UNIT_NUMBER, 5), cases[i].at);
		assert_int_equal(number(cases[i].text, SQ_UNIT_NUMBER, 6), cases[i].above);
	}
}

static void test_bare_duration_is_the_most_and_bare_size_exact(void **state)
{
	assert_true(number("300ms", SQ_UNIT_DURATION, 3e8));
	assert_true(number("300ms", SQ_UNIT_DURATION, 1));
	assert_false(number("300ms", SQ_UNIT_DURATION, 3e8 + 1));
	assert_true(number("1ms..2ms", SQ_UNIT_DURATION, 1.5e6));
	assert_false(number("> 1s", SQ_UNIT_DURATION, 1e9));
	assert_true(number("4K", SQ_UNIT_SIZE, 4096));
	assert_false(number("4K", SQ_UNIT_SIZE, 4095));
	assert_true(number("1K..2K", SQ_UNIT_SIZE, 2048));
	assert_false(number("> 0B", SQ_UNIT_SIZE, 0));
}

static void test_text_is_the_same_another_or_matches(void **state)
{
	assert_true(text("ok", "ok"));
	assert_false(text("ok", "okay"));
	assert_true(text("!= ok", "okay"));
	assert_true(text("~ ^ok", "okay"));
	assert_false(text("~ ^ok$", "okay"));
	/* numbers in a text are numbers */
	assert_true(text("< 5", "4.5"));
	assert_true(text("5", "5.0"));
	assert_false(text("< 5", "few"));
	assert_false(text("5", "five"));
	/* a path is no range */
	assert_true(text("../up", "../up"));
	assert_true(text("a..b", "a..b"));
	assert_true(text("true", "true"));
}

static void refuse(const char *wrong, enum sq_compare_unit unit, const char *part)
{
	struct sq_compare compare;
	const char *why = "";

	assert_int_not_equal(sq_compare_parse(wrong, unit, &compare, &why), 0);
	assert_contains(why, part);
}

static void test_nonsense_is_refused_with_a_reason(void **state)
{
	refuse("< few", SQ_UNIT_NUMBER, "no number");
	refuse(">=", SQ_UNIT_NUMBER, "no number");
	refuse("5..1", SQ_UNIT_NUMBER, "ends before it begins");
	refuse("~ [", SQ_UNIT_NUMBER, "regular expression");
	refuse("< 5", SQ_UNIT_DURATION, "unit");
	refuse("5", SQ_UNIT_SIZE, "unit");
	refuse("1s..2", SQ_UNIT_DURATION, "unit");
	refuse("2s..1s", SQ_UNIT_DURATION, "ends before it begins");
	refuse("~ 5", SQ_UNIT_SIZE, "no expression matches");
	refuse("soon", SQ_UNIT_DURATION, "duration");
}

static void collect(void *data, const json_t *value)
{
	_cleanup_free_ char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	sq_buffer_add(data, "%s;", dump);
}

static void assert_path(const char *path, const char *wanted)
{
	_cleanup_json_ json_t *document = json_loads(
		"{\"a\": {\"b\": [1, {\"c\": \"x\"}, null]}, \"odd key\": true, \"n\": [], "
		"\"list\": [{\"v\": 1}, {\"w\": 3}, {\"v\": 2}]}",
		0, NULL);
	_cleanup_buffer_ struct sq_buffer found = { 0 };
	const char *why = NULL;

	if (sq_json_path_check(path, &why))
		fail_msg("'%s' %s", path, why);
	sq_json_path_each(document, path, collect, &found);
	assert_string_equal(sq_buffer_text(&found), wanted);
}

static void test_path_names_places_in_json(void **state)
{
	assert_path("$.a.b[0]", "1;");
	assert_path("$.a.b[1].c", "\"x\";");
	assert_path("$.a.b[-1]", "null;");
	assert_path("$.a['b'][1][\"c\"]", "\"x\";");
	assert_path("$['odd key']", "true;");
	assert_path("$.a.b[3]", "");
	assert_path("$.a.b[-4]", "");
	assert_path("$.a.x", "");
	assert_path("$.a.b.c", "");
	assert_path("$.list[*].v", "1;2;");
	assert_path("$.a.*.length()", "3;");
	assert_path("$.a.b.length()", "3;");
	assert_path("$.n.length()", "0;");
	assert_path("$.a.b[1].c.length()", "1;");
	assert_path("$.a.b[0].length()", "");
}

static void test_path_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",	   "a",	    "$.",    "$..a",   "$.a[",	  "$[x]",     "$[1",	  "$['a",
		"$.a[1]b", "$.a b", "$['a'", "$.a.()", "$[?(@)]", "$.a[1:2]", "$length()"
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (!sq_json_path_check(wrong[i], &why))
			fail_msg("'%s' passes for a path", wrong[i]);
}

UNIT(UNIT_TEST(test_numbers_are_compared_at_the_borders),
     UNIT_TEST(test_bare_duration_is_the_most_and_bare_size_exact),
     UNIT_TEST(test_text_is_the_same_another_or_matches),
     UNIT_TEST(test_nonsense_is_refused_with_a_reason), UNIT_TEST(test_path_names_places_in_json),
     UNIT_TEST(test_path_that_is_none_is_refused))
