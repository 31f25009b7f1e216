/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output that never holds up its writer. Before sq_out_start() it goes straight to the
 * descriptor; after it a thread of its own writes it, and where nobody reads (a stuck pipe,
 * Ctrl-S) lines are lost, not time.
 */
#ifndef SQ_UTIL_OUT_H
#define SQ_UTIL_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mem.h"

/* Starts the thread. Without one, for want of memory perhaps, output stays direct. */
void sq_out_start(void);

/* Writes to standard output, or standard error. */
void sq_print(const char *format, ...) _printf_(1, 2);
void sq_print_error(const char *format, ...) _printf_(1, 2);

/* The same for a text that is ready. */
void sq_out_text(int fd, const char *text);

/* Waits up to @timeout_ns until all is written; false if it is not. */
bool sq_out_flush(uint64_t timeout_ns);

/* May @fd be written in colour: a terminal, and no NO_COLOR? */
bool sq_out_colour(int fd);

#endif
