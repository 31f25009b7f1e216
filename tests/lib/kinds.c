// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same file opened in all the ways a program can: kinds FILE. A line for each way: its name, `ok`
 * or the error, how long it took, ms. `-` is a way that this kernel does not have.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define I386_OPENAT 295

static const char *path;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* 0 or an errno */
static int by_call(void)
{
	return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static void *in_thread(void *result)
{
	*(int *)result = by_call();
	return NULL;
}

static int by_thread(void)
{
	pthread_t thread;
	int result = -1;

	if (!pthread_create(&thread, NULL, in_thread, &result))
		pthread_join(thread, NULL);
	return result;
}

static int exit_code(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(by_call());
	return exit_code(pid);
}

static int by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(by_call());
	return exit_code(pid);
}

/* A 64-bit program can make a 32-bit call: no 32-bit toolchain is needed. */
static int by_compat(void)
{
#ifdef __x86_64__
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	pid_t pid;

	if (low == MAP_FAILED)
		return -1;
	strcpy(low, path);
	pid = fork(); /* a kernel without such calls sends SIGSEGV */
	if (pid == 0) {
		long result = I386_OPENAT;

		__asm__ volatile("int $0x80"
				 : "+a"(result)
				 : "b"((long)AT_FDCWD), "c"(low), "d"((long)O_RDONLY)
				 : "r8", "r9", "r10", "r11", "memory");
		_exit((int)result < 0 ? -(int)result : 0);
	}
	return exit_code(pid);
#else
	return -1;
#endif
}

static int by_uring(void)
{
	struct io_uring_params params = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	struct io_uring_sqe *entry;
	struct io_uring_cqe *done;
	char *submit, *complete;

	if (fd < 0)
		return -1;
	submit = mmap(NULL, params.sq_off.array + sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, IORING_OFF_SQ_RING);
	complete = mmap(NULL, params.cq_off.cqes + 2 * sizeof(*done), PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, IORING_OFF_CQ_RING);
	entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	if (submit == MAP_FAILED || complete == MAP_FAILED || entry == MAP_FAILED)
		return -1;
	memset(entry, 0, sizeof(*entry));
	entry->opcode = IORING_OP_OPENAT;
	entry->fd = AT_FDCWD;
	entry->addr = (unsigned long)path;
	entry->open_flags = O_RDONLY | O_CLOEXEC;
	atomic_store((_Atomic unsigned int *)(submit + params.sq_off.tail), 1);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	done = (struct io_uring_cqe *)(complete + params.cq_off.cqes);
	return done->res < 0 ? -done->res : 0;
}

static void show(const char *name, int (*open_it)(void))
{
	double begun = now_ms(), took;
	int result = open_it();

	took = now_ms() - begun;
	printf("%s %s %.3f\n", name,
	       result < 0 ? "-"
	       : result	  ? strerrorname_np(result)
			  : "ok",
	       took);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	path = argv[argc - 1];
	show("call", by_call);
	show("thread", by_thread);
	show("fork", by_fork);
	show("vfork", by_vfork);
	show("compat", by_compat);
	show("uring", by_uring);
	return 0;
}
