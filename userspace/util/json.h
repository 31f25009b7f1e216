/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON as squall makes and reads it. */
#ifndef SQ_UTIL_JSON_H
#define SQ_UTIL_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "util/text.h"

/*
 * json_pack() with {} [] s i I b f o O and '?', that cannot fail: no text from outside, of whatever
 * bytes, may end a run. Want of memory or a bad format ends the program.
 */
json_t *sq_json(const char *format, ...);

/* json_dumps(), that cannot fail; to be freed. */
char *sq_json_dump(const json_t *json, size_t flags);

/* A list of texts. */
json_t *sq_json_texts(const struct sq_texts *texts);

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
