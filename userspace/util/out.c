// SPDX-License-Identifier: GPL-2.0-only
#include "util/out.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/privileges.h"
#include "util/time.h"

#define MOST_BYTES (4u << 20)

struct piece {
	struct piece *next;
	int fd;
	size_t n;
	char text[];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct piece *first, **last;
	size_t bytes; /* queued and being written */
	bool started;
} out = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void *write_all(void *data)
{
	sq_privileges_drop(SQ_ROLE_NOTHING);
	pthread_mutex_lock(&out.lock);
	for (;;) {
		struct piece *piece = out.first;

		if (!piece) {
			pthread_cond_wait(&out.changed, &out.lock);
			continue;
		}
		out.first = piece->next;
		if (!out.first)
			out.last = &out.first;
		pthread_mutex_unlock(&out.lock);
		/* a reader that has gone away is no reason to stop a run */
		sq_write_all(piece->fd, piece->text, piece->n);
		pthread_mutex_lock(&out.lock);
		out.bytes -= piece->n;
		free(piece);
		pthread_cond_broadcast(&out.changed);
	}
	return NULL;
}

void sq_out_start(void)
{
	sigset_t all, former;
	pthread_t thread;
	int r;

	out.last = &out.first;
	/* a signal to the process must not find its way to this thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &former);
	r = pthread_create(&thread, NULL, write_all, NULL);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	if (r)
		return;
	pthread_detach(thread);
	out.started = true;
}

void sq_out_text(int fd, const char *text)
{
	size_t n = strlen(text);
	struct piece *piece;

	if (!out.started) {
		sq_write_all(fd, text, n);
		return;
	}
	piece = sq_alloc(sizeof(*piece) + n);
	piece->fd = fd;
	piece->n = n;
	memcpy(piece->text, text, n);
	pthread_mutex_lock(&out.lock);
	if (out.bytes + n > MOST_BYTES) {
		free(piece);
	} else {
		*out.last = piece;
		out.last = &piece->next;
		out.bytes += n;
		pthread_cond_broadcast(&out.changed);
	}
	pthread_mutex_unlock(&out.lock);
}

static void print_to(int fd, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = sq_vasprintf(format, arguments);

	sq_out_text(fd, text);
}

void sq_print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_to(STDOUT_FILENO, format, arguments);
	va_end(arguments);
}

void sq_print_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_to(STDERR_FILENO, format, arguments);
	va_end(arguments);
}

bool sq_out_flush(uint64_t timeout_ns)
{
	struct timespec until;
	bool empty;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(timeout_ns / SQ_S);
	until.tv_nsec += (long)(timeout_ns % SQ_S);
	if (until.tv_nsec >= (long)SQ_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)SQ_S;
	}
	pthread_mutex_lock(&out.lock);
	while (out.bytes && !r)
		r = pthread_cond_timedwait(&out.changed, &out.lock, &until);
	empty = !out.bytes;
	pthread_mutex_unlock(&out.lock);
	return empty;
}

bool sq_out_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fd) && !(no_colour && *no_colour) && !(terminal && !strcmp(terminal, "dumb"));
}
