// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "util/process.h"
#include "util/time.h"

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

/* From now on execve() waits for an answer, as it does on a disk of a network that is down. */
static int hold_up_execve(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* 0, or the number of what was wrong. */
static int spawn_held_up(void)
{
	const char *const argv[] = { "/bin/true", NULL };
	int listener = hold_up_execve(), ends[2], status, pidfd;
	uint64_t begun = sq_now();
	struct sq_error *err = NULL;
	char text[128] = "";
	pid_t pid;

	if (listener < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	if (sq_spawn(&(struct sq_spawn){ .argv = argv,
					 .cgroup_fd = -EBADF,
					 .stdin_fd = -EBADF,
					 .stdout_fd = -EBADF,
					 .stderr_fd = ends[1],
					 .patience_ns = 50 * SQ_MS },
		     &pid, &pidfd, &err))
		return 2;
	if (sq_now() - begun < 50 * SQ_MS || sq_now() - begun > 5 * SQ_S)
		return 3;
	if (waitpid(pid, &status, WNOHANG) != 0)
		return 4;
	close(ends[1]);
	close(listener); /* there it is: an error */
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 126)
		return 5;
	if (read(ends[0], text, sizeof(text) - 1) <= 0 ||
	    !strstr(text, "squall: cannot start '/bin/true': Function not implemented"))
		return 6;
	return 0;
}

static void test_a_program_that_is_long_in_coming_is_not_waited_for(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(spawn_held_up());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_program_runs_as_another_user_without_new_privileges(void **state)
{
	const char *const argv[] = { "sh", "-c", "id -u; id -G; grep NoNewPrivs /proc/self/status",
				     NULL };
	struct sq_user user = {
		.uid = 12345, .gid = 23456, .groups = { 23456, 34567 }, .n_groups = 2
	};
	struct sq_error *err = NULL;
	char text[128] = "";
	int ends[2], pidfd;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(sq_spawn(&(struct sq_spawn){ .argv = argv,
						      .cgroup_fd = -EBADF,
						      .stdin_fd = -EBADF,
						      .stdout_fd = ends[1],
						      .stderr_fd = ends[1],
						      .user = &user },
				  &pid, &pidfd, &err),
			 0);
	close(ends[1]);
	while ((got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(text, "12345\n23456 34567\nNoNewPrivs:\t1\n");
	close(ends[0]);
	close(pidfd);
}

static void test_a_process_is_known_by_its_parent_and_its_sockets(void **state)
{
	struct sq_numbers sockets = { 0 };
	int ends[2];
	struct stat st;
	uint64_t start;
	bool held = false;

	assert_int_equal(sq_process_parent(getpid()), getppid());
	assert_int_equal(sq_process_parent(1), 0);
	assert_int_equal(sq_process_parent(INT_MAX), -ENOENT);
	assert_int_equal(sq_process_start_time(getpid(), &start), 0);
	assert_true(sq_process_alive(getpid(), start));
	assert_false(sq_process_alive(getpid(), start + 1));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fstat(ends[1], &st), 0);
	sq_process_sockets(getpid(), &sockets);
	for (size_t i = 0; i < sockets.n; i++)
		held |= sockets.item[i] == st.st_ino;
	assert_true(held);
	free(sockets.item);
	close(ends[0]);
	close(ends[1]);
}

UNIT(UNIT_TEST(test_descriptors_are_passed_on_and_no_others),
     UNIT_TEST(test_descriptors_are_passed_on_where_many_are_in_use),
     UNIT_TEST(test_a_program_that_is_not_there_is_an_error_with_its_errno),
     UNIT_TEST(test_a_program_that_is_long_in_coming_is_not_waited_for),
     UNIT_TEST(test_a_program_runs_as_another_user_without_new_privileges),
     UNIT_TEST(test_a_process_is_known_by_its_parent_and_its_sockets))
