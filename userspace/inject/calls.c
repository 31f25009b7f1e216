// SPDX-License-Identifier: GPL-2.0-only
#include "inject/calls.h"

#include "inject/object.h"
#include "util/mem.h"
#include "util/text.h"

#define LSM(id, program_, lsm_, calls_, ...)                                       \
	{                                                                          \
		.hook = id, .name = "lsm/" lsm_, .program = program_, .lsm = lsm_, \
		.calls = calls_, __VA_ARGS__                                       \
	}
#define NAP(id, program_, lsm_, calls_, ...)                                         \
	{                                                                            \
		.hook = id, .name = "lsm.s/" lsm_, .program = program_, .lsm = lsm_, \
		.calls = calls_, .nap = true, __VA_ARGS__                            \
	}
#define PATHS .paths = true
#define PEERS .peers = true

/*
 * A call that passes several hooks stands where it passes once: openat also creates, a write to a
 * socket also sends. Of two entries with the same call the first that the kernel has is taken.
 */
const struct sq_call_hook sq_call_hooks[] = {
	LSM(SQ_HOOK_FILE_OPEN, "sq_file_open", "file_open",
	    "open openat openat2 creat open_by_handle_at", PATHS),
	LSM(SQ_HOOK_FILE_PERMISSION, "sq_file_perm", "file_permission",
	    "read pread64 readv preadv preadv2 write pwrite64 writev pwritev pwritev2 getdents "
	    "getdents64 fallocate",
	    PATHS),
	LSM(SQ_HOOK_FILE_IOCTL, "sq_file_ioctl", "file_ioctl", "ioctl", PATHS),
	LSM(SQ_HOOK_FILE_FCNTL, "sq_file_fcntl", "file_fcntl", "fcntl", PATHS),
	LSM(SQ_HOOK_FILE_LOCK, "sq_file_lock", "file_lock", "flock", PATHS),
	LSM(SQ_HOOK_FILE_TRUNCATE, "sq_file_trunc", "file_truncate", "ftruncate", PATHS),
	LSM(SQ_HOOK_MMAP_FILE, "sq_mmap_file", "mmap_file", "mmap", PATHS),
	LSM(SQ_HOOK_FILE_MPROTECT, "sq_mprotect", "file_mprotect", "mprotect pkey_mprotect", PATHS),
	/* before 6.2 ftruncate came here too */
	LSM(SQ_HOOK_PATH_TRUNCATE, "sq_path_trunc", "path_truncate", "truncate ftruncate", PATHS),
	LSM(SQ_HOOK_PATH_UNLINK, "sq_path_unlink", "path_unlink", "unlink unlinkat", PATHS),
	LSM(SQ_HOOK_PATH_RMDIR, "sq_path_rmdir", "path_rmdir", "rmdir", PATHS),
	LSM(SQ_HOOK_PATH_MKDIR, "sq_path_mkdir", "path_mkdir", "mkdir mkdirat", PATHS),
	LSM(SQ_HOOK_PATH_MKNOD, "sq_path_mknod", "path_mknod", "mknod mknodat", PATHS),
	LSM(SQ_HOOK_PATH_SYMLINK, "sq_path_symlink", "path_symlink", "symlink symlinkat", PATHS),
	LSM(SQ_HOOK_PATH_LINK, "sq_path_link", "path_link", "link linkat", PATHS),
	LSM(SQ_HOOK_PATH_RENAME, "sq_path_rename", "path_rename", "rename renameat renameat2",
	    PATHS),
	LSM(SQ_HOOK_PATH_CHMOD, "sq_path_chmod", "path_chmod", "chmod fchmod fchmodat fchmodat2",
	    PATHS),
	LSM(SQ_HOOK_PATH_CHOWN, "sq_path_chown", "path_chown", "chown fchown lchown fchownat",
	    PATHS),
	LSM(SQ_HOOK_INODE_GETATTR, "sq_getattr", "inode_getattr",
	    "stat fstat lstat newfstatat statx", PATHS),
	LSM(SQ_HOOK_INODE_READLINK, "sq_readlink", "inode_readlink", "readlink readlinkat", PATHS),
	LSM(SQ_HOOK_SB_STATFS, "sq_sb_statfs", "sb_statfs", "statfs fstatfs ustat", PATHS),
	LSM(SQ_HOOK_SOCKET_CREATE, "sq_sock_create", "socket_create", "socket socketpair"),
	LSM(SQ_HOOK_SOCKET_BIND, "sq_sock_bind", "socket_bind", "bind", PEERS),
	LSM(SQ_HOOK_SOCKET_CONNECT, "sq_sock_connect", "socket_connect", "connect", PEERS),
	LSM(SQ_HOOK_SOCKET_LISTEN, "sq_sock_listen", "socket_listen", "listen", PEERS),
	LSM(SQ_HOOK_SOCKET_ACCEPT, "sq_sock_accept", "socket_accept", "accept accept4", PEERS),
	LSM(SQ_HOOK_SOCKET_SENDMSG, "sq_sock_sendmsg", "socket_sendmsg", "sendto sendmsg sendmmsg",
	    PEERS),
	LSM(SQ_HOOK_SOCKET_RECVMSG, "sq_sock_recvmsg", "socket_recvmsg",
	    "recvfrom recvmsg recvmmsg", PEERS),
	LSM(SQ_HOOK_SOCKET_GETSOCKOPT, "sq_sock_getopt", "socket_getsockopt", "getsockopt", PEERS),
	LSM(SQ_HOOK_SOCKET_SETSOCKOPT, "sq_sock_setopt", "socket_setsockopt", "setsockopt", PEERS),
	LSM(SQ_HOOK_SOCKET_SHUTDOWN, "sq_sock_shutdn", "socket_shutdown", "shutdown", PEERS),
	LSM(SQ_HOOK_BPRM_CREDS, "sq_bprm_creds", "bprm_creds_for_exec", "execve execveat"),
	LSM(SQ_HOOK_TASK_ALLOC, "sq_task_alloc", "task_alloc", "fork vfork clone clone3"),
	/* not sendmmsg, which passes once for each message */
	NAP(SQ_HOOK_NAP_OPEN, "sq_nap_open", "file_open",
	    "open openat openat2 creat open_by_handle_at", PATHS),
	NAP(SQ_HOOK_NAP_MMAP, "sq_nap_mmap", "mmap_file", "mmap", PATHS),
	NAP(SQ_HOOK_NAP_IOCTL, "sq_nap_ioctl", "file_ioctl", "ioctl", PATHS),
	NAP(SQ_HOOK_NAP_GETATTR, "sq_nap_getattr", "inode_getattr",
	    "stat fstat lstat newfstatat statx", PATHS),
	NAP(SQ_HOOK_NAP_CREATE, "sq_nap_create", "socket_create", "socket"),
	NAP(SQ_HOOK_NAP_BIND, "sq_nap_bind", "socket_bind", "bind", PEERS),
	NAP(SQ_HOOK_NAP_CONNECT, "sq_nap_connect", "socket_connect", "connect", PEERS),
	NAP(SQ_HOOK_NAP_LISTEN, "sq_nap_listen", "socket_listen", "listen", PEERS),
	NAP(SQ_HOOK_NAP_ACCEPT, "sq_nap_accept", "socket_accept", "accept accept4", PEERS),
	NAP(SQ_HOOK_NAP_SENDMSG, "sq_nap_sendmsg", "socket_sendmsg", "sendto sendmsg", PEERS),
	NAP(SQ_HOOK_NAP_RECVMSG, "sq_nap_recvmsg", "socket_recvmsg", "recvfrom recvmsg recvmmsg",
	    PEERS),
	NAP(SQ_HOOK_NAP_GETSOCKOPT, "sq_nap_getopt", "socket_getsockopt", "getsockopt", PEERS),
	NAP(SQ_HOOK_NAP_SETSOCKOPT, "sq_nap_setopt", "socket_setsockopt", "setsockopt", PEERS),
	NAP(SQ_HOOK_NAP_SHUTDOWN, "sq_nap_shutdn", "socket_shutdown", "shutdown", PEERS),
	NAP(SQ_HOOK_NAP_EXEC, "sq_nap_exec", "bprm_creds_for_exec", "execve execveat"),
	NAP(SQ_HOOK_NAP_FORK, "sq_nap_fork", "task_alloc", "fork vfork clone clone3"),
	{ .hook = SQ_HOOK_CONNECT, .name = "cgroup/connect", .calls = "connect", PEERS },
	{ .hook = SQ_HOOK_BIND, .name = "cgroup/bind", .calls = "bind", PEERS },
	{ .hook = SQ_HOOK_SENDMSG,
	  .name = "cgroup/sendmsg",
	  .calls = "sendto sendmsg sendmmsg",
	  PEERS },
	{ .hook = SQ_HOOK_GETSOCKOPT, .name = "cgroup/getsockopt", .calls = "getsockopt" },
	{ .hook = SQ_HOOK_SETSOCKOPT, .name = "cgroup/setsockopt", .calls = "setsockopt" },
};

const size_t sq_call_hooks_n = ARRAY_SIZE(sq_call_hooks);

const struct sq_call_hook *sq_call_hook_find(enum sq_hook hook)
{
	for (size_t i = 0; i < sq_call_hooks_n; i++)
		if (sq_call_hooks[i].hook == hook)
			return &sq_call_hooks[i];
	return NULL;
}

const char *sq_hook_name(enum sq_hook hook)
{
	switch (hook) {
	case SQ_HOOK_INGRESS:
		return "cgroup_skb ingress";
	case SQ_HOOK_CALL:
		return "fmod_ret";
	case SQ_HOOK_SYSENTER:
		return sq_object_kprobes() ? "kprobe, bpf_task_work"
					   : "tracepoint sys_enter, bpf_task_work";
	case SQ_HOOK_WRAPPER:
		return "uprobe on libc";
	default:
		return sq_call_hook_find(hook)->name;
	}
}

bool sq_hooks_nap(uint64_t hooks)
{
	return hooks >> SQ_HOOK_NAP_FIRST ||
	       (hooks & (1ull << SQ_HOOK_SYSENTER | 1ull << SQ_HOOK_WRAPPER));
}

bool sq_call_hook_has(const struct sq_call_hook *hook, const char *call)
{
	return sq_words_have(hook->calls, call);
}

bool sq_call_takes_file(const char *call)
{
	static const char calls[] =
		"read pread64 readv preadv preadv2 write pwrite64 writev pwritev pwritev2 fsync "
		"fdatasync sync_file_range syncfs fallocate ftruncate lseek close fstat fstatfs "
		"fchmod fchown flock fcntl ioctl getdents getdents64 fadvise64 readahead";

	return sq_words_have(calls, call);
}

bool sq_call_takes_socket(const char *call)
{
	static const char calls[] =
		"connect bind listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg "
		"shutdown getsockopt setsockopt read readv write writev";

	return sq_words_have(calls, call);
}
