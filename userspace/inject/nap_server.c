// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nap server: a FUSE file whose pages are read for as long as somebody shall sleep. One thread,
 * one loop; a sleeper is answered at its time, at a SIGKILL, at the end of the lease or at the kill
 * switch, whichever comes first.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject/helper_lease.h"
#include "inject/nap.h"
#include "util/fs.h"
#include "util/privileges.h"
#include "util/time.h"

#define FD_REQUESTS SQ_HELPER_FD_OWN
#define PAGE_BYTES 4096
#define FILE_BYTES ((off_t)SQ_NAP_SLOTS * PAGE_BYTES)
#define TABLE_BYTES ((off_t)PAGE_BYTES * PAGE_BYTES / 8) /* what a page of a page table maps */
#define INODE_FILE 2
#define FOREVER 1e9 /* seconds that the kernel may cache a name */

#define IDLE_NS (50 * SQ_MS)
#define BUSY_NS (5 * SQ_MS) /* while somebody sleeps: how late an abort can be seen */
#define SIGNALLED_NS (2 * SQ_MS) /* while a sleeper has a signal: it may be a SIGKILL */
#define MOST_LOOKS 16 /* that may be looked at each time that long: each takes some 30 us */

struct sleeper {
	fuse_req_t request;
	uint64_t until_ns;
	pid_t pid; /* its thread's, as we see it; 0: it is in no PID namespace of ours */
	bool signalled;
	uint64_t looked_ns; /* for a SIGKILL */
};

static struct {
	struct sq_helper helper;
	struct sq_lease lease;
	const volatile struct sq_nap_request *requests;
	struct sleeper sleeper[SQ_NAP_SLOTS];
	size_t n, signalled;
	int proc_fd; /* where everybody's processes are seen */
	bool begun; /* until then reads are the napper's own, and are answered */
	bool awake; /* the run is over: nobody sleeps any more, and what comes later fails */
} server;

static void wake(size_t i, int error)
{
	fuse_req_t request = server.sleeper[i].request;

	server.sleeper[i] = server.sleeper[--server.n];
	fuse_reply_err(request, error);
}

static void wake_all(void)
{
	while (server.n)
		wake(server.n - 1, EIO);
}

/* A view of our own: one that hides others' processes (hidepid) takes rights that we give up. */
static int open_proc(void)
{
	int fd = sq_detached_mount("proc", NULL, 0);

	return fd < 0 ? open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : fd;
}

/* Field 19 and 20 of "SigPnd"/"ShdPnd": is a SIGKILL pending for this task, or is it gone? */
static bool is_killed(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (sq_read_file(server.proc_fd, path, 65536, &text) < 0)
		return true;
	for (const char *name = "SigPnd:\0ShdPnd:\0"; *name; name += strlen(name) + 1) {
		const char *line = strstr(text, name);

		if (line && (strtoull(line + strlen(name), NULL, 16) & (1ull << (SIGKILL - 1))))
			return true;
	}
	return false;
}

static void init(void *data, struct fuse_conn_info *connection)
{
	connection->max_readahead = 0;
}

static struct stat attributes(fuse_ino_t inode)
{
	return (struct stat){
		.st_ino = inode,
		.st_nlink = 1,
		.st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0500 : S_IFREG | 0400,
		.st_size = inode == FUSE_ROOT_ID ? 0 : FILE_BYTES,
	};
}

static void get_attributes(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	struct stat st = attributes(inode);

	fuse_reply_attr(request, &st, FOREVER);
}

static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = INODE_FILE,
					  .attr = attributes(INODE_FILE),
					  .attr_timeout = FOREVER,
					  .entry_timeout = FOREVER };

	fuse_reply_entry(request, &entry);
}

static void open_file(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	fuse_reply_open(request, file);
}

/* The sleeper has a signal. Only a deadly one ends the nap: a slow disk would not wake either. */
static void interrupted(fuse_req_t request, void *data)
{
	for (size_t i = 0; i < server.n; i++) {
		if (server.sleeper[i].request != request)
			continue;
		server.sleeper[i].signalled = true;
		return;
	}
}

static void read_page(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
		      struct fuse_file_info *file)
{
	const volatile struct sq_nap_request *nap = &server.requests[offset / PAGE_BYTES];
	static const char nothing[PAGE_BYTES];
	struct sleeper *sleeper;

	if (!server.begun) {
		fuse_reply_buf(request, nothing, MIN(size, sizeof(nothing)));
		return;
	}
	if (server.awake || offset < 0 || offset >= FILE_BYTES || server.n == SQ_NAP_SLOTS) {
		fuse_reply_err(request, EIO);
		return;
	}
	sleeper = &server.sleeper[server.n++];
	*sleeper = (struct sleeper){ .request = request,
				     .until_ns = nap->until_ns,
				     .pid = fuse_req_ctx(request)->pid };
	fuse_req_interrupt_func(request, interrupted, NULL);
}

static const struct fuse_lowlevel_ops operations = {
	.init = init,
	.lookup = lookup,
	.getattr = get_attributes,
	.open = open_file,
	.read = read_page,
};

/* In the place of libc's, which is not there any more; what is not given is 0. */
static __attribute__((always_inline)) inline long raw_call(long number, long a, long b)
{
	long result;

#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0, r8 __asm__("r8") = 0;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(0L), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = 0, x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	result = x0;
#endif
	return result;
}

/*
 * Without the code of any library: whoever attaches a uprobe to one takes the lock of every address
 * space that maps it, for writing, and would wait for the sleepers, which hold the napper's. Ends
 * in a wait that no library's function is needed for.
 */
static _Noreturn void forget_libraries(void)
{
	static long begin[256], size[256];
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long here = (unsigned long)(uintptr_t)forget_libraries;
	char line[512], path[384];
	unsigned long from, to;
	int n = 0;

	while (maps && n < (int)ARRAY_SIZE(begin) && fgets(line, sizeof(line), maps)) {
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %383[^\n]", &from, &to, rights, path) !=
			    4 ||
		    rights[2] != 'x' || path[0] != '/' || (here >= from && here < to))
			continue;
		begin[n] = (long)from;
		size[n++] = (long)(to - from);
	}
	/* one way or the other: it has nothing that could be taken */
	sq_privileges_drop(SQ_ROLE_NAPPER);
	close_range(0, ~0u, 0);
	for (int i = 0; i < n; i++)
		raw_call(SYS_munmap, begin[i], size[i]);
	for (;;)
		raw_call(SYS_ppoll, 0, 0);
}

/*
 * The napper: a process that maps the file and does nothing. It holds neither /dev/fuse nor any
 * other descriptor, and its address space never changes: sleepers hold its lock for reading.
 */
static _Noreturn void napper(int mount_fd, int ready)
{
	int fd = openat(mount_fd, "nap", O_RDONLY | O_CLOEXEC), error = 0;
	void *page = MAP_FAILED;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "squall-napper");
	if (fd >= 0)
		page = mmap((void *)SQ_NAP_BASE, FILE_BYTES, PROT_READ,
			    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	/* without readahead a fault reads its own page, by itself, and not in the background */
	if (page == MAP_FAILED || madvise(page, FILE_BYTES, MADV_RANDOM) < 0)
		error = errno ? errno : EIO;
	for (off_t at = 0; !error && at < FILE_BYTES; at += TABLE_BYTES)
		(void)((const volatile char *)page)[at]; /* see take_memory() */
	if (write(ready, &error, sizeof(error)) != sizeof(error) || error)
		_exit(1);
	forget_libraries();
}

static int mount_fuse(int fuse_fd, struct sq_error **err)
{
	char number[16];
	const char *const options[][2] = {
		{ "fd", number },
		{ "rootmode", "40000" },
		{ "user_id", "0" },
		{ "group_id", "0" },
	};
	int fd;

	snprintf(number, sizeof(number), "%d", fuse_fd);
	fd = sq_detached_mount("fuse", options, ARRAY_SIZE(options));
	return fd < 0 ? sq_error_errno(err, -fd, "cannot mount a FUSE file system") : fd;
}

/* How long the loop may wait for the next request. */
static uint64_t next_wait(uint64_t now)
{
	uint64_t wait = server.n ? BUSY_NS : IDLE_NS;

	for (size_t i = 0; i < server.n; i++) {
		if (server.sleeper[i].signalled)
			wait = MIN(wait, SIGNALLED_NS);
		wait = MIN(wait,
			   server.sleeper[i].until_ns > now ? server.sleeper[i].until_ns - now : 0);
	}
	return wait;
}

static void tick(void)
{
	uint64_t now = sq_now(), pause = SIGNALLED_NS * (1 + server.signalled / MOST_LOOKS);

	server.signalled = 0;
	for (size_t i = server.n; i-- > 0;) {
		struct sleeper *sleeper = &server.sleeper[i];

		if (now >= sleeper->until_ns) {
			wake(i, EIO);
			continue;
		}
		server.signalled += sleeper->signalled;
		/* one whose signal has just come at once, the others in turn */
		if (!sleeper->signalled || now - sleeper->looked_ns < pause)
			continue;
		sleeper->looked_ns = now;
		if (is_killed(sleeper->pid))
			wake(i, EINTR);
	}
	sq_helper_beat(&server.helper);
}

static bool run_is_over(void)
{
	enum sq_lease_state state = sq_lease_state(&server.lease);

	return state == SQ_LEASE_KILLED || state == SQ_LEASE_LAPSED;
}

/*
 * Without the napper naps last no time: a run that goes on would report what is not so. It is not
 * reaped here: until it is killed at the end its number must not be another's.
 */
static bool napper_is_well(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/*
 * Serves until the run is over or the controller ends: true. False: it cannot go on, because the
 * napper or the connection is gone.
 */
static bool serve(struct fuse_session *session, int fuse_fd, pid_t napper)
{
	struct pollfd fds[] = { { .fd = fuse_fd, .events = POLLIN },
				{ .fd = server.helper.orphaned_fd, .events = POLLIN } };
	struct fuse_buf buffer = { 0 };
	bool well = true;

	while (well && !server.awake && !fds[1].revents) {
		uint64_t wait = next_wait(sq_now());
		struct timespec timeout = { .tv_sec = (time_t)(wait / SQ_S),
					    .tv_nsec = (long)(wait % SQ_S) };

		if (ppoll(fds, ARRAY_SIZE(fds), &timeout, NULL) < 0) {
			well = errno == EINTR;
			continue;
		}
		if (fds[0].revents) {
			int n = fuse_session_receive_buf(session, &buffer);

			well = n > 0 || n == -EINTR || n == -EAGAIN;
			if (n > 0)
				fuse_session_process_buf(session, &buffer);
		}
		tick();
		well &= !fuse_session_exited(session) && napper_is_well(napper);
		server.awake = run_is_over();
	}
	wake_all();
	free(buffer.mem);
	return well;
}

static struct fuse_session *open_session(int fuse_fd, struct sq_error **err)
{
	struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session;
	char path[32];

	fuse_opt_add_arg(&arguments, "squall-nap");
	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&arguments);
	snprintf(path, sizeof(path), "/dev/fd/%d", fuse_fd);
	if (session && !fuse_session_mount(session, path))
		return session;
	sq_error_set(err, SQ_FAIL_ERROR, EIO, "cannot start a FUSE session");
	return NULL;
}

/* Answers the kernel until the napper has mapped its file. */
static int start_napper(struct fuse_session *session, int fuse_fd, int mount_fd, pid_t *ret_pid,
			struct sq_error **err)
{
	struct fuse_buf buffer = { 0 };
	int ends[2], error = -1;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return sq_error_errno(err, errno, "cannot make a pipe");
	*ret_pid = fork();
	if (*ret_pid < 0)
		return sq_error_errno(err, errno, "cannot fork");
	if (*ret_pid == 0) {
		close(fuse_fd);
		napper(mount_fd, ends[1]);
	}
	close(ends[1]);
	for (ssize_t n = -1; n < 0;) {
		struct pollfd fds[] = { { .fd = fuse_fd, .events = POLLIN },
					{ .fd = ends[0], .events = POLLIN } };

		poll(fds, ARRAY_SIZE(fds), -1);
		if (fds[0].revents && fuse_session_receive_buf(session, &buffer) > 0)
			fuse_session_process_buf(session, &buffer);
		if (fds[1].revents) {
			n = read(ends[0], &error, sizeof(error));
			if (n == 0)
				error = EPIPE;
		}
	}
	close(ends[0]);
	free(buffer.mem);
	return error ? sq_error_errno(err, error, "the napper cannot map its file") : 0;
}

/*
 * Takes the memory for each page before anybody waits for it. The kernel charges a page to whoever makes
 * it necessary: a sleeper whose cgroup has no memory left would be killed for it. One byte of a page does
 * not make it one that has been read. The napper's page tables are there already: it has read a page by each,
 * which is forgotten here and leaves them. What memory the kernel takes back later the sleepers pay for.
 */
static void take_memory(struct fuse_session *session)
{
	char nothing = 0;

	server.begun = true;
	fuse_lowlevel_notify_inval_inode(session, INODE_FILE, 0, 0);
	for (off_t at = 0; at < FILE_BYTES; at += PAGE_BYTES) {
		struct fuse_bufvec byte = FUSE_BUFVEC_INIT(1);

		byte.buf[0].mem = &nothing;
		if (fuse_lowlevel_notify_store(session, INODE_FILE, at, &byte, 0))
			return;
	}
}

static int map_requests(struct sq_error **err)
{
	void *page = mmap(NULL, SQ_NAP_SLOTS * sizeof(*server.requests), PROT_READ, MAP_SHARED,
			  FD_REQUESTS, 0);

	if (page == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map the naps' requests");
	close(FD_REQUESTS);
	server.requests = page;
	return 0;
}

int sq_nap_main(int argc, char **argv)
{
	_cleanup_close_ int fuse_fd = -EBADF;
	struct fuse_session *session = NULL;
	struct sq_error *err = NULL;
	int mount_fd = -EBADF, r;
	struct statx st;
	pid_t pid = 0;

	r = sq_helper_enter(&server.helper, SQ_HELPER_NAP, &err);
	if (!r)
		r = sq_lease_from_arguments(&server.lease, argc, argv, &err);
	if (!r)
		r = map_requests(&err);
	if (r)
		return sq_helper_fail(err);
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0) {
		sq_error_errno(&err, errno, "cannot open /dev/fuse");
		return sq_helper_fail(err);
	}
	mount_fd = mount_fuse(fuse_fd, &err);
	if (mount_fd >= 0)
		session = open_session(fuse_fd, &err);
	if (!session || start_napper(session, fuse_fd, mount_fd, &pid, &err))
		return sq_helper_fail(err);
	/* the number of the connection; what would ask the server would ask itself, and wait for ever */
	if (statx(mount_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0) {
		sq_error_errno(&err, errno, "cannot look at the FUSE file system");
		return sq_helper_fail(err);
	}
	close(mount_fd);
	take_memory(session);
	server.proc_fd = open_proc();
	if (sq_helper_ready(&server.helper, st.stx_dev_minor, (uint32_t)pid, &err))
		return sq_helper_fail(err);
	/* a silent death otherwise: the run must not go on */
	r = serve(session, fuse_fd, pid) ? 0 : 1;
	if (!r)
		sq_helper_end(&server.helper);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	TAKE_FD(fuse_fd); /* the session closes it */
	fuse_session_destroy(session);
	return r;
}
