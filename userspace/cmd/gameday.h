/* SPDX-License-Identifier: GPL-2.0-only */
/* What `gameday` and `validate` share. */
#ifndef SQ_CMD_GAMEDAY_H
#define SQ_CMD_GAMEDAY_H

#include "experiment/gameday.h"

/*
 * Loads a game day and, where @ret_experiments is given, all of its experiments, in an array that is to be
 * freed with them. Prints everything that is wrong and returns NULL.
 */
struct sq_gameday *sq_load_gameday(const char *file, struct sq_experiment ***ret_experiments);

#endif
