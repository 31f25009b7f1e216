// SPDX-License-Identifier: GPL-2.0-only
/* Windows and blackouts of the policy, each in a time zone of its own. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "guard/admission.h"
#include "util/time.h"

/* From here on local time is @zone's (NULL: the host's); returns what to give to leave_zone(). */
static char *enter_zone(const char *zone)
{
	const char *was = getenv("TZ");
	char *copy = was ? sq_strdup(was) : NULL;

	if (zone)
		setenv("TZ", zone, 1);
	tzset();
	return copy;
}

static void leave_zone(char *was)
{
	if (was)
		setenv("TZ", was, 1);
	else
		unsetenv("TZ");
	tzset();
	free(was);
}

/* Does a window that begins on the day @offset days after that of @from hold all of it? */
static bool holds(const struct sq_window *window, time_t from, time_t until, int offset)
{
	unsigned int to = window->to_minute > window->from_minute ? window->to_minute
								  : window->to_minute + 24 * 60;
	struct tm day, begin, end;

	localtime_r(&from, &day);
	day.tm_mday += offset;
	day.tm_hour = 12; /* no zone changes its clock then */
	day.tm_min = day.tm_sec = 0;
	day.tm_isdst = -1;
	mktime(&day);
	/* Sunday is 0 in struct tm, and the last one here */
	if (window->days && !(window->days >> ((day.tm_wday + 6) % 7) & 1))
		return false;
	begin = end = day;
	begin.tm_hour = end.tm_hour = 0;
	begin.tm_min = (int)window->from_minute;
	end.tm_min = (int)to;
	begin.tm_isdst = end.tm_isdst = -1;
	return from >= mktime(&begin) && until <= mktime(&end);
}

static bool in_window(const struct sq_window *window, time_t from, time_t until)
{
	char *was = enter_zone(window->zone);
	bool is = holds(window, from, until, 0) || holds(window, from, until, -1);

	leave_zone(was);
	return is;
}

static time_t time_of(const struct sq_date *date)
{
	struct tm tm = { .tm_year = date->year - 1900,
			 .tm_mon = date->month - 1,
			 .tm_mday = date->day,
			 .tm_min = date->minute,
			 .tm_isdst = -1 };

	return mktime(&tm);
}

static bool in_blackout(const struct sq_blackout *blackout, time_t from, time_t until)
{
	char *was = enter_zone(blackout->zone);
	bool is = from < time_of(&blackout->last) && until >= time_of(&blackout->first);

	leave_zone(was);
	return is;
}

bool sq_blackout_is_over(const struct sq_blackout *blackout, uint64_t now_ns)
{
	char *was = enter_zone(blackout->zone);
	bool is = (time_t)(now_ns / SQ_S) >= time_of(&blackout->last);

	leave_zone(was);
	return is;
}

static void add_windows(const struct sq_policy *policy, struct sq_buffer *text)
{
	static const char *const names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

	for (size_t i = 0; i < policy->windows.n; i++) {
		const struct sq_window *window = &sq_windows(policy)[i];

		sq_buffer_add(text, "%s", i ? "; " : "");
		for (size_t day = 0; day < ARRAY_SIZE(names); day++)
			if (window->days >> day & 1)
				sq_buffer_add(text, "%s ", names[day]);
		sq_buffer_add(text, "%s to %s%s%s", window->from, window->to,
			      window->zone ? " " : "", window->zone ? window->zone : "");
	}
}

int sq_calendar_check(const struct sq_policy *policy, uint64_t from_ns, uint64_t until_ns,
		      struct sq_error **err)
{
	time_t from = (time_t)(from_ns / SQ_S), until = (time_t)((until_ns + SQ_S - 1) / SQ_S);
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	char took[SQ_DURATION_SIZE];
	bool inside = !policy->windows.n;

	for (size_t i = 0; i < policy->blackouts.n; i++) {
		const struct sq_blackout *blackout = &sq_blackouts(policy)[i];

		if (!in_blackout(blackout, from, until))
			continue;
		sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
			     "the policy has a blackout from %s to %s%s%s", blackout->from,
			     blackout->to, blackout->why ? ": " : "",
			     blackout->why ? blackout->why : "");
		return sq_error_hint(err, "try again when it is over");
	}
	for (size_t i = 0; i < policy->windows.n && !inside; i++)
		inside = in_window(&sq_windows(policy)[i], from, until);
	if (inside)
		return 0;
	add_windows(policy, &text);
	sq_error_set(err, SQ_FAIL_NOT_NOW, EBUSY,
		     "the run, which takes up to %s from now on, does not lie within one of the "
		     "policy's windows",
		     sq_duration_text(until_ns - from_ns, took));
	return sq_error_hint(err, "the windows are: %s", sq_buffer_text(&text));
}
