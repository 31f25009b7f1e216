// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many that make one system call (its argument is 0) at the same time: sleepers COUNT NUMBER. Half of them are processes
 * of their own, the others threads. Each writes when its call returned, in s of the real time clock,
 * and what it returned.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long number;

static void *sleep_once(void *data)
{
	long result = syscall(number, 0);
	struct timespec t;
	char line[64];
	int n;

	clock_gettime(CLOCK_REALTIME, &t);
	n = snprintf(line, sizeof(line), "%lld.%09ld %ld\n", (long long)t.tv_sec, t.tv_nsec,
		     result);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		abort();
	return NULL;
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, processes = count / 2;
	pthread_t *thread = calloc(count + 1, sizeof(*thread));
	pthread_attr_t small;

	if (!count || !thread)
		return 2;
	number = strtol(argv[2], NULL, 10);
	for (size_t i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			sleep_once(NULL);
			_exit(0);
		}
		if (pid < 0)
			return 1;
	}
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (size_t i = processes; i < count; i++)
		if (pthread_create(&thread[i], &small, sleep_once, NULL))
			return 1;
	for (size_t i = processes; i < count; i++)
		pthread_join(thread[i], NULL);
	while (wait(NULL) > 0)
		;
	free(thread);
	return 0;
}
