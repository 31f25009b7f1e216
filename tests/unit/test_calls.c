// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "experiment/names.h"
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

UNIT(UNIT_TEST(test_groups_hold_their_calls_and_no_others),
     UNIT_TEST(test_an_unknown_group_is_none), UNIT_TEST(test_a_call_stands_at_one_security_hook),
     UNIT_TEST(test_no_nap_where_a_folder_is_locked),
     UNIT_TEST(test_the_c_library_is_found_by_name),
     UNIT_TEST(test_wrappers_are_where_the_linker_finds_them), UNIT_TEST(test_words_are_whole),
     UNIT_TEST(test_errors_that_a_call_may_return), UNIT_TEST(test_what_a_call_is_about))
