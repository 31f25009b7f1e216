/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types and functions squall needs, by hand: libbpf relocates the fields against
 * the running kernel's BTF, so a 3 MB vmlinux.h would only hide what is used.
 */
#ifndef SQ_KERNEL_H
#define SQ_KERNEL_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

/* True where a weak kernel function was found; a constant to the verifier. */
#define sq_kernel_has(function) (!!(void *)(function))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
};

struct inode_operations {
	void *atomic_open;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	const struct inode_operations *i_op;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct in6_addr {
	__u8 s6_addr[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[1]; /* level + 1 of them */
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	__u16 sk_protocol;
};

struct socket {
	struct sock *sk;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
};

struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct cred;

struct signal_struct {
	struct task_struct *curr_target;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	__u64 net_cookie;
};

struct possible_net {
	struct net *net;
};

struct net_device {
	struct possible_net nd_net;
	unsigned int flags;
	unsigned long priv_flags : 32; /* a whole number before 6.12 */
};

struct sk_buff {
	struct net_device *dev;
	__u8 ip_summed : 2;
	__u8 decrypted : 1;
	__u8 active_extensions;
	__u16 csum_start, csum_offset;
	unsigned int end;
	unsigned char *head, *data;
	unsigned long _nfct;
};

union nf_inet_addr {
	__be32 all[4];
};

union nf_conntrack_man_proto {
	__be16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	unsigned long status;
	struct nf_conntrack_tuple_hash tuplehash[2]; /* there, and back */
};

struct skb_shared_info {
	__u8 tx_flags;
};

struct nsproxy {
	struct net *net_ns;
};

/* Complete, not only declared: libbpf 1.1 wants that for a kernel function's argument. */
struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid, tgid;
	struct task_struct *group_leader;
	char comm[16];
	const struct cred *real_cred, *cred;
	struct nsproxy *nsproxy;
	struct files_struct *files;
	struct signal_struct *signal;
};

struct bpf_map {
	__u32 id;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, r8, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	unsigned long regs[31];
	int syscallno;
};
#endif

#pragma clang attribute pop

/* Lives in a map's value; the kernel finds it by this name in our BTF (6.18). */
struct bpf_task_work {
	__u64 __opaque;
} __attribute__((aligned(8)));

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define CHECKSUM_UNNECESSARY 1
#define CHECKSUM_PARTIAL 3

#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD 0x00200000

/* x86: a 32-bit system call, whose number means something else. */
#define TS_COMPAT 0x2

/* arm64: the task is a 32-bit one. */
#define TIF_32BIT (1ul << 22)

#endif
