// SPDX-License-Identifier: GPL-2.0-only
#include "guard/recover.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guard/host_holders.h"
#include "guard/paths.h"
#include "guard/undo.h"
#include "util/cgroup.h"
#include "util/json.h"
#include "util/process.h"
#include "util/time.h"

#define GONE_NS (10 * SQ_S) /* the kernel's: on a busy host its grace periods take seconds */
#define HELD_NS (3 * SQ_S) /* who holds an object after that, and whenever we look, means to */
#define HELD_LOOKS 5
#define PAUSE_US 5000
#define LATE_PAUSE_US 50000
#define LEAST_LOOKS 400

enum object {
	PROGRAM,
	MAP,
	LINK,
	OBJECTS,
};

static const struct {
	const char *key, *what;
	int (*get)(__u32 id);
	enum sq_part part;
} objects[OBJECTS] = {
	[PROGRAM] = { "programs", "BPF program", bpf_prog_get_fd_by_id, SQ_PART_PROGRAMS },
	[MAP] = { "maps", "BPF map", bpf_map_get_fd_by_id, SQ_PART_MAPS },
	[LINK] = { "links", "BPF link", bpf_link_get_fd_by_id, SQ_PART_LINKS },
};

/*
 * Is the object still there, and still squall's? An id may have been given to somebody else. 0: it
 * is not, 1: it is, negative: cannot tell.
 */
static int still_there(enum object object, uint32_t id)
{
	_cleanup_close_ int fd = objects[object].get(id);
	union {
		struct bpf_prog_info program;
		struct bpf_map_info map;
		struct bpf_link_info link;
	} info = { 0 };
	static const uint32_t sizes[OBJECTS] = { sizeof(info.program), sizeof(info.map),
						 sizeof(info.link) };
	uint32_t size = sizes[object];

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	switch (object) {
	case PROGRAM:
		return !strncmp(info.program.name, "sq_", 3);
	case MAP: /* .rodata maps are named after their object file */
		return !strncmp(info.map.name, "sq", 2);
	default: /* a link has no name, but its program has; detached (cgroup, tcx) it has none */
		return info.link.prog_id ? still_there(PROGRAM, info.link.prog_id) : 0;
	}
}

/* A sentence for an object that is still there, or of which that cannot be told (@r, negative). */
static char *describe(enum object object, uint32_t id, int r, const struct sq_holder *holder)
{
	const char *what = objects[object].what;
	char name[SQ_PROCESS_NAME] = "gone since";

	if (r < 0)
		return sq_asprintf("%s %u may still be there: %s", what, id, strerror(-r));
	if (!holder)
		return sq_asprintf("%s %u is still there, held by no process", what, id);
	sq_process_name(holder->pid, name);
	return sq_asprintf("%s %u is still there, held by process %d (%s)", what, id, holder->pid,
			   name);
}

/* Adds it to @left if it is still there. Does another process than this one hold it? */
static bool check_one(enum object object, uint32_t id, const struct sq_holders *holders,
		      struct sq_texts *left)
{
	const struct sq_holder *holder = NULL;
	_cleanup_free_ char *text = NULL;
	int r = still_there(object, id);

	if (!r)
		return false;
	if (r > 0)
		holder = sq_holders_other(holders, objects[object].part, id);
	text = describe(object, id, r, holder);
	if (!sq_texts_have(left, text))
		sq_texts_add(left, text);
	return holder != NULL;
}

/* The same of all that the run has loaded. */
static bool check(const json_t *events, const struct sq_holders *holders, struct sq_texts *left)
{
	const json_t *event, *id;
	bool held = false;
	size_t i, j;

	json_array_foreach(events, i, event) {
		if (strcmp(sq_json_text(event, "event"), "loaded") != 0)
			continue;
		for (enum object object = 0; object < OBJECTS; object++) {
			json_array_foreach(json_object_get(event, objects[object].key), j, id)
				held |= check_one(object, (uint32_t)json_integer_value(id), holders,
						  left);
		}
	}
	return held;
}

void sq_recover_check_bpf(const json_t *events, uint64_t timeout_ns, struct sq_texts *left)
{
	unsigned int held_looks = 0;
	uint64_t begun = sq_now();

	/* the kernel frees programs and maps a grace period after their last user */
	for (unsigned int looked = 1;; looked++) {
		_cleanup_texts_ struct sq_texts found = { 0 };
		struct sq_holders holders = { 0 };
		bool late = sq_time_to_give_up(begun, HELD_NS, looked, LEAST_LOOKS);
		bool last = sq_time_to_give_up(begun, timeout_ns, looked, LEAST_LOOKS);

		/* all processes' descriptors are read for it */
		if (late || last)
			sq_holders_of_processes(&holders);
		held_looks = check(events, &holders, &found) ? held_looks + 1 : 0;
		sq_holders_clear(&holders);
		if (!found.n)
			return;
		if (last || held_looks >= HELD_LOOKS) {
			for (size_t i = 0; i < found.n; i++)
				sq_texts_add(left, found.item[i]);
			return;
		}
		usleep(late ? LATE_PAUSE_US : PAUSE_US);
	}
}

/* Was the host started anew since? Then all is gone, and the numbers are others'. */
static bool is_of_another_boot(const json_t *events)
{
	const char *theirs = sq_json_text(json_array_get(events, 0), "boot_id");
	char ours[SQ_BOOT_ID_SIZE];

	return *theirs && *sq_boot_id(ours) && strcmp(theirs, ours) != 0;
}

void sq_recover_run(const json_t *events, struct sq_texts *left)
{
	_cleanup_texts_ struct sq_texts first = { 0 };

	if (is_of_another_boot(events))
		return;
	sq_undo_all(events, &first);
	/* what failed for want of something the host lacks for a moment: once more */
	if (first.n) {
		usleep(PAUSE_US);
		sq_undo_all(events, left);
	}
	sq_cgroup_remove_empty(SQ_CGROUP);
	sq_recover_check_bpf(events, GONE_NS, left);
}
