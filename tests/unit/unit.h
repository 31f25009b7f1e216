/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka, with what it wants before it. */
#ifndef SQ_TESTS_UNIT_H
#define SQ_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/mem.h"

/* Runs every test of a file: UNIT(test_a, test_b). */
#define UNIT_TEST(test) cmocka_unit_test(test)
#define UNIT(...)                                                      \
	int main(void)                                                 \
	{                                                              \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };     \
                                                                       \
		return cmocka_run_group_tests(tests, NULL, NULL) != 0; \
	}

/* @text has @part in it; both are shown if not. */
#define assert_contains(text, part)                                         \
	do {                                                                \
		if (!strstr(text, part))                                    \
			fail_msg("'%s' does not contain '%s'", text, part); \
	} while (0)

#endif
