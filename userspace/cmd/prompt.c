// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/time.h"

#define LONGEST_POLL_MS 60000

int sq_prompt_open(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return fd;
}

void sq_prompt_forget(void)
{
	tcflush(STDIN_FILENO, TCIFLUSH);
}

/* A terminal gives a line at a time; the rest of one that is too long is dropped. */
static enum sq_heard read_line(char *line, size_t size)
{
	char text[1024];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));
	size_t length;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return SQ_HEARD_NOTHING;
	if (n <= 0)
		return SQ_HEARD_END;
	length = MIN((size_t)n, size - 1);
	memcpy(line, text, length);
	line[length] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return SQ_HEARD_LINE;
}

enum sq_heard sq_prompt_wait(int signal_fd, bool listens, uint64_t timeout_ns, char *line,
			     size_t size, int *ret_signal)
{
	uint64_t now = sq_now(),
		 until = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;

	for (; now < until; now = sq_now()) {
		struct pollfd fds[] = { { .fd = signal_fd, .events = POLLIN },
					{ .fd = listens ? STDIN_FILENO : -1, .events = POLLIN } };
		uint64_t ms = MIN((until - now) / SQ_MS + 1, (uint64_t)LONGEST_POLL_MS);
		struct signalfd_siginfo info;
		enum sq_heard heard;

		if (poll(fds, ARRAY_SIZE(fds), (int)ms) <= 0)
			continue;
		if (fds[0].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
			*ret_signal = (int)info.ssi_signo;
			return SQ_HEARD_SIGNAL;
		}
		if (!fds[1].revents)
			continue;
		heard = read_line(line, size);
		if (heard != SQ_HEARD_NOTHING)
			return heard;
	}
	return SQ_HEARD_NOTHING;
}
