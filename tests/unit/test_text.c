// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "tests/unit/unit.h"
#include "util/text.h"

static const char *const keys[] = { "probability", "delay", "jitter", "to",  "for",
				    "at",	   "ramp",  "target", "per", "ports" };

static void nearest_is(const char *text, const char *wanted)
{
	const char *near = sq_nearest(text, keys, ARRAY_SIZE(keys));

	if (!wanted && near)
		fail_msg("'%s' is taken for '%s'", text, near);
	else if (wanted && (!near || strcmp(near, wanted) != 0))
		fail_msg("'%s' is taken for '%s', not '%s'", text, near ? near : "nothing", wanted);
}

static void test_nearest_finds_the_usual_slips(void **state)
{
	nearest_is("delya", "delay"); /* two letters swapped */
	nearest_is("dela", "delay"); /* one missing */
	nearest_is("deelay", "delay"); /* one too many */
	nearest_is("dalay", "delay"); /* one wrong */
	nearest_is("DELAY", "delay"); /* the other case */
	nearest_is("too", "to");
	nearest_is("prob", "probability"); /* its beginning */
	nearest_is("probabilty", "probability");
	nearest_is("targets", "target");
}

static void test_nearest_leaves_what_is_far_alone(void **state)
{
	nearest_is("memory", NULL);
	nearest_is("x", NULL);
	nearest_is("", NULL);
	nearest_is("this-is-a-text-that-is-longer-than-any-name-of-a-key-could-be", NULL);
	assert_null(sq_nearest("delay", keys, 0));
}

static void test_nearest_prefers_the_nearer(void **state)
{
	static const char *const calls[] = { "write", "writev", "pwrite64", "read" };

	assert_string_equal(sq_nearest("wrte", calls, ARRAY_SIZE(calls)), "write");
	assert_string_equal(sq_nearest("writevv", calls, ARRAY_SIZE(calls)), "writev");
	assert_string_equal(sq_nearest("write", calls, ARRAY_SIZE(calls)), "write");
}

static void valid(const char *text, size_t n)
{
	size_t where = 99;

	if (!sq_utf8_valid(text, n, &where))
		fail_msg("refused at %zu", where);
	assert_true(sq_utf8_valid(text, n, NULL));
}

static void invalid(const char *text, size_t n, size_t wanted)
{
	size_t where = 99;

	assert_false(sq_utf8_valid(text, n, &where));
	assert_int_equal(where, wanted);
	assert_false(sq_utf8_valid(text, n, NULL));
}

static void test_utf8_takes_every_well_formed_sequence(void **state)
{
	valid("", 0);
	valid("plain", 5);
	valid("\x7f", 1);
	valid("\xc2\x80", 2); /* U+0080 */
	valid("\xdf\xbf", 2); /* U+07FF */
	valid("\xe0\xa0\x80", 3); /* U+0800 */
	valid("\xed\x9f\xbf", 3); /* U+D7FF */
	valid("\xee\x80\x80", 3); /* U+E000 */
	valid("\xf0\x90\x80\x80", 4); /* U+10000 */
	valid("\xf4\x8f\xbf\xbf", 4); /* U+10FFFF */
}

static void test_utf8_refuses_what_rfc_3629_does(void **state)
{
	invalid("a\x80", 2, 1); /* a continuation without a beginning */
	invalid("\xc0\x80", 2, 0); /* an overlong NUL */
	invalid("\xc1\xbf", 2, 0); /* overlong */
	invalid("\xe0\x9f\xbf", 3, 0); /* overlong */
	invalid("\xed\xa0\x80", 3, 0); /* a surrogate */
	invalid("\xf0\x8f\xbf\xbf", 4, 0); /* overlong */
	invalid("\xf4\x90\x80\x80", 4, 0); /* beyond U+10FFFF */
	invalid("\xf5\x80\x80\x80", 4, 0);
	invalid("ok\xff", 3, 2);
	invalid("a\xc3", 2, 1); /* cut off */
	invalid("a\xc3(", 3, 1);
	invalid("ab\xe2\x82", 4, 2);
	invalid("a\0b", 3, 1); /* NUL */
}

static void cleaned(const char *text, const char *wanted)
{
	_cleanup_free_ char *copy = sq_strdup(text);

	assert_string_equal(sq_utf8_clean(copy), wanted);
	assert_true(sq_utf8_valid(copy, strlen(copy), NULL));
}

static void test_utf8_clean_replaces_only_what_is_wrong(void **state)
{
	cleaned("", "");
	cleaned("caf\xc3\xa9", "caf\xc3\xa9");
	cleaned("caf\xc3", "caf?"); /* cut in the middle of a character */
	cleaned("\xff\xfe", "??");
	cleaned("a\xe2\x82z\xc3\xa9", "a??z\xc3\xa9");
}

static void test_buffer_keeps_what_is_added_in_order(void **state)
{
	_cleanup_buffer_ struct sq_buffer buffer = { 0 };
	char *text;

	assert_string_equal(sq_buffer_text(&buffer), "");
	sq_buffer_add(&buffer, "%d-%s", 5, "a");
	assert_string_equal(sq_buffer_text(&buffer), "5-a");
	sq_buffer_add(&buffer, "+");
	assert_string_equal(sq_buffer_text(&buffer), "5-a+");
	text = sq_buffer_take(&buffer);
	assert_string_equal(text, "5-a+");
	free(text);
	/* taken: it begins anew */
	sq_buffer_add(&buffer, "b");
	assert_string_equal(sq_buffer_text(&buffer), "b");
}

static void test_buffer_grows_beyond_a_page(void **state)
{
	_cleanup_buffer_ struct sq_buffer buffer = { 0 };

	for (int i = 0; i < 10000; i++)
		sq_buffer_add(&buffer, "%03d", i % 1000);
	assert_int_equal(strlen(sq_buffer_text(&buffer)), 30000);
	assert_string_equal(buffer.text + 29997, "999");
}

static void test_texts_end_in_null_as_exec_wants(void **state)
{
	_cleanup_texts_ struct sq_texts texts = { 0 };
	char word[] = "one";

	sq_texts_add(&texts, word);
	word[0] = 'x'; /* it keeps a copy */
	sq_texts_add(&texts, "two");
	assert_int_equal(texts.n, 2);
	assert_string_equal(texts.item[0], "one");
	assert_string_equal(texts.item[1], "two");
	assert_null(texts.item[2]);
	assert_true(sq_texts_have(&texts, "two"));
	assert_false(sq_texts_have(&texts, "tw"));
	sq_texts_clear(&texts);
	assert_int_equal(texts.n, 0);
	assert_false(sq_texts_have(&texts, "two"));
}

static void test_nearest_few_tells_the_nearest_first(void **state)
{
	static const char *const names[] = { "web-77", "db", "web-1", "web-12", "weber" };
	size_t found[2];

	assert_int_equal(sq_nearest_few("web-1", names, 5, found, 2), 2);
	assert_string_equal(names[found[0]], "web-1");
	assert_string_equal(names[found[1]], "web-12");
	assert_int_equal(sq_nearest_few("nothing-like-it", names, 5, found, 2), 0);
}

/* Wraps to ten columns, with a hang of two. */
static void assert_wrapped(const char *text, const char *wanted)
{
	_cleanup_free_ char *wrapped = sq_text_wrap(text, 10, 2);

	assert_string_equal(wrapped, wanted);
}

static void test_wrap_breaks_at_spaces(void **state)
{
	assert_wrapped("", "");
	assert_wrapped("one\n\ntwo", "one\n\ntwo");
	assert_wrapped("0123456789\n", "0123456789\n");
	assert_wrapped("one two three\n", "one two\n  three\n");
	assert_wrapped(" one two three four", " one two\n   three\n   four");
	assert_wrapped("- one two three", "- one two\n  three");
	assert_wrapped("one two    three", "one two\n  three");
	/* between parts of a list rather than within one */
	assert_wrapped("abcdef, 1 m", "abcdef,\n  1 m");
}

static void test_wrap_leaves_words_whole(void **state)
{
	assert_wrapped("0123456789abc def", "0123456789abc\n  def");
	assert_wrapped("a 0123456789abc", "a\n  0123456789abc");
	assert_wrapped("   0123456789abc", "   0123456789abc");
}

static void test_wrap_counts_columns_not_bytes(void **state)
{
	assert_wrapped("\u00e4\u00e4\u00e4\u00e4 \u00e4\u00e4\u00e4\u00e4\u00e4",
		       "\u00e4\u00e4\u00e4\u00e4 \u00e4\u00e4\u00e4\u00e4\u00e4");
	assert_wrapped("\033[1;31mfailed\033[0m: no", "\033[1;31mfailed\033[0m: no");
}

static void test_stem_is_what_stands_before_an_end(void **state)
{
	assert_int_equal(sq_text_stem("web.slice", ".slice"), 3);
	assert_int_equal(sq_text_stem("a.slice.slice", ".slice"), 7);
	assert_int_equal(sq_text_stem(".slice", ".slice"), 0);
	assert_int_equal(sq_text_stem("web.slices", ".slice"), 0);
	assert_int_equal(sq_text_stem("e", ".slice"), 0);
	assert_int_equal(sq_text_stem("", ".slice"), 0);
}

static void assert_printable(const char *text, const char *wanted)
{
	_cleanup_free_ char *copy = sq_strdup(text);

	assert_string_equal(sq_text_printable(copy), wanted);
}

/* A cgroup's folder may be called anything. */
static void test_printable_leaves_nothing_that_moves_the_cursor(void **state)
{
	assert_printable("/web\033[2J\033]0;x\007.service\r", "/web?[2J?]0;x?.service?");
	assert_printable("a\x7f\xc2\x9b"
			 "2J",
			 "a???2J");
	assert_printable("\033[1;31mfailed\033[0m:\tno\n", "\033[1;31mfailed\033[0m:\tno\n");
	assert_printable("\u00e4\u20ac", "\u00e4\u20ac");
	assert_printable("\033[", "?[");
}

static void test_number_of_one_and_of_more(void **state)
{
	static const struct {
		uint64_t n;
		const char *what, *wanted;
	} cases[] = { { 1, "process", "1 process" },
		      { 2, "process", "2 processes" },
		      { 0, "cgroup", "0 cgroups" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = sq_number_of(cases[i].n, cases[i].what);

		assert_string_equal(text, cases[i].wanted);
	}
}

UNIT(UNIT_TEST(test_nearest_finds_the_usual_slips),
     UNIT_TEST(test_nearest_leaves_what_is_far_alone), UNIT_TEST(test_nearest_prefers_the_nearer),
     UNIT_TEST(test_utf8_takes_every_well_formed_sequence),
     UNIT_TEST(test_utf8_refuses_what_rfc_3629_does),
     UNIT_TEST(test_utf8_clean_replaces_only_what_is_wrong),
     UNIT_TEST(test_buffer_keeps_what_is_added_in_order),
     UNIT_TEST(test_buffer_grows_beyond_a_page), UNIT_TEST(test_texts_end_in_null_as_exec_wants),
     UNIT_TEST(test_nearest_few_tells_the_nearest_first), UNIT_TEST(test_wrap_breaks_at_spaces),
     UNIT_TEST(test_wrap_leaves_words_whole), UNIT_TEST(test_wrap_counts_columns_not_bytes),
     UNIT_TEST(test_stem_is_what_stands_before_an_end),
     UNIT_TEST(test_printable_leaves_nothing_that_moves_the_cursor),
     UNIT_TEST(test_number_of_one_and_of_more))
