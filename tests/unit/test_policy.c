// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <time.h>

#include "guard/admission.h"
#include "guard/blast_radius.h"
#include "guard/health.h"
#include "tests/unit/unit.h"
#include "util/time.h"

static struct sq_policy *with(const char *text)
{
	_cleanup_free_ char *all = sq_asprintf("version: 1\n%s\n", text);
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_policy *policy = sq_policy_parse("p.yaml", all, strlen(all), &diags);

	if (!policy)
		fail_msg("%s: %s", text, diags.item[0].message);
	return policy;
}

static void rejects(const char *text, const char *part)
{
	_cleanup_free_ char *all = sq_asprintf("version: 1\n%s\n", text);
	_cleanup_diags_ struct sq_diags diags = { 0 };

	assert_null(sq_policy_parse("p.yaml", all, strlen(all), &diags));
	assert_int_equal(diags.errors, 1);
	assert_contains(diags.item[0].message, part);
}

static void test_each_mistake_is_told(void **state)
{
	rejects("enviroment: a", "a policy has no 'enviroment'");
	rejects("exec_user: root", "exec_user: must not be root");
	rejects("experiments: etc", "is not a whole path");
	rejects("require: [raison]", "'raison' is not one of reason, task_id");
	rejects("faults: {deny: network.los}", "there is no fault 'network.los'");
	rejects("faults: {deny: \"syscall.error:@memry\"}", "neither a system call nor a group");
	rejects("limits: {cgroups: 0}", "cgroups: 0 is less than 1");
	rejects("windows: [{from: \"9:00\", to: \"16:00\"}]", "is no time of day");
	rejects("windows: [{from: \"09:00\", to: \"24:01\"}]", "is no time of day");
	rejects("windows: [{from: \"09:00\", to: \"16:00\", zone: Europe/Berln}]", "no time zone");
	rejects("windows: [{from: \"09:00\", to: \"16:00\", zone: ../../etc/passwd}]",
		"no time zone");
	rejects("blackouts: [{from: \"2026-02-29\", to: \"2026-03-01\"}]",
		"from: '2026-02-29' is no date");
	rejects("blackouts: [{from: \"2026-03-02\", to: \"2026-03-01\"}]", "ends before it begins");
	rejects("journal: {per_run: 90}", "has no unit");
	rejects("journal: {per_run: 2X}", "is not a size");
	rejects("targets: {protect: [{cgroup: a}]}", "does not begin with '/'");
	rejects("stop_if: [{psi: {}}]", "psi: there is nothing in it");
	rejects("stop_if: [{load: 5, expect: {status: 200}}]", "this is about the host");
	rejects("stop_if: [{name: a}]", "exactly one of");
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
	static const char text[] = "\xef\xbb\xbfversion: 1\nenvironment: lab\n";
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_policy *policy = sq_policy_parse("p.yaml", text, strlen(text), &diags);

	assert_non_null(policy);
	assert_string_equal(policy->environment, "lab");
	sq_policy_free(policy);
}

/* NULL, or why a run from @from that takes @minutes is not to be now. */
static char *refusal(const char *text, const char *zone, const char *from, int minutes)
{
	struct sq_policy *policy = with(text);
	_cleanup_error_ struct sq_error *err = NULL;
	struct tm tm = { .tm_isdst = -1 };
	uint64_t begin;
	char *why = NULL;

	setenv("TZ", zone, 1);
	tzset();
	assert_non_null(strptime(from, "%Y-%m-%d %H:%M", &tm));
	begin = (uint64_t)mktime(&tm) * SQ_S;
	if (sq_calendar_check(policy, begin, begin + (uint64_t)minutes * 60 * SQ_S, &err)) {
		assert_int_equal(err->kind, SQ_FAIL_NOT_NOW);
		why = sq_strdup(err->message);
	}
	/* the zone is what it was */
	assert_string_equal(getenv("TZ"), zone);
	sq_policy_free(policy);
	return why;
}

#define OPEN(...)                                                \
	do {                                                     \
		_cleanup_free_ char *why = refusal(__VA_ARGS__); \
		if (why)                                         \
			fail_msg("refused: %s", why);            \
	} while (0)
#define CLOSED(part, ...)                                        \
	do {                                                     \
		_cleanup_free_ char *why = refusal(__VA_ARGS__); \
		assert_non_null(why);                            \
		assert_contains(why, part);                      \
	} while (0)

static void test_a_run_lies_in_a_window_from_start_to_end(void **state)
{
	static const char berlin[] =
		"windows: [{days: [Mon, Tue], from: \"09:00\", to: \"16:00\", zone: Europe/Berlin}]";
	static const char night[] = "windows: [{days: Fri, from: \"22:00\", to: \"02:00\"}]";

	/* 2026-11-23 is a Monday; Berlin is an hour ahead of UTC in winter, two in summer */
	OPEN(berlin, "UTC", "2026-11-23 08:00", 420);
	CLOSED("windows", berlin, "UTC", "2026-11-23 07:59", 10);
	CLOSED("windows", berlin, "UTC", "2026-11-23 14:00", 61);
	CLOSED("windows", berlin, "UTC", "2026-11-25 10:00", 1);
	OPEN(berlin, "UTC", "2026-07-20 07:00", 1);
	CLOSED("windows", berlin, "UTC", "2026-07-20 14:00", 1);
	/* a window over midnight belongs to the day on which it begins */
	OPEN(night, "Asia/Tokyo", "2026-11-28 01:00", 60);
	OPEN(night, "Asia/Tokyo", "2026-11-27 23:00", 180);
	CLOSED("windows", night, "Asia/Tokyo", "2026-11-28 22:00", 10);
	CLOSED("windows", night, "Asia/Tokyo", "2026-11-27 01:00", 10);
	OPEN("environment: a", "UTC", "2026-11-28 01:00", 60);
}

static void test_a_blackout_takes_its_days_whole(void **state)
{
	static const char freeze[] =
		"blackouts: [{from: \"2026-12-18\", to: \"2027-01-04\", why: change freeze}]";
	static const char hours[] =
		"blackouts: [{from: \"2026-12-18 17:00\", to: \"2026-12-18 18:00\"}]";

	CLOSED("change freeze", freeze, "UTC", "2026-12-18 00:00", 1);
	CLOSED("change freeze", freeze, "UTC", "2026-12-17 23:00", 60);
	CLOSED("change freeze", freeze, "UTC", "2027-01-04 23:59", 1);
	OPEN(freeze, "UTC", "2027-01-05 00:00", 1);
	OPEN(freeze, "UTC", "2026-12-17 23:00", 59);
	CLOSED("17:00", hours, "UTC", "2026-12-18 17:59", 1);
	OPEN(hours, "UTC", "2026-12-18 18:00", 1);
}

static void test_include_is_named_by_the_policy(void **state)
{
	struct sq_policy *policy = with("faults: {include: control-path}");

	assert_int_equal(policy->faults.include, 1);
	assert_int_equal(policy->faults.deny.n, 0);
	sq_policy_free(policy);
	policy = with("faults: {deny: network.loss}");
	assert_int_equal(policy->faults.include, 0);
	sq_policy_free(policy);
	rejects("faults: {include: ssh}", "include: 'ssh' is not");
}

static void test_denied_faults(void **state)
{
	struct sq_policy *policy = with("faults: {deny: [\"network.l*\", \"syscall.*:@sync\"]}");
	static const char text[] =
		"version: 1\ntitle: t\ntargets: {a: {cgroup: /a}}\nmethod:\n"
		"  - {name: a, fault: network.loss, probability: 1%, target: a, for: 1s}\n"
		"  - {name: b, fault: network.partition, target: a, for: 1s}\n"
		"  - {name: c, fault: syscall.error, calls: [read, fsync], error: EIO, target: a, for: 1s}\n"
		"  - {name: d, fault: syscall.error, calls: [read], error: EIO, target: a, for: 1s}\n";
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment =
		sq_experiment_parse("x.yaml", text, strlen(text), NULL, &diags);

	assert_non_null(experiment);
	assert_string_equal(sq_policy_denies(policy, &sq_faults(experiment)[0]), "network.l*");
	assert_null(sq_policy_denies(policy, &sq_faults(experiment)[1]));
	assert_string_equal(sq_policy_denies(policy, &sq_faults(experiment)[2]), "syscall.*:@sync");
	assert_null(sq_policy_denies(policy, &sq_faults(experiment)[3]));
	sq_experiment_free(experiment);
	sq_policy_free(policy);
}

static void test_what_others_use_counts_together(void **state)
{
	struct sq_policy *policy =
		with("limits: {cgroups: 3, processes: 10, share: 50%, runs: 2, faults: 1000}");
	static const char text[] = "version: 1\ntitle: t\ntargets: {web: {cgroup: /web*}}\n"
				   "method: {fault: network.partition, target: web, for: 1s}\n";
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment =
		sq_experiment_parse("x.yaml", text, strlen(text), NULL, &diags);
	_cleanup_texts_ struct sq_texts all = { 0 }, paths = { 0 };
	struct sq_host_use others = { .runs = 1, .processes = 8, .faults = 400 };
	struct sq_usage usage = { .target = "web",
				  .matched = 4,
				  .selected = 2,
				  .processes = 2,
				  .shared = true,
				  .all = &all };
	const struct sq_radius_use use = { experiment, &usage, 1, policy, &others, &paths };
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_limits limits;

	for (const char *name = "/web1\0/web2\0/web3\0/web4\0"; *name; name += strlen(name) + 1)
		sq_texts_add(&all, name);
	sq_texts_add(&paths, "/web1");
	sq_texts_add(&paths, "/web2");
	/* exactly at each limit: what both have counts once */
	sq_texts_add(&others.paths, "/web1");
	sq_texts_add(&others.paths, "/db");
	assert_int_equal(sq_host_use_tighten(&others, policy, experiment, NULL), 0);
	assert_int_equal(experiment->blast_radius.faults, 600);
	sq_blast_radius_limits(&use, &limits);
	assert_int_equal(sq_blast_radius_check(&limits, NULL), 0);
	sq_limits_clear(&limits);
	/* one more of each: only together too much, so not now */
	sq_texts_add(&others.paths, "/web3");
	others.processes++;
	others.runs++;
	sq_blast_radius_limits(&use, &limits);
	assert_true(sq_blast_radius_check(&limits, &err) < 0);
	assert_int_equal(err->kind, SQ_FAIL_NOT_NOW);
	assert_contains(err->message, "cgroups: 2 and 2 by other runs, allowed are 3");
	assert_contains(err->message, "processes: 2 and 9 by other runs, allowed are 10");
	assert_contains(err->message, "share: 75 % (3 of 4 in 'web'), allowed are 50 %");
	assert_contains(err->message, "runs: 1 and 2 by other runs, allowed are 2");
	sq_limits_clear(&limits);
	sq_error_freep(&err);
	err = NULL;
	/* too much by itself: never */
	usage.processes = 11;
	sq_blast_radius_limits(&use, &limits);
	assert_true(sq_blast_radius_check(&limits, &err) < 0);
	assert_int_equal(err->kind, SQ_FAIL_REFUSED);
	sq_limits_clear(&limits);
	others.faults = 1000;
	assert_true(sq_host_use_tighten(&others, policy, experiment, NULL) < 0);
	sq_host_use_clear(&others);
	sq_experiment_free(experiment);
	sq_policy_free(policy);
}

static void test_a_clock_that_is_set_is_seen(void **state)
{
	int64_t offset = 0;
	uint64_t wall = 1800000000 * SQ_S, now = 5 * SQ_S;

	assert_int_equal(sq_health_clock_jump(&offset, wall, now), 0);
	/* both go on, in a suspend too; a small correction is none */
	assert_int_equal(sq_health_clock_jump(&offset, wall + 3600 * SQ_S, now + 3600 * SQ_S), 0);
	assert_int_equal(
		sq_health_clock_jump(&offset, wall + 3601 * SQ_S + 900 * SQ_MS, now + 3601 * SQ_S),
		0);
	assert_int_equal(sq_health_clock_jump(&offset, wall + 7202 * SQ_S, now + 3602 * SQ_S) /
				 (int64_t)SQ_S,
			 3599);
	assert_int_equal(sq_health_clock_jump(&offset, wall + 7203 * SQ_S, now + 3603 * SQ_S), 0);
	assert_int_equal(sq_health_clock_jump(&offset, wall, now + 3604 * SQ_S) / (int64_t)SQ_S,
			 -7204);
}

/* What a condition on the host says of this one. */
static char *health(const char *text)
{
	_cleanup_free_ char *all = sq_asprintf("stop_if: [{%s}]", text);
	struct sq_policy *policy = with(all);
	struct sq_health health = { 0 };
	char *why = sq_health_look(&sq_stop_ifs(&policy->stop_if)[0], &health, 0, sq_now());

	sq_policy_free(policy);
	return why;
}

static void test_the_host_is_looked_at(void **state)
{
	static const char *const fine[] = { "load: 100000", "memory_free: 0.001%",
					    "disk_free: 1B" };
	_cleanup_free_ char *memory = health("memory_free: 100%"),
			    *disk = health("disk_free: 1000000G");

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		assert_null(health(fine[i]));
	assert_contains(memory, "of the memory is available, at least 100 % should be");
	assert_contains(disk, "MiB are free where the journals are, at least 1000000G should be");
}

UNIT(UNIT_TEST(test_each_mistake_is_told), UNIT_TEST(test_a_byte_order_mark_is_skipped),
     UNIT_TEST(test_a_run_lies_in_a_window_from_start_to_end),
     UNIT_TEST(test_a_blackout_takes_its_days_whole), UNIT_TEST(test_denied_faults),
     UNIT_TEST(test_include_is_named_by_the_policy),
     UNIT_TEST(test_what_others_use_counts_together), UNIT_TEST(test_a_clock_that_is_set_is_seen),
     UNIT_TEST(test_the_host_is_looked_at))
