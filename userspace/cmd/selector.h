/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets on the command line, KIND:NAME, as a file would have them. */
#ifndef SQ_CMD_SELECTOR_H
#define SQ_CMD_SELECTOR_H

#include "cmd/command.h"
#include "util/text.h"

/* Ends the program unless there is one @selector at least, all of one kind that has a name. */
void sq_check_selector(const struct sq_command *command, const struct sq_texts *selectors);

/* Adds the key and the value of these selectors, a line's end behind them. */
void sq_add_selector(struct sq_buffer *text, const struct sq_texts *selectors);

/* A YAML scalar in double quotes, or as it is where a number or a truth value is @plain. */
void sq_add_scalar(struct sq_buffer *text, const char *value, bool plain);

#endif
