// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/policy.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/check.h"
#include "util/time.h"
#include "util/units.h"

#define DAY_MINUTES 1440u
#define MOST_KINDS 64
#define ZONES "/usr/share/zoneinfo/"

/* "09:00"; 24:00 is the day's end. */
static bool read_clock(const char *text, unsigned int *ret_minute)
{
	unsigned int hour, minute;
	int n = 0;

	if (strlen(text) != 5 || sscanf(text, "%2u:%2u%n", &hour, &minute, &n) != 2 || n != 5 ||
	    !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[3]) || minute > 59 ||
	    hour * 60 + minute > DAY_MINUTES)
		return false;
	*ret_minute = hour * 60 + minute;
	return true;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* "2026-12-18" or "2026-12-18 17:00". */
static bool read_date(const char *text, struct sq_date *ret, bool *ret_has_time)
{
	static const char shape[] = "dddd-dd-dd";
	unsigned int minute = 0;
	struct sq_date date = { 0 };

	*ret_has_time = strlen(text) > sizeof(shape) - 1;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	date.year = (int)strtol(text, NULL, 10);
	date.month = (int)strtol(text + 5, NULL, 10);
	date.day = (int)strtol(text + 8, NULL, 10);
	if (date.year < 1970 || date.month < 1 || date.month > 12 || date.day < 1 ||
	    date.day > days_of(date.year, date.month))
		return false;
	if (*ret_has_time && (text[10] != ' ' || !read_clock(text + 11, &minute)))
		return false;
	date.minute = (int)minute;
	*ret = date;
	return true;
}

static void check_zone(const struct sq_object *object, const char *zone, struct sq_diags *diags)
{
	_cleanup_free_ char *path = zone ? sq_asprintf(ZONES "%s", zone) : NULL;

	/* an unknown zone would silently be UTC */
	if (!zone || !strcmp(zone, "UTC"))
		return;
	if (strstr(zone, "..") || zone[0] == '/' || zone[0] == '.' || access(path, R_OK) < 0)
		sq_diag_error(diags, sq_schema_mark(object, "zone"),
			      "such as Europe/Berlin; they are the files below " ZONES
			      " (Debian's package tzdata)",
			      "zone: '%.100s' is no time zone that this host knows", zone);
}

static void check_windows(struct sq_policy *policy, struct sq_diags *diags)
{
	for (size_t i = 0; i < policy->windows.n; i++) {
		struct sq_window *window = (struct sq_window *)policy->windows.item + i;

		check_zone(&window->object, window->zone, diags);
		if (window->from && !read_clock(window->from, &window->from_minute))
			sq_diag_error(diags, sq_schema_mark(&window->object, "from"), NULL,
				      "from: '%.100s' is no time of day such as \"09:00\"",
				      window->from);
		if (window->to && !read_clock(window->to, &window->to_minute))
			sq_diag_error(diags, sq_schema_mark(&window->object, "to"), NULL,
				      "to: '%.100s' is no time of day such as \"16:00\"",
				      window->to);
	}
}

static bool is_before(const struct sq_date *a, const struct sq_date *b)
{
	int x[] = { a->year, a->month, a->day, a->minute };
	int y[] = { b->year, b->month, b->day, b->minute };

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return false;
}

static void check_blackouts(struct sq_policy *policy, struct sq_diags *diags)
{
	static const char hint[] = "such as \"2026-12-18\" or \"2026-12-18 17:00\"";

	for (size_t i = 0; i < policy->blackouts.n; i++) {
		struct sq_blackout *blackout = (struct sq_blackout *)policy->blackouts.item + i;
		const struct sq_object *object = &blackout->object;
		bool has_time = false, from, to;

		check_zone(object, blackout->zone, diags);
		if (!blackout->from || !blackout->to)
			continue;
		from = read_date(blackout->from, &blackout->first, &has_time);
		if (!from)
			sq_diag_error(diags, sq_schema_mark(object, "from"), hint,
				      "from: '%.100s' is no date", blackout->from);
		to = read_date(blackout->to, &blackout->last, &has_time);
		if (!to)
			sq_diag_error(diags, sq_schema_mark(object, "to"), hint,
				      "to: '%.100s' is no date", blackout->to);
		/* a day is in it as a whole */
		if (to && !has_time)
			blackout->last.minute = DAY_MINUTES;
		if (from && to && !is_before(&blackout->first, &blackout->last))
			sq_diag_error(diags, sq_schema_mark(object, "to"), NULL,
				      "to: the blackout ends before it begins");
	}
}

static bool denied_calls(const char *name, struct sq_calls *ret)
{
	int number = sq_call_number(name);

	*ret = (struct sq_calls){ 0 };
	if (*name == '@')
		return sq_call_group(name, ret);
	if (number < 0 || number >= 64 * SQ_CALLS_WORDS)
		return false;
	sq_calls_add(ret, (unsigned int)number);
	return true;
}

static void check_denied(const struct sq_policy *policy, const char *entry, struct sq_diags *diags)
{
	_cleanup_free_ char *name = sq_strndup(entry, strcspn(entry, ":")), *hint = NULL;
	const char *calls = strchr(entry, ':'), *near, *names[MOST_KINDS];
	struct sq_mark mark = sq_schema_mark(&policy->faults.object, "deny");
	struct sq_calls found;
	size_t matched = 0, n = 0;

	for (size_t i = 0; i < sq_catalogue_n; i++) {
		matched += !fnmatch(name, sq_catalogue[i].name, 0);
		if (n < MOST_KINDS)
			names[n++] = sq_catalogue[i].name;
	}
	near = matched ? NULL : sq_nearest(name, names, n);
	if (near)
		hint = sq_asprintf("did you mean '%s'?", near);
	if (!matched)
		sq_diag_error(diags, mark, hint ? hint : "`squall faults` lists them",
			      "deny: there is no fault '%.100s'", name);
	if (calls && !denied_calls(calls + 1, &found))
		sq_diag_error(diags, mark, NULL,
			      "deny: '%.100s' is neither a system call nor a group of them",
			      calls + 1);
}

/* "90d", or what a duration else is. */
static int parse_age(const char *text, uint64_t *ret_ns, const char **why)
{
	char *end;
	unsigned long days = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || strcmp(end, "d") != 0)
		return sq_parse_duration(text, ret_ns, why);
	*why = "is longer than 100 years";
	if (days > 36500)
		return -ERANGE;
	*ret_ns = days * SQ_DAY;
	return 0;
}

static void check_journal(struct sq_policy_journal *journal, struct sq_diags *diags)
{
	const struct {
		const char *key, *text;
		uint64_t *value;
		int (*parse)(const char *text, uint64_t *ret, const char **why);
	} keys[] = { { "keep", journal->keep, &journal->keep_ns, parse_age },
		     { "total", journal->total, &journal->total_bytes, sq_parse_size },
		     { "per_run", journal->per_run, &journal->per_run_bytes, sq_parse_size } };
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].text && keys[i].parse(keys[i].text, keys[i].value, &why))
			sq_diag_error(diags, sq_schema_mark(&journal->object, keys[i].key), NULL,
				      "%s: '%.100s' %s", keys[i].key, keys[i].text, why);
}

static void check_folder(const struct sq_policy *policy, const char *key, const char *path,
			 struct sq_diags *diags)
{
	if (path && (path[0] != '/' || strstr(path, "/../")))
		sq_diag_error(diags, sq_schema_mark(&policy->object, key), NULL,
			      "%s: '%.100s' is not a whole path, such as /etc/squall/%s", key, path,
			      key);
}

static void check(struct sq_policy *policy, struct sq_diags *diags)
{
	if (policy->exec_user && !strcmp(policy->exec_user, "root"))
		sq_diag_error(diags, sq_schema_mark(&policy->object, "exec_user"),
			      "adduser --system squall-exec", "exec_user: must not be root");
	for (size_t i = 0; i < policy->experiments.n; i++)
		check_folder(policy, "experiments", policy->experiments.item[i], diags);
	check_folder(policy, "notify", policy->notify, diags);
	sq_protects_check(&policy->targets.allow, diags);
	sq_protects_check(&policy->targets.protect, diags);
	sq_stop_ifs_check(&policy->stop_if, diags);
	for (size_t i = 0; i < policy->faults.deny.n; i++)
		check_denied(policy, policy->faults.deny.item[i], diags);
	check_windows(policy, diags);
	check_blackouts(policy, diags);
	check_journal(&policy->journal, diags);
}

struct sq_policy *sq_policy_parse(const char *name, const char *text, size_t n,
				  struct sq_diags *diags)
{
	struct sq_policy *policy = sq_alloc(sizeof(*policy));

	policy->file = sq_strdup(name);
	policy->source = sq_strndup(text, n);
	policy->source_size = n;
	policy->root = sq_yaml_parse_file(name, text, n, diags);
	if (!policy->root)
		return sq_policy_free(policy);
	sq_schema_read(&sq_policy_schema, policy->root, policy, diags);
	check(policy, diags);
	return diags->errors ? sq_policy_free(policy) : policy;
}

struct sq_policy *sq_policy_load(const char *file, struct sq_diags *diags)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_yaml_load(file, &text, diags);

	return n < 0 ? NULL : sq_policy_parse(file, text, (size_t)n, diags);
}

struct sq_policy *sq_policy_free(struct sq_policy *policy)
{
	if (!policy)
		return NULL;
	sq_schema_clear(policy);
	sq_node_free(policy->root);
	free(policy->file);
	free(policy->source);
	free(policy);
	return NULL;
}

void sq_policy_freep(struct sq_policy **policy)
{
	sq_policy_free(*policy);
}

const char *sq_policy_denies(const struct sq_policy *policy, const struct sq_fault *fault)
{
	for (size_t i = 0; i < policy->faults.deny.n; i++) {
		const char *entry = policy->faults.deny.item[i], *calls = strchr(entry, ':');
		_cleanup_free_ char *name = sq_strndup(entry, strcspn(entry, ":"));
		struct sq_calls denied;
		bool common = !calls;

		if (fnmatch(name, fault->kind->name, 0) != 0)
			continue;
		if (calls && denied_calls(calls + 1, &denied))
			for (size_t j = 0; j < SQ_CALLS_WORDS; j++)
				common |= (denied.bit[j] & fault->calls.bit[j]) != 0;
		if (common)
			return entry;
	}
	return NULL;
}
