/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A place in a JSON document, the part of RFC 9535 that names places: $, .name, ['name'], [0], [-1],
 * [*]; and .length() at the end, as Goessner's JSONPath has it.
 */
#ifndef SQ_EXPERIMENT_JSON_PATH_H
#define SQ_EXPERIMENT_JSON_PATH_H

#include <jansson.h>

/* 0, or -EINVAL with *why completing "'PATH' ...". */
int sq_json_path_check(const char *path, const char **why);

/*
 * Calls @each with everything that the path names in @document, in its order; what .length() gives
 * is a number. Returns how many there were.
 */
size_t sq_json_path_each(const json_t *document, const char *path,
			 void (*each)(void *data, const json_t *value), void *data);

#endif
