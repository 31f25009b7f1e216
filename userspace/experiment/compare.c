// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/compare.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

static const struct {
	const char *sign;
	enum sq_compare_op op;
} signs[] = {
	/* the longer ones first */
	{ "<=", SQ_COMPARE_AT_MOST }, { ">=", SQ_COMPARE_AT_LEAST }, { "!=", SQ_COMPARE_UNEQUAL },
	{ "==", SQ_COMPARE_EQUAL },   { "<", SQ_COMPARE_LESS },	     { ">", SQ_COMPARE_MORE },
	{ "=", SQ_COMPARE_EQUAL },    { "~", SQ_COMPARE_MATCHES },
};

static int parse_quantity(const char *text, enum sq_compare_unit unit, double *ret,
			  const char **why)
{
	uint64_t whole;
	int r;

	if (unit == SQ_UNIT_NUMBER)
		return sq_parse_number(text, ret, why);
	r = unit == SQ_UNIT_DURATION ? sq_parse_duration(text, &whole, why)
				     : sq_parse_size(text, &whole, why);
	if (!r)
		*ret = (double)whole;
	return r;
}

static int parse_range(const char *text, const char *dots, enum sq_compare_unit unit,
		       struct sq_compare *ret, const char **why)
{
	_cleanup_free_ char *low = sq_strndup(text, (size_t)(dots - text));
	int r = parse_quantity(low, unit, &ret->low, why);

	if (!r)
		r = parse_quantity(dots + 2, unit, &ret->high, why);
	if (r)
		return r; /* a text with two dots in it, such as a path? */
	ret->op = SQ_COMPARE_BETWEEN;
	ret->number = true;
	if (ret->high >= ret->low)
		return 0;
	*why = "is a range that ends before it begins";
	return -EINVAL;
}

static int check_regex(const char *expression, const char **why)
{
	static _Thread_local char message[160];
	char reason[100];

	if (!sq_regex_check(expression, reason, sizeof(reason)))
		return 0;
	snprintf(message, sizeof(message), "has no regular expression behind '~': %s", reason);
	*why = message;
	return -EINVAL;
}

/* What stands behind the sign is a quantity, or a text that is to be the same or another. */
static int parse_operand(const char *text, enum sq_compare_unit unit, struct sq_compare *ret,
			 const char **why)
{
	int r = parse_quantity(text, unit, &ret->low, why);

	ret->number = !r;
	if (!r || unit != SQ_UNIT_NUMBER)
		return r;
	if (ret->op == SQ_COMPARE_EQUAL || ret->op == SQ_COMPARE_UNEQUAL)
		return 0;
	*why = "compares with something that is no number";
	return r;
}

static int parse(enum sq_compare_unit unit, struct sq_compare *ret, const char **why)
{
	const char *text = ret->text, *dots = strstr(text, "..");
	int r;

	ret->operand = text;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		size_t n = strlen(signs[i].sign);

		if (strncmp(text, signs[i].sign, n) != 0)
			continue;
		ret->op = signs[i].op;
		ret->operand = text + n + strspn(text + n, " ");
		if (ret->op != SQ_COMPARE_MATCHES)
			return parse_operand(ret->operand, unit, ret, why);
		*why = "is a size or a duration: no expression matches it";
		return unit == SQ_UNIT_NUMBER ? check_regex(ret->operand, why) : -EINVAL;
	}
	if (dots) {
		r = parse_range(text, dots, unit, ret, why);
		if (!r || unit != SQ_UNIT_NUMBER || ret->op == SQ_COMPARE_BETWEEN)
			return r;
	}
	ret->op = unit == SQ_UNIT_DURATION ? SQ_COMPARE_AT_MOST : SQ_COMPARE_EQUAL;
	return parse_operand(text, unit, ret, why);
}

int sq_compare_parse(const char *text, enum sq_compare_unit unit, struct sq_compare *ret,
		     const char **why)
{
	int r;

	*ret = (struct sq_compare){ .text = sq_strdup(text) };
	r = parse(unit, ret, why);
	if (r)
		sq_compare_clear(ret);
	return r;
}

void sq_compare_clear(struct sq_compare *compare)
{
	free(compare->text);
	*compare = (struct sq_compare){ 0 };
}

bool sq_compare_number(const struct sq_compare *compare, double value)
{
	if (!compare->number && compare->op != SQ_COMPARE_NONE)
		return compare->op == SQ_COMPARE_UNEQUAL;
	switch (compare->op) {
	case SQ_COMPARE_NONE:
		return true;
	case SQ_COMPARE_EQUAL:
		return value == compare->low;
	case SQ_COMPARE_UNEQUAL:
		return value != compare->low;
	case SQ_COMPARE_LESS:
		return value < compare->low;
	case SQ_COMPARE_AT_MOST:
		return value <= compare->low;
	case SQ_COMPARE_MORE:
		return value > compare->low;
	case SQ_COMPARE_AT_LEAST:
		return value >= compare->low;
	case SQ_COMPARE_BETWEEN:
		return value >= compare->low && value <= compare->high;
	case SQ_COMPARE_MATCHES:
		break;
	}
	return false;
}

bool sq_compare_text(const struct sq_compare *compare, const char *value)
{
	const char *why;
	double number;

	if (compare->op == SQ_COMPARE_NONE)
		return true;
	if (compare->op == SQ_COMPARE_MATCHES)
		return sq_regex_matches(compare->operand, value);
	if (compare->number && !sq_parse_number(value, &number, &why))
		return sq_compare_number(compare, number);
	if (compare->op == SQ_COMPARE_EQUAL)
		return !strcmp(value, compare->operand);
	return compare->op == SQ_COMPARE_UNEQUAL && strcmp(value, compare->operand) != 0;
}
