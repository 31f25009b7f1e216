// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells user space how the kernel calls an inode: stat's numbers are others on overlayfs and btrfs.
 *
 * Hook: none; run once for each file by BPF_PROG_TEST_RUN. Least kernel: 5.14.
 */
#include "path_match.h"

SEC("syscall")
int sq_inode_of(struct sq_inode_question *question)
{
	const struct file *file = sq_file_of(question->fd);
	const struct inode *inode = file ? BPF_CORE_READ(file, f_path.dentry, d_inode) : NULL;

	if (!inode)
		return 1;
	question->key.inode = BPF_CORE_READ(inode, i_ino);
	question->key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
