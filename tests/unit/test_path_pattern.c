// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "experiment/path_pattern.h"
#include "tests/unit/unit.h"

static void pattern_is(const char *text, const char *fixed, enum sq_path_reach reach,
		       const char *glob)
{
	struct sq_path_pattern pattern = { 0 };
	const char *why = NULL;

	if (sq_path_pattern_parse(text, &pattern, &why))
		fail_msg("'%s' %s", text, why);
	assert_string_equal(pattern.fixed, fixed);
	assert_int_equal(pattern.reach, reach);
	assert_string_equal(pattern.glob, glob);
	free(pattern.fixed);
}

static void refuses(const char *text, const char *part)
{
	struct sq_path_pattern pattern = { 0 };
	const char *why = NULL;

	assert_int_equal(sq_path_pattern_parse(text, &pattern, &why), -EINVAL);
	assert_contains(why, part);
	assert_null(pattern.fixed);
}

static void test_a_plain_path_is_that_file(void **state)
{
	pattern_is("/var/lib/db/wal", "/var/lib/db/wal", SQ_PATH_ITSELF, "");
	pattern_is("/var/lib/db/", "/var/lib/db", SQ_PATH_ITSELF, "");
	pattern_is("/", "/", SQ_PATH_ITSELF, "");
}

static void test_a_star_is_one_name(void **state)
{
	pattern_is("/var/log/*", "/var/log", SQ_PATH_CHILD, "");
	pattern_is("/var/log/*.log", "/var/log", SQ_PATH_CHILD, "*.log");
	pattern_is("/var/log/app-?.log", "/var/log", SQ_PATH_CHILD, "app-?.log");
	pattern_is("/*", "/", SQ_PATH_CHILD, "");
}

static void test_two_stars_are_any_depth(void **state)
{
	pattern_is("/data/**", "/data", SQ_PATH_BELOW, "");
	pattern_is("/data/**/*", "/data", SQ_PATH_BELOW, "");
	pattern_is("/data/**/*.wal", "/data", SQ_PATH_BELOW, "*.wal");
	pattern_is("/**", "/", SQ_PATH_BELOW, "");
}

static void test_what_the_kernel_cannot_match_is_refused(void **state)
{
	refuses("data/file", "not an absolute path");
	refuses("", "not an absolute path");
	refuses("/data/*/file", "more than the kernel side can match");
	refuses("/data/**/a/*.wal", "more than the kernel side can match");
	refuses("/data/a**", "has ** in a name");
	refuses("/data/[ab]", "only * and ?");
	refuses("/data/{a,b}", "only * and ?");
	refuses("/data/../etc", "not a plain path");
	refuses("/data//file", "not a plain path");
	refuses("/data/*234567890123456789012345678901*", "longer than 31 bytes");
}

static void test_a_name_of_31_bytes_is_the_longest(void **state)
{
	pattern_is("/data/*2345678901234567890123456789.w", "/data", SQ_PATH_CHILD,
		   "*2345678901234567890123456789.w");
}

UNIT(UNIT_TEST(test_a_plain_path_is_that_file), UNIT_TEST(test_a_star_is_one_name),
     UNIT_TEST(test_two_stars_are_any_depth),
     UNIT_TEST(test_what_the_kernel_cannot_match_is_refused),
     UNIT_TEST(test_a_name_of_31_bytes_is_the_longest))
