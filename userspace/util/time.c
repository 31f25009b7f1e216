// SPDX-License-Identifier: GPL-2.0-only
#include "util/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SQ_S + (uint64_t)t.tv_nsec;
}

uint64_t sq_now(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

bool sq_time_to_give_up(uint64_t begun_ns, uint64_t timeout_ns, unsigned int looked,
			unsigned int least)
{
	uint64_t waited = sq_now() - begun_ns;

	return waited >= 3 * timeout_ns || (waited >= timeout_ns && looked >= least);
}

uint64_t sq_wall(void)
{
	return clock_ns(CLOCK_REALTIME);
}

char *sq_rfc3339(uint64_t wall_ns, char text[SQ_RFC3339_SIZE])
{
	time_t seconds = (time_t)(wall_ns / SQ_S);
	struct tm utc;
	size_t n;

	gmtime_r(&seconds, &utc);
	n = strftime(text, SQ_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + n, SQ_RFC3339_SIZE - n, ".%06uZ", (unsigned int)(wall_ns % SQ_S / SQ_US));
	return text;
}

uint64_t sq_rfc3339_parse(const char *text)
{
	struct tm utc = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	uint64_t ns = 0, unit = SQ_S / 10;

	if (!rest)
		return 0;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ns += unit * (uint64_t)(*rest - '0');
	return strcmp(rest, "Z") != 0 ? 0 : (uint64_t)timegm(&utc) * SQ_S + ns;
}

char *sq_duration_text(uint64_t ns, char text[SQ_DURATION_SIZE])
{
	static const struct {
		uint64_t from, unit;
		const char *name;
	} units[] = {
		{ 7200 * SQ_S, 3600 * SQ_S, "h" },
		{ 120 * SQ_S, 60 * SQ_S, "m" },
		{ SQ_S, SQ_S, "s" },
		{ SQ_MS, SQ_MS, "ms" },
		{ SQ_US, SQ_US, "us" },
		{ 0, 1, "ns" },
	};
	const char *name = "ns";
	uint64_t unit = 1;
	double value;

	if (!ns) {
		snprintf(text, SQ_DURATION_SIZE, "0 s");
		return text;
	}

	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns >= units[i].from) {
			unit = units[i].unit;
			name = units[i].name;
			break;
		}
	}
	value = (double)ns / (double)unit;
	if (value >= 99.95)
		snprintf(text, SQ_DURATION_SIZE, "%.0f %s", value, name);
	else if (value >= 9.995)
		snprintf(text, SQ_DURATION_SIZE, "%.1f %s", value, name);
	else
		snprintf(text, SQ_DURATION_SIZE, "%.2f %s", value, name);
	/* "50.0 ms" and "1.50 s" say no more than "50 ms" and "1.5 s" */
	if (strchr(text, '.')) {
		char *end = strchr(text, ' '), *cut = end;

		while (cut[-1] == '0')
			cut--;
		if (cut[-1] == '.')
			cut--;
		memmove(cut, end, strlen(end) + 1);
	}
	return text;
}
