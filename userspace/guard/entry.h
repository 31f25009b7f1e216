/* SPDX-License-Identifier: GPL-2.0-only */
/* The files in a run's entry of the registry: one JSON document in each. */
#ifndef SQ_GUARD_ENTRY_H
#define SQ_GUARD_ENTRY_H

#include <jansson.h>

/* The folder of @run's entry: a descriptor, to be closed, or a negative errno. */
int sq_entry_open(const char *run);

/* The document @name, a new reference; NULL where it is not there, or damaged. */
json_t *sq_entry_read(int dir_fd, const char *name);

/* Replaces it as a whole. Negative errno. */
int sq_entry_write(int dir_fd, const char *name, const json_t *json);

#endif
