// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/schema.h"

#include <stdlib.h>
#include <string.h>

#include "experiment/json_path.h"
#include "experiment/value.h"
#include "util/time.h"
#include "util/units.h"

#define MAX_FIELDS 64

static void read_object(const struct sq_schema *schema, const struct sq_node *node, void *target,
			struct sq_diags *diags);

struct collect {
	const struct sq_field *field[MAX_FIELDS];
	size_t n;
};

void sq_schema_each(const struct sq_schema *schema,
		    void (*each)(const struct sq_field *field, void *data), void *data)
{
	for (size_t i = 0; i < SQ_SCHEMA_PARTS; i++)
		for (size_t j = 0; j < schema->part[i].n; j++)
			each(&schema->part[i].field[j], data);
}

static void collect_one(const struct sq_field *field, void *data)
{
	struct collect *fields = data;

	if (fields->n < MAX_FIELDS)
		fields->field[fields->n++] = field;
}

static const struct sq_field *find_field(const struct collect *fields, const char *key)
{
	for (size_t i = 0; i < fields->n; i++)
		if (!strcmp(fields->field[i]->key, key))
			return fields->field[i];
	return NULL;
}

struct sq_mark sq_schema_mark(const struct sq_object *object, const char *key)
{
	const struct sq_node *node = key ? sq_node_get(object->node, key) : NULL;

	if (node)
		return node->mark;
	return object->node ? object->node->mark : (struct sq_mark){ 0 };
}

bool sq_schema_has(const struct sq_object *object, const char *key)
{
	return sq_node_get(object->node, key) != NULL;
}

static void take_defaults(const struct sq_field *field, void *data);

static void take_default(const struct sq_field *field, void *slot)
{
	const char *why, *near;

	if (field->type == SQ_TYPE_OBJECT) {
		((struct sq_object *)slot)->schema = field->object;
		sq_schema_each(field->object, take_defaults, slot);
	} else if (field->fallback) {
		if (sq_value_parse(field, field->fallback, slot, &why, &near))
			abort(); /* a table that contradicts itself: the unit tests read them all */
	} else {
		sq_value_unset(field->type, slot);
	}
}

static void take_defaults(const struct sq_field *field, void *data)
{
	take_default(field, (char *)data + field->offset);
}

/* A limit as the file would write it: without the space in front of its unit. */
static void limit_text(enum sq_type type, uint64_t value, char text[SQ_DURATION_SIZE])
{
	char *space;

	if (type == SQ_TYPE_DURATION)
		sq_duration_text(value, text);
	else if (type == SQ_TYPE_SHARE)
		sq_share_text(value, text);
	else if (type == SQ_TYPE_BITRATE)
		sq_bitrate_text(value, text);
	else if (type == SQ_TYPE_SIZE)
		sq_size_text(value, text);
	else
		snprintf(text, SQ_DURATION_SIZE, "%llu", (unsigned long long)value);
	space = strchr(text, ' ');
	if (space)
		memmove(space, space + 1, strlen(space));
}

static bool check_limits(const struct sq_field *field, const struct sq_node *node, uint64_t value,
			 struct sq_diags *diags)
{
	bool quantity = field->type == SQ_TYPE_SHARE || field->type == SQ_TYPE_DURATION;
	char least[SQ_DURATION_SIZE], most[SQ_DURATION_SIZE];

	if (value >= field->min && (!field->max || value <= field->max))
		return true;
	limit_text(field->type, field->min, least);
	limit_text(field->type, field->max, most);
	if (quantity && !value && field->min == 1) /* the least is no number to be shown */
		sq_diag_error(diags, node->mark, NULL,
			      "%s: %.200s is nothing; write more than "
			      "that, up to %s",
			      field->key, node->value, most);
	else if (field->min == field->max)
		sq_diag_error(diags, node->mark, NULL, "%s: %.200s is not supported, only %s is",
			      field->key, node->value, most);
	else if (field->max)
		sq_diag_error(diags, node->mark, NULL, "%s: %.200s is not between %s and %s",
			      field->key, node->value, least, most);
	else
		sq_diag_error(diags, node->mark, NULL, "%s: %.200s is less than %s", field->key,
			      node->value, least);
	return false;
}

static void tell_type(const struct sq_field *field, const struct sq_node *node,
		      struct sq_diags *diags)
{
	_cleanup_buffer_ struct sq_buffer wanted = { 0 };

	sq_buffer_add(&wanted, "%s", sq_type_text(field->type));
	for (size_t i = 0; field->names && field->names[i]; i++)
		sq_buffer_add(&wanted, "%s %s", i ? "," : "", field->names[i]);
	sq_diag_error(diags, node->mark, NULL, "%s: %s stands where this belongs: %s", field->key,
		      sq_node_type_text(node), sq_buffer_text(&wanted));
}

static void read_scalar(const struct sq_field *field, const struct sq_node *node, void *slot,
			struct sq_diags *diags)
{
	bool text = field->type == SQ_TYPE_TEXT || field->type == SQ_TYPE_TEXTS;
	const char *why = NULL, *near = NULL;
	_cleanup_free_ char *hint = NULL;

	if (node->type != SQ_NODE_SCALAR) {
		tell_type(field, node, diags);
		return;
	}
	if (node->wrong)
		return;
	if (!*node->value && !node->quoted) {
		sq_diag_error(diags, node->mark, NULL, "%s: the value is missing", field->key);
		return;
	}
	if (!node->quoted && text)
		why = sq_value_trap(node->value);
	if (!why && text && !*node->value)
		why = "is empty";
	if (!why && !sq_value_parse(field, node->value, slot, &why, &near)) {
		if (field->type == SQ_TYPE_DURATION || field->type == SQ_TYPE_COUNT ||
		    field->type == SQ_TYPE_SHARE || field->type == SQ_TYPE_RATE ||
		    field->type == SQ_TYPE_EXCESS || field->type == SQ_TYPE_BITRATE ||
		    field->type == SQ_TYPE_SIZE) {
			if (!check_limits(field, node, *(uint64_t *)slot, diags))
				take_default(field, slot);
		}
		return;
	}
	if (!sq_value_is_list(field->type))
		take_default(field, slot);
	if (near)
		hint = sq_asprintf("did you mean '%s'?", near);
	sq_diag_error(diags, node->mark, hint, "%s: '%.200s' %s", field->key, node->value, why);
}

static void read_list(const struct sq_field *field, const struct sq_node *node, void *slot,
		      struct sq_diags *diags)
{
	if (node->type != SQ_NODE_LIST) {
		read_scalar(field, node, slot, diags);
		return;
	}
	if (!node->n)
		sq_diag_error(diags, node->mark, NULL, "%s: the list is empty", field->key);
	for (size_t i = 0; i < node->n; i++)
		read_scalar(field, node->item[i], slot, diags);
}

static void read_objects(const struct sq_field *field, const struct sq_node *node,
			 struct sq_objects *objects, struct sq_diags *diags)
{
	bool named = field->type == SQ_TYPE_NAMED, single = node->type == SQ_NODE_MAP && !named;
	size_t n = single ? 1 : node->n, size = field->object->size;

	if (named ? node->type != SQ_NODE_MAP : node->type == SQ_NODE_SCALAR) {
		sq_diag_error(diags, node->mark, NULL, "%s: %s stands where a %s belongs",
			      field->key, sq_node_type_text(node), sq_type_text(field->type));
		return;
	}
	if (!n && field->required)
		sq_diag_error(diags, node->mark, NULL, "%s: there is nothing in it", field->key);
	objects->item = sq_alloc(n * size);
	objects->n = n;
	for (size_t i = 0; i < n; i++) {
		struct sq_object *object = (void *)((char *)objects->item + i * size);

		if (named)
			object->key = sq_strdup(node->key[i]->value);
		read_object(field->object, single ? node : node->item[i], object, diags);
	}
}

/* A map from JSON paths to what stands there. */
static void read_compares(const struct sq_field *field, const struct sq_node *node,
			  struct sq_compares *compares, struct sq_diags *diags)
{
	if (node->type != SQ_NODE_MAP) {
		tell_type(field, node, diags);
		return;
	}
	if (!node->n)
		sq_diag_error(diags, node->mark, NULL, "%s: there is nothing in it", field->key);
	for (size_t i = 0; i < node->n; i++) {
		const struct sq_field value = { .key = node->key[i]->value,
						.type = SQ_TYPE_COMPARE };
		struct sq_path_compare *item =
			sq_append(&compares->item, &compares->n, sizeof(*item));
		const char *why;

		item->path = sq_strdup(node->key[i]->value);
		if (sq_json_path_check(item->path, &why))
			sq_diag_error(diags, node->key[i]->mark, NULL, "%s: '%.200s' %s",
				      field->key, item->path, why);
		else
			read_scalar(&value, node->item[i], &item->compare, diags);
	}
}

static void read_field(const struct sq_field *field, const struct sq_node *node, void *slot,
		       struct sq_diags *diags)
{
	switch (field->type) {
	case SQ_TYPE_OBJECT:
		read_object(field->object, node, slot, diags);
		break;
	case SQ_TYPE_OBJECTS:
	case SQ_TYPE_NAMED:
		read_objects(field, node, slot, diags);
		break;
	case SQ_TYPE_COMPARES:
		read_compares(field, node, slot, diags);
		break;
	default:
		if (sq_value_is_list(field->type))
			read_list(field, node, slot, diags);
		else
			read_scalar(field, node, slot, diags);
	}
}

static void list_keys(const struct collect *fields, struct sq_buffer *text)
{
	for (size_t i = 0; i < fields->n; i++)
		sq_buffer_add(text, "%s%s", i ? ", " : "its keys are ", fields->field[i]->key);
}

static void unknown_key(const struct sq_node *key, const struct collect *fields,
			const struct sq_schema *schema, struct sq_diags *diags)
{
	_cleanup_buffer_ struct sq_buffer hint = { 0 };
	const char *names[MAX_FIELDS], *near;

	if (!strcmp(key->value, "<<")) {
		sq_diag_error(diags, key->mark,
			      "write the keys out, or use an alias for a whole "
			      "value",
			      "merge keys ('<<') are not supported");
		return;
	}
	for (size_t i = 0; i < fields->n; i++)
		names[i] = fields->field[i]->key;
	near = sq_nearest(key->value, names, fields->n);
	for (const struct sq_absent *absent = schema->absent; absent && absent->key; absent++)
		if (!strcmp(absent->key, key->value))
			sq_buffer_add(&hint, "%s", absent->why);
	if (hint.stream)
		near = NULL;
	else if (near)
		sq_buffer_add(&hint, "did you mean '%s'?", near);
	else
		list_keys(fields, &hint);
	sq_diag_error(diags, key->mark, sq_buffer_text(&hint), "%s has no '%.100s'", schema->what,
		      key->value);
}

static void lacks_key(const struct sq_node *node, const struct sq_field *field,
		      const struct sq_schema *schema, struct sq_diags *diags)
{
	_cleanup_free_ char *hint = sq_asprintf("%s: %s", field->key, field->help);

	sq_diag_error(diags, node->mark, hint, "%s lacks '%s'", schema->what, field->key);
}

static void check_one_of(const struct sq_schema *schema, const struct sq_node *node,
			 struct sq_diags *diags)
{
	_cleanup_buffer_ struct sq_buffer list = { 0 };
	unsigned int found = 0;

	if (!schema->one_of)
		return;
	for (const char *const *key = schema->one_of; *key; key++) {
		found += sq_node_get(node, *key) != NULL;
		sq_buffer_add(&list, "%s%s", key == schema->one_of ? "" : ", ", *key);
	}
	if (found != 1)
		sq_diag_error(diags, node->mark, NULL, "%s must have exactly one of: %s; here %s",
			      schema->what, sq_buffer_text(&list),
			      found ? "are several" : "is none");
}

static void read_object(const struct sq_schema *schema, const struct sq_node *node, void *target,
			struct sq_diags *diags)
{
	struct sq_object *object = target;
	struct collect fields = { .n = 0 };

	object->schema = schema;
	if (node->type != SQ_NODE_MAP) {
		_cleanup_buffer_ struct sq_buffer hint = { 0 };

		sq_schema_each(schema, collect_one, &fields);
		list_keys(&fields, &hint);
		sq_diag_error(diags, node->mark, fields.n ? sq_buffer_text(&hint) : NULL,
			      "%s must be a map of keys and values; here is %s", schema->what,
			      sq_node_type_text(node));
		sq_schema_each(schema, take_defaults, target);
		return;
	}
	object->node = node;
	if (schema->choose) {
		schema = schema->choose(node, diags);
		if (!schema)
			return;
		object->schema = schema;
	}
	sq_schema_each(schema, collect_one, &fields);
	for (size_t i = 0; i < node->n; i++)
		if (!find_field(&fields, node->key[i]->value) &&
		    strncmp(node->key[i]->value, "x-", 2) != 0)
			unknown_key(node->key[i], &fields, schema, diags);
	for (size_t i = 0; i < fields.n; i++) {
		const struct sq_field *field = fields.field[i];
		const struct sq_node *value = sq_node_get(node, field->key);
		void *slot = (char *)target + field->offset;

		if (value)
			read_field(field, value, slot, diags);
		else
			take_default(field, slot);
		if (!value && field->required)
			lacks_key(node, field, schema, diags);
	}
	check_one_of(schema, node, diags);
}

void sq_schema_read(const struct sq_schema *schema, const struct sq_node *node, void *object,
		    struct sq_diags *diags)
{
	read_object(schema, node, object, diags);
}

static void clear_field(const struct sq_field *field, void *data)
{
	void *slot = (char *)data + field->offset;
	struct sq_objects *objects = slot;

	switch (field->type) {
	case SQ_TYPE_OBJECT:
		sq_schema_clear(slot);
		break;
	case SQ_TYPE_OBJECTS:
	case SQ_TYPE_NAMED:
		for (size_t i = 0; i < objects->n; i++)
			sq_schema_clear((char *)objects->item + i * field->object->size);
		free(objects->item);
		*objects = (struct sq_objects){ 0 };
		break;
	default:
		sq_value_clear(field->type, slot);
	}
}

void sq_schema_clear(void *target)
{
	struct sq_object *object = target;

	free(object->key);
	if (object->schema)
		sq_schema_each(object->schema, clear_field, object);
	object->key = NULL;
	object->schema = NULL;
}
