// SPDX-License-Identifier: GPL-2.0-only
/* exclusive: it looks at the whole host, where another test's objects may be on their way out */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/host_state.h"
#include "guard/paths.h"
#include "tests/unit/unit.h"
#include "util/json.h"
#include "util/netns.h"
#include "util/time.h"

#define RUN "20990101-000000-unit"
#define FILE_OF_RUN "/tmp/squall-" RUN
#define DEVICE "squallunit"
#define SETTLE_NS (300 * SQ_MS)

struct leftovers {
	int map, other_map;
	pid_t child;
};

static int make_map(const char *name)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 4, 1, NULL);

	if (fd < 0)
		skip(); /* takes root */
	return fd;
}

static json_t *look(struct sq_host_watch *watch, const json_t *events, pid_t guard,
		    uint64_t late_ns, struct sq_texts *left)
{
	const struct sq_host_ours ours = {
		.run = RUN, .events = events, .device = DEVICE, .guard = guard
	};

	return sq_host_watch_end(watch, &ours, late_ns, left);
}

/* In a namespace of our own: a dummy device needs a module, a bridge may, a TAP is squall's own. */
static int make_device(void *argument, struct sq_error **err)
{
	int *fd = argument;
	struct ifreq ifr = { .ifr_flags = 0x0002 | 0x1000 }; /* IFF_TAP | IFF_NO_PI */

	*fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strcpy(ifr.ifr_name, DEVICE);
	return *fd < 0 || ioctl(*fd, _IOW('T', 202, int), &ifr) < 0 ? -errno : 0;
}

static int open_netns(void *argument, struct sq_error **err)
{
	int *fd = argument;

	*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void test_nothing_is_left_where_nothing_was_made(void **state)
{
	_cleanup_(sq_host_watch_clear) struct sq_host_watch watch = { 0 };
	_cleanup_texts_ struct sq_texts left = { 0 };
	_cleanup_json_ json_t *found = NULL;
	const json_t *compared, *maps;
	int fd = make_map("sq_passing"), r;

	sq_host_watch_begin(&watch);
	r = make_map("sq_coming");
	close(r);
	found = look(&watch, NULL, 0, 3 * SQ_S, &left);
	assert_int_equal(left.n, 0);
	compared = json_object_get(found, "compared");
	maps = json_object_get(compared, "maps");
	assert_true(sq_json_int(maps, "before") > 0);
	assert_true(sq_json_int(json_object_get(compared, "mounts"), "after") > 0);
	assert_true(sq_json_int(json_object_get(compared, "sysctls"), "after") > 0);
	assert_true(sq_json_real(found, "took_ms") > 0);
	close(fd);
}

static bool tells(const struct sq_texts *texts, const char *part)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strstr(texts->item[i], part))
			return true;
	return false;
}

/* @whose: "others" or "other_runs" */
static bool found_tells(const json_t *found, const char *whose, const char *part)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(found, whose), i, one)
		if (strstr(json_string_value(one), part))
			return true;
	return false;
}

static uint32_t id_of(int map)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	return info.id;
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Each kind of thing at once: what is the run's is left, what is not is others' doing. */
static void test_what_a_run_leaves_is_told_from_what_others_do(void **state)
{
	_cleanup_(sq_host_watch_clear) struct sq_host_watch watch = { 0 };
	_cleanup_texts_ struct sq_texts left = { 0 };
	_cleanup_json_ json_t *found = NULL, *events = NULL;
	_cleanup_close_ int gone = make_map("gone_others"), ours = -EBADF, loaded = -EBADF;
	_cleanup_close_ int theirs = -EBADF, netns = -EBADF, tap = -EBADF, file = -EBADF;
	char mount_point[] = SQ_RUN_DIR "/unit-XXXXXX";
	pid_t child, guard;
	char text[64];

	assert_int_equal(sq_netns_call_new(open_netns, &netns, NULL), 0);
	mkdir(SQ_RUN_DIR, 0750);
	assert_non_null(mkdtemp(mount_point));
	sq_host_watch_begin(&watch);
	sq_host_watch_space(&watch, 1, netns);
	guard = start_child();
	child = start_child();
	ours = make_map("sq_unknown");
	loaded = make_map("by_journal");
	theirs = make_map("of_others");
	sq_close(TAKE_FD(gone));
	file = open(FILE_OF_RUN, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(sq_netns_call(netns, make_device, &tap, NULL), 0);
	assert_int_equal(mount("none", mount_point, "tmpfs", 0, NULL), 0);
	events = sq_json("[{s:s, s:[i]}]", "event", "loaded", "maps", (int)id_of(loaded));

	found = look(&watch, events, guard, 2 * SETTLE_NS, &left);
	end_child(guard);
	end_child(child);
	umount(mount_point);
	rmdir(mount_point);
	unlink(FILE_OF_RUN);

	snprintf(text, sizeof(text), "BPF map %u is still there", id_of(ours));
	assert_true(sq_texts_have(&left, text));
	snprintf(text, sizeof(text), "BPF map %u is still there", id_of(loaded));
	assert_true(sq_texts_have(&left, text));
	snprintf(text, sizeof(text), "process %d ", (int)child);
	assert_true(tells(&left, text));
	assert_true(sq_texts_have(&left, "file '" FILE_OF_RUN "' is still there"));
	assert_true(sq_texts_have(&left, "network device '" DEVICE "' is still there"));
	assert_true(tells(&left, mount_point));
	snprintf(text, sizeof(text), "process %d ", (int)guard);
	assert_false(tells(&left, text));
	/* which of them, if others make some too, is not told of more than three */
	assert_true(found_tells(found, "others", "BPF map "));
	snprintf(text, sizeof(text), "BPF map %u ", id_of(theirs));
	assert_false(tells(&left, text));
}

/* What another process holds is that process's, whatever it is called; and what an earlier run had goes late. */
static void test_what_another_process_holds_is_not_left(void **state)
{
	_cleanup_(sq_host_watch_clear) struct sq_host_watch watch = { 0 };
	_cleanup_texts_ struct sq_texts left = { 0 };
	_cleanup_json_ json_t *found = NULL;
	int map, late = make_map("sq_of_earlier");
	char text[64];
	pid_t child;

	sq_host_watch_begin(&watch);
	snprintf(text, sizeof(text), "BPF map %u", id_of(late));
	close(late);
	map = make_map("sq_of_another");
	child = start_child();
	close(map);
	usleep(SETTLE_NS / SQ_US);
	found = look(&watch, NULL, child, 0, &left);
	end_child(child);
	assert_int_equal(left.n, 0);
	assert_true(found_tells(found, "other_runs", " came"));
	assert_true(found_tells(found, "other_runs", " went"));
	assert_false(found_tells(found, "others", text));
}

UNIT(UNIT_TEST(test_nothing_is_left_where_nothing_was_made),
     UNIT_TEST(test_what_a_run_leaves_is_told_from_what_others_do),
     UNIT_TEST(test_what_another_process_holds_is_not_left))
