// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "guard/blast_radius.h"
#include "tests/unit/faults.h"
#include "util/time.h"

static const struct sq_host_use nobody;

static struct sq_experiment *with(const char *radius)
{
	_cleanup_free_ char *text = sq_asprintf(
		"version: 1\ntitle: t\ntargets: {web: {cgroup: /web*}}\nblast_radius: {%s}\n"
		"method: {fault: network.partition, target: web, at: 5s, for: 10s}\n",
		radius);

	return parsed(text, radius);
}

/* What the check says: NULL is yes. */
static char *check(const char *radius, const struct sq_usage *usage, size_t n)
{
	struct sq_experiment *experiment = with(radius);
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_limits limits;
	char *message = NULL;
	int r;

	sq_blast_radius_limits(
		&(struct sq_radius_use){
			.experiment = experiment, .usage = usage, .n = n, .others = &nobody },
		&limits);
	r = sq_blast_radius_check(&limits, &err);
	if (r) {
		assert_int_equal(r, -EPERM);
		assert_int_equal(err->kind, SQ_FAIL_REFUSED);
		assert_non_null(err->hint);
		message = sq_strdup(err->message);
	}
	sq_limits_clear(&limits);
	sq_experiment_free(experiment);
	return message;
}

static void allows(const char *radius, struct sq_usage usage)
{
	_cleanup_free_ char *why = check(radius, &usage, 1);

	if (why)
		fail_msg("%s", why);
}

static void refuses(const char *radius, struct sq_usage usage, const char *part)
{
	_cleanup_free_ char *why = check(radius, &usage, 1);

	if (!why)
		fail_msg("'%s' is allowed", radius);
	assert_contains(why, part);
}

static struct sq_usage use(uint64_t matched, uint64_t selected, uint64_t processes)
{
	return (struct sq_usage){ .target = "web",
				  .matched = matched,
				  .selected = selected,
				  .processes = processes,
				  .shared = matched > 1 };
}

static struct sq_usage exact(uint64_t n)
{
	struct sq_usage usage = use(n, n, 1);

	usage.shared = false;
	return usage;
}

static void test_cgroups_at_and_over_the_limit(void **state)
{
	allows("cgroups: 4", use(10, 4, 1));
	refuses("cgroups: 4", use(10, 5, 1), "cgroups: 5, allowed are 4 (experiment)");
	/* without a limit there is none */
	allows("share: 100%", use(5000, 5000, 1));
}

static void test_processes_at_and_over_the_limit(void **state)
{
	allows("processes: 1000", use(1, 1, 1000));
	refuses("processes: 1000", use(1, 1, 1001),
		"processes: 1 001, allowed are 1 000 (experiment)");
}

static void test_share_is_half_unless_said(void **state)
{
	allows("", use(2, 1, 1));
	allows("", use(100, 50, 1));
	refuses("", use(100, 51, 1),
		"share: 51 % (51 of 100 in 'web'), allowed are 50 % (default)");
	refuses("", use(3, 2, 1), "share: 66.67 %");
	refuses("", use(2, 2, 1), "share: 100 %");
}

static void test_share_at_and_over_the_limit(void **state)
{
	/* shares that no binary fraction is */
	allows("share: 70%", use(10, 7, 1));
	refuses("share: 70%", use(10, 8, 1), "allowed are 70 % (experiment)");
	allows("share: 53.6%", use(125, 67, 1));
	refuses("share: 53.6%", use(125, 68, 1), "share:");
	refuses("share: 33.3333333%", use(3, 1, 1), "share:");
	allows("share: 33.3333334%", use(3, 1, 1));
	allows("share: 100%", use(10, 10, 1));
	/* one in a million is not lost in rounding */
	refuses("share: 99.9999%", use(10000000, 9999999, 1), "share:");
}

static void test_share_is_of_globs_only(void **state)
{
	allows("share: 1%", exact(1));
	allows("share: 1%", exact(2));
}

static void test_targets_add_up_but_for_the_share(void **state)
{
	const struct sq_usage usage[] = {
		{ .target = "a", .matched = 10, .selected = 3, .processes = 100, .shared = true },
		{ .target = "b", .matched = 10, .selected = 2, .processes = 200, .shared = true },
		{ .target = "c", .matched = 1, .selected = 1, .processes = 50 },
	};
	_cleanup_free_ char *yes = check("cgroups: 6, processes: 350, share: 30%", usage, 3);
	_cleanup_free_ char *cgroups = check("cgroups: 5", usage, 3);
	_cleanup_free_ char *processes = check("processes: 349", usage, 3);
	_cleanup_free_ char *share = check("share: 29%", usage, 3);

	assert_null(yes);
	assert_contains(cgroups, "cgroups: 6, allowed are 5");
	assert_contains(processes, "processes: 350, allowed are 349");
	assert_contains(share, "30 % (3 of 10 in 'a')");
}

static void test_what_two_targets_have_counts_once(void **state)
{
	const struct sq_usage usage[] = {
		{ .target = "a", .matched = 1, .selected = 1, .processes = 100 },
		{ .target = "b", .matched = 2, .selected = 2, .repeated = 1, .processes = 20 },
	};
	_cleanup_free_ char *yes = check("cgroups: 2, processes: 120", usage, 2);
	_cleanup_free_ char *no = check("cgroups: 1", usage, 2);

	assert_null(yes);
	assert_contains(no, "cgroups: 2, allowed are 1");
}

static void test_every_limit_that_is_exceeded_is_told(void **state)
{
	struct sq_usage usage = use(10, 9, 99);
	_cleanup_free_ char *why = check("cgroups: 1, processes: 1, share: 10%", &usage, 1);

	assert_contains(why, "cgroups: 9, allowed are 1 (experiment); share: 90 %");
	assert_contains(why, "; processes: 99, allowed are 1 (experiment)");
}

static const struct sq_limit *find(const struct sq_limits *limits, const char *name)
{
	for (size_t i = 0; i < limits->n; i++)
		if (!strcmp(limits->item[i].name, name))
			return &limits->item[i];
	fail_msg("there is no limit '%s'", name);
	return NULL;
}

static void test_limits_of_the_kernel_are_shown_too(void **state)
{
	struct sq_experiment *experiment = with("faults: 100000, rate: 1000000/s, duration: 15s");
	struct sq_usage usage = use(2, 1, 1);
	struct sq_limits limits;

	sq_blast_radius_limits(
		&(struct sq_radius_use){
			.experiment = experiment, .usage = &usage, .n = 1, .others = &nobody },
		&limits);
	assert_int_equal(limits.n, 7);
	assert_string_equal(find(&limits, "faults")->allowed, "100 000");
	assert_true(find(&limits, "faults")->kernel);
	assert_string_equal(find(&limits, "rate")->allowed, "1000000/s");
	assert_true(find(&limits, "rate")->kernel);
	assert_string_equal(find(&limits, "duration")->allowed, "15 s");
	assert_string_equal(find(&limits, "duration")->used, "15 s");
	assert_true(find(&limits, "duration")->kernel);
	assert_false(find(&limits, "duration")->exceeded);
	assert_string_equal(find(&limits, "cgroups")->allowed, "no limit");
	assert_string_equal(find(&limits, "cgroups")->source, "default");
	assert_false(find(&limits, "cgroups")->kernel);
	/* what the reader of the file has let pass is looked at once more */
	experiment->blast_radius.duration_ns = 15 * SQ_S - 1;
	sq_limits_clear(&limits);
	sq_blast_radius_limits(
		&(struct sq_radius_use){
			.experiment = experiment, .usage = &usage, .n = 1, .others = &nobody },
		&limits);
	assert_true(find(&limits, "duration")->exceeded);
	sq_limits_clear(&limits);
	sq_experiment_free(experiment);
}

static void test_who_has_the_target_already_is_told(void **state)
{
	const struct sq_host_use others = { .runs = 1,
					    .sharing = 1,
					    .sharing_run = "20261126-050719-imeq",
					    .sharing_cgroup = "/web/a" };
	struct sq_experiment *experiment = with("cgroups: 1");
	struct sq_usage usage = use(2, 1, 1), many = use(10, 5, 1);
	struct sq_radius_use radius = {
		.experiment = experiment, .usage = &usage, .n = 1, .others = &others
	};
	_cleanup_error_ struct sq_error *alone = NULL, *with_more = NULL;
	struct sq_limits limits;

	/* by itself: whom to wait for */
	sq_blast_radius_limits(&radius, &limits);
	assert_string_equal(find(&limits, "per_target")->used, "1 and 1 by other runs");
	assert_string_equal(find(&limits, "per_target")->allowed, "1");
	assert_string_equal(find(&limits, "per_target")->source, "default");
	assert_int_equal(sq_blast_radius_check(&limits, &alone), -EBUSY);
	assert_int_equal(alone->kind, SQ_FAIL_NOT_NOW);
	assert_string_equal(alone->message,
			    "the run 20261126-050719-imeq has the cgroup '/web/a' as its target");
	assert_contains(alone->hint, "squall wait 20261126-050719-imeq");
	sq_limits_clear(&limits);
	/* and among others: it will never work as it is */
	radius.usage = &many;
	sq_blast_radius_limits(&radius, &limits);
	assert_int_equal(sq_blast_radius_check(&limits, &with_more), -EPERM);
	assert_int_equal(with_more->kind, SQ_FAIL_REFUSED);
	assert_contains(with_more->message, "cgroups: 5, allowed are 1 (experiment); ");
	assert_contains(with_more->message,
			"per_target: 1 and 1 by other runs, allowed are 1 (default)");
	sq_limits_clear(&limits);
	sq_experiment_free(experiment);
}

static void test_packets_are_one_runs_whatever_the_policy_says(void **state)
{
	const struct sq_policy policy = { .limits.per_target = 5 };
	const struct sq_host_use others = { .runs = 1,
					    .sharing = 1,
					    .packets = 1,
					    .packets_run = "20261126-050719-imeq",
					    .packets_cgroup = "/web" };
	struct sq_experiment *experiment = with("cgroups: 1");
	struct sq_usage usage = use(2, 1, 1);
	struct sq_radius_use radius = { .experiment = experiment,
					.usage = &usage,
					.n = 1,
					.policy = &policy,
					.others = &others,
					.paths = &(struct sq_texts){ 0 } };
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_limits limits;

	sq_blast_radius_limits(&radius, &limits);
	assert_int_equal(sq_blast_radius_check(&limits, &err), -EBUSY);
	assert_int_equal(err->kind, SQ_FAIL_NOT_NOW);
	assert_contains(err->message, "packets of the cgroup '/web'");
	sq_limits_clear(&limits);
	sq_experiment_free(experiment);
}

UNIT(UNIT_TEST(test_packets_are_one_runs_whatever_the_policy_says),
     UNIT_TEST(test_cgroups_at_and_over_the_limit), UNIT_TEST(test_processes_at_and_over_the_limit),
     UNIT_TEST(test_share_is_half_unless_said), UNIT_TEST(test_share_at_and_over_the_limit),
     UNIT_TEST(test_share_is_of_globs_only), UNIT_TEST(test_targets_add_up_but_for_the_share),
     UNIT_TEST(test_what_two_targets_have_counts_once),
     UNIT_TEST(test_every_limit_that_is_exceeded_is_told),
     UNIT_TEST(test_limits_of_the_kernel_are_shown_too),
     UNIT_TEST(test_who_has_the_target_already_is_told))
