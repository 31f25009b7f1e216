// SPDX-License-Identifier: GPL-2.0-only
#include "util/json.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

json_t *sq_json_named(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (!strcmp(sq_json_text(item, "name"), name))
			return item;
	return NULL;
}

void sq_json_decref(json_t **json)
{
	json_decref(*json);
}

json_t *sq_json_string(const char *text)
{
	json_t *json = json_string(text);

	if (!json) { /* not UTF-8 */
		_cleanup_free_ char *clean = sq_utf8_clean(sq_strdup(text));

		json = json_string(clean);
	}
	if (!json)
		sq_oom();
	return json;
}

char *sq_json_dump(const json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags);

	if (!text)
		sq_oom();
	return text;
}

json_t *sq_json_texts(const struct sq_texts *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		if (json_array_append_new(list, sq_json_string(texts->item[i])))
			sq_oom();
	return list;
}

/* The next letter of a format. */
static char next(const char **format)
{
	*format += strspn(*format, " ,:");
	return **format ? *(*format)++ : '\0';
}

static json_t *pack(const char **format, char letter, va_list *arguments);

static json_t *pack_members(const char **format, va_list *arguments)
{
	json_t *object = json_object();

	while (next(format) == 's') {
		const char *key = va_arg(*arguments, const char *);

		if (json_object_set_new(object, key, pack(format, next(format), arguments)))
			sq_oom();
	}
	return object;
}

static json_t *pack_items(const char **format, va_list *arguments)
{
	json_t *array = json_array();

	for (char letter; (letter = next(format)) != ']';)
		if (json_array_append_new(array, pack(format, letter, arguments)))
			sq_oom();
	return array;
}

static json_t *pack(const char **format, char letter, va_list *arguments)
{
	const char *text;
	json_t *json = NULL;
	double real;

	switch (letter) {
	case '{':
		json = pack_members(format, arguments);
		break;
	case '[':
		json = pack_items(format, arguments);
		break;
	case 's':
		text = va_arg(*arguments, const char *);
		json = text ? sq_json_string(text) : NULL;
		break;
	case 'i':
		json = json_integer(va_arg(*arguments, int));
		break;
	case 'I':
		json = json_integer(va_arg(*arguments, json_int_t));
		break;
	case 'b':
		json = json_boolean(va_arg(*arguments, int));
		break;
	case 'f':
		real = va_arg(*arguments, double);
		json = isfinite(real) ? json_real(real) : json_null();
		break;
	case 'o':
		json = va_arg(*arguments, json_t *);
		break;
	case 'O':
		json = json_incref(va_arg(*arguments, json_t *));
		break;
	default:
		break;
	}
	if (**format == '?') {
		(*format)++;
		json = json ? json : json_null();
	}
	if (!json)
		sq_oom();
	return json;
}

json_t *sq_json(const char *format, ...)
{
	va_list arguments;
	json_t *json;

	va_start(arguments, format);
	json = pack(&format, next(&format), &arguments);
	va_end(arguments);
	return json;
}

const char *sq_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t sq_json_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

double sq_json_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}
