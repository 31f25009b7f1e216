// SPDX-License-Identifier: GPL-2.0-only
/* Each role in a process of its own: what it needs goes on working, what is forbidden fails. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "util/privileges.h"

#ifdef __SANITIZE_ADDRESS__
#define FILTERED false
#else
#define FILTERED true
#endif

/* In a child of its own: its exit code is the number of the first check that does not hold, or 0. */
static int in_role(enum sq_role role, int (*check)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0 || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		skip(); /* takes root, and a kernel with seccomp */
	pid = fork();
	if (!pid)
		_exit(sq_privileges_drop(role) ? 99 : check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

#define MUST(n, true_of)            \
	do {                        \
		if (!(true_of))     \
			return (n); \
	} while (0)
#define DENIED(n, call) MUST(n, (call) < 0 && errno == EPERM)

static bool can_read(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && close(fd) == 0;
}

static int check_filter(void)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	char *const argv[] = { (char *)"true", NULL };

	DENIED(1, execve("/bin/true", argv, NULL));
	DENIED(2, fork());
	DENIED(3, ptrace(PTRACE_ATTACH, 1, NULL, NULL));
	DENIED(4, mount("none", "/mnt", "tmpfs", 0, NULL));
	DENIED(5, syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
	DENIED(6, unlink("/tmp/squall-no-such-file"));
	DENIED(7, open("/tmp/squall-no-such-file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	DENIED(8, chroot("/"));
	return 0;
}

static int check_nap(void)
{
	MUST(20, can_read());
	if (!FILTERED)
		return 0;
	DENIED(21, open("/dev/null", O_RDWR | O_CLOEXEC));
	DENIED(22, socket(AF_INET, SOCK_STREAM, 0));
	DENIED(23, setns(0, CLONE_NEWNET));
	return check_filter();
}

static int check_line(void)
{
	int fd;

	MUST(30, can_read());
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	MUST(31, fd >= 0);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	MUST(32, fd >= 0);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	MUST(33, fd >= 0 && setns(fd, CLONE_NEWNET) == 0);
	return FILTERED ? check_filter() : 0;
}

static int check_resolver(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	MUST(40, fd >= 0);
	MUST(41, can_read());
	/* not by the filter: by the capabilities */
	DENIED(42, socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	return FILTERED ? check_filter() : 0;
}

static int check_napper(void)
{
	if (!FILTERED)
		return 0;
	DENIED(50, open("/dev/null", O_RDONLY | O_CLOEXEC));
	return check_filter();
}

static int check_controller(void)
{
	struct timespec now;
	int status;
	pid_t pid;

	MUST(60, clock_gettime(CLOCK_REALTIME, &now) == 0);
	DENIED(61, clock_settime(CLOCK_REALTIME, &now));
	DENIED(62, mknod("/tmp/squall-device", S_IFCHR | 0600, makedev(1, 3)));
	DENIED(63, syscall(SYS_reboot, 0, 0, 0, NULL));
	/* what an experiment starts is not less than what its user would start */
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c",
		      "awk '/^Cap(Eff|Bnd)/ { if (!e) e = $2; else exit e != $2 }' /proc/self/status",
		      NULL);
		_exit(127);
	}
	MUST(64, waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return 0;
}

static int check_nothing(void)
{
	DENIED(70, chroot("/"));
	DENIED(71, socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	return 0;
}

static void test_each_role_can_do_its_work_and_nothing_else(void **state)
{
	assert_int_equal(in_role(SQ_ROLE_NAP, check_nap), 0);
	assert_int_equal(in_role(SQ_ROLE_NAPPER, check_napper), 0);
	assert_int_equal(in_role(SQ_ROLE_LINE, check_line), 0);
	assert_int_equal(in_role(SQ_ROLE_RESOLVER, check_resolver), 0);
	assert_int_equal(in_role(SQ_ROLE_CONTROLLER, check_controller), 0);
	assert_int_equal(in_role(SQ_ROLE_NOTHING, check_nothing), 0);
}

UNIT(UNIT_TEST(test_each_role_can_do_its_work_and_nothing_else))
