// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"
#include "util/text.h"

#define LARGEST_ERRNO 133

struct name {
	const char *name;
	int number;
};

static const struct name calls[] = {
#include "gen/syscalls.h"
};

/* Those of the other architecture that squall runs on. */
static const struct name elsewhere[] = {
#include "gen/syscalls_elsewhere.h"
};

#if defined(__x86_64__)
#define OTHER_MACHINE "arm64"
#else
#define OTHER_MACHINE "x86-64"
#endif

/* The groups, after systemd's of the same kind (systemd.exec(5), SystemCallFilter=). */
static const struct {
	const char *name, *calls;
} groups[] = {
	{ "@file-read", "read pread64 readv preadv preadv2 getdents getdents64" },
	{ "@file-write", "write pwrite64 writev pwritev pwritev2 fallocate ftruncate truncate" },
	{ "@sync", "fsync fdatasync sync_file_range msync sync syncfs" },
	{ "@open", "open openat openat2 creat" },
	{ "@folder", "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat "
		     "symlink symlinkat mknod mknodat" },
	{ "@stat", "stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 "
		   "readlink readlinkat" },
	{ "@network",
	  "socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg "
	  "recvfrom recvmsg recvmmsg shutdown getsockopt setsockopt" },
	{ "@process", "fork vfork clone clone3 execve execveat" },
	{ "@memory", "mmap munmap mremap mprotect madvise brk mlock mlock2" },
	{ "@poll", "poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2" },
};

bool sq_calls_have(const struct sq_calls *set, unsigned int number)
{
	return number < 64 * SQ_CALLS_WORDS && set->bit[number / 64] >> (number % 64) & 1;
}

void sq_calls_add(struct sq_calls *set, unsigned int number)
{
	if (number < 64 * SQ_CALLS_WORDS)
		set->bit[number / 64] |= 1ull << (number % 64);
}

int sq_call_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].number;
	return -1;
}

const char *sq_call_elsewhere(const char *name)
{
	for (size_t i = 0; sq_call_number(name) < 0 && i < ARRAY_SIZE(elsewhere); i++)
		if (!strcmp(elsewhere[i].name, name))
			return OTHER_MACHINE;
	return NULL;
}

const char *sq_call_name(unsigned int number)
{
	static char unknown[32];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == (int)number)
			return calls[i].name;
	snprintf(unknown, sizeof(unknown), "call %u", number);
	return unknown;
}

const char *sq_call_nearest(const char *name)
{
	const char *names[ARRAY_SIZE(calls) + ARRAY_SIZE(groups)];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		names[i] = calls[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		names[ARRAY_SIZE(calls) + i] = groups[i].name;
	return sq_nearest(name, names, ARRAY_SIZE(names));
}

static void add_words(const char *words, struct sq_calls *set)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		_cleanup_free_ char *word = sq_strndup(words, n);
		int number = sq_call_number(word);

		if (number >= 0)
			sq_calls_add(set, (unsigned int)number);
		words += n + strspn(words + n, " ");
	}
}

bool sq_call_group(const char *name, struct sq_calls *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strcmp(groups[i].name, name) != 0)
			continue;
		add_words(groups[i].calls, ret);
		return true;
	}
	return false;
}

const struct sq_gap sq_calls_never[] = {
	{ "exit", "a thread that cannot end" },
	{ "exit_group", "a process that cannot end" },
	{ "rt_sigreturn", "it restores the registers of a program that a signal interrupted" },
	{ "restart_syscall", "the kernel makes it, to go on with a call that was decided before" },
	{ "uprobe", "the kernel makes it, where a function of the program is traced" },
	{ "uretprobe", "the kernel makes it, where a function of the program is traced" },
};

const size_t sq_calls_never_n = ARRAY_SIZE(sq_calls_never);

const struct sq_gap sq_calls_unseen[] = {
	{ "calls of 32-bit programs",
	  "their numbers mean other calls; they pass and are not counted" },
	{ "what io_uring does for a program",
	  "it is no call of the program's, and its threads have none; programs make calls again where "
	  "io_uring_setup fails with ENOSYS before they start" },
	{ "what the C library answers by the vDSO (clock_gettime, gettimeofday, time, getcpu)",
	  "no call is made" },
};

const size_t sq_calls_unseen_n = ARRAY_SIZE(sq_calls_unseen);

const char *sq_call_untouchable(const char *name)
{
	for (size_t i = 0; i < sq_calls_never_n; i++)
		if (!strcmp(sq_calls_never[i].what, name))
			return sq_calls_never[i].why;
	return NULL;
}

bool sq_call_is_answered_by_vdso(const char *name)
{
	return sq_words_have("clock_gettime clock_getres gettimeofday time getcpu", name);
}

bool sq_call_may_return(const char *name, int error)
{
	static const struct {
		const char *call, *errors;
	} known[] = {
#include "experiment/call_errnos.inc"
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].call, name))
			return sq_words_have(known[i].errors, sq_errno_name(error));
	return true;
}

int sq_errno_number(const char *name)
{
	static const struct name aliases[] = {
		{ "EWOULDBLOCK", EWOULDBLOCK },
		{ "EDEADLOCK", EDEADLOCK },
		{ "ENOTSUP", ENOTSUP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return aliases[i].number;
	for (int i = 1; i <= LARGEST_ERRNO; i++)
		if (strerrorname_np(i) && !strcmp(strerrorname_np(i), name))
			return i;
	return -1;
}

const char *sq_errno_name(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "unknown error";
}

const char *sq_errno_nearest(const char *name)
{
	const char *names[LARGEST_ERRNO];
	size_t n = 0;

	for (int i = 1; i <= LARGEST_ERRNO; i++)
		if (strerrorname_np(i))
			names[n++] = strerrorname_np(i);
	return sq_nearest(name, names, n);
}
