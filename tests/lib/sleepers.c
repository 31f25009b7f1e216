// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many that make one system call at the same time, and what may be done to them:
 *   sleepers COUNT NUMBER   a call by its number (its argument is 0). Half of them are processes of their
 *                           own, the others threads
 *   sleepers COUNT library  the processes call the C library's getppid until that takes a while, the
 *                           threads socket()
 *   sleepers hold PID       traces a thread, stops it as soon as that is possible, lets it go
 *   sleepers eat MB         takes all memory but so much, and waits
 *   sleepers full FOLDER    takes all memory that its cgroup may have, and then makes call 146 five times;
 *                           the folder is the cgroup's, of either version. Says how long each took, ms
 * Each writes when its call returned, in s of the clock that counts from boot, and what it returned, or 0
 * where that is as it should be.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP (4ul << 20)
#define TRIES 3000 /* of 20 ms */
#define REST_US 100000
#define ARRAY(a) (sizeof(a) / sizeof(*(a)))
#define FULL (64ul << 20)

static long number;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A process that is new may not be covered yet. */
static long by_library(pid_t parent)
{
	for (int i = 0; i < TRIES; i++) {
		double begun = now(CLOCK_BOOTTIME);
		pid_t got = getppid();

		if (now(CLOCK_BOOTTIME) - begun > 0.5)
			return got == parent ? 0 : -1;
		usleep(20000);
	}
	return -2;
}

static void sleep_once(pid_t parent)
{
	long result = number   ? syscall(number, 0)
		      : parent ? by_library(parent)
			       : -(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0);
	char line[64];
	int n = snprintf(line, sizeof(line), "%.9f %ld\n",
			 now(number ? CLOCK_REALTIME : CLOCK_BOOTTIME), result);

	/* the others first: to write and to end takes longer than to wake up */
	usleep(REST_US);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		abort();
}

static void *in_thread(void *data)
{
	sleep_once(0);
	return NULL;
}

static int all(size_t count)
{
	size_t processes = count / 2;
	pid_t self = getpid();
	pthread_t *thread = calloc(count + 1, sizeof(*thread));
	pthread_attr_t small;

	if (!count || !thread)
		return 2;
	for (size_t i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			sleep_once(self);
			_exit(0);
		}
		if (pid < 0)
			return 1;
	}
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (size_t i = processes; i < count; i++)
		if (pthread_create(&thread[i], &small, in_thread, NULL))
			return 1;
	for (size_t i = processes; i < count; i++)
		pthread_join(thread[i], NULL);
	while (wait(NULL) > 0)
		;
	free(thread);
	return 0;
}

static int hold(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		return 1;
	puts("held");
	fflush(stdout);
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return 1;
	puts("stopped");
	return ptrace(PTRACE_DETACH, pid, 0, 0) ? 1 : 0;
}

static unsigned long available_mb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kb = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lu", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb >> 10;
}

static int eat(unsigned long mb)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "we");

	if (!file || fputs("1000", file) < 0 || fclose(file))
		return 1;
	while (available_mb() > mb)
		if (mmap(NULL, STEP, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
			break;
	puts("eaten");
	fflush(stdout);
	for (;;)
		pause();
}

static unsigned long read_number(const char *folder, const char *name)
{
	unsigned long value = 0;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%lu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static int fill(const char *folder)
{
	unsigned long limit = read_number(folder, "memory.max"), used = 0;
	double took[5] = { 0 };
	const char *usage = limit ? "memory.current" : "memory.usage_in_bytes";
	char *memory = mmap(NULL, FULL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!limit)
		limit = read_number(folder, "memory.limit_in_bytes");
	if (memory == MAP_FAILED || !limit || limit > FULL)
		return 1;
	puts("filling"); /* the file has its page now */
	fflush(stdout);
	while (read_number(folder, usage) + 4096 <= limit && used < FULL) {
		memory[used] = 1;
		used += 4096;
	}
	if (write(STDOUT_FILENO, "full\n", 5) != 5)
		return 1;
	for (size_t i = 0; i < ARRAY(took); i++) {
		took[i] = now(CLOCK_MONOTONIC);
		syscall(146, 0);
		took[i] = now(CLOCK_MONOTONIC) - took[i];
	}
	/* to tell of it takes memory */
	munmap(memory, FULL);
	for (size_t i = 0; i < ARRAY(took); i++)
		printf("%.3f\n", took[i] * 1000);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "hold"))
		return hold((pid_t)strtol(argv[2], NULL, 10));
	if (!strcmp(argv[1], "full"))
		return fill(argv[2]);
	if (!strcmp(argv[1], "eat"))
		return eat(strtoul(argv[2], NULL, 10));
	number = strtol(argv[2], NULL, 10); /* 0: the library */
	return all(strtoul(argv[1], NULL, 10));
}
