// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "tests/unit/unit.h"
#include "util/hash.h"
#include "util/time.h"

static void reads(uint64_t ns, const char *wanted)
{
	char text[SQ_DURATION_SIZE];

	assert_string_equal(sq_duration_text(ns, text), wanted);
}

static void test_duration_text_is_short(void **state)
{
	reads(0, "0 s");
	reads(10 * SQ_US, "10 us");
	reads(1500 * SQ_US, "1.5 ms");
	reads(50 * SQ_MS, "50 ms");
	reads(1234567, "1.23 ms");
	reads(12345678, "12.3 ms");
	reads(123456789, "123 ms");
	reads(SQ_S, "1 s");
	reads(90 * SQ_S, "90 s");
	reads(100 * SQ_S, "100 s");
	reads(119 * SQ_S, "119 s");
	reads(120 * SQ_S, "2 m");
	reads(900 * SQ_S, "15 m");
	reads(7199 * SQ_S, "120 m");
	reads(7200 * SQ_S, "2 h");
	reads(86400 * SQ_S, "24 h");
	reads(UINT64_MAX, "5124096 h");
}

static void test_duration_text_at_its_borders_has_three_digits(void **state)
{
	reads(9994 * SQ_US, "9.99 ms");
	reads(9996 * SQ_US, "10 ms");
	reads(99940 * SQ_US, "99.9 ms");
	reads(99960 * SQ_US, "100 ms");
	reads(SQ_US, "1 us");
	/* less than can be shown is not nothing */
	reads(1, "1 ns");
}

static void test_rfc3339_is_utc_with_microseconds(void **state)
{
	char text[SQ_RFC3339_SIZE];

	assert_string_equal(sq_rfc3339(0, text), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(sq_rfc3339(1795517832ull * SQ_S + 123456789, text),
			    "2026-11-24T10:57:12.123456Z");
	assert_string_equal(sq_rfc3339(951782400ull * SQ_S - 1, text),
			    "2000-02-28T23:59:59.999999Z");
	assert_string_equal(sq_rfc3339(951782400ull * SQ_S, text), "2000-02-29T00:00:00.000000Z");
}

static void test_now_is_boottime_and_goes_on(void **state)
{
	struct timespec t;
	uint64_t first = sq_now(), boot;

	clock_gettime(CLOCK_BOOTTIME, &t);
	boot = (uint64_t)t.tv_sec * SQ_S + (uint64_t)t.tv_nsec;
	assert_in_range(boot - first, 0, SQ_S);
	assert_true(sq_now() >= boot);
	assert_true(sq_wall() > 1700000000ull * SQ_S);
}

/* A draw must come out the same on every host and in every version: these values are for ever. */
static void test_hash_never_changes(void **state)
{
	assert_int_equal(sq_mix64(0), 0);
	assert_int_equal(sq_mix64(1), 0x5692161d100b05e5ull);
	assert_int_equal(sq_hash_text(0, ""), sq_mix64(0xcbf29ce484222325ull));
	/* FNV-1a of "foobar", from its authors' test vectors */
	assert_int_equal(sq_hash_text(0, "foobar"), sq_mix64(0x85944171f73967e8ull));
	assert_int_equal(sq_hash_text(0, "a"), sq_mix64(0xaf63dc4c8601ec8cull));
}

static void test_hash_differs_with_seed_and_text(void **state)
{
	assert_true(sq_hash_text(1, "a") != sq_hash_text(2, "a"));
	assert_true(sq_hash_text(1, "a") != sq_hash_text(1, "b"));
	assert_true(sq_hash_text(sq_hash_text(1, "ab"), "c") !=
		    sq_hash_text(sq_hash_text(1, "a"), "bc"));
	assert_true(sq_hash_text(0, "\x80") != sq_hash_text(0, "\xff"));
}

UNIT(UNIT_TEST(test_duration_text_is_short),
     UNIT_TEST(test_duration_text_at_its_borders_has_three_digits),
     UNIT_TEST(test_rfc3339_is_utc_with_microseconds), UNIT_TEST(test_now_is_boottime_and_goes_on),
     UNIT_TEST(test_hash_never_changes), UNIT_TEST(test_hash_differs_with_seed_and_text))
