// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "util/error.h"

static void test_append_zeroes_and_keeps_what_was_there(void **state)
{
	_cleanup_free_ uint64_t *items = NULL;
	size_t n = 0;

	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t *element = sq_append(&items, &n, sizeof(*items));

		assert_int_equal(*element, 0);
		*element = i + 1;
	}
	assert_int_equal(n, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i + 1);
}

/* The delay line takes out of its heap and adds again: the room must never be less than it needs. */
static void test_append_after_shrinking_has_room(void **state)
{
	_cleanup_free_ uint64_t *items = NULL;
	size_t n = 0;

	for (size_t most = 1; most < 200; most = most * 3 / 2 + 1) {
		while (n < most)
			*(uint64_t *)sq_append(&items, &n, sizeof(*items)) = 1;
		n /= 3;
	}
	n = 0;
	for (size_t i = 0; i < 200; i++)
		*(uint64_t *)sq_append(&items, &n, sizeof(*items)) = i;
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(items[i], i);
}

static void ends_disarmed(void)
{
	_exit(3);
}

static void test_oom_disarms_before_it_ends(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sq_oom_handler(ends_disarmed);
		sq_oom();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void test_oom_of_an_overflowing_array_is_one(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char *items = NULL;
		size_t n = (size_t)1 << 61;

		close(STDERR_FILENO);
		sq_append(&items, &n, 64);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void test_close_keeps_errno_and_takes_no_descriptor(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = ENOSPC;
	assert_int_equal(sq_close(-EBADF), -EBADF);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(sq_close(fd), -EBADF);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_take_leaves_nothing_behind(void **state)
{
	char *text = sq_strdup("a"), *taken = TAKE_PTR(text);
	int fd = 5, taken_fd = TAKE_FD(fd);

	assert_null(text);
	assert_string_equal(taken, "a");
	free(taken);
	assert_int_equal(fd, -EBADF);
	assert_int_equal(taken_fd, 5);
}

static void test_strdup_of_null_is_null(void **state)
{
	_cleanup_free_ char *part = sq_strndup("abc", 2), *nothing = sq_alloc(0);

	assert_null(sq_strdup(NULL));
	assert_string_equal(part, "ab");
	assert_non_null(nothing);
}

static void test_error_returns_the_negative_errno(void **state)
{
	_cleanup_error_ struct sq_error *err = NULL;

	assert_int_equal(sq_error_set(&err, SQ_FAIL_REFUSED, EPERM, "no %s", "way"), -EPERM);
	assert_int_equal(err->kind, SQ_FAIL_REFUSED);
	assert_int_equal(err->errnum, EPERM);
	assert_string_equal(err->message, "no way");
	assert_null(err->hint);
	/* a negative errno is one too, and none becomes EINVAL: never 0 for a failure */
	assert_int_equal(sq_error_set(&err, SQ_FAIL_ERROR, -ENOENT, "x"), -ENOENT);
	assert_int_equal(err->errnum, ENOENT);
	assert_int_equal(sq_error_set(&err, SQ_FAIL_ERROR, 0, "x"), -EINVAL);
	assert_int_equal(sq_error_set(NULL, SQ_FAIL_ERROR, EIO, "x"), -EIO);
}

static void test_error_errno_says_what_the_system_says(void **state)
{
	_cleanup_error_ struct sq_error *err = NULL;

	assert_int_equal(sq_error_errno(&err, ENOENT, "cannot open '%s'", "/x"), -ENOENT);
	assert_string_equal(err->message, "cannot open '/x': No such file or directory");
	assert_int_equal(err->kind, SQ_FAIL_ERROR);
}

static void test_error_wrap_keeps_kind_and_hint(void **state)
{
	_cleanup_error_ struct sq_error *err = NULL;

	sq_error_set(&err, SQ_FAIL_NOT_NOW, EBUSY, "latched");
	assert_int_equal(sq_error_hint(&err, "squall %s", "unlatch"), -EBUSY);
	assert_int_equal(sq_error_wrap(&err, "run %d", 5), -EBUSY);
	assert_string_equal(err->message, "run 5: latched");
	assert_string_equal(err->hint, "squall unlatch");
	assert_int_equal(err->kind, SQ_FAIL_NOT_NOW);
	sq_error_hint(&err, "wait");
	assert_string_equal(err->hint, "wait");
	/* without an error there is still a failure */
	err = sq_error_free(err);
	assert_int_equal(sq_error_wrap(&err, "x"), -EINVAL);
	assert_int_equal(sq_error_hint(NULL, "x"), -EINVAL);
}

UNIT(UNIT_TEST(test_append_zeroes_and_keeps_what_was_there),
     UNIT_TEST(test_append_after_shrinking_has_room), UNIT_TEST(test_oom_disarms_before_it_ends),
     UNIT_TEST(test_oom_of_an_overflowing_array_is_one),
     UNIT_TEST(test_close_keeps_errno_and_takes_no_descriptor),
     UNIT_TEST(test_take_leaves_nothing_behind), UNIT_TEST(test_strdup_of_null_is_null),
     UNIT_TEST(test_error_returns_the_negative_errno),
     UNIT_TEST(test_error_errno_says_what_the_system_says),
     UNIT_TEST(test_error_wrap_keeps_kind_and_hint))
