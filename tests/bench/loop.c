// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a system call costs. Reads lines "CALL MILLISECONDS" and answers each with the nanoseconds
 * that one call takes: calls are made in batches of some 100 us, and the answer is the batch below
 * which a tenth of all lie, so that what else the machine does is left out and one lucky batch too.
 *
 *   loop            reads its standard input
 *   loop CALL MS    answers once
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 100000
#define MOST_BATCHES 200000

static int zero_fd, socket_fd, udp_fd;
static struct sockaddr_in peer;

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_getuid(void)
{
	syscall(SYS_getuid);
}

static void call_read(void)
{
	char byte;

	if (syscall(SYS_read, zero_fd, &byte, 1) < 0)
		return;
}

static void call_openat(void)
{
	long fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		syscall(SYS_close, fd);
}

static void call_getsockopt(void)
{
	int value;
	socklen_t size = sizeof(value);

	syscall(SYS_getsockopt, socket_fd, SOL_SOCKET, SO_RCVBUF, &value, &size);
}

static void call_connect(void)
{
	syscall(SYS_connect, socket_fd, &peer, sizeof(peer));
}

/* A packet of 64 bytes over lo, to a socket that nobody reads: its queue is full soon. */
static void call_send(void)
{
	static const char bytes[64];

	syscall(SYS_sendto, udp_fd, bytes, sizeof(bytes), 0, NULL, 0);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "getppid", call_getppid }, { "getuid", call_getuid },		{ "read", call_read },
	{ "openat", call_openat },   { "getsockopt", call_getsockopt }, { "connect", call_connect },
	{ "send", call_send },
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double time_batch(void (*call)(void), unsigned int n)
{
	double begun = now_ns();

	for (unsigned int i = 0; i < n; i++)
		call();
	return now_ns() - begun;
}

static int answer(const char *name, unsigned long ms)
{
	static double took[MOST_BATCHES];
	void (*call)(void) = NULL;
	unsigned int n = 1;
	size_t batches = 0;
	double end;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, name))
			call = calls[i].call;
	if (!call)
		return 2;
	while (time_batch(call, n) < BATCH_NS)
		n *= 2;
	for (end = now_ns() + (double)ms * 1e6; now_ns() < end && batches < MOST_BATCHES; batches++)
		took[batches] = time_batch(call, n) / n;
	qsort(took, batches, sizeof(*took), by_value);
	printf("%.2f\n", took[batches / 10]);
	fflush(stdout);
	return 0;
}

/* Opens what `send` sends to, which belongs to this process's cgroup as well. */
static int open_udp(void)
{
	int sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), small = 1;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	return bind(sink, (struct sockaddr *)&address, size) ||
	       getsockname(sink, (struct sockaddr *)&address, &size) ||
	       connect(udp_fd, (struct sockaddr *)&address, size);
}

int main(int argc, char **argv)
{
	char name[32];
	unsigned long ms;

	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(9) };
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (open_udp())
		return 1;
	if (argc == 3)
		return answer(argv[1], strtoul(argv[2], NULL, 10));
	while (scanf("%31s %lu", name, &ms) == 2)
		if (answer(name, ms))
			return 2;
	return 0;
}
