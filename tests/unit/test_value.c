// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "experiment/value.h"
#include "tests/unit/unit.h"
#include "util/units.h"

static int parse(const struct sq_field *field, const char *text, void *slot, const char *part,
		 const char *wanted_near)
{
	const char *why = NULL, *near = NULL;
	int r = sq_value_parse(field, text, slot, &why, &near);

	if (part && (!r || !why || !strstr(why, part)))
		fail_msg("'%s' gives %d: %s", text, r, why ? why : "nothing");
	if (wanted_near && (!near || strcmp(near, wanted_near) != 0))
		fail_msg("'%s' suggests '%s'", text, near ? near : "nothing");
	return r;
}

static void test_bool_is_true_or_false_only(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_BOOL };
	bool value = false;

	assert_int_equal(parse(&field, "true", &value, NULL, NULL), 0);
	assert_true(value);
	assert_int_equal(parse(&field, "false", &value, NULL, NULL), 0);
	assert_false(value);
	parse(&field, "yes", &value, "neither true nor false", "true");
	parse(&field, "Off", &value, "neither true nor false", "false");
	parse(&field, "True", &value, "neither true nor false", "true");
	parse(&field, "1", &value, "neither true nor false", NULL);
}

static void test_enum_names_what_there_is(void **state)
{
	static const char *const names[] = { "egress", "ingress", "both", NULL };
	static const struct sq_field one = { .type = SQ_TYPE_ENUM, .names = names };
	static const struct sq_field many = { .type = SQ_TYPE_ENUMS, .names = names };
	unsigned int value = 9;
	uint32_t set = 0;

	assert_int_equal(parse(&one, "both", &value, NULL, NULL), 0);
	assert_int_equal(value, 2);
	parse(&one, "egres", &value, "is not one of egress, ingress or both", "egress");
	assert_int_equal(parse(&many, "ingress", &set, NULL, NULL), 0);
	assert_int_equal(parse(&many, "both", &set, NULL, NULL), 0);
	assert_int_equal(set, 6);
}

static void test_calls_are_those_of_this_machine(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_CALLS };
	struct sq_calls calls = { 0 };
	int number = sq_call_number("fsync");

	assert_true(number > 0);
	assert_int_equal(parse(&field, "fsync", &calls, NULL, NULL), 0);
	for (int i = 0; i < 64 * SQ_CALLS_WORDS; i++)
		assert_int_equal(calls.bit[i / 64] >> (i % 64) & 1, i == number);
	assert_string_equal(sq_call_name((unsigned int)number), "fsync");
	parse(&field, "fsyc", &calls, "is not a system call", "fsync");
	parse(&field, "exit_group", &calls, "must never be touched", NULL);
	parse(&field, "rt_sigreturn", &calls, "must never be touched", NULL);
	parse(&field, "exit", &calls, "must never be touched", NULL);
	assert_string_equal(sq_call_name(511), "call 511");
}

static void test_errors_are_named(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_ERRNO };
	unsigned int value = 0;

	assert_int_equal(parse(&field, "EIO", &value, NULL, NULL), 0);
	assert_int_equal(value, EIO);
	assert_int_equal(parse(&field, "EWOULDBLOCK", &value, NULL, NULL), 0);
	assert_int_equal(value, EAGAIN);
	assert_int_equal(parse(&field, "EHWPOISON", &value, NULL, NULL), 0);
	assert_int_equal(value, 133);
	parse(&field, "5", &value, "is not the name of an error", NULL);
	parse(&field, "eio", &value, "is not the name of an error", "EIO");
	parse(&field, "ECONREFUSED", &value, "is not the name of an error", "ECONNREFUSED");
	/* the kernel's own, which no program may see */
	parse(&field, "ERESTARTSYS", &value, "is not the name of an error", NULL);
}

static void test_select_takes_all_a_number_or_a_share(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_SELECT };
	struct sq_select value;

	assert_int_equal(parse(&field, "all", &value, NULL, NULL), 0);
	assert_int_equal(value.kind, SQ_SELECT_ALL);
	assert_int_equal(parse(&field, "3", &value, NULL, NULL), 0);
	assert_int_equal(value.kind, SQ_SELECT_COUNT);
	assert_int_equal(value.value, 3);
	assert_int_equal(parse(&field, "50%", &value, NULL, NULL), 0);
	assert_int_equal(value.kind, SQ_SELECT_SHARE);
	assert_int_equal(value.value, SQ_SHARE_ONE / 2);
	parse(&field, "0", &value, "selects nothing", NULL);
	parse(&field, "0%", &value, "selects nothing", NULL);
	parse(&field, "101%", &value, "between 0% and 100%", NULL);
	parse(&field, "half", &value, "is not all, a number or a share", NULL);
	parse(&field, "-1", &value, "is not all, a number or a share", NULL);
}

static void test_codes_are_within_the_fields_range(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_CODES, .min = 100, .max = 599 };
	struct sq_port_ranges ranges = { 0 };

	assert_int_equal(parse(&field, "200", &ranges, NULL, NULL), 0);
	assert_int_equal(parse(&field, "100-599", &ranges, NULL, NULL), 0);
	assert_int_equal(ranges.n, 2);
	assert_int_equal(ranges.item[0].low, 200);
	assert_int_equal(ranges.item[0].high, 200);
	assert_int_equal(ranges.item[1].high, 599);
	parse(&field, "99", &ranges, "between 100 and 599", NULL);
	parse(&field, "600", &ranges, "between 100 and 599", NULL);
	parse(&field, "200-600", &ranges, "between 100 and 599", NULL);
	parse(&field, "65736", &ranges, "between 100 and 599", NULL); /* 200 in 16 bits */
	parse(&field, "299-200", &ranges, "ends before it begins", NULL);
	parse(&field, "200-", &ranges, "is not a range", NULL);
	parse(&field, "200--300", &ranges, "is not a range", NULL);
	parse(&field, "200-250-299", &ranges, "is not a range", NULL);
	parse(&field, "-200", &ranges, "is not a code", NULL);
	parse(&field, "2xx", &ranges, "is not a code", NULL);
	assert_int_equal(ranges.n, 2);
	sq_value_clear(SQ_TYPE_CODES, &ranges);
	assert_int_equal(ranges.n, 0);
}

static void test_regex_is_compiled_to_be_checked(void **state)
{
	static const struct sq_field field = { .type = SQ_TYPE_REGEX };
	char *value = NULL;

	assert_int_equal(parse(&field, "^a+(b|c)$", &value, NULL, NULL), 0);
	assert_string_equal(value, "^a+(b|c)$");
	sq_value_clear(SQ_TYPE_REGEX, &value);
	assert_null(value);
	parse(&field, "(a", &value, "is not a regular expression: ", NULL);
	parse(&field, "[a", &value, "is not a regular expression: ", NULL);
	assert_null(value);
}

static void test_traps_of_yaml_are_seen(void **state)
{
	static const char *const traps[] = { "yes",  "No", "ON", "off",	  "y",	     "true",
					     "null", "~",  "",	 "10:00", "1:30:00", "22:22" };
	static const char *const plain[] = { "yesterday", "nobody", "10:0",	":10", "a:10",
					     "10:000",	  "1.5",    "10.0.0.1", "ono" };

	for (size_t i = 0; i < ARRAY_SIZE(traps); i++)
		if (!sq_value_trap(traps[i]))
			fail_msg("'%s' is not seen as a trap", traps[i]);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (sq_value_trap(plain[i]))
			fail_msg("'%s' %s", plain[i], sq_value_trap(plain[i]));
}

UNIT(UNIT_TEST(test_bool_is_true_or_false_only), UNIT_TEST(test_enum_names_what_there_is),
     UNIT_TEST(test_calls_are_those_of_this_machine), UNIT_TEST(test_errors_are_named),
     UNIT_TEST(test_select_takes_all_a_number_or_a_share),
     UNIT_TEST(test_codes_are_within_the_fields_range),
     UNIT_TEST(test_regex_is_compiled_to_be_checked), UNIT_TEST(test_traps_of_yaml_are_seen))
