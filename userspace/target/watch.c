// SPDX-License-Identifier: GPL-2.0-only
#include "target/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/mem.h"
#include "util/text.h"

#define EVENTS_SIZE 65536
#define WATCHED (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

void sq_watch_open(struct sq_watch *watch)
{
	*watch = (struct sq_watch){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	if (watch->fd < 0)
		watch->fd = -errno;
}

void sq_watch_begin(struct sq_watch *watch)
{
	watch->folders = watch->refused = 0;
}

void sq_watch_add(struct sq_watch *watch, int folder_fd)
{
	char file[32];

	watch->folders++;
	snprintf(file, sizeof(file), "/proc/self/fd/%d", folder_fd);
	/* a watch on an inode that has one already stays the same */
	if (watch->fd >= 0 && inotify_add_watch(watch->fd, file, WATCHED) >= 0)
		return;
	watch->errnum = watch->fd < 0 ? -watch->fd : errno;
	watch->refused++;
}

bool sq_watch_drain(const struct sq_watch *watch)
{
	_cleanup_free_ char *events = sq_alloc(EVENTS_SIZE);
	bool any = false;

	while (read(watch->fd, events, EVENTS_SIZE) > 0)
		any = true;
	return any;
}

char *sq_watch_trouble(const struct sq_watch *watch)
{
	const char *limit = watch->errnum == EMFILE   ? "max_user_instances"
			    : watch->errnum == ENOSPC ? "max_user_watches"
						      : NULL;
	_cleanup_free_ char *file = sq_asprintf("/proc/sys/fs/inotify/%s", limit ? limit : "");
	_cleanup_free_ char *value = NULL;

	if (!limit || sq_read_file(AT_FDCWD, file, 32, &value) <= 0)
		return sq_asprintf("%zu of %zu folders of the cgroup tree cannot be watched: %s",
				   watch->refused, watch->folders, strerror(watch->errnum));
	return sq_asprintf(
		"%zu of %zu folders of the cgroup tree cannot be watched: the kernel's limit "
		"fs.inotify.%s=%.*s is reached, which `sysctl` raises",
		watch->refused, watch->folders, limit, (int)strcspn(value, "\n"), value);
}

void sq_watch_close(struct sq_watch *watch)
{
	sq_close(watch->fd);
	watch->fd = -EBADF;
}
