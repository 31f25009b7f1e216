// SPDX-License-Identifier: GPL-2.0-only
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "probe/sample.h"

#define WHY_SIZE 160

static bool in_ranges(const struct sq_port_ranges *ranges, unsigned int code)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (code >= ranges->item[i].low && code <= ranges->item[i].high)
			return true;
	return false;
}

static bool matches(const char *expression, const char *text)
{
	regex_t regex;
	bool found;

	/* the file's check has compiled it before */
	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB))
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

const char *sq_expect_check(const struct sq_port_ranges *codes, const char *what, unsigned int code,
			    const struct sq_text_expect *expect, const char *text, char *why)
{
	if (!text)
		text = "";
	if (!in_ranges(codes, code)) {
		snprintf(why, WHY_SIZE, "%s %u", what, code);
		return why;
	}
	for (size_t i = 0; i < expect->contains.n; i++) {
		if (strstr(text, expect->contains.item[i]))
			continue;
		snprintf(why, WHY_SIZE, "the text '%.100s' is missing", expect->contains.item[i]);
		return why;
	}
	if (expect->matches && !matches(expect->matches, text)) {
		snprintf(why, WHY_SIZE, "nothing matches '%.100s'", expect->matches);
		return why;
	}
	return NULL;
}
