/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An append-only file of JSON objects, one a line. What has been appended survives the process
 * that wrote it, so that another one can undo what it did.
 */
#ifndef SQ_UTIL_EVENTLOG_H
#define SQ_UTIL_EVENTLOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct sq_eventlog {
	int fd;
	uint64_t size, max; /* bytes, as this writer knows; what is vital is written beyond max */
	int failed; /* the first error, as a positive errno: ENOSPC for instance */
};

/* Opens or creates @name in @dir_fd for appending; several may write to one log. */
int sq_eventlog_open(struct sq_eventlog *log, int dir_fd, const char *name, uint64_t max,
		     struct sq_error **err);
void sq_eventlog_close(struct sq_eventlog *log);

/*
 * Cuts off the half line that a writer killed while it wrote may have left: the next would be glued
 * to it. Only when that writer is dead: what another one is writing right now looks the same.
 */
void sq_eventlog_mend(struct sq_eventlog *log, int dir_fd, const char *name);

/*
 * Appends {"t": now, "event": @event, ...} with the members of @members, a reference to which is
 * taken. Returns 0 or a negative errno; a failure also stays in log->failed.
 */
int sq_eventlog_add(struct sq_eventlog *log, const char *event, json_t *members);

/* The same for what may be left out when the log is full: samples, progress. */
int sq_eventlog_add_detail(struct sq_eventlog *log, const char *event, json_t *members);

/*
 * Reads all events of a log into a new array. A last line that is cut off, from a process killed
 * while it wrote, is left out; what is not JSON before it is an error.
 */
int sq_eventlog_read(int dir_fd, const char *name, json_t **ret, struct sq_error **err);

/*
 * json_pack() with {} [] s i I b f o O and '?', that cannot fail: no text from outside, of whatever
 * bytes, may end a run. Want of memory or a bad format ends the program.
 */
json_t *sq_json(const char *format, ...);

/* json_string() of any text: what is not UTF-8 in it becomes '?'. */
json_t *sq_json_string(const char *text);

/* Members by name, with a default where they are missing or of another type. */
const char *sq_json_text(const json_t *object, const char *key); /* "" */
int64_t sq_json_int(const json_t *object, const char *key); /* 0 */
double sq_json_real(const json_t *object, const char *key); /* 0, integers too */

/* The member of a list whose "name" is so, which stays the list's; or NULL. */
json_t *sq_json_named(const json_t *list, const char *name);

void sq_json_decref(json_t **json);
#define _cleanup_json_ _cleanup_(sq_json_decref)

#endif
