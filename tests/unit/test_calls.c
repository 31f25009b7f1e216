// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "experiment/names.h"
#include "inject/call_support.h"
#include "inject/calls.h"
#include "inject/wrappers.h"
#include "tests/unit/unit.h"

static bool has(const struct sq_calls *calls, const char *name)
{
	int number = sq_call_number(name);

	assert_true(number >= 0);
	return calls->bit[number / 64] >> (number % 64) & 1;
}

static void test_groups_hold_their_calls_and_no_others(void **state)
{
	struct sq_calls calls = { 0 };

	assert_true(sq_call_group("@file-read", &calls));
	assert_true(has(&calls, "read") && has(&calls, "pread64"));
	assert_false(has(&calls, "write"));
	assert_true(sq_call_group("@sync", &calls));
	assert_true(has(&calls, "read") && has(&calls, "fsync"));
}

static void test_an_unknown_group_is_none(void **state)
{
	struct sq_calls calls = { 0 };

	assert_false(sq_call_group("@file", &calls));
	assert_string_equal(sq_call_nearest("@file-raed"), "@file-read");
}

/* A call that two security hooks carried would be decided twice, but where one stands in for another. */
static void test_a_call_stands_at_one_security_hook(void **state)
{
	for (int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		const char *call = sq_call_name((unsigned int)number);
		int n = 0, naps = 0;

		for (size_t i = 0; i < sq_call_hooks_n; i++) {
			bool here = sq_call_hooks[i].lsm &&
				    sq_call_hook_has(&sq_call_hooks[i], call);

			n += here && !sq_call_hooks[i].nap;
			naps += here && sq_call_hooks[i].nap;
		}
		if ((n > 1 && strcmp(call, "ftruncate") != 0) || naps > 1)
			fail_msg("%s stands at %d hooks, and at %d that sleep", call, n, naps);
	}
}

/* A nap there holds a lock of an inode, and with it every neighbour in the same folder. */
static void test_no_nap_where_a_folder_is_locked(void **state)
{
	static const char *const locked[] = { "unlink", "rename", "mkdir",   "rmdir",
					      "mknod",	"link",	  "symlink", "setxattr",
					      "chmod",	"chown",  "truncate" };

	for (size_t i = 0; i < sq_call_hooks_n; i++)
		for (size_t j = 0; sq_call_hooks[i].nap && j < ARRAY_SIZE(locked); j++)
			assert_false(sq_call_hook_has(&sq_call_hooks[i], locked[j]));
}

static void test_the_c_library_is_found_by_name(void **state)
{
	assert_true(sq_is_c_library("libc.so.6") && sq_is_c_library("libc-2.31.so"));
	assert_true(sq_is_c_library("ld-musl-x86_64.so.1"));
	assert_false(sq_is_c_library("libcrypto.so.3") || sq_is_c_library("libcurl.so.4"));
}

/* In the library that this test runs with: each name at the place that the linker gives it. */
static void test_wrappers_are_where_the_linker_finds_them(void **state)
{
	static const char *const names[] = { "read", "fsync", "pread64", "poll" };
	struct sq_wrappers found = { 0 };
	struct sq_calls calls = { 0 };
	void *library;
	Dl_info info;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int number = sq_call_number(names[i]);

		assert_true(sq_call_has_wrapper(names[i]));
		calls.bit[number / 64] |= 1ull << (number % 64);
	}
	/* by its own name: a sanitizer's library stands before it */
	library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	assert_non_null(library);
	assert_true(dladdr(dlsym(library, "fsync"), &info));
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(sq_wrappers_find(fd, &calls, &found), 0);
	assert_int_equal(found.n, ARRAY_SIZE(names));
	for (size_t i = 0; i < found.n; i++) {
		const char *name = sq_call_name((unsigned int)found.call[i]);
		uint8_t file[16];

		/* the file's bytes there are those of the function in memory */
		assert_int_equal(pread(fd, file, sizeof(file), (off_t)found.offset[i]),
				 sizeof(file));
		assert_memory_equal(file, dlsym(library, name), sizeof(file));
	}
	sq_wrappers_clear(&found);
	dlclose(library);
	close(fd);
	fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sq_wrappers_find(fd, &calls, &found), -ENOEXEC);
	close(fd);
}

static void test_words_are_whole(void **state)
{
	const struct sq_call_hook *open = sq_call_hook_find(SQ_HOOK_FILE_OPEN);

	assert_true(sq_call_hook_has(open, "openat"));
	assert_true(sq_call_hook_has(open, "open"));
	assert_false(sq_call_hook_has(open, "at"));
	assert_false(sq_call_hook_has(open, "open_by"));
}

static void test_what_a_call_is_about(void **state)
{
	assert_true(sq_call_takes_file("fsync"));
	assert_false(sq_call_takes_file("openat"));
}

/* As the manual pages have it; of a call without a page nothing is known, and nothing is said. */
static void test_errors_that_a_call_may_return(void **state)
{
	assert_true(sq_call_may_return("fsync", EIO));
	assert_true(sq_call_may_return("openat", EMFILE));
	assert_true(sq_call_may_return("pwrite64", ENOSPC)); /* taken over from write(2) */
	assert_true(sq_call_may_return("connect", EHOSTUNREACH)); /* ip(7)'s */
	assert_true(sq_call_may_return("accept", EWOULDBLOCK)); /* two names of one error */
	assert_false(sq_call_may_return("fsync", ECONNREFUSED));
	assert_false(sq_call_may_return("close", EMFILE));
	assert_false(sq_call_may_return("getppid", EPERM)); /* always successful */
	assert_true(sq_call_may_return("no such call", EPERM));
}

static void test_what_must_never_be_touched(void **state)
{
	struct sq_calls calls = { 0 };
	static const char *const groups[] = { "@file-read", "@file-write", "@sync",    "@open",
					      "@folder",    "@stat",	   "@network", "@process",
					      "@memory",    "@poll" };

	assert_non_null(sq_call_untouchable("rt_sigreturn"));
	assert_non_null(sq_call_untouchable("restart_syscall"));
	assert_null(sq_call_untouchable("read"));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		assert_true(sq_call_group(groups[i], &calls));
	for (size_t i = 0; i < sq_calls_never_n; i++) {
		int number = sq_call_number(sq_calls_never[i].what);

		assert_true(strlen(sq_calls_never[i].why) > 10);
		assert_false(number >= 0 && (calls.bit[number / 64] >> (number % 64) & 1));
	}
}

/* By the numbers that its manual and its kernel's table give. */
static void test_the_other_machines_calls_are_those_of_its_headers(void **state)
{
	static const struct {
		const char *name;
		int number;
	} elsewhere[] = {
#include "gen/syscalls_elsewhere.h"
	};
#if defined(__x86_64__)
	static const struct {
		const char *name;
		int number;
	} wanted[] = { { "openat", 56 }, { "lseek", 62 }, { "read", 63 },   { "fstat", 80 },
		       { "fsync", 82 },	 { "mmap", 222 }, { "execve", 221 } };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		size_t j = 0;

		while (j < ARRAY_SIZE(elsewhere) && strcmp(elsewhere[j].name, wanted[i].name))
			j++;
		assert_true(j < ARRAY_SIZE(elsewhere));
		assert_int_equal(elsewhere[j].number, wanted[i].number);
	}
	assert_true(sq_call_number("open") >= 0);
#else
	assert_string_equal(sq_call_elsewhere("open"), "x86-64");
#endif
	assert_true(ARRAY_SIZE(elsewhere) > 250);
	assert_null(sq_call_elsewhere("openat"));
	assert_null(sq_call_elsewhere("no such call"));
}

static struct sq_error nothing = { .message = (char *)"this kernel has nothing" };

/* A kernel as Debian's 6.12: hooks that may sleep, and the C library, but no task work. */
static const struct sq_error *without_task_work(uint32_t hook, enum sq_look look)
{
	return hook == SQ_HOOK_SYSENTER ? &nothing : NULL;
}

static const struct sq_error *with_all(uint32_t hook, enum sq_look look)
{
	return NULL;
}

/* What is said of a latency of @call, with a peer or a path; NULL: it works, by *ret_hook. */
static char *latency_of(const char *call, bool peer, bool path, sq_hook_problem_t problem,
			enum sq_hook *ret_hook)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	int number = sq_call_number(call);
	struct sq_support support = { .ok = true };
	struct sq_fault fault = { .kind = sq_fault_kind_find("syscall.latency") };
	char *why;

	assert_true(number >= 0);
	fault.calls.bit[number / 64] |= 1ull << (number % 64);
	fault.to.n = peer;
	fault.paths.n = path;
	sq_call_support(&fault, SQ_LOOK_LOAD, problem, &support, &text);
	assert_int_equal(support.ok, !support.why);
	*ret_hook = SQ_HOOKS;
	for (int hook = 0; hook < SQ_HOOKS && support.ok; hook++)
		if (support.hooks >> hook & 1)
			*ret_hook = (enum sq_hook)hook;
	why = support.why ? sq_strdup(support.why) : NULL;
	sq_support_clear(&support);
	return why;
}

static void works_by(enum sq_hook wanted, const char *call, bool peer, bool path,
		     sq_hook_problem_t problem)
{
	enum sq_hook hook;
	_cleanup_free_ char *why = latency_of(call, peer, path, problem, &hook);

	if (why)
		fail_msg("%s: %s", call, why);
	assert_int_equal(hook, wanted);
}

static void is_refused(const char *text, const char *call, bool peer, bool path,
		       sq_hook_problem_t problem)
{
	enum sq_hook hook;
	_cleanup_free_ char *why = latency_of(call, peer, path, problem, &hook);

	assert_non_null(why);
	assert_contains(why, text);
}

static void test_latency_goes_where_enough_is_seen(void **state)
{
	works_by(SQ_HOOK_SYSENTER, "fsync", false, true, with_all);
	works_by(SQ_HOOK_SYSENTER, "connect", true, false, with_all);
	works_by(SQ_HOOK_SYSENTER, "write", true, false, with_all);
	works_by(SQ_HOOK_NAP_OPEN, "openat", false, true, with_all);
	works_by(SQ_HOOK_WRAPPER, "fsync", false, true, without_task_work);
	works_by(SQ_HOOK_NAP_CONNECT, "connect", true, false, without_task_work);
	works_by(SQ_HOOK_NAP_RECVMSG, "recvfrom", true, false, without_task_work);
	is_refused("the peer of fsync cannot be told where it is held back here (tracepoint",
		   "fsync", true, false, with_all);
	is_refused("the peer of write cannot be told where it is held back here (uprobe", "write",
		   true, false, without_task_work);
	is_refused("the files of futex cannot be told apart", "futex", false, true, with_all);
	is_refused("futex cannot be held back: this kernel has nothing", "futex", false, false,
		   without_task_work);
}

UNIT(UNIT_TEST(test_what_must_never_be_touched),
     UNIT_TEST(test_the_other_machines_calls_are_those_of_its_headers),
     UNIT_TEST(test_latency_goes_where_enough_is_seen),
     UNIT_TEST(test_groups_hold_their_calls_and_no_others),
     UNIT_TEST(test_an_unknown_group_is_none), UNIT_TEST(test_a_call_stands_at_one_security_hook),
     UNIT_TEST(test_no_nap_where_a_folder_is_locked),
     UNIT_TEST(test_the_c_library_is_found_by_name),
     UNIT_TEST(test_wrappers_are_where_the_linker_finds_them), UNIT_TEST(test_words_are_whole),
     UNIT_TEST(test_errors_that_a_call_may_return), UNIT_TEST(test_what_a_call_is_about))
