/* SPDX-License-Identifier: GPL-2.0-only */
/* What several do with systemd's event loop. */
#ifndef SQ_UTIL_EVENT_H
#define SQ_UTIL_EVENT_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "util/error.h"

/* Lets a timer fire once more, in @ns. Negative errno. */
int sq_event_again(sd_event_source *source, uint64_t ns);

/* Makes an eventfd(2) readable, also where it is so already. */
void sq_event_signal(int fd);

/* A pipe for a program to write to; reading from it does not wait. Both ends are the caller's. */
int sq_event_pipe(int *ret_reader, int *ret_writer, struct sq_error **err);

/* A program to be watched: its end, and what it writes. */
struct sq_event_program {
	int pidfd; /* taken over in any case */
	int output_fd; /* stays the caller's */
	sd_event_child_handler_t on_ended;
	sd_event_io_handler_t on_output;
	void *data;
};

/* Both sources are the caller's, also where one is NULL after a failure. Negative errno. */
int sq_event_watch(sd_event *event, const struct sq_event_program *program,
		   sd_event_source **ret_child, sd_event_source **ret_output);

#endif
