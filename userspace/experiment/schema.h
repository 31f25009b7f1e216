/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables that say what a map of the file may hold. From the same tables come the checks, the
 * defaults, `squall faults`, `squall schema` and the manual page.
 */
#ifndef SQ_EXPERIMENT_SCHEMA_H
#define SQ_EXPERIMENT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiment/compare.h"
#include "experiment/names.h"
#include "experiment/peer.h"
#include "experiment/yaml.h"
#include "util/text.h"

enum sq_type {
	SQ_TYPE_TEXT, /* char * */
	SQ_TYPE_TEXTS, /* struct sq_texts; one text stands for a list of one */
	SQ_TYPE_BOOL, /* bool */
	SQ_TYPE_COUNT, /* uint64_t */
	SQ_TYPE_DURATION, /* uint64_t, ns */
	SQ_TYPE_SHARE, /* uint64_t, parts per billion */
	SQ_TYPE_RATE, /* uint64_t, per 1000 s */
	SQ_TYPE_BITRATE, /* uint64_t, bits a second */
	SQ_TYPE_SIZE, /* uint64_t, bytes */
	SQ_TYPE_ENUM, /* unsigned int, an index into names */
	SQ_TYPE_ENUMS, /* uint32_t, bit N for names[N] */
	SQ_TYPE_REGEX, /* char *, an extended regular expression */
	SQ_TYPE_PEERS, /* struct sq_peers */
	SQ_TYPE_PORTS, /* struct sq_port_ranges */
	SQ_TYPE_CALLS, /* struct sq_calls */
	SQ_TYPE_ERRNO, /* unsigned int */
	SQ_TYPE_SELECT, /* struct sq_select */
	SQ_TYPE_CODES, /* struct sq_port_ranges: 200, 200-299 */
	SQ_TYPE_EXCESS, /* uint64_t, parts per billion, above 100 % too */
	SQ_TYPE_COMPARE, /* struct sq_compare */
	SQ_TYPE_DURATION_COMPARE, /* struct sq_compare, ns */
	SQ_TYPE_SIZE_COMPARE, /* struct sq_compare, bytes */
	SQ_TYPE_COMPARES, /* struct sq_compares; a map from JSON path to what is there */
	SQ_TYPE_OBJECT, /* the object's own struct, in place */
	SQ_TYPE_OBJECTS, /* struct sq_objects; one map stands for a list of one */
	SQ_TYPE_NAMED, /* struct sq_objects; a map from name to object */
};

/* How many of the matching cgroups: all of them, a number, or a share. */
struct sq_select {
	enum {
		SQ_SELECT_ALL,
		SQ_SELECT_COUNT,
		SQ_SELECT_SHARE,
	} kind;
	uint64_t value;
};

/* A list of objects. Every object's struct begins with a struct sq_object. */
struct sq_objects {
	void *item;
	size_t n;
};

struct sq_schema;

struct sq_object {
	const struct sq_node *node; /* where it stands; NULL: left out */
	const struct sq_schema *schema; /* by which it was read */
	char *key; /* its name in a map of named objects */
};

struct sq_field {
	const char *key;
	enum sq_type type;
	size_t offset;
	bool required;
	uint64_t min, max; /* in the type's unit; max 0: no limit */
	const char *fallback; /* what is taken when the key is left out */
	const char *const *names; /* of SQ_TYPE_ENUM, SQ_TYPE_ENUMS; NULL behind the last */
	const struct sq_schema *object; /* of SQ_TYPE_OBJECT, SQ_TYPE_OBJECTS, SQ_TYPE_NAMED */
	const char *help;
};

#define SQ_SCHEMA_PARTS 4

struct sq_fields {
	const struct sq_field *field;
	size_t n;
};

#define SQ_PART(fields)                    \
	{                                  \
		fields, ARRAY_SIZE(fields) \
	}

/* A key that one would look for and that makes no sense here; without a key behind the last. */
struct sq_absent {
	const char *key, *why;
};

struct sq_schema {
	const char *what; /* "a target": for messages */
	size_t size; /* of the object's struct */
	struct sq_fields part[SQ_SCHEMA_PARTS];
	/* Of these keys exactly one must be there; NULL behind the last. */
	const char *const *one_of;
	/* Picks the schema by what the map holds (a fault's kind); NULL: it has told why not. */
	const struct sq_schema *(*choose)(const struct sq_node *node, struct sq_diags *diags);
	const struct sq_absent *absent; /* or NULL */
};

/*
 * Checks @node against @schema and fills @object, whose memory is zeroed. Every mistake is added
 * to @diags; what is wrong keeps its default.
 */
void sq_schema_read(const struct sq_schema *schema, const struct sq_node *node, void *object,
		    struct sq_diags *diags);

/* Frees what sq_schema_read() has put into @target (a struct sq_object), not @target itself. */
void sq_schema_clear(void *target);

/* Calls @each for every field of a schema, its parts in order. */
void sq_schema_each(const struct sq_schema *schema,
		    void (*each)(const struct sq_field *field, void *data), void *data);

/* The place of @key in the object's map, or of the map itself. */
struct sq_mark sq_schema_mark(const struct sq_object *object, const char *key);

/* Was @key written? */
bool sq_schema_has(const struct sq_object *object, const char *key);

#endif
