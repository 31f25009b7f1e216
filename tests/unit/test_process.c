// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "util/process.h"

#define MANY 300 /* descriptors in use */

/* Spawns it with two pipes to write to, at 3 and 4; reads what comes from each. */
static void check_kept(const char *first, const char *second)
{
	const char *const argv[] = { "sh", "-c", "echo one >&3; echo two >&4; ls /proc/self/fd >&4",
				     NULL };
	int a[2], b[2], pidfd, fds[2];
	struct sq_error *err = NULL;
	char text[64] = "";
	pid_t pid;

	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	fds[0] = a[1];
	fds[1] = b[1];
	assert_int_equal(sq_spawn(&(struct sq_spawn){ .argv = argv,
						      .cgroup_fd = -EBADF,
						      .stdin_fd = -EBADF,
						      .stdout_fd = -EBADF,
						      .stderr_fd = -EBADF,
						      .keep_fds = fds,
						      .n_keep_fds = 2 },
				  &pid, &pidfd, &err),
			 0);
	close(a[1]);
	close(b[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pidfd);
	assert_true(read(a[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, first);
	memset(text, 0, sizeof(text));
	assert_true(read(b[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, second);
	close(a[0]);
	close(b[0]);
}

static void test_descriptors_are_passed_on_and_no_others(void **state)
{
	/* ls opens the folder at 5 */
	check_kept("one\n", "two\n0\n1\n2\n3\n4\n5\n");
}

static void test_descriptors_are_passed_on_where_many_are_in_use(void **state)
{
	int used[MANY];

	for (int i = 0; i < MANY; i++)
		assert_true((used[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	check_kept("one\n", "two\n0\n1\n2\n3\n4\n5\n");
	for (int i = 0; i < MANY; i++)
		close(used[i]);
}

static void test_a_program_that_is_not_there_is_an_error_with_its_errno(void **state)
{
	const char *const argv[] = { "/nonexistent", NULL };
	struct sq_error *err = NULL;
	int pidfd;
	pid_t pid;

	assert_true(sq_spawn(&(struct sq_spawn){ .argv = argv,
						 .cgroup_fd = -EBADF,
						 .stdin_fd = -EBADF,
						 .stdout_fd = -EBADF,
						 .stderr_fd = -EBADF },
			     &pid, &pidfd, &err) < 0);
	assert_contains(err->message, "No such file");
	sq_error_freep(&err);
}

UNIT(UNIT_TEST(test_descriptors_are_passed_on_and_no_others),
     UNIT_TEST(test_descriptors_are_passed_on_where_many_are_in_use),
     UNIT_TEST(test_a_program_that_is_not_there_is_an_error_with_its_errno))
