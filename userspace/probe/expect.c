// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "experiment/json_path.h"
#include "probe/sample.h"
#include "util/json.h"
#include "util/text.h"
#include "util/time.h"

static bool in_ranges(const struct sq_port_ranges *ranges, unsigned int code)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (code >= ranges->item[i].low && code <= ranges->item[i].high)
			return true;
	return false;
}

struct place {
	const struct sq_path_compare *wanted;
	char *why; /* NULL: it has been found out already */
	bool met;
};

static void check_value(void *data, const json_t *value)
{
	struct place *place = data;
	_cleanup_free_ char *dump = sq_json_dump(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = json_is_string(value) ? json_string_value(value) : dump;
	bool holds = json_is_number(value)
			     ? sq_compare_number(&place->wanted->compare, json_number_value(value))
			     : sq_compare_text(&place->wanted->compare, text);

	if (holds || !place->met)
		return;
	place->met = false;
	snprintf(place->why, SQ_WHY_SIZE, "%.60s is %.60s, expected %.60s", place->wanted->path,
		 text, place->wanted->compare.text);
}

static const char *check_json(const struct sq_compares *compares, const char *text, char *why)
{
	json_error_t error;
	_cleanup_json_ json_t *document = json_loads(text, JSON_DECODE_ANY, &error);

	if (!document) {
		snprintf(why, SQ_WHY_SIZE, "it is not JSON: %.100s", error.text);
		return why;
	}
	for (size_t i = 0; i < compares->n; i++) {
		struct place place = { .wanted = &compares->item[i], .why = why, .met = true };

		if (!sq_json_path_each(document, place.wanted->path, check_value, &place)) {
			snprintf(why, SQ_WHY_SIZE, "%.100s is not in the JSON", place.wanted->path);
			return why;
		}
		if (!place.met)
			return why;
	}
	return NULL;
}

const char *sq_expect_text(const struct sq_text_expect *expect, const char *text, char *why)
{
	if (!text)
		text = "";
	for (size_t i = 0; i < expect->contains.n; i++) {
		if (strstr(text, expect->contains.item[i]))
			continue;
		snprintf(why, SQ_WHY_SIZE, "the text '%.100s' is missing",
			 expect->contains.item[i]);
		return why;
	}
	for (size_t i = 0; i < expect->lacks.n; i++) {
		if (!strstr(text, expect->lacks.item[i]))
			continue;
		snprintf(why, SQ_WHY_SIZE, "the text '%.100s' is there", expect->lacks.item[i]);
		return why;
	}
	if (expect->matches && !sq_regex_matches(expect->matches, text)) {
		snprintf(why, SQ_WHY_SIZE, "nothing matches '%.100s'", expect->matches);
		return why;
	}
	return expect->json.n ? check_json(&expect->json, text, why) : NULL;
}

const char *sq_expect_check(const struct sq_port_ranges *codes, const char *what, unsigned int code,
			    const struct sq_text_expect *expect, const char *text, char *why)
{
	if (in_ranges(codes, code))
		return sq_expect_text(expect, text, why);
	snprintf(why, SQ_WHY_SIZE, "%s %u", what, code);
	return why;
}

const char *sq_expect_number(const struct sq_compare *compare, const char *what, double value,
			     char *why)
{
	if (sq_compare_number(compare, value))
		return NULL;
	snprintf(why, SQ_WHY_SIZE, "%s %.6g, expected %.80s", what, value, compare->text);
	return why;
}

const char *sq_expect_duration(const struct sq_compare *compare, const char *what, uint64_t ns,
			       char *why)
{
	char got[SQ_DURATION_SIZE];

	if (sq_compare_number(compare, (double)ns))
		return NULL;
	snprintf(why, SQ_WHY_SIZE, "%s %s, expected %s%.80s", what, sq_duration_text(ns, got),
		 compare->text == compare->operand && compare->op == SQ_COMPARE_AT_MOST ? "at most "
											: "",
		 compare->text);
	return why;
}

const char *sq_expect_size(const struct sq_compare *compare, const char *what, uint64_t bytes,
			   char *why)
{
	if (sq_compare_number(compare, (double)bytes))
		return NULL;
	snprintf(why, SQ_WHY_SIZE, "%s %llu bytes, expected %.80s", what, (unsigned long long)bytes,
		 compare->text);
	return why;
}
