/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a file on a fault's paths? Inodes are compared, not strings: names differ between mount
 * namespaces, and bpf_d_path() is for few hooks. d_parent ends at the root of the file system, so
 * user space also enters the root of every mount below a pattern's fixed part.
 */
#ifndef SQ_PATH_MATCH_H
#define SQ_PATH_MATCH_H

#include "gate.h"

#define SQ_NAME_SIZE 64 /* of a name that a glob is held against; longer ones are cut */
#define SQ_GLOB_STEPS 1024

struct sq_glob {
	char name[SQ_NAME_SIZE], glob[SQ_GLOB_SIZE];
	__u32 n, g; /* where we are */
	__u32 star_n, star_g; /* where to go on after the last * */
	__u32 has_star, matched;
};

/*
 * One character; the usual walk with one place to fall back to. 1 ends it. A function that is
 * verified by itself, for the reason that sq_consider() gives.
 */
__weak __noinline int sq_glob_step(struct sq_glob *m)
{
	char name, glob;

	if (!m)
		return 1;
	name = m->name[m->n & (SQ_NAME_SIZE - 1)];
	glob = m->glob[m->g & (SQ_GLOB_SIZE - 1)];
	if (glob == '*') {
		m->has_star = 1;
		m->star_g = ++m->g;
		m->star_n = m->n;
		return 0;
	}
	if (!name && !glob) {
		m->matched = 1;
		return 1;
	}
	if (name && (glob == name || glob == '?')) {
		m->n++;
		m->g++;
		return 0;
	}
	if (!m->has_star || !m->name[m->star_n & (SQ_NAME_SIZE - 1)])
		return 1;
	m->g = m->star_g;
	m->n = ++m->star_n;
	return 0;
}

static long sq_glob_next(__u64 index, struct sq_glob *match)
{
	return sq_glob_step(match) != 0;
}

/*
 * Takes a pattern's fault off @elsewhere if the last name of the path (a struct dentry *) fits. It is
 * verified by itself, so that its stack is not added to the decision's, which 6.1 finds too much.
 */
__weak __noinline int sq_glob_fits(__u64 number, __u64 path, __u64 *elsewhere)
{
	const struct dentry *dentry = (const struct dentry *)path;
	const struct sq_pattern *pattern;
	struct sq_glob match = {};
	__u32 index = number;

	pattern = bpf_map_lookup_elem(&sq_patterns, &index);
	if (!pattern || !elsewhere)
		return 0;
	if (pattern->glob[0]) {
		__builtin_memcpy(match.glob, pattern->glob, sizeof(match.glob));
		if (bpf_probe_read_kernel_str(match.name, sizeof(match.name),
					      BPF_CORE_READ(dentry, d_name.name)) < 0)
			return 0;
		bpf_loop(SQ_GLOB_STEPS, sq_glob_next, &match, 0);
		if (!match.matched)
			return 0;
	}
	*elsewhere &= ~pattern->faults;
	return 1;
}

struct sq_walk {
	__u64 dentry; /* struct dentry *, which no function that is verified by itself may take */
	__u64 patterns; /* found so far, names not yet looked at */
};

/* One directory up; 1 ends it: that was the root. */
__weak __noinline int sq_walk_step(struct sq_walk *walk, __u32 depth)
{
	const struct sq_inode_patterns *found = NULL;
	const struct dentry *dentry, *parent;
	struct sq_inode_key key = {};
	const struct inode *inode;

	if (!walk)
		return 1;
	dentry = (const struct dentry *)walk->dentry;
	parent = BPF_CORE_READ(dentry, d_parent);
	inode = BPF_CORE_READ(dentry, d_inode);
	if (inode) { /* else it is only about to be made */
		key.inode = BPF_CORE_READ(inode, i_ino);
		key.device = BPF_CORE_READ(inode, i_sb, s_dev);
		found = bpf_map_lookup_elem(&sq_inodes, &key);
	}
	if (found)
		walk->patterns |= depth == 0   ? found->itself
				  : depth == 1 ? found->child | found->below
					       : found->below;
	if (parent == dentry)
		return 1;
	walk->dentry = (__u64)parent;
	return 0;
}

static long sq_walk_next(__u64 depth, struct sq_walk *walk)
{
	return sq_walk_step(walk, depth) != 0;
}

/*
 * The number that a pointer is. A global function takes no pointer of the kernel's for a number on 6.1,
 * and what is read by a helper is one.
 */
static __always_inline __u64 sq_number_of(const void *pointer)
{
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/* Notes which faults do not concern this file. */
static __always_inline void sq_match_paths(struct sq_event *event, const struct dentry *dentry)
{
	struct sq_walk walk = {};
	__u64 number;

	event->elsewhere = event->faults & sq_path_faults;
	if (!event->elsewhere || !dentry)
		return;
	walk.dentry = number = sq_number_of(dentry);
	bpf_loop(SQ_MAX_DEPTH, sq_walk_next, &walk, 0);
	for (__u64 i = 0; i < SQ_MAX_PATTERNS && i < sq_n_patterns; i++)
		if (walk.patterns >> i & 1)
			sq_glob_fits(i, number, &event->elsewhere);
}

/* Of an open file, or NULL, which is on no path. */
static __always_inline const struct dentry *sq_dentry_of(const struct file *file)
{
	return file ? BPF_CORE_READ(file, f_path.dentry) : NULL;
}

/* The file behind a descriptor of the running task, or NULL. */
static __always_inline struct file *sq_file_of(unsigned int fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return NULL;
	return file;
}

#endif
