// SPDX-License-Identifier: GPL-2.0-only
#include "util/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "util/mem.h"

#define CAP(name) (1ull << CAP_##name)
#define CALL(name) SCMP_SYS(name)
#ifdef __SANITIZE_ADDRESS__ /* looks at itself from outside in the end */
#define FILTERS false
#else
#define FILTERS true
#endif

/* Every C program's: memory, time, threads, signals, its end. */
static const int basic_calls[] = {
	CALL(brk),
	CALL(mmap),
	CALL(munmap),
	CALL(mremap),
	CALL(mprotect),
	CALL(madvise),
	CALL(futex),
	CALL(sched_yield),
	CALL(clock_gettime),
	CALL(gettimeofday),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(restart_syscall),
	CALL(getpid),
	CALL(gettid),
	CALL(tgkill),
	CALL(getrandom),
	CALL(rseq),
	CALL(set_robust_list),
	CALL(exit),
	CALL(exit_group),
	CALL(read),
	CALL(readv),
	CALL(write),
	CALL(writev),
	CALL(lseek),
	CALL(close),
	CALL(fstat),
	CALL(newfstatat),
	CALL(poll),
	CALL(ppoll),
	CALL(uname),
	CALL(dup2),
	CALL(dup3),
};

static const int nap_calls[] = { CALL(waitid), CALL(wait4), CALL(kill) };

static const int napper_calls[] = { CALL(close_range) };

static const int line_calls[] = {
	CALL(ioctl),	  CALL(socket),	 CALL(bind),	 CALL(getsockname), CALL(setsockopt),
	CALL(getsockopt), CALL(sendmsg), CALL(sendmmsg), CALL(sendto),	    CALL(recvmsg),
	CALL(recvfrom),	  CALL(setns),	 CALL(fcntl),
};

/* The second is libbpf's, for the name of a program that it attaches to a clsact qdisc. */
static const scmp_datum_t link_commands[] = { BPF_LINK_CREATE, BPF_OBJ_GET_INFO_BY_FD };

static const int resolver_calls[] = {
	CALL(socket),	  CALL(bind),	    CALL(connect),  CALL(getsockname), CALL(getpeername),
	CALL(setsockopt), CALL(getsockopt), CALL(sendmsg),  CALL(sendmmsg),    CALL(sendto),
	CALL(recvmsg),	  CALL(recvmmsg),   CALL(recvfrom), CALL(ioctl),       CALL(fcntl),
	CALL(access),	  CALL(faccessat),  CALL(statx),    CALL(stat),	       CALL(readlink),
	CALL(readlinkat), CALL(getuid),	    CALL(geteuid),  CALL(getgid),      CALL(getegid),
};

/* to come into network namespaces; devices in them; raw sockets */
#define LINE_CAPS (CAP(IPC_LOCK) | CAP(SYS_ADMIN) | CAP(NET_ADMIN) | CAP(NET_RAW))
#define CALLS(list) .calls = list, .n_calls = ARRAY_SIZE(list)

static const struct {
	uint64_t keeps; /* capabilities */
	bool starts; /* other programs, which get all that their user has */
	bool opens; /* files, for reading */
	bool writes; /* and for writing */
	bool links; /* BPF programs to devices */
	const int *calls; /* NULL: any */
	size_t n_calls;
} roles[SQ_ROLES] = {
	[SQ_ROLE_NOTHING] = { .starts = true },
	/* kernel objects of newcomers, programs as another user, reports and journals anywhere */
	[SQ_ROLE_CONTROLLER] = { .keeps = CAP(BPF) | CAP(PERFMON) | CAP(NET_ADMIN) | CAP(NET_RAW) |
					  CAP(SYS_ADMIN) | CAP(SYS_PTRACE) | CAP(KILL) |
					  CAP(SETUID) | CAP(SETGID) | CAP(CHOWN) | CAP(FSETID) |
					  CAP(DAC_OVERRIDE),
				 .starts = true },
	/*
	 * locked memory, as all helpers; namespaces, BPF ids, a FUSE connection; tc; killing; cgroups in
	 * the root's folder, which its owner may not write
	 */
	[SQ_ROLE_GUARD] = { .keeps = CAP(IPC_LOCK) | CAP(SYS_ADMIN) | CAP(SYS_PTRACE) |
				     CAP(NET_ADMIN) | CAP(KILL) | CAP(DAC_OVERRIDE) },
	[SQ_ROLE_NAP] = { .keeps = CAP(IPC_LOCK), .opens = true, CALLS(nap_calls) },
	[SQ_ROLE_NAPPER] = { CALLS(napper_calls) },
	[SQ_ROLE_LINE_STARTING] = { .keeps = LINE_CAPS },
	[SQ_ROLE_LINE] = { .keeps = LINE_CAPS,
			   .opens = true,
			   .writes = true,
			   .links = true,
			   CALLS(line_calls) },
	[SQ_ROLE_RESOLVER] = { .opens = true, CALLS(resolver_calls) },
};

static int drop_capabilities(enum sq_role role)
{
	capng_select_t what = CAPNG_SELECT_CAPS;
	uint64_t have = 0;

	if (capng_get_caps_process())
		return -EPERM;
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_PERMITTED, cap))
			have |= 1ull << cap;
	/* without this one the bounding set stays as it is */
	if (!roles[role].starts && (have & CAP(SETPCAP)))
		what = CAPNG_SELECT_ALL;
	capng_clear(what);
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (roles[role].keeps & have & 1ull << cap)
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, cap);
	return capng_apply(what) ? -EPERM : 0;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t n)
{
	int r = 0;

	/* what this machine has not got is no mistake */
	for (size_t i = 0; i < n && (!r || r == -EDOM); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r == -EDOM ? 0 : r;
}

static int allow_some(scmp_filter_ctx filter, enum sq_role role)
{
	int r = 0;

	if (roles[role].opens)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
	for (int mode = O_WRONLY; roles[role].writes && !r && mode <= O_RDWR; mode++)
		r = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, CALL(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, (scmp_datum_t)mode));
	for (size_t i = 0; roles[role].links && i < ARRAY_SIZE(link_commands) && !r; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(bpf), 1,
				     SCMP_A0(SCMP_CMP_EQ, link_commands[i]));
	return r;
}

/* What is not on the list fails with EPERM: an error that is told, and not a helper that is gone. */
static int filter_calls(enum sq_role role)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r)
		r = allow(filter, basic_calls, ARRAY_SIZE(basic_calls));
	if (!r)
		r = allow(filter, roles[role].calls, roles[role].n_calls);
	if (!r)
		r = allow_some(filter, role);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sq_privileges_drop(enum sq_role role)
{
	int r = drop_capabilities(role);

	if (!roles[role].starts && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && !r)
		r = -errno;
	/* a kernel without seccomp(2) does not know the question either */
	if (!r && FILTERS && roles[role].calls && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		r = filter_calls(role);
	return r;
}
