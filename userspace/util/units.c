// SPDX-License-Identifier: GPL-2.0-only
#include "util/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define SPACE "has a space in it; write the unit right behind the number"

struct unit {
	const char *name;
	double factor;
};

static int fail(const char **why, int errnum, const char *text)
{
	if (why)
		*why = text;
	return -errnum;
}

/* Digits and at most one point; moves *@text behind them. */
static int scan_decimal(const char **text, double *ret)
{
	const char *p = *text;
	char *end;

	while (isdigit((unsigned char)*p))
		p++;
	if (p == *text)
		return -EINVAL;
	if (*p == '.') {
		if (!isdigit((unsigned char)p[1]))
			return -EINVAL;
		p++;
		while (isdigit((unsigned char)*p))
			p++;
	}
	*ret = strtod(*text, &end);
	if (end != p)
		return -EINVAL;
	*text = p;
	return 0;
}

static const struct unit *scan_unit(const char **text, const struct unit *units, size_t n)
{
	size_t length = strcspn(*text, "0123456789.");

	for (size_t i = 0; i < n; i++) {
		if (strlen(units[i].name) == length && !strncmp(*text, units[i].name, length)) {
			*text += length;
			return &units[i];
		}
	}
	return NULL;
}

static int store(double value, uint64_t *ret, const char **why)
{
	if (value >= 9.2e18)
		return fail(why, ERANGE, "is too large");
	*ret = (uint64_t)llround(value);
	return 0;
}

int sq_parse_duration(const char *text, uint64_t *ret_ns, const char **why)
{
	static const struct unit units[] = {
		{ "ns", 1 },   { "us", 1e3 },	{ "ms", 1e6 },	 { "s", 1e9 },
		{ "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
	};
	double total = 0, last = INFINITY;

	if (!*text)
		return fail(why, EINVAL, "is empty; write a duration such as 100ms or 2m");
	if (strspn(text, "0123456789.") == strlen(text))
		return fail(why, EINVAL,
			    "has no unit; write one of us, ms, s, m, h behind the number");
	if (*text == '-')
		return fail(why, EINVAL, "is negative");
	while (*text) {
		const struct unit *unit;
		double value;

		if (scan_decimal(&text, &value))
			return fail(why, EINVAL, "is not a duration such as 100ms, 1.5s or 1m30s");
		if (*text == ' ')
			return fail(why, EINVAL, SPACE);
		unit = scan_unit(&text, units, ARRAY_SIZE(units));
		if (!unit)
			return fail(why, EINVAL,
				    "has an unknown unit; durations end in us, ms, s, m or h");
		if (unit->factor >= last)
			return fail(why, EINVAL,
				    "has its units out of order; write the largest first");
		last = unit->factor;
		total += value * unit->factor;
	}
	return store(total, ret_ns, why);
}

static int parse_percent(const char *text, double most, uint64_t *ret_ppb, const char **why)
{
	const char *p = text;
	double value;

	if (*text && strspn(text, "0123456789.") == strlen(text))
		return fail(why, EINVAL,
			    "has no unit; write a share with a percent sign, such as 5%");
	if (!scan_decimal(&p, &value) && *p == ' ')
		return fail(why, EINVAL, SPACE);
	p = text;
	if (scan_decimal(&p, &value) || strcmp(p, "%") != 0)
		return fail(why, EINVAL, "is not a share such as 5%");
	if (value > most)
		return fail(why, ERANGE, "is not between 0% and 100%");
	return store(value * (SQ_SHARE_ONE / 100.0), ret_ppb, why);
}

int sq_parse_share(const char *text, uint64_t *ret_ppb, const char **why)
{
	return parse_percent(text, 100, ret_ppb, why);
}

int sq_parse_excess(const char *text, uint64_t *ret_ppb, const char **why)
{
	return parse_percent(text, HUGE_VAL, ret_ppb, why);
}

int sq_parse_rate(const char *text, uint64_t *ret_per_1000s, const char **why)
{
	static const struct unit units[] = { { "/s", 1000 },
					     { "/m", 1000 / 60.0 },
					     { "/h", 1000 / 3600.0 } };
	const char *p = text;
	const struct unit *unit;
	double value;

	if (*text && strspn(text, "0123456789.") == strlen(text))
		return fail(why, EINVAL, "has no unit; write a rate such as 500/s");
	if (scan_decimal(&p, &value))
		return fail(why, EINVAL, "is not a rate such as 500/s");
	unit = scan_unit(&p, units, ARRAY_SIZE(units));
	if (!unit || *p)
		return fail(why, EINVAL, "is not a rate such as 500/s");
	if (value * unit->factor < 1)
		return fail(why, ERANGE, "is too small");
	return store(value * unit->factor, ret_per_1000s, why);
}

int sq_parse_bitrate(const char *text, uint64_t *ret_bps, const char **why)
{
	static const struct unit units[] = {
		{ "bit", 1 }, { "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 }
	};
	const char *p = text;
	const struct unit *unit;
	double value;

	if (*text && strspn(text, "0123456789.") == strlen(text))
		return fail(why, EINVAL, "has no unit; write bits a second such as 10mbit");
	if (scan_decimal(&p, &value))
		return fail(why, EINVAL, "is not a number of bits a second such as 10mbit");
	if (*p == ' ')
		return fail(why, EINVAL, SPACE);
	unit = scan_unit(&p, units, ARRAY_SIZE(units));
	if (!unit || *p)
		return fail(why, EINVAL,
			    "is not a number of bits a second; write bit, kbit, mbit or gbit "
			    "behind the number");
	return store(value * unit->factor, ret_bps, why);
}

static char *scaled_text(uint64_t value, unsigned int base, const char *const units[4], char *text)
{
	double scaled = (double)value;
	size_t i = 0;

	for (; i < 3 && scaled >= base; i++)
		scaled /= base;
	snprintf(text, 32, "%.10g %s", scaled, units[i]);
	return text;
}

char *sq_bitrate_text(uint64_t bps, char *text)
{
	return scaled_text(bps, 1000, (const char *const[4]){ "bit", "kbit", "mbit", "gbit" },
			   text);
}

char *sq_size_text(uint64_t bytes, char *text)
{
	return scaled_text(bytes, 1024, (const char *const[4]){ "B", "K", "M", "G" }, text);
}

int sq_parse_size(const char *text, uint64_t *ret_bytes, const char **why)
{
	static const struct unit units[] = {
		{ "B", 1 },
		{ "K", 1024.0 },
		{ "M", 1048576.0 },
		{ "G", 1073741824.0 },
		{ "KiB", 1024.0 },
		{ "MiB", 1048576.0 },
		{ "GiB", 1073741824.0 },
	};
	const char *p = text;
	const struct unit *unit;
	double value;

	if (*text && strspn(text, "0123456789.") == strlen(text))
		return fail(why, EINVAL, "has no unit; write a size such as 64M or 2G");
	if (scan_decimal(&p, &value))
		return fail(why, EINVAL, "is not a size such as 64M");
	unit = scan_unit(&p, units, ARRAY_SIZE(units));
	if (!unit || *p)
		return fail(why, EINVAL, "is not a size such as 64M");
	return store(value * unit->factor, ret_bytes, why);
}

int sq_parse_count(const char *text, uint64_t *ret, const char **why)
{
	char *end;

	if (*text == '0' && text[1])
		return fail(
			why, EINVAL,
			"begins with 0, as octal and hexadecimal numbers do; write it in decimal");
	if (!*text || strspn(text, "0123456789") != strlen(text))
		return fail(why, EINVAL, "is not a whole number");
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno || *end || *ret > INT64_MAX)
		return fail(why, ERANGE, "is too large");
	return 0;
}

int sq_parse_number(const char *text, double *ret, const char **why)
{
	char *end;

	/* strtod() takes hexadecimal and "nan" too */
	if (!*text || strspn(text, "+-.eE0123456789") != strlen(text))
		return fail(why, EINVAL, "is not a number");
	*ret = strtod(text, &end);
	if (*end || !isfinite(*ret))
		return fail(why, EINVAL, "is not a number");
	return 0;
}

char *sq_share_text(uint64_t ppb, char *text)
{
	double percent = (double)ppb / (SQ_SHARE_ONE / 100.0);

	/* %g would write the smallest with an exponent */
	snprintf(text, 32, ppb && percent < 0.0001 ? "%.7f %%" : "%.4g %%", percent);
	return text;
}

char *sq_count_text(uint64_t n, char *text)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *p = text;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*p++ = ' ';
		*p++ = digits[i];
	}
	*p = '\0';
	return text;
}
