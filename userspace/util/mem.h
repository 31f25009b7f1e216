/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory and cleanup attributes. Allocation never returns NULL: see sq_oom(). */
#ifndef SQ_UTIL_MEM_H
#define SQ_UTIL_MEM_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(sq_freep)
#define _cleanup_close_ _cleanup_(sq_closep)
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define TAKE_PTR(p)                          \
	({                                   \
		__typeof__(p) _taken_ = (p); \
		(p) = NULL;                  \
		_taken_;                     \
	})

/* A descriptor variable starts at -EBADF and goes back to it when somebody else takes over. */
#define TAKE_FD(fd)                 \
	({                          \
		int _taken_ = (fd); \
		(fd) = -EBADF;      \
		_taken_;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1ull << (n))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

void sq_freep(void *p);
void sq_closep(const int *fd);

/* Closes a descriptor if it is one; returns -EBADF, to be assigned back. */
int sq_close(int fd);

void *sq_alloc(size_t size); /* zeroed */
void *sq_realloc(void *p, size_t size);
char *sq_strdup(const char *s); /* NULL stays NULL */
char *sq_strndup(const char *s, size_t n);
char *sq_asprintf(const char *format, ...) _printf_(1, 2);
char *sq_vasprintf(const char *format, va_list arguments) _printf_(1, 0);

/*
 * Makes room for one more element in a growing array: *@items of @size bytes each, @n in use.
 * Returns the new, zeroed element. The array is the caller's, to be freed with free().
 */
void *sq_append(void *items, size_t *n, size_t size);

/*
 * What to do before the program ends for want of memory: disarm the faults. The handler must not
 * allocate. The clean-up that follows is the guard process's.
 */
void sq_oom_handler(void (*handler)(void));
_Noreturn void sq_oom(void);

#endif
