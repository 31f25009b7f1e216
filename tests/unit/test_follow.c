// SPDX-License-Identifier: GPL-2.0-only
/* Targets among 10 000 cgroups: found in time, and followed, also where the kernel watches no more folders. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "target/follow.h"
#include "target/target.h"
#include "util/cgroup.h"
#include "util/time.h"

#ifdef __SANITIZE_ADDRESS__
#define MANY 500
#else
#define MANY 10000
#endif
#define MOST_MS 300

static char ours[64];
static size_t watches = SIZE_MAX; /* so many are left */

int inotify_add_watch(int fd, const char *name, uint32_t mask);

/* In libc's place: with a limit of this test's. */
int inotify_add_watch(int fd, const char *name, uint32_t mask)
{
	if (!watches) {
		errno = ENOSPC;
		return -1;
	}
	watches--;
	return (int)syscall(SYS_inotify_add_watch, fd, name, mask);
}

static void make(const char *name)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", ours, name);

	assert_int_equal(mkdirat(sq_cgroup_root(NULL), path + 1, 0755), 0);
}

static void take_away(const char *name)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", ours, name);

	assert_int_equal(sq_cgroup_remove_empty(path), 0);
}

static struct sq_experiment *experiment_of(const char *target)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *text =
		sq_asprintf("version: 1\ntitle: Many\ntargets:\n  t: {%s}\n"
			    "method: [{fault: network.partition, target: t, for: 1s}]\n",
			    target);
	struct sq_experiment *experiment =
		sq_experiment_parse("test", text, strlen(text), NULL, &diags);

	assert_non_null(experiment);
	return experiment;
}

static void resolve(const struct sq_experiment *experiment, struct sq_resolved *ret)
{
	assert_int_equal(sq_target_resolve(sq_targets(experiment), NULL, 7, "test", ret, NULL), 0);
}

/* Resolves a target that matches @n of them; the best of three counts. */
static void time_resolving(const char *target, size_t n, uint64_t most_ms)
{
	struct sq_experiment *experiment = experiment_of(target);
	uint64_t best = UINT64_MAX, best_cpu = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		struct sq_resolved resolved;
		uint64_t begun = sq_now();
		clock_t cpu = clock();

		resolve(experiment, &resolved);
		best_cpu = MIN(best_cpu, (uint64_t)(clock() - cpu) * 1000 / CLOCKS_PER_SEC);
		best = MIN(best, (sq_now() - begun) / SQ_MS);
		assert_int_equal(resolved.matched, n);
		assert_int_equal(resolved.n, n);
		sq_resolved_clear(&resolved);
	}
	printf("{%s} finds %zu of %d in %llu ms, %llu of a processor\n", target, n, MANY,
	       (unsigned long long)best, (unsigned long long)best_cpu);
	/* others share the machine */
	assert_in_range(best_cpu, 0, most_ms);
	sq_experiment_free(experiment);
}

static void test_thousands_are_resolved_in_time(void **state)
{
	int pid = (int)getpid();
	_cleanup_free_ char *one = sq_asprintf("systemd: many%d@77.service", pid);
	_cleanup_free_ char *units = sq_asprintf("systemd: 'many%d@*'", pid);
	_cleanup_free_ char *paths = sq_asprintf("cgroup: '%s/many*'", ours);

	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = sq_asprintf("many%d@%d.service", pid, i);

		make(name);
	}
	time_resolving(one, 1, MOST_MS);
	/* what is hit is counted besides; a third of it here, and CI's machine is slower */
	time_resolving(units, MANY, 3 * MOST_MS);
	time_resolving(paths, MANY, 3 * MOST_MS);
}

static void assert_drawn_as(const struct sq_experiment *experiment, const struct sq_resolved *first)
{
	struct sq_resolved again;

	resolve(experiment, &again);
	assert_int_equal(again.n, first->n);
	for (size_t i = 0; i < first->n; i++)
		assert_string_equal(again.item[i].name, first->item[i].name);
	sq_resolved_clear(&again);
}

static bool is_drawn(const struct sq_resolved *resolved, const char *name)
{
	for (size_t i = 0; i < resolved->n; i++)
		if (!strcmp(strrchr(resolved->item[i].name, '/') + 1, name))
			return true;
	return false;
}

/* The lowest hashes of seed, target and name: a restart, and who else is there, change nothing. */
static void test_restarts_do_not_change_who_is_drawn(void **state)
{
	_cleanup_free_ char *target = sq_asprintf("cgroup: '%s/draw-*', select: 3", ours);
	struct sq_experiment *experiment = experiment_of(target);
	struct sq_resolved first;
	size_t others = 0;

	for (char name[] = "draw-a"; name[5] <= 'h'; name[5]++)
		make(name);
	resolve(experiment, &first);
	assert_int_equal(first.n, 3);
	for (char name[] = "draw-a"; name[5] <= 'h'; name[5]++) {
		bool drawn = is_drawn(&first, name);

		take_away(name);
		if (drawn)
			make(name);
		others += !drawn;
		assert_drawn_as(experiment, &first);
	}
	assert_int_equal(others, 5);
	sq_resolved_clear(&first);
	sq_experiment_free(experiment);
}

/* How many ms until the target is seen to have @n members. */
static uint64_t until_seen(struct sq_follow *follow, size_t n)
{
	uint64_t begun = sq_now();
	size_t seen = SIZE_MAX;

	while (seen != n && sq_now() < begun + 10 * SQ_S) {
		struct pollfd poller = { .fd = sq_follow_fd(follow), .events = POLLIN };
		struct sq_sight *sights;

		poll(&poller, 1, 1000);
		sights = sq_follow_take(follow);
		if (sights && sights[0].known)
			seen = sights[0].n;
		sq_sights_free(sights, 1);
	}
	assert_int_equal(seen, n);
	return (sq_now() - begun) / SQ_MS;
}

static void follow_with(size_t limit, const char *trouble)
{
	_cleanup_free_ char *target = sq_asprintf("cgroup: '%s/few-*'", ours), *told = NULL;
	_cleanup_free_ char *root = sq_asprintf("%s/few-a", ours);
	struct sq_experiment *experiment = experiment_of(target);
	_cleanup_texts_ struct sq_texts roots = { 0 };
	struct sq_follow *follow;
	uint64_t came, went;

	watches = limit;
	make("few-a");
	sq_texts_add(&roots, root);
	assert_int_equal(sq_follow_new(&follow, experiment, NULL, &roots, "test", NULL), 0);
	until_seen(follow, 1);
	/* so that none of the looks at the start finds it */
	usleep(1500 * 1000);
	make("few-b");
	came = until_seen(follow, 2);
	take_away("few-a");
	went = until_seen(follow, 1);
	told = sq_follow_take_trouble(follow);
	printf("%s watches one that comes is seen after %llu ms, one that goes after %llu\n",
	       trouble ? "without" : "with", (unsigned long long)came, (unsigned long long)went);
	if (trouble)
		assert_contains(told, trouble);
	else
		assert_null(told);
	/* 1 s is the promise; this machine has others to serve */
	assert_in_range(MAX(came, went), 0, 2000);
	sq_follow_free(follow);
	take_away("few-b");
	sq_experiment_free(experiment);
	watches = SIZE_MAX;
}

static void test_what_comes_and_goes_is_seen(void **state)
{
	follow_with(SIZE_MAX, NULL);
}

static void test_beyond_the_kernels_limit_too(void **state)
{
	follow_with(0, "cannot be watched: the kernel's limit fs.inotify.max_user_watches=");
}

static int begin(void **state)
{
	snprintf(ours, sizeof(ours), "/squallunit%d.slice", (int)getpid());
	return sq_cgroup_make(ours, NULL);
}

static int end(void **state)
{
	return sq_cgroup_destroy(ours, 20 * SQ_S, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_what_comes_and_goes_is_seen),
		UNIT_TEST(test_beyond_the_kernels_limit_too),
		UNIT_TEST(test_restarts_do_not_change_who_is_drawn),
		UNIT_TEST(test_thousands_are_resolved_in_time),
	};

	/* it takes root to make cgroups */
	if (geteuid() != 0 || sq_cgroup_root(NULL) < 0)
		return 0;
	return cmocka_run_group_tests(tests, begin, end) != 0;
}
