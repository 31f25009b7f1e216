// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/json_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define LENGTH ".length()"

enum kind {
	END,
	NAME,
	INDEX,
	EVERY,
	COUNT,
	WRONG,
};

struct step {
	enum kind kind;
	const char *name; /* of NAME, with its length */
	size_t n;
	long index;
};

/* "['name']" or '["name"]': what is quoted has no escapes. */
static enum kind take_quoted(const char **p, struct step *step)
{
	const char *end = strchr(*p + 2, (*p)[1]);

	if (!end || end[1] != ']')
		return WRONG;
	step->name = *p + 2;
	step->n = (size_t)(end - step->name);
	*p = end + 2;
	return NAME;
}

static enum kind take_bracket(const char **p, struct step *step)
{
	const char *text = *p + 1;
	char *end;

	if (*text == '\'' || *text == '"')
		return take_quoted(p, step);
	if (!strncmp(text, "*]", 2)) {
		*p += 3;
		return EVERY;
	}
	if (!isdigit((unsigned char)text[*text == '-']))
		return WRONG;
	step->index = strtol(text, &end, 10);
	if (*end != ']')
		return WRONG;
	*p = end + 1;
	return INDEX;
}

static enum kind take_dot(const char **p, struct step *step)
{
	if (!strcmp(*p, LENGTH)) {
		*p += strlen(LENGTH);
		return COUNT;
	}
	step->name = *p + 1;
	step->n = strcspn(step->name, ".[]()*'\" ");
	*p = step->name + step->n;
	if (!step->n && **p == '*') {
		(*p)++;
		return EVERY;
	}
	return step->n ? NAME : WRONG;
}

/* The next step of the path, whose rest is *p. */
static struct step take(const char **p)
{
	struct step step = { .kind = WRONG };

	if (!**p)
		step.kind = END;
	else if (**p == '[')
		step.kind = take_bracket(p, &step);
	else if (**p == '.')
		step.kind = take_dot(p, &step);
	return step;
}

int sq_json_path_check(const char *path, const char **why)
{
	const char *p = path + 1;
	enum kind kind;

	*why = "is not a JSON path such as $.items[0].price: it begins with '$'";
	if (*path != '$')
		return -EINVAL;
	do
		kind = take(&p).kind;
	while (kind != END && kind != WRONG);
	*why = "is not a JSON path such as $.items[0].price, $['a b'], $.list[*].x, $.list.length()";
	return kind == END ? 0 : -EINVAL;
}

struct walk {
	void (*each)(void *data, const json_t *value);
	void *data;
	size_t found;
};

static void tell(struct walk *walk, const json_t *value)
{
	walk->found++;
	walk->each(walk->data, value);
}

static void tell_length(struct walk *walk, const json_t *value)
{
	json_t *length;

	if (!json_is_array(value) && !json_is_object(value) && !json_is_string(value))
		return;
	length = json_integer((json_int_t)(json_is_array(value)	   ? json_array_size(value)
					   : json_is_object(value) ? json_object_size(value)
								   : json_string_length(value)));
	tell(walk, length);
	json_decref(length);
}

static const json_t *member(const json_t *value, const struct step *step)
{
	_cleanup_free_ char *name = sq_strndup(step->name, step->n);

	return json_object_get(value, name);
}

static const json_t *element(const json_t *value, long index)
{
	long n = (long)json_array_size(value);

	if (index < 0)
		index += n;
	return index >= 0 && index < n ? json_array_get(value, (size_t)index) : NULL;
}

static void walk_on(struct walk *walk, const json_t *value, const char *path)
{
	struct step step = take(&path);
	const json_t *item;
	const char *key;
	size_t i;

	if (!value || step.kind == WRONG)
		return;
	switch (step.kind) {
	case END:
		tell(walk, value);
		break;
	case NAME:
		walk_on(walk, member(value, &step), path);
		break;
	case INDEX:
		walk_on(walk, element(value, step.index), path);
		break;
	case EVERY:
		json_array_foreach(value, i, item)
			walk_on(walk, item, path);
		json_object_foreach((json_t *)value, key, item)
			walk_on(walk, item, path);
		break;
	default:
		tell_length(walk, value);
	}
}

size_t sq_json_path_each(const json_t *document, const char *path,
			 void (*each)(void *data, const json_t *value), void *data)
{
	struct walk walk = { .each = each, .data = data };

	walk_on(&walk, document, path + (*path == '$'));
	return walk.found;
}
