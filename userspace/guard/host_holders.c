// SPDX-License-Identifier: GPL-2.0-only
#include "guard/host_holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/eventlog.h"
#include "util/fs.h"

#define MOST_FDINFO 4096

/* What a descriptor's fdinfo calls the numbers, and which part each is one of. */
static const struct {
	const char *key;
	enum sq_part part;
} keys[] = {
	{ "\nprog_id:", SQ_PART_PROGRAMS },
	{ "\nmap_id:", SQ_PART_MAPS },
	{ "\nlink_id:", SQ_PART_LINKS },
};

static void add(struct sq_holders *holders, const char *text, pid_t pid)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *line = strstr(text, keys[i].key);

		if (line)
			*(struct sq_holder *)sq_append(&holders->item, &holders->n,
						       sizeof(*holders->item)) = (struct sq_holder){
				.part = keys[i].part,
				.id = (uint32_t)strtoul(line + strlen(keys[i].key), NULL, 10),
				.pid = pid
			};
	}
}

/* Only what is called "anon_inode:bpf-..." is looked into: there may be thousands of others. */
static void look_at(struct sq_holders *holders, const char *pid)
{
	_cleanup_free_ char *path = sq_asprintf("/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	char target[32];

	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		_cleanup_free_ char *info = NULL, *text = NULL;

		if (n < 0)
			continue;
		target[n] = '\0';
		if (!strstr(target, "bpf"))
			continue;
		info = sq_asprintf("/proc/%s/fdinfo/%s", pid, entry->d_name);
		if (sq_read_file(AT_FDCWD, info, MOST_FDINFO, &text) > 0)
			add(holders, text, (pid_t)strtol(pid, NULL, 10));
	}
	if (dir)
		closedir(dir);
}

static void add_loaded(struct sq_holders *holders, const json_t *events)
{
	const json_t *event, *id;
	size_t i, j;

	json_array_foreach(events, i, event) {
		if (strcmp(sq_json_text(event, "event"), "loaded") != 0)
			continue;
		for (enum sq_part part = SQ_PART_PROGRAMS; part <= SQ_PART_LINKS; part++)
			json_array_foreach(json_object_get(event, sq_part_name(part)), j, id)
				*(struct sq_holder *)sq_append(&holders->item, &holders->n,
							       sizeof(*holders->item)) =
					(struct sq_holder){
						.part = part, .id = (uint32_t)json_integer_value(id)
					};
	}
}

/* Of the other runs that the host knows of, dead ones among them. */
static void read_journals(struct sq_holders *holders, const char *run)
{
	DIR *dir = opendir(SQ_LIVE_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, entry->d_name);
		_cleanup_close_ int fd = -EBADF;
		_cleanup_json_ json_t *events = NULL;

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, run))
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && !sq_eventlog_read(fd, "events.jsonl", &events, NULL))
			add_loaded(holders, events);
	}
	if (dir)
		closedir(dir);
}

void sq_holders_of_processes(struct sq_holders *ret)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
			look_at(ret, entry->d_name);
	if (proc)
		closedir(proc);
}

void sq_holders_find(struct sq_holders *ret, const char *run)
{
	*ret = (struct sq_holders){ 0 };
	read_journals(ret, run);
	sq_holders_of_processes(ret);
}

const struct sq_holder *sq_holders_other(const struct sq_holders *holders, enum sq_part part,
					 uint32_t id)
{
	for (size_t i = 0; i < holders->n; i++)
		if (holders->item[i].part == part && holders->item[i].id == id &&
		    holders->item[i].pid != getpid())
			return &holders->item[i];
	return NULL;
}

void sq_holders_clear(struct sq_holders *holders)
{
	free(holders->item);
	*holders = (struct sq_holders){ 0 };
}
