// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "util/cgroup.h"

#define DEEP 200

static void test_level_counts_components(void **state)
{
	assert_int_equal(sq_cgroup_level("/"), 0);
	assert_int_equal(sq_cgroup_level(""), 0);
	assert_int_equal(sq_cgroup_level("/a"), 1);
	assert_int_equal(sq_cgroup_level("/a/b.slice/c"), 3);
	assert_int_equal(sq_cgroup_level("/a/"), 1);
	assert_int_equal(sq_cgroup_level("//a"), 1);
}

static void test_within_is_the_same_or_below(void **state)
{
	assert_true(sq_cgroup_within("/a", "/a"));
	assert_true(sq_cgroup_within("/a/b", "/a"));
	assert_true(sq_cgroup_within("/a/b/c", "/a"));
	assert_true(sq_cgroup_within("/a", "/"));
	assert_true(sq_cgroup_within("/", "/"));
}

static void test_within_is_no_comparison_of_beginnings(void **state)
{
	assert_false(sq_cgroup_within("/ab", "/a"));
	assert_false(sq_cgroup_within("/a.service2", "/a.service"));
	assert_false(sq_cgroup_within("/a", "/a/b"));
	assert_false(sq_cgroup_within("/", "/a"));
	assert_false(sq_cgroup_within("/b/a", "/a"));
}

static void test_glob_shows_by_its_characters(void **state)
{
	assert_true(sq_cgroup_is_glob("/system.slice/web@*.service"));
	assert_true(sq_cgroup_is_glob("/a?"));
	assert_true(sq_cgroup_is_glob("/[ab]"));
	assert_false(sq_cgroup_is_glob("/system.slice/web@1.service"));
	/* systemd's escapes are no globs */
	assert_false(sq_cgroup_is_glob("/system.slice/system-serial\\x2dgetty.slice"));
}

static void test_matches_component_by_component(void **state)
{
	assert_true(
		sq_cgroup_matches("/system.slice/web@1.service", "/system.slice/web@*.service"));
	assert_true(sq_cgroup_matches("/a/b/c", "/*/b/?"));
	assert_true(sq_cgroup_matches("/a1", "/a[0-9]"));
	assert_true(sq_cgroup_matches("/a", "/a"));
	/* a star does not reach into what is below: that would hit more than is meant */
	assert_false(sq_cgroup_matches("/a/b", "/*"));
	assert_false(sq_cgroup_matches("/system.slice/web@1.service/x", "/system.slice/web@*"));
	assert_false(sq_cgroup_matches("/a/b/c", "/a/*c"));
	assert_false(sq_cgroup_matches("/system.slice", "/system.slice/*"));
	assert_false(sq_cgroup_matches("/ab", "/a"));
}

/* What is protected by its name as it stands in the tree must be protected. */
static void test_matches_takes_a_backslash_as_it_is(void **state)
{
	assert_true(sq_cgroup_matches("/system.slice/db@eu\\x2d1.service",
				      "/system.slice/db@eu\\x2d1.service"));
	assert_true(sq_cgroup_matches("/system.slice/db@eu\\x2d1.service",
				      "/system.slice/db@eu\\x2d*.service"));
	assert_true(sq_cgroup_matches("/system.slice/system-serial\\x2dgetty.slice",
				      "/system.slice/system-serial?x2dgetty.slice"));
	assert_false(sq_cgroup_matches("/dbx", "/db\\x"));
}

static int count_one(const char *path, int fd, void *data)
{
	++*(size_t *)data;
	return 0;
}

/* Deeper than there are descriptors, and a path longer than the kernel takes: a container may make such. */
static void test_walk_goes_to_the_ground(void **state)
{
	_cleanup_free_ char *top = sq_asprintf("/squall-unit-%d", (int)getpid());
	_cleanup_close_ int fd = -EBADF;
	struct rlimit was, limit = { 150, 0 };
	size_t n = 0;
	int r;

	if (geteuid() != 0 || sq_cgroup_root(NULL) < 0)
		skip();
	assert_int_equal(sq_cgroup_make(top, NULL), 0);
	fd = sq_cgroup_open(top, NULL);
	for (int i = 0; i < DEEP; i++) {
		int below;

		assert_int_equal(mkdirat(fd, "a-name-of-thirty-characters-or", 0755), 0);
		below = openat(fd, "a-name-of-thirty-characters-or", O_RDONLY | O_DIRECTORY);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	getrlimit(RLIMIT_NOFILE, &was);
	limit.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	r = sq_cgroup_walk(top, count_one, &n, NULL);
	setrlimit(RLIMIT_NOFILE, &was);
	assert_int_equal(sq_cgroup_destroy(top, 10000000000, NULL), 0);
	assert_int_equal(r, 0);
	assert_int_equal(n, DEEP + 1);
}

UNIT(UNIT_TEST(test_walk_goes_to_the_ground), UNIT_TEST(test_level_counts_components),
     UNIT_TEST(test_within_is_the_same_or_below),
     UNIT_TEST(test_within_is_no_comparison_of_beginnings),
     UNIT_TEST(test_glob_shows_by_its_characters), UNIT_TEST(test_matches_component_by_component),
     UNIT_TEST(test_matches_takes_a_backslash_as_it_is))
