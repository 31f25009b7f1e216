// SPDX-License-Identifier: GPL-2.0-only
#include "util/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*oom_handler)(void);

void sq_oom_handler(void (*handler)(void))
{
	oom_handler = handler;
}

void sq_oom(void)
{
	static const char message[] = "squall: error: out of memory\n";
	ssize_t written;

	if (oom_handler)
		oom_handler();
	written = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)written;
	_exit(70);
}

void sq_freep(void *p)
{
	free(*(void **)p);
}

int sq_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -EBADF;
}

void sq_closep(const int *fd)
{
	sq_close(*fd);
}

void *sq_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		sq_oom();
	return p;
}

void *sq_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		sq_oom();
	return p;
}

char *sq_strdup(const char *s)
{
	char *copy;

	if (!s)
		return NULL;
	copy = strdup(s);
	if (!copy)
		sq_oom();
	return copy;
}

char *sq_strndup(const char *s, size_t n)
{
	char *copy = strndup(s, n);

	if (!copy)
		sq_oom();
	return copy;
}

char *sq_vasprintf(const char *format, va_list arguments)
{
	char *s;

	if (vasprintf(&s, format, arguments) < 0)
		sq_oom();
	return s;
}

char *sq_asprintf(const char *format, ...)
{
	va_list arguments;
	char *s;

	va_start(arguments, format);
	s = sq_vasprintf(format, arguments);
	va_end(arguments);
	return s;
}

void *sq_append(void *items, size_t *n, size_t size)
{
	char **array = items;
	char *element;

	/* room grows by powers of two: at 0, 4, 8, 16, ... */
	if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
		size_t room = *n ? *n * 2 : 4;

		if (room > SIZE_MAX / size)
			sq_oom();
		*array = sq_realloc(*array, room * size);
	}
	element = *array + *n * size;
	memset(element, 0, size);
	(*n)++;
	return element;
}
