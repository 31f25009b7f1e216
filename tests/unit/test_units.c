// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "tests/unit/unit.h"
#include "util/time.h"
#include "util/units.h"

typedef int (*parser)(const char *text, uint64_t *ret, const char **why);

static void accepts(parser parse, const char *text, uint64_t wanted)
{
	const char *why = NULL;
	uint64_t value = 0;
	int r = parse(text, &value, &why);

	if (r)
		fail_msg("'%s' %s", text, why);
	if (value != wanted)
		fail_msg("'%s' is %llu, not %llu", text, (unsigned long long)value,
			 (unsigned long long)wanted);
}

static void refuses(parser parse, const char *text, int errnum, const char *part)
{
	const char *why = NULL;
	uint64_t value = 0;
	int r = parse(text, &value, &why);

	if (r != -errnum)
		fail_msg("'%s' gives %d, not %d", text, r, -errnum);
	assert_non_null(why);
	assert_contains(why, part);
}

static void test_duration_with_a_unit_is_nanoseconds(void **state)
{
	accepts(sq_parse_duration, "1ns", 1);
	accepts(sq_parse_duration, "10us", 10 * SQ_US);
	accepts(sq_parse_duration, "5ms", 5 * SQ_MS);
	accepts(sq_parse_duration, "1.5ms", 1500 * SQ_US);
	accepts(sq_parse_duration, "2s", 2 * SQ_S);
	accepts(sq_parse_duration, "5m", 300 * SQ_S);
	accepts(sq_parse_duration, "5min", 300 * SQ_S);
	accepts(sq_parse_duration, "1h", 3600 * SQ_S);
	accepts(sq_parse_duration, "1d", 86400 * SQ_S);
	accepts(sq_parse_duration, "0s", 0);
	accepts(sq_parse_duration, "0.1s", 100 * SQ_MS);
	accepts(sq_parse_duration, "007ms", 7 * SQ_MS);
}

static void test_duration_in_sum_adds_up(void **state)
{
	accepts(sq_parse_duration, "1m30s", 90 * SQ_S);
	accepts(sq_parse_duration, "1h2m3s4ms5us6ns", 3723 * SQ_S + 4 * SQ_MS + 5 * SQ_US + 6);
	refuses(sq_parse_duration, "30s1m", EINVAL, "out of order");
	refuses(sq_parse_duration, "1s1s", EINVAL, "out of order");
	refuses(sq_parse_duration, "1m30", EINVAL, "unknown unit");
}

static void test_duration_without_a_unit_is_refused(void **state)
{
	refuses(sq_parse_duration, "100", EINVAL, "has no unit");
	refuses(sq_parse_duration, "0", EINVAL, "has no unit");
	refuses(sq_parse_duration, "1.5", EINVAL, "has no unit");
	refuses(sq_parse_duration, "", EINVAL, "is empty");
}

static void test_duration_nonsense_says_what_is_wrong(void **state)
{
	refuses(sq_parse_duration, "-5ms", EINVAL, "negative");
	refuses(sq_parse_duration, "5 ms", EINVAL, "space");
	refuses(sq_parse_duration, "5sec", EINVAL, "unknown unit");
	refuses(sq_parse_duration, "5MS", EINVAL, "unknown unit");
	refuses(sq_parse_duration, "5M", EINVAL, "unknown unit");
	refuses(sq_parse_duration, ".5s", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "5.s", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "1e3ms", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "0x10ms", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "nan", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "infs", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "+5ms", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "1..5s", EINVAL, "is not a duration");
	refuses(sq_parse_duration, "1.5.5s", EINVAL, "unknown unit");
}

static void test_duration_beyond_64_bits_is_out_of_range(void **state)
{
	accepts(sq_parse_duration, "106000d", 106000ull * 86400 * SQ_S);
	refuses(sq_parse_duration, "107000d", ERANGE, "too large");
	refuses(sq_parse_duration, "99999999999999999999999999999d", ERANGE, "too large");
}

static void test_share_is_parts_per_billion(void **state)
{
	accepts(sq_parse_share, "0%", 0);
	accepts(sq_parse_share, "100%", SQ_SHARE_ONE);
	accepts(sq_parse_share, "5%", SQ_SHARE_ONE / 20);
	accepts(sq_parse_share, "0.1%", SQ_SHARE_ONE / 1000);
	accepts(sq_parse_share, "0.0000001%", 1);
	accepts(sq_parse_share, "33.3333333%", 333333333);
	/* each whole percent exactly: a limit must not be missed by a rounding */
	for (uint64_t i = 0; i <= 100; i++) {
		_cleanup_free_ char *text = sq_asprintf("%llu%%", (unsigned long long)i);

		accepts(sq_parse_share, text, i * (SQ_SHARE_ONE / 100));
	}
}

static void test_share_outside_of_its_range_is_refused(void **state)
{
	refuses(sq_parse_share, "100.0000001%", ERANGE, "between 0% and 100%");
	refuses(sq_parse_share, "140%", ERANGE, "between 0% and 100%");
	refuses(sq_parse_share, "-5%", EINVAL, "is not a share");
	refuses(sq_parse_share, "0.05", EINVAL, "has no unit");
	refuses(sq_parse_share, "5", EINVAL, "has no unit");
	refuses(sq_parse_share, "5 %", EINVAL, "space");
	refuses(sq_parse_share, "5%%", EINVAL, "is not a share");
	refuses(sq_parse_share, "%", EINVAL, "is not a share");
	refuses(sq_parse_share, "", EINVAL, "is not a share");
}

static void test_rate_is_events_in_1000_seconds(void **state)
{
	accepts(sq_parse_rate, "500/s", 500000);
	accepts(sq_parse_rate, "30/m", 500);
	accepts(sq_parse_rate, "1/m", 17);
	accepts(sq_parse_rate, "3600/h", 1000);
	accepts(sq_parse_rate, "0.5/s", 500);
	refuses(sq_parse_rate, "0/s", ERANGE, "too small");
	refuses(sq_parse_rate, "1/h", ERANGE, "too small");
	refuses(sq_parse_rate, "500", EINVAL, "has no unit");
	refuses(sq_parse_rate, "500/x", EINVAL, "is not a rate");
	refuses(sq_parse_rate, "500/s5", EINVAL, "is not a rate");
	refuses(sq_parse_rate, "99999999999999999999/s", ERANGE, "too large");
}

static void test_size_is_in_powers_of_1024(void **state)
{
	accepts(sq_parse_size, "64M", 64ull << 20);
	accepts(sq_parse_size, "2G", 2ull << 30);
	accepts(sq_parse_size, "512KiB", 512ull << 10);
	accepts(sq_parse_size, "1.5K", 1536);
	accepts(sq_parse_size, "7B", 7);
	refuses(sq_parse_size, "64", EINVAL, "has no unit");
	refuses(sq_parse_size, "64m", EINVAL, "is not a size");
	refuses(sq_parse_size, "9999999999G", ERANGE, "too large");
}

static void test_count_takes_plain_digits_only(void **state)
{
	accepts(sq_parse_count, "0", 0);
	accepts(sq_parse_count, "1000", 1000);
	accepts(sq_parse_count, "9223372036854775807", INT64_MAX);
	refuses(sq_parse_count, "9223372036854775808", ERANGE, "too large");
	refuses(sq_parse_count, "99999999999999999999", ERANGE, "too large");
	refuses(sq_parse_count, "010", EINVAL, "octal");
	refuses(sq_parse_count, "0x10", EINVAL, "octal");
	refuses(sq_parse_count, "1_000", EINVAL, "not a whole number");
	refuses(sq_parse_count, "-1", EINVAL, "not a whole number");
	refuses(sq_parse_count, "+1", EINVAL, "not a whole number");
	refuses(sq_parse_count, " 1", EINVAL, "not a whole number");
	refuses(sq_parse_count, "1.0", EINVAL, "not a whole number");
	refuses(sq_parse_count, "", EINVAL, "not a whole number");
}

static void test_number_is_finite_and_decimal(void **state)
{
	static const char *const wrong[] = { "",    "nan",  "inf",    "-inf", "1e999", "1x",
					     "abc", "0x10", "-0x1p3", " 1",   "1 " };
	const char *why;
	double value;

	assert_int_equal(sq_parse_number("0.5", &value, &why), 0);
	assert_true(value == 0.5);
	assert_int_equal(sq_parse_number("-3", &value, &why), 0);
	assert_true(value == -3);
	assert_int_equal(sq_parse_number("1e9", &value, &why), 0);
	assert_true(value == 1e9);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (sq_parse_number(wrong[i], &value, &why) != -EINVAL)
			fail_msg("'%s' is taken for a number", wrong[i]);
}

static void test_why_may_be_left_out(void **state)
{
	uint64_t value;

	assert_int_equal(sq_parse_duration("100", &value, NULL), -EINVAL);
	assert_int_equal(sq_parse_share("140%", &value, NULL), -ERANGE);
}

static void test_share_and_count_texts_are_for_people(void **state)
{
	char text[32];

	assert_string_equal(sq_share_text(SQ_SHARE_ONE / 20, text), "5 %");
	assert_string_equal(sq_share_text(SQ_SHARE_ONE, text), "100 %");
	assert_string_equal(sq_share_text(SQ_SHARE_ONE / 10000, text), "0.01 %");
	assert_string_equal(sq_share_text(1, text), "0.0000001 %");
	assert_string_equal(sq_share_text(0, text), "0 %");
	assert_string_equal(sq_share_text(SQ_SHARE_ONE / 3, text), "33.33 %");
	assert_string_equal(sq_count_text(0, text), "0");
	assert_string_equal(sq_count_text(999, text), "999");
	assert_string_equal(sq_count_text(1000, text), "1 000");
	assert_string_equal(sq_count_text(100000, text), "100 000");
	assert_string_equal(sq_count_text(UINT64_MAX, text), "18 446 744 073 709 551 615");
}

static void test_bitrate_is_in_powers_of_1000(void **state)
{
	static const struct {
		const char *text;
		uint64_t bps;
	} rates[] = { { "1bit", 1 },
		      { "64kbit", 64000 },
		      { "1.5mbit", 1500000 },
		      { "100gbit", 100000000000 } };
	static const char *const nonsense[] = { "",	"10",	  "10 mbit", "10mb",	"10Mbit",
						"mbit", "-1mbit", "1e3bit",  "10mbit/s" };
	const char *why;
	uint64_t value;
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		assert_int_equal(sq_parse_bitrate(rates[i].text, &value, &why), 0);
		assert_int_equal(value, rates[i].bps);
	}
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		why = NULL;
		assert_int_equal(sq_parse_bitrate(nonsense[i], &value, &why), -EINVAL);
		assert_non_null(why);
	}
	assert_string_equal(sq_bitrate_text(1500000, text), "1.5 mbit");
	assert_string_equal(sq_bitrate_text(100000000000, text), "100 gbit");
	assert_string_equal(sq_bitrate_text(999, text), "999 bit");
	assert_string_equal(sq_size_text(65536, text), "64 K");
	assert_string_equal(sq_size_text(0, text), "0 B");
}

UNIT(UNIT_TEST(test_bitrate_is_in_powers_of_1000),
     UNIT_TEST(test_duration_with_a_unit_is_nanoseconds), UNIT_TEST(test_duration_in_sum_adds_up),
     UNIT_TEST(test_duration_without_a_unit_is_refused),
     UNIT_TEST(test_duration_nonsense_says_what_is_wrong),
     UNIT_TEST(test_duration_beyond_64_bits_is_out_of_range),
     UNIT_TEST(test_share_is_parts_per_billion),
     UNIT_TEST(test_share_outside_of_its_range_is_refused),
     UNIT_TEST(test_rate_is_events_in_1000_seconds), UNIT_TEST(test_size_is_in_powers_of_1024),
     UNIT_TEST(test_count_takes_plain_digits_only), UNIT_TEST(test_number_is_finite_and_decimal),
     UNIT_TEST(test_why_may_be_left_out), UNIT_TEST(test_share_and_count_texts_are_for_people))
