// SPDX-License-Identifier: GPL-2.0-only
#include "guard/kill_switch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/time.h"

#define MAP_NAME "sq_switch"
#define MAP_BYTES (SQ_SWITCH_SLOTS * sizeof(struct sq_switch))

static int map_entries(int fd, volatile struct sq_switch **ret)
{
	void *entries = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (entries == MAP_FAILED)
		return -errno;
	*ret = entries;
	return 0;
}

static int mount_bpffs(struct sq_error **err)
{
	char options[64];
	struct statfs fs;

	if (mkdir(SQ_BPF_DIR, 0750) < 0 && errno != EEXIST)
		return sq_error_errno(err, errno, "cannot make the folder '%s'", SQ_BPF_DIR);
	if (statfs(SQ_BPF_DIR, &fs) < 0)
		return sq_error_errno(err, errno, "cannot look at '%s'", SQ_BPF_DIR);
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	snprintf(options, sizeof(options), "mode=0750");
	if (mount("squall", SQ_BPF_DIR, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return sq_error_errno(err, errno, "cannot mount a bpffs at '%s'", SQ_BPF_DIR);
	return 0;
}

/* The group may have come after the switch. */
static int set_owner(struct sq_error **err)
{
	const gid_t group = sq_paths_group();

	if (chown(SQ_BPF_DIR, 0, group) < 0)
		return sq_error_errno(err, errno, "cannot set the owner of '%s'", SQ_BPF_DIR);
	if (chown(SQ_SWITCH_PIN, 0, group) < 0 || chmod(SQ_SWITCH_PIN, 0660) < 0)
		return sq_error_errno(err, errno, "cannot set the owner of '%s'", SQ_SWITCH_PIN);
	return 0;
}

static int create_map(struct sq_error **err)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = -EBADF;
	struct sq_switch first = { .magic = SQ_SWITCH_MAGIC, .count = 1 };
	uint32_t zero = 0;
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, MAP_NAME, sizeof(uint32_t),
			    sizeof(struct sq_switch), SQ_SWITCH_SLOTS, &options);
	if (fd < 0)
		return sq_error_errno(err, errno, "cannot make the kill switch's map");
	if (bpf_map_update_elem(fd, &zero, &first, BPF_ANY) < 0)
		return sq_error_errno(err, errno, "cannot set up the kill switch");
	r = bpf_obj_pin(fd, SQ_SWITCH_PIN);
	if (r)
		return sq_error_errno(err, errno, "cannot pin the kill switch at '%s'",
				      SQ_SWITCH_PIN);
	return TAKE_FD(fd);
}

/* Is it a kill switch of squall's? */
static bool is_switch(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	volatile struct sq_switch *entry = NULL;
	bool is;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || strcmp(info.name, MAP_NAME) != 0 ||
	    info.max_entries < SQ_SWITCH_SLOTS || map_entries(fd, &entry))
		return false;
	is = entry && entry->magic == SQ_SWITCH_MAGIC;
	munmap((void *)entry, MAP_BYTES);
	return is;
}

/* The host's switch, wherever it is pinned or used: its descriptor, or -ENOENT. */
static int find_map(void)
{
	uint32_t id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);

		if (fd >= 0 && is_switch(fd))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

/* Another mount namespace may have made the host's switch: there is to be one. -ENOENT: none has. */
static int adopt_map(struct sq_error **err)
{
	_cleanup_close_ int fd = find_map();

	if (fd >= 0 && bpf_obj_pin(fd, SQ_SWITCH_PIN))
		return sq_error_errno(err, errno, "cannot pin the kill switch at '%s'",
				      SQ_SWITCH_PIN);
	return TAKE_FD(fd);
}

/* One at a time, or two first runs would each have a switch of their own. */
static int find_or_create(struct sq_error **err)
{
	_cleanup_close_ int lock_fd = open(SQ_RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0)
		return sq_error_errno(err, errno, "cannot lock '%s'", SQ_RUN_DIR);
	fd = bpf_obj_get(SQ_SWITCH_PIN);
	if (fd >= 0)
		return fd;
	r = mount_bpffs(err);
	if (r)
		return r;
	fd = adopt_map(err);
	return fd == -ENOENT ? create_map(err) : fd;
}

int sq_kill_switch_open(struct sq_kill_switch *kill_switch, bool create, struct sq_error **err)
{
	_cleanup_close_ int fd = bpf_obj_get(SQ_SWITCH_PIN);
	int r;

	if (fd < 0 && errno != ENOENT)
		return sq_error_errno(err, errno, "cannot open the kill switch '%s'",
				      SQ_SWITCH_PIN);
	if (fd < 0 && !create)
		fd = find_map();
	if (fd < 0 && !create)
		return sq_error_set(err, SQ_FAIL_ERROR, ENOENT, "there is no kill switch at '%s'",
				    SQ_SWITCH_PIN);
	if (fd < 0)
		fd = find_or_create(err);
	if (fd < 0)
		return fd;
	r = create ? set_owner(err) : 0;
	if (r)
		return r;
	*kill_switch = (struct sq_kill_switch){ .map_fd = -EBADF };
	r = map_entries(fd, &kill_switch->entry);
	if (r)
		return sq_error_errno(err, -r, "cannot map the kill switch '%s'", SQ_SWITCH_PIN);
	if (kill_switch->entry->magic != SQ_SWITCH_MAGIC) {
		munmap((void *)kill_switch->entry, MAP_BYTES);
		return sq_error_set(err, SQ_FAIL_ERROR, EPROTO, "'%s' is not squall's kill switch",
				    SQ_SWITCH_PIN);
	}
	kill_switch->map_fd = TAKE_FD(fd);
	return 0;
}

void sq_kill_switch_close(struct sq_kill_switch *kill_switch)
{
	if (!kill_switch->entry)
		return;
	munmap((void *)kill_switch->entry, MAP_BYTES);
	kill_switch->entry = NULL;
	kill_switch->map_fd = sq_close(kill_switch->map_fd);
}

void sq_kill_switch_stop_all(const struct sq_kill_switch *kill_switch, bool latch)
{
	__atomic_add_fetch(&kill_switch->entry[0].count, 1, __ATOMIC_SEQ_CST);
	if (!latch)
		return;
	__atomic_store_n(&kill_switch->entry[0].latched, 1, __ATOMIC_SEQ_CST);
	/* a run that began between the two has seen neither the stop nor the latch */
	__atomic_add_fetch(&kill_switch->entry[0].count, 1, __ATOMIC_SEQ_CST);
}

bool sq_kill_switch_stop_run(const struct sq_kill_switch *kill_switch, uint32_t slot,
			     uint64_t generation)
{
	__u64 old = generation;

	return __atomic_compare_exchange_n(&kill_switch->entry[slot].count, &old, generation + 1,
					   false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

bool sq_kill_switch_unlatch(const struct sq_kill_switch *kill_switch, uint64_t epoch)
{
	__u64 was = __atomic_exchange_n(&kill_switch->entry[0].latched, 0, __ATOMIC_SEQ_CST);

	if (sq_kill_switch_epoch(kill_switch) == epoch)
		return true;
	/* an abort moves the epoch before it latches */
	if (was)
		__atomic_store_n(&kill_switch->entry[0].latched, 1, __ATOMIC_SEQ_CST);
	return false;
}

bool sq_kill_switch_latched(const struct sq_kill_switch *kill_switch)
{
	return __atomic_load_n(&kill_switch->entry[0].latched, __ATOMIC_SEQ_CST) != 0;
}

uint64_t sq_kill_switch_epoch(const struct sq_kill_switch *kill_switch)
{
	return __atomic_load_n(&kill_switch->entry[0].count, __ATOMIC_SEQ_CST);
}

bool sq_kill_switch_take(const struct sq_kill_switch *kill_switch, uint32_t slot,
			 struct sq_slot *ret)
{
	volatile struct sq_switch *entry = &kill_switch->entry[slot];
	__u64 held = __atomic_load_n(&entry->held_ns, __ATOMIC_SEQ_CST), now = sq_now();

	if (held && now - held < SQ_SWITCH_HELD_NS)
		return false;
	if (!__atomic_compare_exchange_n(&entry->held_ns, &held, now, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return false;
	*ret = (struct sq_slot){
		.number = slot,
		.generation = __atomic_add_fetch(&entry->count, 1, __ATOMIC_SEQ_CST),
		.held_ns = now,
	};
	return true;
}

/* Not where somebody else has taken it, because we were silent for too long. */
static void set_held(const struct sq_kill_switch *kill_switch, struct sq_slot *slot, __u64 now)
{
	__u64 held = slot->held_ns;

	if (held && __atomic_compare_exchange_n(&kill_switch->entry[slot->number].held_ns, &held,
						now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		slot->held_ns = now;
}

void sq_kill_switch_hold(const struct sq_kill_switch *kill_switch, struct sq_slot *slot)
{
	set_held(kill_switch, slot, sq_now());
}

void sq_kill_switch_give(const struct sq_kill_switch *kill_switch, struct sq_slot *slot)
{
	set_held(kill_switch, slot, 0);
}

int sq_kill_switch_stop_others(const struct sq_kill_switch *ours, bool latch)
{
	struct bpf_map_info info = { 0 }, own = { 0 };
	uint32_t id = 0, size = sizeof(own);
	int found = 0;

	if (ours)
		bpf_obj_get_info_by_fd(ours->map_fd, &own, &size);
	while (!bpf_map_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
		struct sq_kill_switch other = { .map_fd = fd };

		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.id == own.id ||
		    strcmp(info.name, MAP_NAME) != 0 || map_entries(fd, &other.entry))
			continue;
		if (other.entry && other.entry->magic == SQ_SWITCH_MAGIC) {
			sq_kill_switch_stop_all(&other, latch);
			found++;
		}
		munmap((void *)other.entry, MAP_BYTES);
	}
	return found;
}
