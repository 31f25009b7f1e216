// SPDX-License-Identifier: GPL-2.0-only
#include "util/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/time.h"

#define LARGEST_PROCS (16u << 20)
#define PAUSE_US 2000
#define FOLDER_LINKS 2 /* of one without folders */
#define MOST_OPEN 64 /* folders at once: a tree may be deeper than there are descriptors */

void sq_cgroup_clear(struct sq_cgroup *cgroup)
{
	free(cgroup->path);
	*cgroup = (struct sq_cgroup){ 0 };
}

int sq_cgroup_root(struct sq_error **err)
{
	static int root = -EBADF;

	if (root >= 0)
		return root;
	root = sq_detached_mount("cgroup2", NULL, 0);
	if (root >= 0)
		return root;
	sq_error_set(err, SQ_FAIL_UNSUPPORTED, -root, "cannot reach the cgroup2 tree: %s",
		     root == -EPERM    ? "that takes root (CAP_SYS_ADMIN)"
		     : root == -ENODEV ? "this kernel has no cgroup2"
				       : strerror(-root));
	return root;
}

/* The folders on the way to a path that is longer than the kernel takes at once. */
static int open_way(int root, const char **path)
{
	_cleanup_close_ int above = -EBADF;

	while (strlen(*path) >= PATH_MAX) {
		_cleanup_free_ char *part = sq_strndup(*path, PATH_MAX - 1);
		int fd;

		*(strrchr(part, '/') ? strrchr(part, '/') : part) = '\0';
		fd = openat(above < 0 ? root : above, part, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		sq_close(above);
		above = fd;
		*path += strlen(part) + 1;
	}
	return TAKE_FD(above);
}

static int open_folder(const char *path)
{
	int root = sq_cgroup_root(NULL), fd;
	_cleanup_close_ int way = -EBADF;

	if (root < 0)
		return root;
	path += strspn(path, "/");
	if (strlen(path) >= PATH_MAX) {
		way = open_way(root, &path);
		if (way < 0)
			return way;
	}
	fd = openat(way < 0 ? root : way, *path ? path : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sq_cgroup_open(const char *path, struct sq_error **err)
{
	int r = sq_cgroup_root(err);

	if (r >= 0) {
		r = open_folder(path);
		if (r < 0)
			sq_error_errno(err, -r, "cannot open the cgroup '%s'", path);
	}
	return r;
}

unsigned int sq_cgroup_level(const char *path)
{
	unsigned int level = 0;

	for (const char *p = path; *p; p++)
		level += *p != '/' && (p == path || p[-1] == '/');
	return level;
}

static int describe(const char *path, int fd, struct sq_cgroup *cgroup, struct sq_error **err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return sq_error_errno(err, errno, "cannot look at the cgroup '%s'", path);
	/* the inode number is the cgroup's id (kernfs, 64-bit) */
	*cgroup = (struct sq_cgroup){ .path = sq_strdup(path),
				      .id = st.st_ino,
				      .level = sq_cgroup_level(path) };
	return 0;
}

int sq_cgroup_find(const char *path, struct sq_cgroup *cgroup, struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, err);

	return fd < 0 ? fd : describe(path, fd, cgroup, err);
}

bool sq_cgroup_within(const char *path, const char *ancestor)
{
	size_t n = strlen(ancestor);

	if (!strcmp(ancestor, "/"))
		return true;
	return !strncmp(path, ancestor, n) && (path[n] == '/' || path[n] == '\0');
}

bool sq_cgroup_is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* The length of the first component of @path, with the '/' in front of it. */
static size_t first_part(const char *path)
{
	return *path ? 1 + strcspn(path + 1, "/") : 0;
}

static bool part_matches(const char *path, size_t n, const char *pattern, size_t pattern_n)
{
	_cleanup_free_ char *part = sq_strndup(path, n);
	_cleanup_free_ char *glob = sq_strndup(pattern, pattern_n);

	/* systemd writes '-' as "\\x2d" in names: there a backslash is a character like others */
	return fnmatch(glob, part, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

/* Component by component; with @above: may what is below @path match? */
static bool match_parts(const char *path, const char *pattern, bool above)
{
	size_t n = first_part(path), pattern_n = first_part(pattern);
	bool any = pattern_n == 3 && !strncmp(pattern, "/**", 3);

	if (!*pattern)
		return !*path && !above;
	if (!*path)
		return above || (any && pattern[3] && match_parts(path, pattern + 3, above));
	if (!any)
		return part_matches(path, n, pattern, pattern_n) &&
		       match_parts(path + n, pattern + pattern_n, above);
	/* at the end it stands for one or more, else for none or more */
	if (!pattern[3])
		return true;
	return match_parts(path, pattern + 3, above) || match_parts(path + n, pattern, above);
}

bool sq_cgroup_matches(const char *path, const char *pattern)
{
	/* most differ before the first character of a glob: that takes no fnmatch() to see */
	size_t plain = strcspn(pattern, "*?[");

	if (strncmp(path, pattern, plain) != 0)
		return false;
	if (!pattern[plain])
		return !path[plain];
	if (strstr(pattern, "/**"))
		return match_parts(path, pattern, false);
	return fnmatch(pattern, path, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

bool sq_cgroup_may_hold(const char *path, const char *pattern)
{
	return match_parts(strcmp(path, "/") ? path : "", pattern, true);
}

bool sq_cgroup_is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -ESRCH;
}

static int is_child(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

/* The names of the cgroups directly below an open one, sorted. */
static int children(int fd, struct dirent ***ret)
{
	struct stat st;
	int n;

	*ret = NULL;
	/* kernfs counts a folder's folders among its links; most cgroups have none, and dozens of files */
	if (!fstat(fd, &st) && st.st_nlink == FOLDER_LINKS)
		return 0;
	n = scandirat(fd, ".", ret, is_child, alphasort);
	return n < 0 ? -errno : n;
}

/*
 * A negative result is a failure: what cannot be read must not be taken for what is not there. Deep down
 * @fd is closed before what is below is looked at.
 */
static int walk(const char *path, int *fd, unsigned int depth,
		int (*each)(const char *path, int fd, void *data), void *data)
{
	struct dirent **entries = NULL;
	int n, r = each(path, *fd, data);

	if (r)
		return r > 0 ? r : 0; /* negative: do not go below this one */
	n = children(*fd, &entries);
	if (n < 0 && !sq_cgroup_is_gone(n))
		return n;
	if (depth >= MOST_OPEN)
		sq_close(TAKE_FD(*fd));
	/* gone in the meantime: nothing to see */
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *below =
			sq_asprintf("%s/%s", strcmp(path, "/") ? path : "", entries[i]->d_name);
		_cleanup_close_ int child = -EBADF;

		if (!r) {
			child = *fd < 0 ? open_folder(below)
					: openat(*fd, entries[i]->d_name,
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (child < 0 && *fd >= 0)
				child = -errno;
			if (child < 0 && !sq_cgroup_is_gone(child))
				r = child;
		}
		if (child >= 0)
			r = walk(below, &child, depth + 1, each, data);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int sq_cgroup_walk(const char *path, int (*each)(const char *path, int fd, void *data), void *data,
		   struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, err);
	int r;

	if (fd < 0)
		return fd;
	r = walk(path, &fd, 0, each, data);
	return r < 0 ? sq_error_errno(err, -r, "cannot look below the cgroup '%s'", path) : r;
}

struct glob {
	const char *pattern;
	struct sq_texts *found;
};

static int glob_one(const char *path, int fd, void *data)
{
	struct glob *glob = data;

	if (sq_cgroup_matches(path, glob->pattern)) {
		sq_texts_add(glob->found, path);
		if (strstr(glob->pattern, "/**"))
			return -1; /* what is below is hit with it */
	}
	return sq_cgroup_may_hold(path, glob->pattern) ? 0 : -1;
}

int sq_cgroup_glob(const char *pattern, struct sq_texts *ret, struct sq_error **err)
{
	struct glob glob = { .pattern = pattern, .found = ret };
	_cleanup_free_ char *start = sq_strdup(pattern);
	_cleanup_close_ int fd = -EBADF;

	/* begin at the last folder before the first component with a glob character */
	start[strcspn(start, "*?[")] = '\0';
	*(strrchr(start, '/') ? strrchr(start, '/') : start) = '\0';
	fd = open_folder(start);
	if (fd == -ENOENT)
		return 0;
	return sq_cgroup_walk(*start ? start : "/", glob_one, &glob, err);
}

int sq_cgroup_pids(int cgroup_fd, pid_t **ret, size_t *ret_n, struct sq_error **err)
{
	_cleanup_free_ char *text = NULL;
	pid_t *pids = NULL;
	size_t n = 0;
	ssize_t r = sq_read_file(cgroup_fd, "cgroup.procs", LARGEST_PROCS, &text);

	/* a threaded cgroup lists no processes: they count where their domain is */
	if (r < 0 && r != -EOPNOTSUPP)
		return sq_error_errno(err, (int)-r, "cannot read a cgroup's processes");
	for (char *p = text, *end; p && *p; p = end + (*end == '\n')) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		*(pid_t *)sq_append(&pids, &n, sizeof(*pids)) = (pid_t)pid;
	}
	*ret = pids;
	*ret_n = n;
	return 0;
}

struct count {
	uint64_t n;
	int result;
};

static int count_one(const char *path, int fd, void *data)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct count *count = data;
	size_t n = 0;
	int r = sq_cgroup_pids(fd, &pids, &n, NULL);

	count->n += n;
	if (!r || sq_cgroup_is_gone(r))
		return 0;
	count->result = r;
	return 1;
}

static int count(const char *path, int fd, uint64_t *ret, struct sq_error **err)
{
	struct count found = { 0 };
	int r = walk(path, &fd, 0, count_one, &found);

	*ret = found.n;
	if (r < 0)
		found.result = r;
	return r ? sq_error_errno(err, -found.result, "cannot count the processes of '%s'", path)
		 : 0;
}

int sq_cgroup_count(const char *path, uint64_t *ret, struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, err);

	*ret = 0;
	return fd < 0 ? fd : count(path, fd, ret, err);
}

int sq_cgroup_find_and_count(const char *path, struct sq_cgroup *cgroup, uint64_t *ret,
			     struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, err);
	int r = fd < 0 ? fd : count(path, fd, ret, err);

	return r ? r : describe(path, fd, cgroup, err);
}

int sq_cgroup_of(pid_t pid, char **ret, struct sq_error **err)
{
	_cleanup_free_ char *text = NULL;
	char file[32];
	char *line;
	ssize_t n;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	n = sq_read_file(AT_FDCWD, file, 65536, &text);
	if (n < 0)
		return sq_error_errno(err, (int)-n, "cannot read '%s'", file);
	line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!line)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, ENOENT,
				    "process %d is in no cgroup2 cgroup", (int)pid);
	line = strstr(line, "0::") + 3;
	*ret = sq_strndup(line, strcspn(line, "\n"));
	return 0;
}

int sq_cgroup_make(const char *path, struct sq_error **err)
{
	_cleanup_free_ char *copy = sq_strdup(path + strspn(path, "/"));
	int root = sq_cgroup_root(err);

	if (root < 0)
		return root;
	/* another run may remove an empty parent under our hands: then once more */
	for (int tries = 0; tries < 10; tries++) {
		int r = 0;

		for (char *p = copy; !r; p++) {
			char kept = *p;

			if (kept != '/' && kept != '\0')
				continue;
			*p = '\0';
			if (mkdirat(root, copy, 0755) < 0 && errno != EEXIST)
				r = errno;
			*p = kept;
			if (kept == '\0')
				break;
		}
		if (!r)
			return 0;
		if (r != ENOENT)
			return sq_error_errno(err, r, "cannot make the cgroup '%s'", path);
	}
	return sq_error_errno(err, ENOENT, "cannot make the cgroup '%s'", path);
}

struct visit {
	void (*each)(pid_t pid, void *data);
	void *data;
};

static int visit_one(const char *path, int fd, void *data)
{
	const struct visit *visit = data;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	if (sq_cgroup_pids(fd, &pids, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++)
		visit->each(pids[i], visit->data);
	return 0;
}

int sq_cgroup_each_process(const char *path, void (*each)(pid_t pid, void *data), void *data,
			   struct sq_error **err)
{
	struct visit visit = { .each = each, .data = data };

	return sq_cgroup_walk(path, visit_one, &visit, err);
}

/* Children before their parents; what is still in use shows in the result. */
static int remove_folders(int fd)
{
	struct dirent **entries = NULL;
	int n = children(fd, &entries), r = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		_cleanup_close_ int child = openat(fd, entries[i]->d_name,
						   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (child >= 0)
			remove_folders(child);
		if (unlinkat(fd, entries[i]->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
		free(entries[i]);
	}
	free(entries);
	return r;
}

int sq_cgroup_destroy(const char *path, uint64_t timeout_ns, struct sq_error **err)
{
	uint64_t until = sq_now() + timeout_ns;
	int root = sq_cgroup_root(err), r;

	if (root < 0)
		return root;
	for (;;) {
		_cleanup_close_ int fd = open_folder(path);

		if (fd == -ENOENT)
			return 0;
		if (fd < 0)
			return sq_error_errno(err, -fd, "cannot open the cgroup '%s'", path);
		/* a killed process dies frozen too (cgroup.kill, 5.14), but a thawed one dies sooner */
		sq_write_existing(fd, "cgroup.freeze", "0", 1);
		sq_write_existing(fd, "cgroup.kill", "1", 1);
		r = remove_folders(fd);
		if (!r && unlinkat(root, path + strspn(path, "/"), AT_REMOVEDIR) < 0)
			r = -errno;
		if (!r || r == -ENOENT)
			return 0;
		if (r != -EBUSY || sq_now() >= until)
			return sq_error_errno(err, -r, "cannot remove the cgroup '%s'", path);
		usleep(PAUSE_US);
	}
}

int sq_cgroup_remove_empty(const char *path)
{
	int root = sq_cgroup_root(NULL);

	if (root < 0)
		return root;
	return unlinkat(root, path + strspn(path, "/"), AT_REMOVEDIR) < 0 ? -errno : 0;
}

void sq_cgroup_leave_freezer(void)
{
	const char *const freezer[][2] = { { "freezer", NULL } };
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int root = -EBADF;
	const char *line;

	/* a mount would make the hierarchy where there is none */
	if (sq_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text) < 0)
		return;
	line = strstr(text, ":freezer:/");
	if (!line || line[strlen(":freezer:/")] == '\n')
		return;
	root = sq_detached_mount("cgroup", freezer, 1);
	if (root >= 0)
		sq_write_existing(root, "cgroup.procs", "0", 1);
}

int sq_cgroup_enter(const char *path, struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, err);
	int r;

	if (fd < 0)
		return fd;
	r = sq_write_existing(fd, "cgroup.procs", "0", 1);
	return r ? sq_error_errno(err, -r, "cannot enter the cgroup '%s'", path) : 0;
}
