/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions of a C library that make system calls, and where they are in its file. */
#ifndef SQ_INJECT_WRAPPERS_H
#define SQ_INJECT_WRAPPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiment/names.h"

/* Places in a library's file: where a function begins, and the number of the call that it makes. */
struct sq_wrappers {
	uint64_t *offset, *call;
	size_t n;
};

/* Does a C library have a function that makes this call and no other? */
bool sq_call_has_wrapper(const char *call);

/* Is a file of this name (without folders) a C library, or a part of one? */
bool sq_is_c_library(const char *name);

/*
 * The functions for the calls of @calls in the library open as @fd, each place once. Names that it
 * does not have are left out. 0 and *ret filled, to be cleared, or -ENOEXEC: it is no ELF file.
 */
int sq_wrappers_find(int fd, const struct sq_calls *calls, struct sq_wrappers *ret);
void sq_wrappers_clear(struct sq_wrappers *wrappers);

#endif
