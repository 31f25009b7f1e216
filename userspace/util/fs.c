// SPDX-License-Identifier: GPL-2.0-only
#include "util/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t read_all(int fd, size_t max, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		ssize_t got;

		if (room - n < 2) {
			room = room ? room * 2 : 4096;
			text = sq_realloc(text, room);
		}
		got = read(fd, text + n, room - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > max)
			return -EFBIG;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return (ssize_t)n;
}

static ssize_t read_file(int dir_fd, const char *path, int flags, size_t max, char **ret)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);

	return fd < 0 ? -errno : read_all(fd, max, ret);
}

bool sq_is_roots(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

ssize_t sq_read_roots(const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return sq_is_roots(&st) ? read_all(fd, max, ret) : -EPERM;
}

ssize_t sq_read_file(int dir_fd, const char *path, size_t max, char **ret)
{
	return read_file(dir_fd, path, 0, max, ret);
}

ssize_t sq_read_own(int dir_fd, const char *path, size_t max, char **ret)
{
	return read_file(dir_fd, path, O_NOFOLLOW, max, ret);
}

static ssize_t read_regular(int dir_fd, const char *path, int flags, size_t max, char **ret)
{
	_cleanup_close_ int fd =
		openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return read_all(fd, max, ret);
}

ssize_t sq_read_foreign(int dir_fd, const char *path, size_t max, char **ret)
{
	return read_regular(dir_fd, path, O_NOFOLLOW, max, ret);
}

ssize_t sq_read_regular(int dir_fd, const char *path, size_t max, char **ret)
{
	return read_regular(dir_fd, path, 0, max, ret);
}

int sq_write_existing(int dir_fd, const char *path, const char *text, size_t n)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t written;

	if (fd < 0)
		return -errno;
	do
		written = write(fd, text, n);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	return (size_t)written == n ? 0 : -EIO;
}

int sq_write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t written = write(fd, text, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		n -= (size_t)written;
	}
	return 0;
}

int sq_write_atomic(int dir_fd, const char *path, mode_t mode, const char *text, size_t n)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint64_t random = 0;
	int r;

	/* others may write in that folder: nothing that they have put there is opened */
	if (getrandom(&random, sizeof(random), 0) < 0)
		return -errno;
	temporary = sq_asprintf("%s.%016llx.new", path, (unsigned long long)random);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = sq_write_all(fd, text, n);
	if (!r && renameat(dir_fd, temporary, dir_fd, path) < 0)
		r = -errno;
	if (r)
		unlinkat(dir_fd, temporary, 0);
	return r;
}

int sq_make_dirs(const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = sq_strdup(path);

	if (!*path)
		return -ENOENT;
	for (char *p = copy + 1;; p++) {
		char kept = *p;

		if (kept != '/' && kept != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		if (kept == '\0')
			return 0;
		*p = kept;
	}
}

static int remove_entries(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		int removed;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		removed = sq_remove_tree(dirfd(dir), entry->d_name);
		if (removed && !r)
			r = removed;
	}
	closedir(dir);
	return r;
}

int sq_remove_tree(int dir_fd, const char *name)
{
	struct stat st;
	int fd, r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_entries(fd);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && !r)
		r = -errno;
	return r;
}

const char *sq_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int sq_detached_mount(const char *type, const char *const options[][2], size_t n_options)
{
	_cleanup_close_ int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (context < 0)
		return -errno;
	for (size_t i = 0; i < n_options; i++)
		if (syscall(SYS_fsconfig, context,
			    options[i][1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[i][0],
			    options[i][1], 0) < 0)
			return -errno;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}
