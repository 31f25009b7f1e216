// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/dns_pattern.h"
#include "tests/unit/unit.h"

#define LABEL "a23456789012345678901234567890123456789012345678901234567890123"

static void test_names_and_wildcards_are_taken(void **state)
{
	static const char *const good[] = {
		"*",
		"a",
		"example.org",
		"example.org.",
		"*.example.org",
		"*.org",
		"_dns-sd._udp.a-b.C4",
		LABEL ".org",
		LABEL "." LABEL "." LABEL
		      ".a2345678901234567890123456789012345678901234567890123456789.b"
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (sq_dns_pattern_problem(good[i]))
			fail_msg("'%s' %s", good[i], sq_dns_pattern_problem(good[i]));
}

static void test_what_is_no_name_says_why(void **state)
{
	static const struct {
		const char *pattern, *why;
	} bad[] = {
		{ "", "empty part" },
		{ ".", "empty part" },
		{ "*.", "empty part" },
		{ "a..b", "empty part" },
		{ ".a", "empty part" },
		{ "a.*", "not its whole first part" },
		{ "*a.b", "not its whole first part" },
		{ "**", "not its whole first part" },
		{ "a b", "a character that names do not have" },
		{ "http://a", "a character that names do not have" },
		{ "a:53", "a character that names do not have" },
		{ "b\xc3\xbc"
		  "cher.de",
		  "is not ASCII" },
		{ LABEL "4.org", "more than 63 bytes" },
		{ LABEL "." LABEL "." LABEL "." LABEL, "longer than the 253 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = sq_dns_pattern_problem(bad[i].pattern);

		if (!why || !strstr(why, bad[i].why))
			fail_msg("'%s' %s", bad[i].pattern, why ? why : "is taken");
	}
}

static void test_patterns_are_turned_with_their_end(void **state)
{
	char turned[SQ_DNS_LONGEST + 3];

	assert_int_equal(sq_dns_pattern_turn("Api.Example.org.", turned), 16);
	assert_memory_equal(turned, "gro.elpmaxe.ipa", 16);
	assert_int_equal(sq_dns_pattern_turn("*.a.b", turned), 4);
	assert_memory_equal(turned, "b.a.", 4);
	assert_int_equal(sq_dns_pattern_turn("*", turned), 0);
}

UNIT(UNIT_TEST(test_names_and_wildcards_are_taken), UNIT_TEST(test_what_is_no_name_says_why),
     UNIT_TEST(test_patterns_are_turned_with_their_end))
