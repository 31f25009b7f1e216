// SPDX-License-Identifier: GPL-2.0-only
/* The experiment file's JSON Schema, for editors, from the same tables that check it. */

#include "cmd/command.h"
#include "engine/verdict.h"
#include "experiment/gameday.h"
#include "util/json.h"
#include "util/out.h"

#define DURATION "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$"

static json_t *object_schema(const struct sq_schema *schema);

static json_t *pattern(const char *expression)
{
	return sq_json("{s:s, s:s}", "type", "string", "pattern", expression);
}

static json_t *with_variable(json_t *schema)
{
	return sq_json("{s:[o, o]}", "anyOf", schema, pattern("\\$\\{[A-Za-z0-9_]+\\}"));
}

/* One may stand for a list of one. */
static json_t *list_of(json_t *item)
{
	json_t *list = sq_json("{s:s, s:O}", "type", "array", "items", item);

	return sq_json("{s:[o, o]}", "anyOf", item, list);
}

static json_t *fault_schema(void)
{
	json_t *kinds = json_array();

	for (size_t i = 0; i < sq_catalogue_n; i++) {
		json_t *schema = object_schema(&sq_catalogue[i].schema);

		json_object_set_new(json_object_get(schema, "properties"), "fault",
				    sq_json("{s:s}", "const", sq_catalogue[i].name));
		json_object_set_new(schema, "description", json_string(sq_catalogue[i].help));
		json_array_append_new(kinds, schema);
	}
	return sq_json("{s:o}", "oneOf", kinds);
}

static json_t *names_schema(const struct sq_field *field)
{
	json_t *names = json_array();

	for (size_t i = 0; field->names[i]; i++)
		json_array_append_new(names, json_string(field->names[i]));
	return sq_json("{s:o}", "enum", names);
}

static json_t *objects_schema(const struct sq_field *field)
{
	return field->object->choose ? fault_schema() : object_schema(field->object);
}

static json_t *type_schema(const struct sq_field *field)
{
	switch (field->type) {
	case SQ_TYPE_TEXT:
	case SQ_TYPE_REGEX:
	case SQ_TYPE_ERRNO:
		return sq_json("{s:s}", "type", "string");
	case SQ_TYPE_BOOL:
		return with_variable(sq_json("{s:s}", "type", "boolean"));
	case SQ_TYPE_COUNT:
		return with_variable(sq_json("{s:s, s:i}", "type", "integer", "minimum", 0));
	case SQ_TYPE_DURATION:
		return with_variable(pattern(DURATION));
	case SQ_TYPE_SHARE:
		return with_variable(pattern("^[0-9]+(\\.[0-9]+)?%$"));
	case SQ_TYPE_RATE:
		return with_variable(pattern("^[0-9]+(\\.[0-9]+)?/[smh]$"));
	case SQ_TYPE_BITRATE:
		return with_variable(pattern("^[0-9]+(\\.[0-9]+)?[kmg]?bit$"));
	case SQ_TYPE_SIZE:
		return with_variable(pattern("^[0-9]+(\\.[0-9]+)?(B|[KMG](iB)?)$"));
	case SQ_TYPE_ENUM:
		return with_variable(names_schema(field));
	case SQ_TYPE_ENUMS:
		return list_of(with_variable(names_schema(field)));
	case SQ_TYPE_TEXTS:
	case SQ_TYPE_PEERS:
	case SQ_TYPE_CALLS:
		return list_of(sq_json("{s:s}", "type", "string"));
	case SQ_TYPE_PORTS:
	case SQ_TYPE_CODES:
		return list_of(sq_json("{s:[s,s]}", "type", "string", "integer"));
	case SQ_TYPE_SELECT:
		return sq_json("{s:[s,s]}", "type", "string", "integer");
	case SQ_TYPE_EXCESS:
		return with_variable(pattern("^[0-9]+(\\.[0-9]+)?%$"));
	case SQ_TYPE_COMPARE:
		return sq_json("{s:[s,s,s]}", "type", "string", "number", "boolean");
	case SQ_TYPE_DURATION_COMPARE:
	case SQ_TYPE_SIZE_COMPARE:
		return sq_json("{s:s}", "type", "string");
	case SQ_TYPE_COMPARES:
		return sq_json("{s:s, s:{s:[s,s,s]}}", "type", "object", "additionalProperties",
			       "type", "string", "number", "boolean");
	case SQ_TYPE_OBJECT:
		return object_schema(field->object);
	case SQ_TYPE_OBJECTS:
		return list_of(objects_schema(field));
	case SQ_TYPE_NAMED:
		return sq_json("{s:s, s:o}", "type", "object", "additionalProperties",
			       objects_schema(field));
	}
	return json_object();
}

static void add_field(const struct sq_field *field, void *data)
{
	json_t *schema = data, *property = type_schema(field);

	json_object_set_new(property, "description", json_string(field->help));
	if (field->fallback)
		json_object_set_new(property, "default", json_string(field->fallback));
	json_object_set_new(json_object_get(schema, "properties"), field->key, property);
	if (field->required)
		json_array_append_new(json_object_get(schema, "required"), json_string(field->key));
}

static json_t *object_schema(const struct sq_schema *schema)
{
	json_t *choices, *result = sq_json("{s:s, s:{}, s:[], s:{s:{}}, s:b}", "type", "object",
					   "properties", "required", "patternProperties", "^x-",
					   "additionalProperties", 0);

	sq_schema_each(schema, add_field, result);
	if (!schema->one_of)
		return result;
	choices = json_array();
	for (const char *const *key = schema->one_of; *key; key++)
		json_array_append_new(choices, sq_json("{s:[s]}", "required", *key));
	json_object_set_new(result, "oneOf", choices);
	return result;
}

enum {
	GAMEDAY,
	FLAGS,
};

static const struct sq_option options[FLAGS + 1] = {
	[GAMEDAY] = { "gameday", NULL, "of the file of a game day" },
	{ NULL },
};

static int run(const struct sq_command *command, int argc, char **argv)
{
	bool flags[FLAGS] = { false };
	int first = sq_options_parse(command, argc, argv, sq_take_flag, flags);
	_cleanup_json_ json_t *schema = NULL;
	_cleanup_free_ char *text = NULL;

	sq_operands(command, argc, argv, first, 0, 0);
	schema = object_schema(flags[GAMEDAY] ? &sq_gameday_schema : &sq_experiment_schema);
	json_object_set_new(schema, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(schema, "title",
			    json_string(flags[GAMEDAY] ? "squall game day" : "squall experiment"));
	text = sq_json_dump(schema, JSON_INDENT(2));
	sq_print("%s\n", text);
	return sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_schema = {
	.name = "schema",
	.arguments = "",
	.help = "Prints the JSON Schema of the experiment file, for editors",
	.options = options,
	.run = run,
};
