/* SPDX-License-Identifier: GPL-2.0-only */
/* What squall-look sees, as JSON: {error: TEXT} where it could not look. New. */
#ifndef SQ_PROBE_LOOK_H
#define SQ_PROBE_LOOK_H

#include <jansson.h>

/* {exists, size, age_ns, content}; a file that is not there is no error. */
json_t *sq_look_file(const char *path);

/*
 * Counts the lines that match since @state, which is "" the first time and then what the last look
 * gave: {lines, first, state}. The first time what is already there does not count. A file that has
 * been replaced or cut is read from its beginning.
 */
json_t *sq_look_log(const char *path, const char *matches, const char *state);

/* The same for the journal's messages of a unit ("*": of all); @directory may be "". */
json_t *sq_look_journal(const char *unit, const char *directory, const char *matches,
			const char *state);

/* {state, substate, result, restarts}, from systemd: over its private socket, or the system bus. */
json_t *sq_look_unit(const char *unit);

/* {error: "..."} */
json_t *sq_look_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
