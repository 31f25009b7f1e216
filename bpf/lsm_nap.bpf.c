// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that take longer, by the hooks of the Linux security modules that may sleep: the nap
 * comes before the call's effect.
 *
 * Only hooks that hold no lock of an inode or of memory: a nap under one would stop every neighbour
 * that wants it. (exec's holds the lock that keeps debuggers from this process alone.) Where one hook
 * runs several times in a call it is not here. Least kernel: 6.12.
 */
#include "nap.h"
#include "sock_peer.h"
#include "victims.h"

#include <bpf/bpf_tracing.h>

/* @dentry is the file's that the call is about, or NULL. */
static __always_inline void sq_nap_decide(struct sq_decision *d, const struct dentry *dentry)
{
	sq_decide_call(d);
	sq_blame(d, dentry);
	if (d->delay_ns)
		sq_nap_now(d);
}

/*
 * NFS, FUSE, CIFS, 9p, Ceph and their like look a name up and open it in one go, under the lock of
 * the folder. Whether this open came that way cannot be told, so none of theirs naps.
 */
static __always_inline bool sq_opens_under_lock(const struct file *file)
{
	const struct dentry *entry = BPF_CORE_READ(file, f_path.dentry);

	return BPF_CORE_READ(entry, d_parent, d_inode, i_op, atomic_open) != NULL;
}

SEC("lsm.s/file_open")
int BPF_PROG(sq_nap_open, struct file *file)
{
	struct sq_decision d;

	if (!sq_call_concerns(&d, SQ_HOOK_NAP_OPEN))
		return 0;
	sq_match_paths(&d.event, sq_dentry_of(file));
	d.event.uncovered = sq_opens_under_lock(file);
	sq_nap_decide(&d, sq_dentry_of(file));
	return 0;
}

#define SQ_NAP_FILE(name, hook, section)                            \
	SEC("lsm.s/" section) int BPF_PROG(name, struct file *file) \
	{                                                           \
		struct sq_decision d;                               \
                                                                    \
		if (!sq_call_concerns(&d, hook))                    \
			return 0;                                   \
		sq_match_paths(&d.event, sq_dentry_of(file));       \
		sq_nap_decide(&d, sq_dentry_of(file));              \
		return 0;                                           \
	}

/* Comes before the lock of the memory. @file may be NULL: memory without a file. */
SQ_NAP_FILE(sq_nap_mmap, SQ_HOOK_NAP_MMAP, "mmap_file")
SQ_NAP_FILE(sq_nap_ioctl, SQ_HOOK_NAP_IOCTL, "file_ioctl")

SEC("lsm.s/inode_getattr")
int BPF_PROG(sq_nap_getattr, struct path *path)
{
	struct sq_decision d;

	if (!sq_call_concerns(&d, SQ_HOOK_NAP_GETATTR))
		return 0;
	sq_match_paths(&d.event, BPF_CORE_READ(path, dentry));
	sq_nap_decide(&d, BPF_CORE_READ(path, dentry));
	return 0;
}

#define SQ_NAP_PLAIN(name, hook, section)        \
	SEC("lsm.s/" section) int BPF_PROG(name) \
	{                                        \
		struct sq_decision d;            \
                                                 \
		if (sq_call_concerns(&d, hook))  \
			sq_nap_decide(&d, NULL); \
		return 0;                        \
	}

SQ_NAP_PLAIN(sq_nap_exec, SQ_HOOK_NAP_EXEC, "bprm_creds_for_exec")
SQ_NAP_PLAIN(sq_nap_fork, SQ_HOOK_NAP_FORK, "task_alloc")

static __always_inline int sq_nap_socket(enum sq_hook hook, const struct socket *socket,
					 const void *address)
{
	struct sq_decision d;

	if (!sq_call_concerns(&d, hook))
		return 0;
	sq_match_socket(&d.event, socket, address);
	sq_nap_decide(&d, NULL);
	return 0;
}

#define SQ_NAP_ADDRESS(name, hook, section)                                            \
	SEC("lsm.s/" section) int BPF_PROG(name, struct socket *socket, void *address) \
	{                                                                              \
		return sq_nap_socket(hook, socket, address);                           \
	}

SQ_NAP_ADDRESS(sq_nap_bind, SQ_HOOK_NAP_BIND, "socket_bind")
SQ_NAP_ADDRESS(sq_nap_connect, SQ_HOOK_NAP_CONNECT, "socket_connect")

SEC("lsm.s/socket_sendmsg")
int BPF_PROG(sq_nap_sendmsg, struct socket *socket, struct msghdr *message)
{
	return sq_nap_socket(SQ_HOOK_NAP_SENDMSG, socket, BPF_CORE_READ(message, msg_name));
}

#define SQ_NAP_SOCKET(name, hook, section)                              \
	SEC("lsm.s/" section) int BPF_PROG(name, struct socket *socket) \
	{                                                               \
		return sq_nap_socket(hook, socket, NULL);               \
	}

SQ_NAP_SOCKET(sq_nap_listen, SQ_HOOK_NAP_LISTEN, "socket_listen")
SQ_NAP_SOCKET(sq_nap_accept, SQ_HOOK_NAP_ACCEPT, "socket_accept")
SQ_NAP_SOCKET(sq_nap_recvmsg, SQ_HOOK_NAP_RECVMSG, "socket_recvmsg")
SQ_NAP_SOCKET(sq_nap_getopt, SQ_HOOK_NAP_GETSOCKOPT, "socket_getsockopt")
SQ_NAP_SOCKET(sq_nap_setopt, SQ_HOOK_NAP_SETSOCKOPT, "socket_setsockopt")
SQ_NAP_SOCKET(sq_nap_shutdn, SQ_HOOK_NAP_SHUTDOWN, "socket_shutdown")

SEC("lsm.s/socket_create")
int BPF_PROG(sq_nap_create, int family, int type, int protocol, int kernel)
{
	struct sq_decision d;

	if (!kernel && sq_call_concerns(&d, SQ_HOOK_NAP_CREATE))
		sq_nap_decide(&d, NULL);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
