// SPDX-License-Identifier: GPL-2.0-only
#include "inject/inodes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "experiment/path_pattern.h"
#include "util/cgroup.h"

/* A process of each mount namespace that the targets live in. */
struct viewers {
	struct viewer {
		uint64_t namespace;
		pid_t pid; /* 0: nobody is there yet, so it is ours */
	} * item;
	size_t n;
};

static void add_viewer(pid_t pid, void *data)
{
	struct viewers *viewers = data;
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)(pid ? pid : getpid()));
	if (stat(path, &st) < 0)
		return; /* it has ended */
	for (size_t i = 0; i < viewers->n; i++)
		if (viewers->item[i].namespace == st.st_ino)
			return;
	*(struct viewer *)sq_append(&viewers->item, &viewers->n, sizeof(*viewers->item)) =
		(struct viewer){ st.st_ino, pid };
}

static int open_root(const struct viewer *viewer)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)(viewer->pid ? viewer->pid : getpid()));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Opens @path as it is seen below @root, symbolic links included. */
static int open_in(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The kernel's own name of what @fd stands for. */
static int ask_key(const struct sq_inodes *inodes, int fd, struct sq_inode_key *key)
{
	struct sq_inode_question question = { .fd = (uint32_t)fd };
	/* the kernel writes the answer where the question was (bpf_prog_test_run_syscall()) */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &question,
			    .ctx_size_in = sizeof(question));
	int r = bpf_prog_test_run_opts(inodes->program_fd, &options);

	if (r || options.retval)
		return r ? r : -ESTALE;
	*key = question.key;
	return 0;
}

static int enter_inode(const struct sq_inodes *inodes, int fd, enum sq_path_reach reach,
		       uint64_t pattern, struct sq_error **err)
{
	struct sq_inode_patterns patterns = { 0 };
	struct sq_inode_key key;
	int r = ask_key(inodes, fd, &key);

	if (r)
		return sq_error_errno(err, -r, "cannot ask the kernel for an inode");
	bpf_map_lookup_elem(inodes->inodes_fd, &key, &patterns);
	if (reach == SQ_PATH_ITSELF)
		patterns.itself |= pattern;
	else if (reach == SQ_PATH_CHILD)
		patterns.child |= pattern;
	else
		patterns.below |= pattern;
	if (bpf_map_update_elem(inodes->inodes_fd, &key, &patterns, BPF_ANY))
		return sq_error_errno(err, errno, "cannot write the inodes");
	return 0;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strcmp(folder, "/") ? strlen(folder) : 0;

	return !strncmp(path, folder, n) && path[n] == '/' && path[n + 1];
}

/* The walk upwards ends at the root of a file system: those mounted below count as below. */
static int enter_mounts(const struct sq_inodes *inodes, const struct viewer *viewer, int root,
			const char *fixed, uint64_t pattern, struct sq_error **err)
{
	struct mntent *entry;
	char path[48];
	FILE *mounts;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/mounts",
		 (int)(viewer->pid ? viewer->pid : getpid()));
	mounts = setmntent(path, "re");
	while (mounts && !r && (entry = getmntent(mounts))) {
		_cleanup_close_ int fd = -EBADF;

		if (!is_below(entry->mnt_dir, fixed))
			continue;
		fd = open_in(root, entry->mnt_dir);
		if (fd >= 0)
			r = enter_inode(inodes, fd, SQ_PATH_BELOW, pattern, err);
	}
	if (mounts)
		endmntent(mounts);
	return r;
}

/* In one mount namespace. 1: the fixed part is there. */
static int enter_view(const struct sq_inodes *inodes, const struct viewer *viewer,
		      const struct sq_path_pattern *pattern, uint64_t bit, struct sq_error **err)
{
	_cleanup_close_ int root = open_root(viewer), fd = -EBADF;
	int r;

	if (root < 0)
		return 0; /* it has ended */
	fd = open_in(root, pattern->fixed);
	if (fd < 0)
		return 0;
	r = enter_inode(inodes, fd, pattern->reach, bit, err);
	if (!r && pattern->reach == SQ_PATH_BELOW)
		r = enter_mounts(inodes, viewer, root, pattern->fixed, bit, err);
	return r ? r : 1;
}

static int enter_pattern(const struct sq_inodes *inodes, const struct viewers *viewers,
			 const struct sq_fault *fault, const char *text, unsigned int number,
			 uint32_t index, struct sq_error **err)
{
	struct sq_pattern entry = { .faults = 1ull << number };
	struct sq_path_pattern pattern = { 0 };
	const char *why = "";
	int found = 0, r = sq_path_pattern_parse(text, &pattern, &why);

	for (size_t i = 0; i < viewers->n && !r; i++) {
		r = enter_view(inodes, &viewers->item[i], &pattern, 1ull << index, err);
		found += r > 0;
		r = MIN(r, 0);
	}
	snprintf(entry.glob, sizeof(entry.glob), "%s", pattern.glob);
	if (!r && !found)
		r = sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
				 "fault '%s': there is no '%s', as the target's processes see it",
				 fault->name, pattern.fixed);
	else if (!r && bpf_map_update_elem(inodes->patterns_fd, &index, &entry, BPF_ANY))
		r = sq_error_errno(err, errno, "cannot write the patterns");
	free(pattern.fixed);
	return r;
}

_Static_assert(SQ_PATHS_MAX == SQ_MAX_PATTERNS, "a file that is valid has room");
_Static_assert(SQ_PATH_GLOB_SIZE == SQ_GLOB_SIZE, "a glob that is valid has room");

int sq_inodes_enter(const struct sq_inodes *inodes, const struct sq_fault *fault,
		    unsigned int number, const struct sq_texts *paths, uint32_t *next,
		    struct sq_error **err)
{
	struct viewers viewers = { 0 };
	int r = 0;

	for (size_t i = 0; i < paths->n && !r; i++) {
		r = sq_cgroup_each_process(paths->item[i], add_viewer, &viewers, NULL);
		if (sq_cgroup_is_gone(r))
			r = 0;
		else if (r)
			sq_error_errno(err, -r, "cannot look at the processes of the cgroup '%s'",
				       paths->item[i]);
	}
	if (!r && !viewers.n)
		add_viewer(0, &viewers);
	for (size_t i = 0; i < fault->paths.n && !r; i++) {
		if (*next == SQ_MAX_PATTERNS)
			r = sq_error_set(err, SQ_FAIL_INVALID, E2BIG,
					 "more than %d paths, of all faults together",
					 SQ_MAX_PATTERNS);
		else
			r = enter_pattern(inodes, &viewers, fault, fault->paths.item[i], number,
					  (*next)++, err);
	}
	free(viewers.item);
	return r;
}
