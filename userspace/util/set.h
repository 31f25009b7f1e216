/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of texts, where a list would be searched once for each of thousands. */
#ifndef SQ_UTIL_SET_H
#define SQ_UTIL_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "util/mem.h"

/* Starts as { 0 }. The texts are the set's own copies. */
struct sq_set {
	char **slot;
	size_t room, n;
};

/* False: it was there already. */
bool sq_set_add(struct sq_set *set, const char *text);
bool sq_set_has(const struct sq_set *set, const char *text);

/* Is a folder above @path in the set, of whatever depth? */
bool sq_set_has_above(const struct sq_set *set, const char *path);

void sq_set_clear(struct sq_set *set);
#define _cleanup_set_ _cleanup_(sq_set_clear)

#endif
