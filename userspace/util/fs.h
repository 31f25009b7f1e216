/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders. Errors are negative errnos; the caller knows what to say about them. */
#ifndef SQ_UTIL_FS_H
#define SQ_UTIL_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/mem.h"

/*
 * Reads @path, relative to @dir_fd or AT_FDCWD, whole. Returns its length and the text in *ret,
 * NUL behind it, to be freed; -EFBIG beyond @max bytes.
 */
ssize_t sq_read_file(int dir_fd, const char *path, size_t max, char **ret);

/* The same of a file of squall's own, which is no symlink: -ELOOP. */
ssize_t sq_read_own(int dir_fd, const char *path, size_t max, char **ret);

/* Does it belong to root, and can nobody else write it? */
bool sq_is_roots(const struct stat *st);

/* sq_read_file() of a file that is so: -EPERM where it is not. */
ssize_t sq_read_roots(const char *path, size_t max, char **ret);

/* The same of a file that anybody may have put there: it is a plain one, no symlink, or -ELOOP, -EINVAL. */
ssize_t sq_read_foreign(int dir_fd, const char *path, size_t max, char **ret);

/* The same, through symlinks: nobody waits for somebody to write into a FIFO. */
ssize_t sq_read_regular(int dir_fd, const char *path, size_t max, char **ret);

/* Writes @n bytes into an existing file in one write(2): cgroup and sysctl files want that. */
int sq_write_existing(int dir_fd, const char *path, const char *text, size_t n);

/* Replaces a file as a whole: a temporary one beside it, then rename(2). Follows no symlinks. */
int sq_write_atomic(int dir_fd, const char *path, mode_t mode, const char *text, size_t n);

/* Writes all of @text; EINTR and short writes are carried on. */
int sq_write_all(int fd, const char *text, size_t n);

/* mkdir -p with @mode for what it makes. */
int sq_make_dirs(const char *path, mode_t mode);

/* Removes a folder and what is in it; does not follow symlinks, nor leave the file system. */
int sq_remove_tree(int dir_fd, const char *name);

/* The last component of @path. */
const char *sq_base_name(const char *path);

/*
 * Mounts a file system nowhere: the descriptor of its root, gone with the last reference (5.2).
 * Options are pairs of name and value; NULL for a flag.
 */
int sq_detached_mount(const char *type, const char *const options[][2], size_t n_options);

#endif
