// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guard/recover.h"
#include "tests/unit/unit.h"
#include "util/json.h"
#include "util/netns.h"
#include "util/process.h"

static json_t *events_of(const char *boot_id)
{
	return sq_json("[{s:s, s:s}, {s:s, s:s, s:s}]", "event", "started", "boot_id", boot_id,
		       "event", "creates", "kind", "cgroup", "path", "/not-squall");
}

/* The numbers in a journal are others' after a reboot, and what it made is gone. */
static void test_a_run_of_another_boot_has_left_nothing(void **state)
{
	_cleanup_json_ json_t *events = events_of("00000000-0000-4000-8000-000000000000");
	_cleanup_texts_ struct sq_texts left = { 0 };

	sq_recover_run(events, &left);
	assert_int_equal(left.n, 0);
}

static void test_a_run_of_this_boot_is_looked_at(void **state)
{
	char boot_id[SQ_BOOT_ID_SIZE];
	_cleanup_json_ json_t *events = events_of(sq_boot_id(boot_id));
	_cleanup_texts_ struct sq_texts left = { 0 };

	assert_int_equal(strlen(boot_id), 36);
	sq_recover_run(events, &left);
	assert_int_equal(left.n, 1);
	assert_contains(left.item[0], "not squall's");
}

/* A map of that name; its id. */
static uint32_t make_map(const char *name, int *ret_fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	*ret_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 4, 1, NULL);
	if (*ret_fd < 0)
		skip(); /* takes root */
	assert_int_equal(bpf_obj_get_info_by_fd(*ret_fd, &info, &size), 0);
	return info.id;
}

static void check(uint32_t map, struct sq_texts *left)
{
	_cleanup_json_ json_t *events =
		sq_json("[{s:s, s:[i, i]}]", "event", "loaded", "maps", (int)map, (int)map);

	sq_recover_check_bpf(events, 0, left);
}

static void test_a_map_is_left_as_long_as_it_is_there(void **state)
{
	_cleanup_texts_ struct sq_texts left = { 0 }, later = { 0 };
	int fd;
	uint32_t id = make_map("squnit", &fd);

	check(id, &left);
	assert_int_equal(left.n, 1);
	assert_contains(left.item[0], "is still there, held by no process"); /* but by us */
	close(fd);
	for (int tries = 0; tries < 1000; tries++) {
		sq_texts_clear(&later);
		check(id, &later);
		if (!later.n)
			break;
		usleep(5000);
	}
	assert_int_equal(later.n, 0);
}

static void test_another_one_with_the_same_id_is_not_ours(void **state)
{
	_cleanup_texts_ struct sq_texts left = { 0 };
	int fd;

	check(make_map("other", &fd), &left);
	close(fd);
	assert_int_equal(left.n, 0);
}

static struct rlimit no_descriptors(void)
{
	struct rlimit was, none;
	int fd = dup(STDERR_FILENO);

	close(fd);
	getrlimit(RLIMIT_NOFILE, &was);
	none = (struct rlimit){ (rlim_t)fd, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	return was;
}

static void test_what_cannot_be_looked_at_is_not_gone(void **state)
{
	_cleanup_texts_ struct sq_texts left = { 0 };
	int fd, netns;
	uint32_t id = make_map("squnit", &fd);
	struct rlimit was = no_descriptors();

	check(id, &left);
	netns = sq_netns_find(1);
	setrlimit(RLIMIT_NOFILE, &was);
	close(fd);
	assert_int_equal(left.n, 1);
	assert_contains(left.item[0], "may still be there: Too many open files");
	assert_int_equal(netns, -EMFILE);
	assert_int_equal(sq_netns_find(1), -ENOENT);
}

UNIT(UNIT_TEST(test_a_run_of_another_boot_has_left_nothing),
     UNIT_TEST(test_a_run_of_this_boot_is_looked_at),
     UNIT_TEST(test_a_map_is_left_as_long_as_it_is_there),
     UNIT_TEST(test_another_one_with_the_same_id_is_not_ours),
     UNIT_TEST(test_what_cannot_be_looked_at_is_not_gone))
