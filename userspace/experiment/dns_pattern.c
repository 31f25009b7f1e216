// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/dns_pattern.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST_LABEL 63

/* The dot of the root behind a name may be left out, and mostly is. */
static size_t length_of(const char *pattern)
{
	size_t n = strlen(pattern);

	return n > 1 && pattern[n - 1] == '.' ? n - 1 : n;
}

const char *sq_dns_pattern_problem(const char *pattern)
{
	size_t n, label = 0;

	if (!strcmp(pattern, "*"))
		return NULL;
	if (!strncmp(pattern, "*.", 2))
		pattern += 2;
	n = length_of(pattern);
	if (n > SQ_DNS_LONGEST)
		return "is longer than the 253 bytes that a name may have";
	if (!n)
		return "has an empty part";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)pattern[i];

		if (c == '*')
			return "has a '*' that is not its whole first part";
		if (c != '.' && !isalnum(c) && c != '-' && c != '_')
			return c >= 0x80 ? "is not ASCII: write it as in the DNS, xn--..."
					 : "has a character that names do not have";
		label = c == '.' ? 0 : label + 1;
		if (label > LONGEST_LABEL)
			return "has a part of more than 63 bytes";
		if (!label && (!i || pattern[i - 1] == '.' || i + 1 == n))
			return "has an empty part";
	}
	return NULL;
}

size_t sq_dns_pattern_turn(const char *pattern, char *ret)
{
	bool below = pattern[0] == '*';
	size_t n = length_of(pattern);

	/* of "*.name" the dot counts, of "*" nothing */
	for (size_t i = 0; i < n - below; i++)
		ret[i] = (char)tolower((unsigned char)pattern[n - 1 - i]);
	if (below)
		return n - 1;
	ret[n] = '\0';
	return n + 1;
}
