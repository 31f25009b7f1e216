// SPDX-License-Identifier: GPL-2.0-only
/*
 * How exactly a fault does what it was asked:
 *   accurate errors COUNT          the numbers of the getsockopt calls that fail with EIO
 *   accurate times NUMBER COUNT    a system call's median and 99th percentile, us
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int show_errors(unsigned long count)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), value;

	for (unsigned long i = 0; i < count; i++) {
		socklen_t size = sizeof(value);

		if (!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size))
			continue;
		if (errno != EIO)
			return 1;
		printf("%lu\n", i);
	}
	return 0;
}

static int show_times(long number, size_t count)
{
	double *took = calloc(count + 1, sizeof(*took));

	for (size_t i = 0; took && i < count; i++) {
		double begun = now_us();

		syscall(number, 0, 0);
		took[i] = now_us() - begun;
	}
	if (!took)
		return 1;
	qsort(took, count, sizeof(*took), by_value);
	printf("%.1f %.1f\n", took[count / 2], took[count * 99 / 100]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "errors"))
		return show_errors(strtoul(argv[2], NULL, 10));
	if (argc == 4 && !strcmp(argv[1], "times"))
		return show_times(strtol(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	fprintf(stderr, "usage: accurate errors COUNT | times NUMBER COUNT\n");
	return 2;
}
