// SPDX-License-Identifier: GPL-2.0-only
#include "guard/recover.h"

#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "guard/paths.h"
#include "guard/undo.h"
#include "util/cgroup.h"
#include "util/eventlog.h"
#include "util/time.h"

#define GONE_NS (3 * SQ_S)
#define PAUSE_US 5000

enum object {
	PROGRAM,
	MAP,
	LINK,
	OBJECTS,
};

static const struct {
	const char *key, *what;
	int (*get)(__u32 id);
} objects[OBJECTS] = {
	[PROGRAM] = { "programs", "BPF program", bpf_prog_get_fd_by_id },
	[MAP] = { "maps", "BPF map", bpf_map_get_fd_by_id },
	[LINK] = { "links", "BPF link", bpf_link_get_fd_by_id },
};

/* Is the object still there, and still squall's? An id may have been given to somebody else. */
static bool still_there(enum object object, uint32_t id)
{
	_cleanup_close_ int fd = objects[object].get(id);
	union {
		struct bpf_prog_info program;
		struct bpf_map_info map;
	} info = { 0 };
	uint32_t size = object == PROGRAM ? sizeof(info.program) : sizeof(info.map);

	if (fd < 0)
		return false;
	if (object == LINK)
		return true;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return true;
	/* .rodata maps are named after their object file */
	return object == PROGRAM ? !strncmp(info.program.name, "sq_", 3)
				 : !strncmp(info.map.name, "sq", 2);
}

static void check(const json_t *events, struct sq_texts *left)
{
	const json_t *event, *id;
	size_t i, j;

	json_array_foreach(events, i, event) {
		if (strcmp(sq_json_text(event, "event"), "loaded") != 0)
			continue;
		for (enum object object = 0; object < OBJECTS; object++) {
			json_array_foreach(json_object_get(event, objects[object].key), j, id) {
				uint32_t number = (uint32_t)json_integer_value(id);
				_cleanup_free_ char *text = NULL;

				if (!still_there(object, number))
					continue;
				text = sq_asprintf("%s %u is still there", objects[object].what,
						   number);
				sq_texts_add(left, text);
			}
		}
	}
}

void sq_recover_check_bpf(const json_t *events, uint64_t timeout_ns, struct sq_texts *left)
{
	uint64_t until = sq_now() + timeout_ns;

	/* the kernel frees programs and maps a grace period after their last user */
	for (;;) {
		_cleanup_texts_ struct sq_texts found = { 0 };

		check(events, &found);
		if (!found.n)
			return;
		if (sq_now() >= until) {
			for (size_t i = 0; i < found.n; i++)
				sq_texts_add(left, found.item[i]);
			return;
		}
		usleep(PAUSE_US);
	}
}

void sq_recover_run(const json_t *events, struct sq_texts *left)
{
	sq_undo_all(events, left);
	sq_cgroup_remove_empty(SQ_CGROUP);
	sq_recover_check_bpf(events, GONE_NS, left);
}
