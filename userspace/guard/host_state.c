// SPDX-License-Identifier: GPL-2.0-only
#include "guard/host_state.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/process.h"

#define MOST_MOUNTS (32u << 20) /* bytes */
#define MOST_CHILDREN (1u << 20)
#define MOST_SYSCTL 256

const char *sq_part_name(enum sq_part part)
{
	static const char *const names[SQ_PARTS] = {
		[SQ_PART_PROGRAMS] = "programs",   [SQ_PART_MAPS] = "maps",
		[SQ_PART_LINKS] = "links",	   [SQ_PART_CGROUPS] = "cgroups",
		[SQ_PART_MOUNTS] = "mounts",	   [SQ_PART_FUSE] = "fuse_connections",
		[SQ_PART_PROCESSES] = "processes", [SQ_PART_NAMESPACES] = "network_namespaces",
		[SQ_PART_FILES] = "files",	   [SQ_PART_SYSCTLS] = "sysctls",
		[SQ_PART_DEVICES] = "devices",	   [SQ_PART_QDISCS] = "qdiscs",
		[SQ_PART_FILTERS] = "filters",
	};

	return names[part];
}

void sq_host_state_add(struct sq_host_state *state, struct sq_host_item item)
{
	*(struct sq_host_item *)sq_append(&state->item, &state->n, sizeof(*state->item)) = item;
}

void sq_host_state_clear(struct sq_host_state *state)
{
	for (size_t i = 0; i < state->n; i++)
		free(state->item[i].name);
	free(state->item);
	*state = (struct sq_host_state){ 0 };
}

static void add_named(struct sq_host_state *state, enum sq_part part, char *name)
{
	sq_host_state_add(state, (struct sq_host_item){ .part = part, .name = name });
}

void sq_host_object_name(enum sq_part part, uint32_t id, char name[SQ_OBJECT_NAME])
{
	_cleanup_close_ int fd = part == SQ_PART_PROGRAMS ? bpf_prog_get_fd_by_id(id)
				 : part == SQ_PART_MAPS	  ? bpf_map_get_fd_by_id(id)
							  : bpf_link_get_fd_by_id(id);
	union {
		struct bpf_prog_info program;
		struct bpf_map_info map;
		struct bpf_link_info link;
	} info = { 0 };
	uint32_t size = part == SQ_PART_PROGRAMS ? sizeof(info.program)
			: part == SQ_PART_MAPS	 ? sizeof(info.map)
						 : sizeof(info.link);

	*name = '\0';
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	if (part == SQ_PART_LINKS && info.link.prog_id)
		sq_host_object_name(SQ_PART_PROGRAMS, info.link.prog_id, name);
	else if (part != SQ_PART_LINKS)
		snprintf(name, SQ_OBJECT_NAME, "%s",
			 part == SQ_PART_PROGRAMS ? info.program.name : info.map.name);
}

bool sq_host_object_is_squalls(const char *name)
{
	return !strncmp(name, "sq", 2) && strcmp(name, "sq_switch") != 0;
}

/* Whose it is, since it is too late to ask once it has gone. */
static void add_object(struct sq_host_state *state, enum sq_part part, uint32_t id)
{
	char name[SQ_OBJECT_NAME];

	sq_host_object_name(part, id, name);
	sq_host_state_add(state,
			  (struct sq_host_item){ .part = part,
						 .id = id,
						 .squalls = sq_host_object_is_squalls(name) });
}

static void read_bpf(struct sq_host_state *state)
{
	static int (*const next[])(__u32 id, __u32 * next_id) = {
		[SQ_PART_PROGRAMS] = bpf_prog_get_next_id,
		[SQ_PART_MAPS] = bpf_map_get_next_id,
		[SQ_PART_LINKS] = bpf_link_get_next_id,
	};

	for (enum sq_part part = SQ_PART_PROGRAMS; part <= SQ_PART_LINKS; part++)
		for (__u32 id = 0; !next[part](id, &id);)
			add_object(state, part, id);
}

static int add_cgroup(const char *path, int fd, void *data)
{
	add_named(data, SQ_PART_CGROUPS, sq_strdup(path));
	return 0;
}

/* Lines like "36 35 98:0 /mnt1 /mnt/parent rw,noatime ...", proc(5). */
static void read_mounts(struct sq_host_state *state)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (sq_read_file(AT_FDCWD, "/proc/thread-self/mountinfo", MOST_MOUNTS, &text) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *point = NULL;
		unsigned int id;

		if (sscanf(line, "%u %*s %*s %*s %ms", &id, &point) == 2)
			sq_host_state_add(state, (struct sq_host_item){ .part = SQ_PART_MOUNTS,
									.id = id,
									.name = TAKE_PTR(point) });
		free(point);
	}
}

/* Each connection is a folder, named by its number. */
static void read_fuse(struct sq_host_state *state)
{
	int fd = sq_detached_mount("fusectl", NULL, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		sq_close(fd);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sq_host_state_add(state, (struct sq_host_item){
							 .part = SQ_PART_FUSE,
							 .id = strtoul(entry->d_name, NULL, 10) });
	if (dir)
		closedir(dir);
}

/*
 * The children of each of our threads, where the kernel tells them (CONFIG_PROC_CHILDREN). Not those that
 * have ended: a probe's program that was under way at the end may take a moment to die.
 */
static void read_children(struct sq_host_state *state)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = sq_asprintf("%s/children", entry->d_name);
		_cleanup_free_ char *text = NULL;
		char *p, *end;

		if (entry->d_name[0] == '.' ||
		    sq_read_file(dirfd(dir), path, MOST_CHILDREN, &text) <= 0)
			continue;
		for (p = text;; p = end) {
			unsigned long pid = strtoul(p, &end, 10);
			uint64_t started;

			if (end == p)
				break;
			if (sq_process_start_time((pid_t)pid, &started) ||
			    !sq_process_alive((pid_t)pid, started))
				continue;
			sq_host_state_add(state, (struct sq_host_item){ .part = SQ_PART_PROCESSES,
									.id = pid });
		}
	}
	if (dir)
		closedir(dir);
}

/* What is in a folder and has @part_of_name in its name; NULL: all. */
static void read_folder(struct sq_host_state *state, enum sq_part part, const char *folder,
			const char *part_of_name)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    (!part_of_name || strstr(entry->d_name, part_of_name)))
			add_named(state, part, sq_asprintf("%s/%s", folder, entry->d_name));
	if (dir)
		closedir(dir);
}

static void read_files(struct sq_host_state *state)
{
	static const char *const own[] = { SQ_RUN_DIR, SQ_CLSACT_DIR, SQ_STATE_DIR };
	static const char *const others[] = { "/run", "/tmp", "/var/tmp", "/dev/shm", "/etc" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		read_folder(state, SQ_PART_FILES, own[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		read_folder(state, SQ_PART_FILES, others[i], "squall");
}

/* What could be wanted for BPF; squall sets none of them. */
static void read_sysctls(struct sq_host_state *state)
{
	static const char *const names[] = {
		"kernel/unprivileged_bpf_disabled",
		"kernel/bpf_stats_enabled",
		"kernel/perf_event_paranoid",
		"kernel/kptr_restrict",
		"net/core/bpf_jit_enable",
		"net/core/bpf_jit_harden",
		"net/core/bpf_jit_kallsyms",
		"net/core/bpf_jit_limit",
		"kernel/ftrace_enabled",
		"kernel/sched_rt_runtime_us",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = sq_asprintf("/proc/sys/%s", names[i]), *text = NULL;

		if (sq_read_file(AT_FDCWD, path, MOST_SYSCTL, &text) < 0)
			continue;
		add_named(state, SQ_PART_SYSCTLS,
			  sq_asprintf("%s=%.*s", names[i], (int)strcspn(text, "\n"), text));
	}
}

void sq_host_state_read(struct sq_host_state *state)
{
	read_bpf(state);
	sq_cgroup_walk(SQ_CGROUP, add_cgroup, state, NULL);
	read_mounts(state);
	read_fuse(state);
	read_children(state);
	read_folder(state, SQ_PART_NAMESPACES, "/run/netns", NULL);
	read_files(state);
	read_sysctls(state);
}
