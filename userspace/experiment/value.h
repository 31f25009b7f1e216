/* SPDX-License-Identifier: GPL-2.0-only */
/* One value of the file: its text to what the field's type wants. */
#ifndef SQ_EXPERIMENT_VALUE_H
#define SQ_EXPERIMENT_VALUE_H

#include "experiment/schema.h"

/*
 * Parses @text into @slot as @field's type (not for lists of texts, nor objects). 0, or a negative
 * errno with *@why (static) completing "'TEXT' ..." and perhaps *@near, a suggestion.
 */
int sq_value_parse(const struct sq_field *field, const char *text, void *slot, const char **why,
		   const char **near);

/* Is a value of this type made of several texts? */
bool sq_value_is_list(enum sq_type type);

/* Makes a value what it is when nothing has been read. */
void sq_value_unset(enum sq_type type, void *slot);

/* What is wrong with a plain, unquoted text that YAML 1.1 reads as something else, or NULL. */
const char *sq_value_trap(const char *text);

void sq_value_clear(enum sq_type type, void *slot);

/* How a type is written, for people: "duration (100ms, 2m)". */
const char *sq_type_text(enum sq_type type);

#endif
