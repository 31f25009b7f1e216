/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking a person at a terminal, who may answer by a signal too. */
#ifndef SQ_CMD_PROMPT_H
#define SQ_CMD_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked, and come by a descriptor, which is
 * returned; or a negative errno.
 */
int sq_prompt_open(void);

enum sq_heard {
	SQ_HEARD_LINE,
	SQ_HEARD_NOTHING, /* until the time was over */
	SQ_HEARD_END, /* nobody is at the terminal any more */
	SQ_HEARD_SIGNAL,
};

/*
 * Waits for a line from standard input, where @listens, or a signal, whose number goes to @ret_signal;
 * @timeout_ns UINT64_MAX: for ever. The line is cut to @size, without its end.
 */
enum sq_heard sq_prompt_wait(int signal_fd, bool listens, uint64_t timeout_ns, char *line,
			     size_t size, int *ret_signal);

/* Forgets what was typed before it was asked for. */
void sq_prompt_forget(void);

#endif
