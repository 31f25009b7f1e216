/* SPDX-License-Identifier: GPL-2.0-only */
/* YAML to a tree that remembers where each thing stands. The only user of libyaml. */
#ifndef SQ_EXPERIMENT_YAML_H
#define SQ_EXPERIMENT_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "experiment/diag.h"

#define SQ_YAML_LARGEST (1u << 20) /* bytes of a file */

enum sq_node_type {
	SQ_NODE_SCALAR,
	SQ_NODE_LIST,
	SQ_NODE_MAP,
};

struct sq_node {
	enum sq_node_type type;
	struct sq_mark mark;
	bool wrong; /* which has been told: not to be looked at further */
	bool quoted; /* a scalar in quotes, or a block */
	char *value; /* of a scalar */
	const char *empty; /* the first variable in it that has an empty value; else NULL */
	struct sq_node **key; /* of a map: scalars */
	struct sq_node **item; /* of a map or a list */
	size_t n;
};

/*
 * Parses one document of @n bytes. Returns its root, to be freed with sq_node_free(), or NULL where
 * there is none to go on with. Mistakes are added to @diags in both cases: a key that stands twice
 * must not hide what is wrong further down. Limits: 1 MiB, 64 levels, 20 000 nodes with aliases
 * written out.
 */
struct sq_node *sq_yaml_parse(const char *text, size_t n, struct sq_diags *diags);

struct sq_node *sq_node_free(struct sq_node *node);

/* The value of @key in a map, or NULL. */
struct sq_node *sq_node_get(const struct sq_node *map, const char *key);

/* "a map", "a list", "a text": for messages. */
const char *sq_node_type_text(const struct sq_node *node);

/*
 * The text of a file: its length, or a negative errno with what is wrong in @diags, which begins anew
 * with it. *ret is to be freed.
 */
ssize_t sq_yaml_load(const char *file, char **ret, struct sq_diags *diags);

/* sq_yaml_parse() for the text of the file @name, a byte order mark before it or not. */
struct sq_node *sq_yaml_parse_file(const char *name, const char *text, size_t n,
				   struct sq_diags *diags);

#endif
