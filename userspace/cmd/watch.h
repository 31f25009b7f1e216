/* SPDX-License-Identifier: GPL-2.0-only */
/* `status --watch` at a terminal: the whole screen, until somebody leaves it. */
#ifndef SQ_CMD_WATCH_H
#define SQ_CMD_WATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

/*
 * What `status --json` prints, new; a negative errno where it cannot be had. @only: of runs whose name
 * begins so, or NULL.
 */
int sq_status_json(const char *only, json_t **ret, struct sq_error **err);

/* Are standard input and output a terminal that can be drawn on? */
bool sq_watch_can(void);

/* Watches; the screen is as before when it returns, or ends by a signal. Returns the exit code. */
int sq_watch(const char *only);

#endif
