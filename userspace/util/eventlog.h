/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An append-only file of JSON objects, one a line. What has been appended survives the process
 * that wrote it, so that another one can undo what it did. Threads may append to the same one.
 */
#ifndef SQ_UTIL_EVENTLOG_H
#define SQ_UTIL_EVENTLOG_H

#include <jansson.h>
#include <stdint.h>

#include "util/error.h"
#include "util/json.h"

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

#endif
