// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls for the host tests, made directly, with what each returned and how long it took:
 *   calls fsync DIR COUNT   the median time, ms
 *   calls results           one line a call: name, result, errno, signals handled, ms
 *   calls signals           the same, of calls that are over when the signal comes, in 10 ms
 *   calls threads COUNT     getppid in so many threads at once: shortest, longest, all of them, ms
 *   calls many COUNT        getpgid so many times, in each of four processes at once: how many failed
 *   calls compat            a 32-bit fsync: its result, errno, ms; exit 77 where there is none
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define I386_FSYNC 118 /* x86_64's getresuid */

static volatile sig_atomic_t handled;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int time_fsync(const char *dir, size_t count)
{
	double *took = calloc(count, sizeof(*took));
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/fsync", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || !took)
		return 1;
	for (size_t i = 0; i < count; i++) {
		double begun = now_ms();

		if (fsync(fd))
			return 1;
		took[i] = now_ms() - begun;
	}
	qsort(took, count, sizeof(*took), by_value);
	printf("%.3f\n", took[count / 2]);
	free(took);
	return 0;
}

static void handle(int number)
{
	handled++;
}

/* A signal in 10 ms; its handler ends waits, or with SA_RESTART does not. */
static void alarm_soon(int flags)
{
	const struct itimerval soon = { .it_value.tv_usec = 10000 };
	struct sigaction action = { .sa_handler = handle, .sa_flags = flags };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

#define SHOW(name, call)                                                             \
	do {                                                                         \
		double begun_ = now_ms(), took_;                                     \
		long result_;                                                        \
		int error_;                                                          \
                                                                                     \
		errno = 0;                                                           \
		result_ = (call);                                                    \
		error_ = errno;                                                      \
		took_ = now_ms() - begun_;                                           \
		printf("%s %ld %s %d %.3f\n", name, result_,                         \
		       error_ ? strerrorname_np(error_) : "-", (int)handled, took_); \
		handled = 0;                                                         \
	} while (0)

static void *write_late(void *data)
{
	usleep(30000);
	if (write(*(int *)data, "late", 4) != 4)
		abort();
	return NULL;
}

static int show_results(void)
{
	const struct timespec short_time = { .tv_nsec = 20000000 };
	const struct timeval patience = { .tv_usec = 20000 };
	struct timespec left = { 0 };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), full = eventfd(1, EFD_CLOEXEC), ends[2];
	uint32_t word = 0;
	char text[16];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return 1;
	SHOW("epoll_wait-times-out", syscall(SYS_epoll_wait, epoll, &event, 1, 20));
	epoll_ctl(epoll, EPOLL_CTL_ADD, full, &event);
	SHOW("epoll_wait-ready", syscall(SYS_epoll_wait, epoll, &event, 1, 20));
	SHOW("recv-times-out", syscall(SYS_recvfrom, ends[0], text, sizeof(text), 0, NULL, NULL));
	SHOW("recv-empty",
	     syscall(SYS_recvfrom, ends[0], text, sizeof(text), MSG_DONTWAIT, NULL, NULL));
	if (write(ends[1], "hello", 5) != 5)
		return 1;
	SHOW("recv-data", syscall(SYS_recvfrom, ends[0], text, sizeof(text), 0, NULL, NULL));
	SHOW("nanosleep", syscall(SYS_nanosleep, &short_time, NULL));
	SHOW("poll-times-out", syscall(SYS_poll, NULL, 0, 20));
	SHOW("futex-times-out",
	     syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &short_time, NULL, 0));
	SHOW("read-bad-descriptor", syscall(SYS_read, -1, text, sizeof(text)));

	alarm_soon(0);
	SHOW("nanosleep-signal", syscall(SYS_nanosleep, &short_time, &left));
	printf("nanosleep-signal-left %d - 0 0\n", left.tv_nsec > 0);
	alarm_soon(0);
	SHOW("poll-signal", syscall(SYS_poll, NULL, 0, 200));
	alarm_soon(SA_RESTART);
	SHOW("poll-signal-restart", syscall(SYS_poll, NULL, 0, 200));
	return 0;
}

static int show_signals(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ends[2], pipes[2];
	sigset_t alarms;
	pthread_t thread;
	char text[16];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) || pipe2(pipes, O_CLOEXEC))
		return 1;
	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		alarm_soon(flags);
		SHOW("poll-at-once", syscall(SYS_poll, NULL, 0, 0));
		alarm_soon(flags);
		SHOW("epoll_wait-at-once", syscall(SYS_epoll_wait, epoll, &event, 1, 0));
		alarm_soon(flags);
		SHOW("recv-at-once",
		     syscall(SYS_recvfrom, ends[0], text, sizeof(text), MSG_DONTWAIT, NULL, NULL));
		alarm_soon(flags);
		SHOW("read-at-once", syscall(SYS_read, -1, text, sizeof(text)));
	}
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	if (pthread_create(&thread, NULL, write_late, &pipes[1]))
		return 1;
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	alarm_soon(SA_RESTART);
	SHOW("read-taken-up-again", syscall(SYS_read, pipes[0], text, sizeof(text)));
	pthread_join(thread, NULL);
	return 0;
}

struct timed {
	pthread_barrier_t *barrier;
	pthread_t thread;
	double began, ended;
};

static void *nap(void *data)
{
	struct timed *timed = data;

	pthread_barrier_wait(timed->barrier);
	timed->began = now_ms();
	syscall(SYS_getppid);
	timed->ended = now_ms();
	return NULL;
}

static int show_threads(size_t count)
{
	struct timed *timed = calloc(count, sizeof(*timed));
	double least = 1e9, most = 0, first = 1e18, last = 0;
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, (unsigned int)count);
	for (size_t i = 0; timed && i < count; i++) {
		timed[i].barrier = &barrier;
		if (pthread_create(&timed[i].thread, NULL, nap, &timed[i]))
			return 1;
	}
	for (size_t i = 0; timed && i < count; i++) {
		double took;

		pthread_join(timed[i].thread, NULL);
		took = timed[i].ended - timed[i].began;
		least = took < least ? took : least;
		most = took > most ? took : most;
		first = timed[i].began < first ? timed[i].began : first;
		last = timed[i].ended > last ? timed[i].ended : last;
	}
	printf("%.3f %.3f %.3f\n", least, most, last - first);
	free(timed);
	return 0;
}

static int make_many(unsigned long count)
{
	_Atomic unsigned long *failed = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (failed == MAP_FAILED)
		return 1;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		for (unsigned long n = 0; pid == 0 && n < count; n++)
			if (syscall(SYS_getpgid, 0) < 0)
				++*failed;
		if (pid == 0)
			_exit(0);
	}
	while (wait(NULL) > 0)
		;
	printf("%lu\n", *failed);
	return 0;
}

static void no_compat(int number)
{
	_exit(77);
}

/* A 64-bit program can make a 32-bit call: no 32-bit toolchain is needed to test it. */
static int show_compat(void)
{
#ifdef __x86_64__
	double begun;
	long result = I386_FSYNC;

	signal(SIGSEGV, no_compat);
	begun = now_ms();
	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(-1L)
			 : "r8", "r9", "r10", "r11", "memory");
	printf("%d %s %.3f\n", (int)result < 0 ? -1 : (int)result,
	       (int)result < 0 ? strerrorname_np(-(int)result) : "-", now_ms() - begun);
	return 0;
#else
	return 77;
#endif
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "fsync") && argc == 4)
		return time_fsync(argv[2], strtoul(argv[3], NULL, 10));
	if (!strcmp(what, "results"))
		return show_results();
	if (!strcmp(what, "signals"))
		return show_signals();
	if (!strcmp(what, "threads") && argc == 3)
		return show_threads(strtoul(argv[2], NULL, 10));
	if (!strcmp(what, "many") && argc == 3)
		return make_many(strtoul(argv[2], NULL, 10));
	if (!strcmp(what, "compat"))
		return show_compat();
	fprintf(stderr, "usage: calls fsync|results|signals|threads|many|compat ...\n");
	return 2;
}
