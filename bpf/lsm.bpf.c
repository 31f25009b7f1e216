// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that fail, by the hooks of the Linux security modules: on Debian's kernels `bpf` is
 * among them (/sys/kernel/security/lsm), and no CONFIG_FUNCTION_ERROR_INJECTION is needed.
 *
 * A hook is not a system call: file_open runs in execve too. So each program asks which call the
 * task is in, and decides only for those that user space gave to this hook (sq_hook_calls).
 * Programs before ours have let the call pass, else ours would not run. Least kernel: 6.1.
 */
#include "call.h"
#include "path_match.h"
#include "sock_peer.h"
#include "victims.h"

#include <bpf/bpf_tracing.h>

static __always_inline long sq_lsm_decide(struct sq_decision *d, const struct dentry *dentry)
{
	sq_match_paths(&d->event, dentry);
	sq_decide(d);
	sq_blame(d, dentry);
	return sq_result(d);
}

static __always_inline long sq_lsm_dentry(enum sq_hook hook, const struct dentry *dentry)
{
	struct sq_decision d;

	return sq_call_concerns(&d, hook) ? sq_lsm_decide(&d, dentry) : 0;
}

/* @file may be NULL: memory without a file. */
static __always_inline long sq_lsm_file(enum sq_hook hook, const struct file *file)
{
	struct sq_decision d;

	return sq_call_concerns(&d, hook) ? sq_lsm_decide(&d, sq_dentry_of(file)) : 0;
}

static __always_inline long sq_lsm_path(enum sq_hook hook, const struct path *path)
{
	struct sq_decision d;

	return sq_call_concerns(&d, hook) ? sq_lsm_decide(&d, BPF_CORE_READ(path, dentry)) : 0;
}

static __always_inline long sq_lsm_socket(enum sq_hook hook, const struct socket *socket,
					  const void *address)
{
	struct sq_decision d;

	if (!sq_call_concerns(&d, hook))
		return 0;
	sq_match_socket(&d.event, socket, address);
	sq_decide(&d);
	sq_blame(&d, NULL);
	return sq_result(&d);
}

static __always_inline long sq_lsm_plain(enum sq_hook hook)
{
	struct sq_decision d;

	if (!sq_call_concerns(&d, hook))
		return 0;
	sq_decide(&d);
	sq_blame(&d, NULL);
	return sq_result(&d);
}

#define SQ_LSM_FILE(name, hook, section)                           \
	SEC("lsm/" section) long BPF_PROG(name, struct file *file) \
	{                                                          \
		return sq_lsm_file(hook, file);                    \
	}

SQ_LSM_FILE(sq_file_open, SQ_HOOK_FILE_OPEN, "file_open")
SQ_LSM_FILE(sq_file_perm, SQ_HOOK_FILE_PERMISSION, "file_permission")
SQ_LSM_FILE(sq_file_ioctl, SQ_HOOK_FILE_IOCTL, "file_ioctl")
SQ_LSM_FILE(sq_file_fcntl, SQ_HOOK_FILE_FCNTL, "file_fcntl")
SQ_LSM_FILE(sq_file_lock, SQ_HOOK_FILE_LOCK, "file_lock")
SQ_LSM_FILE(sq_file_trunc, SQ_HOOK_FILE_TRUNCATE, "file_truncate")
SQ_LSM_FILE(sq_mmap_file, SQ_HOOK_MMAP_FILE, "mmap_file")

SEC("lsm/file_mprotect")
long BPF_PROG(sq_mprotect, struct vm_area_struct *vma)
{
	return sq_lsm_file(SQ_HOOK_FILE_MPROTECT, BPF_CORE_READ(vma, vm_file));
}

#define SQ_LSM_PATH(name, hook, section)                           \
	SEC("lsm/" section) long BPF_PROG(name, struct path *path) \
	{                                                          \
		return sq_lsm_path(hook, path);                    \
	}

SQ_LSM_PATH(sq_path_trunc, SQ_HOOK_PATH_TRUNCATE, "path_truncate")
SQ_LSM_PATH(sq_path_chmod, SQ_HOOK_PATH_CHMOD, "path_chmod")
SQ_LSM_PATH(sq_path_chown, SQ_HOOK_PATH_CHOWN, "path_chown")
SQ_LSM_PATH(sq_getattr, SQ_HOOK_INODE_GETATTR, "inode_getattr")

#define SQ_LSM_ENTRY(name, hook, section)                                                  \
	SEC("lsm/" section) long BPF_PROG(name, struct path *folder, struct dentry *entry) \
	{                                                                                  \
		return sq_lsm_dentry(hook, entry);                                         \
	}

SQ_LSM_ENTRY(sq_path_unlink, SQ_HOOK_PATH_UNLINK, "path_unlink")
SQ_LSM_ENTRY(sq_path_rmdir, SQ_HOOK_PATH_RMDIR, "path_rmdir")
SQ_LSM_ENTRY(sq_path_mkdir, SQ_HOOK_PATH_MKDIR, "path_mkdir")
SQ_LSM_ENTRY(sq_path_mknod, SQ_HOOK_PATH_MKNOD, "path_mknod")
SQ_LSM_ENTRY(sq_path_symlink, SQ_HOOK_PATH_SYMLINK, "path_symlink")
SQ_LSM_ENTRY(sq_path_rename, SQ_HOOK_PATH_RENAME, "path_rename")

SEC("lsm/path_link")
long BPF_PROG(sq_path_link, struct dentry *old, struct path *folder, struct dentry *entry)
{
	return sq_lsm_dentry(SQ_HOOK_PATH_LINK, entry);
}

SEC("lsm/inode_readlink")
long BPF_PROG(sq_readlink, struct dentry *dentry)
{
	return sq_lsm_dentry(SQ_HOOK_INODE_READLINK, dentry);
}

SEC("lsm/sb_statfs")
long BPF_PROG(sq_sb_statfs, struct dentry *dentry)
{
	return sq_lsm_dentry(SQ_HOOK_SB_STATFS, dentry);
}

#define SQ_LSM_ADDRESS(name, hook, section)                                           \
	SEC("lsm/" section) long BPF_PROG(name, struct socket *socket, void *address) \
	{                                                                             \
		return sq_lsm_socket(hook, socket, address);                          \
	}

SQ_LSM_ADDRESS(sq_sock_bind, SQ_HOOK_SOCKET_BIND, "socket_bind")
SQ_LSM_ADDRESS(sq_sock_connect, SQ_HOOK_SOCKET_CONNECT, "socket_connect")

#define SQ_LSM_MESSAGE(name, hook, section)                                                    \
	SEC("lsm/" section) long BPF_PROG(name, struct socket *socket, struct msghdr *message) \
	{                                                                                      \
		return sq_lsm_socket(hook, socket, BPF_CORE_READ(message, msg_name));          \
	}

SQ_LSM_MESSAGE(sq_sock_sendmsg, SQ_HOOK_SOCKET_SENDMSG, "socket_sendmsg")

#define SQ_LSM_SOCKET(name, hook, section)                             \
	SEC("lsm/" section) long BPF_PROG(name, struct socket *socket) \
	{                                                              \
		return sq_lsm_socket(hook, socket, NULL);              \
	}

/* A message that is yet to come has no sender: the peer is the connection's. */
SQ_LSM_SOCKET(sq_sock_recvmsg, SQ_HOOK_SOCKET_RECVMSG, "socket_recvmsg")
SQ_LSM_SOCKET(sq_sock_listen, SQ_HOOK_SOCKET_LISTEN, "socket_listen")
SQ_LSM_SOCKET(sq_sock_accept, SQ_HOOK_SOCKET_ACCEPT, "socket_accept")
SQ_LSM_SOCKET(sq_sock_getopt, SQ_HOOK_SOCKET_GETSOCKOPT, "socket_getsockopt")
SQ_LSM_SOCKET(sq_sock_setopt, SQ_HOOK_SOCKET_SETSOCKOPT, "socket_setsockopt")
SQ_LSM_SOCKET(sq_sock_shutdn, SQ_HOOK_SOCKET_SHUTDOWN, "socket_shutdown")

SEC("lsm/socket_create")
long BPF_PROG(sq_sock_create, int family, int type, int protocol, int kernel)
{
	return kernel ? 0 : sq_lsm_plain(SQ_HOOK_SOCKET_CREATE);
}

SEC("lsm/bprm_creds_for_exec")
long BPF_PROG(sq_bprm_creds)
{
	return sq_lsm_plain(SQ_HOOK_BPRM_CREDS);
}

SEC("lsm/task_alloc")
long BPF_PROG(sq_task_alloc)
{
	return sq_lsm_plain(SQ_HOOK_TASK_ALLOC);
}

char LICENSE[] SEC("license") = "GPL";
