// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes system calls by their names, each once, with arguments that are all -1, in a process of the
 * cgroup at the path CGROUP (that of the folder), and tells of each: its name, what it returned (a number
 * stands for "ok", else it is errno's name), how long it took (us).
 *
 *   sweep CGROUP NAME...
 *
 * With such arguments none of them does any harm, nor waits, but pause(), which is sent a signal. All calls
 * may fail or take long: the process makes no others. What it finds is in memory that is shared.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

#define MOST 1024
#define PATIENCE_MS 10000
#define STUCK_MS 200

static const struct {
	const char *name;
	long number;
} table[] = {
#include "syscalls.h"
};

struct sweep {
	atomic_int go, now, done;
	long number[MOST];
	long result[MOST];
	double took_us[MOST];
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* the vDSO's: no call */
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Inline, without a frame of its own: the child of a vfork() shares its parent's stack. */
static inline __attribute__((always_inline)) long call(long number, long a)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = a, r8 __asm__("r8") = a, r9 __asm__("r9") = a;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(a), "d"(a), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = a;
	register long x2 __asm__("x2") = a, x3 __asm__("x3") = a, x4 __asm__("x4") = a;
	register long x5 __asm__("x5") = a;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#endif
}

static void on_signal(int number)
{
}

static _Noreturn void make_calls(struct sweep *sweep, int n)
{
	while (!atomic_load(&sweep->go))
		continue;
	for (int i = 0; i < n; i++) {
		double begun = now_us();
		long result;

		atomic_store(&sweep->now, i);
		result = call(sweep->number[i], -1);
		/* a child, of fork() and vfork() */
		if (result == 0 && (sweep->number[i] == SYS_clone
#ifdef SYS_fork
				    || sweep->number[i] == SYS_fork || sweep->number[i] == SYS_vfork
#endif
				    ))
			call(SYS_exit, 0);
		sweep->took_us[i] = now_us() - begun;
		sweep->result[i] = result;
	}
	atomic_store(&sweep->done, 1);
	for (;;)
		call(SYS_exit_group, 0);
}

static long number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(table[i].name, name))
			return table[i].number;
	fprintf(stderr, "there is no system call '%s'\n", name);
	exit(2);
}

static int enter(const char *cgroup, pid_t pid)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "we");
	return !file || fprintf(file, "%d", (int)pid) < 0 || fclose(file);
}

/* Whatever waits longer than all others is woken up. */
static int watch(const struct sweep *sweep, pid_t pid, char **names)
{
	for (int last = -1, ms = 0; !atomic_load(&sweep->done); ms++) {
		int now = atomic_load(&sweep->now);

		if (now != last)
			ms = 0;
		last = now;
		if (ms && ms % STUCK_MS == 0)
			kill(pid, SIGUSR1);
		if (ms > PATIENCE_MS || waitpid(pid, NULL, WNOHANG) == pid) {
			fprintf(stderr, "%s does not return\n", names[now]);
			kill(pid, SIGKILL);
			return 1;
		}
		usleep(1000);
	}
	return waitpid(pid, NULL, 0) != pid;
}

int main(int argc, char **argv)
{
	struct sweep *sweep = mmap(NULL, sizeof(*sweep), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_handler = on_signal };
	int n = argc - 2;
	pid_t pid;

	if (sweep == MAP_FAILED || n < 1 || n > MOST)
		return 2;
	for (int i = 0; i < n; i++)
		sweep->number[i] = number_of(argv[i + 2]);
	sigaction(SIGUSR1, &action, NULL);
	pid = fork();
	if (pid == 0) {
		/* vhangup() hangs up its terminal, and msgget() leaves a queue */
		if (setsid() < 0 || unshare(CLONE_NEWIPC))
			_exit(1);
		make_calls(sweep, n);
	}
	if (pid < 0 || enter(argv[1], pid))
		return 1;
	atomic_store(&sweep->go, 1);
	if (watch(sweep, pid, argv + 2))
		return 1;
	for (int i = 0; i < n; i++) {
		long result = sweep->result[i];

		printf("%s %s %.0f\n", argv[i + 2],
		       result < 0 && result > -4096 ? strerrorname_np((int)-result) : "ok",
		       sweep->took_us[i]);
	}
	return 0;
}
