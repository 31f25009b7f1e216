// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "util/fs.h"
#include "util/text.h"

#define MAX_DEPTH 64
#define MAX_NODES 20000

#define ESCAPE                                                               \
	"a '\\' in double quotes begins an escape, and this one is unknown", \
		"write \\\\ for one '\\', or use single quotes"

struct anchor {
	char *name;
	const struct sq_node *node; /* NULL while it is being read: an alias to itself */
};

struct reader {
	yaml_parser_t parser;
	struct sq_diags *diags;
	const char *text;
	struct anchor *anchor;
	size_t n_anchors;
	size_t nodes;
};

static struct sq_node *read_node(struct reader *reader, yaml_event_t *event, int depth);

struct sq_node *sq_node_free(struct sq_node *node)
{
	if (!node)
		return NULL;
	for (size_t i = 0; i < node->n; i++) {
		if (node->type == SQ_NODE_MAP)
			sq_node_free(node->key[i]);
		sq_node_free(node->item[i]);
	}
	free(node->key);
	free(node->item);
	free(node->value);
	free(node);
	return NULL;
}

struct sq_node *sq_node_get(const struct sq_node *map, const char *key)
{
	for (size_t i = 0; map && map->type == SQ_NODE_MAP && i < map->n; i++)
		if (!strcmp(map->key[i]->value, key))
			return map->item[i];
	return NULL;
}

const char *sq_node_type_text(const struct sq_node *node)
{
	static const char *const names[] = { "a single value", "a list", "a map" };

	if (node->type == SQ_NODE_SCALAR && !node->quoted && !*node->value)
		return "nothing";
	return names[node->type];
}

static struct sq_mark mark_of(yaml_mark_t mark)
{
	return (struct sq_mark){ (int)mark.line + 1, (int)mark.column + 1 };
}

static struct sq_mark mark_at(const char *text, size_t offset)
{
	struct sq_mark mark = { 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		mark.column += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (text[i] == '\n')
			mark = (struct sq_mark){ mark.line + 1, 1 };
	}
	return mark;
}

/* The character at a mark, if it is of one byte and all in front of it in the line are. */
static char char_at(const char *source, struct sq_mark mark)
{
	for (int i = 1; source && i < mark.line; i++) {
		source = strchr(source, '\n');
		source = source ? source + 1 : NULL;
	}
	if (!source || strcspn(source, "\n") < (size_t)mark.column)
		return '\0';
	return source[mark.column - 1];
}

/* What libyaml says is right but seldom helps; the frequent causes have a sentence of their own. */
static const struct {
	char at; /* the character there, or 0 */
	const char *context, *problem; /* in libyaml's words, or NULL */
	const char *message, *hint; /* message NULL: libyaml's */
	bool begin; /* tell where that began, not where it ended */
} causes[] = {
	{ '\t', NULL, NULL, "a tab stands where only spaces may", "YAML is indented with spaces" },
	{ '@', NULL, NULL, "a plain value may not begin with '@'", "put the value in quotes" },
	{ '`', NULL, NULL, "a plain value may not begin with '`'", "put the value in quotes" },
	{ '%', NULL, "cannot start any token", "a plain value may not begin with '%'",
	  "a share is written 5%, with the sign behind; anything else in quotes" },
	{ '\0', "scanning an alias", NULL,
	  "an unquoted '*' begins an alias, whose name "
	  "has letters, digits, '_' and '-' only",
	  "put the value in quotes", true },
	{ '\0', "scanning an anchor", NULL,
	  "an unquoted '&' begins an anchor, whose name "
	  "has letters, digits, '_' and '-' only",
	  "put the value in quotes", true },
	{ '\0', NULL, "mapping values are not allowed", "a ':' is not allowed here",
	  "a value with \": \" in it must be in quotes, and keys of one map must begin in "
	  "the same column" },
	{ '\0', "quoted scalar", "end of stream", "the quote is never closed", NULL, true },
	{ '\0', "quoted scalar", "hexdecimal", ESCAPE },
	{ '\0', "quoted scalar", "escape", ESCAPE },
	{ '\0', "a flow", "expected ',' or", "a ',' or the closing bracket is missing", NULL },
	{ '\0', "a block", NULL, NULL,
	  "look for a wrong indent, or a missing ':' or '-', here or in the line above" },
	{ '\0', "a simple key", NULL, "a key without a ':' behind it",
	  "a key and its value are written 'key: value', with a space behind the ':'", true },
};

/* A character that libyaml does not read at all. */
static void reader_error(struct reader *reader)
{
	sq_diag_error(reader->diags, mark_at(reader->text, reader->parser.problem_offset),
		      "in double quotes it can be written as an escape, such as \"\\x1b\"",
		      "there is a character here that may not stand in YAML: U+%04X",
		      (unsigned int)reader->parser.problem_value);
}

static void scanner_error(struct reader *reader)
{
	const char *context = reader->parser.context ? reader->parser.context : "";
	const char *problem = reader->parser.problem ? reader->parser.problem : "not valid YAML";
	struct sq_mark mark = mark_of(reader->parser.problem_mark);
	struct sq_mark begin = mark_of(reader->parser.context_mark);
	char at = char_at(reader->diags->source, mark);
	_cleanup_free_ char *opened = sq_asprintf("the bracket was opened in line %d, column %d",
						  begin.line, begin.column);

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if ((causes[i].at && causes[i].at != at) ||
		    (causes[i].context && !strstr(context, causes[i].context)) ||
		    (causes[i].problem && !strstr(problem, causes[i].problem)))
			continue;
		if (causes[i].message)
			sq_diag_error(reader->diags, causes[i].begin ? begin : mark,
				      strstr(context, "a flow") ? opened : causes[i].hint, "%s",
				      causes[i].message);
		else
			sq_diag_error(reader->diags, mark, causes[i].hint, "%s: %s", context,
				      problem);
		return;
	}
	sq_diag_error(reader->diags, mark, NULL, "%s%s%s", context, *context ? ": " : "", problem);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	if (reader->parser.error == YAML_MEMORY_ERROR)
		sq_oom();
	if (reader->parser.error == YAML_READER_ERROR)
		reader_error(reader);
	else
		scanner_error(reader);
	return false;
}

static struct sq_node *new_node(struct reader *reader, enum sq_node_type type, struct sq_mark mark)
{
	struct sq_node *node;

	if (++reader->nodes > MAX_NODES) {
		if (reader->nodes == MAX_NODES + 1)
			sq_diag_error(reader->diags, mark, "aliases count as what they stand for",
				      "the file has more than %d values", MAX_NODES);
		return NULL;
	}
	node = sq_alloc(sizeof(*node));
	node->type = type;
	node->mark = mark;
	return node;
}

static struct sq_node *copy_node(struct reader *reader, const struct sq_node *from,
				 struct sq_mark mark)
{
	struct sq_node *node = new_node(reader, from->type, mark);

	if (!node)
		return NULL;
	node->quoted = from->quoted;
	node->value = sq_strdup(from->value);
	if (from->n) {
		node->item = sq_alloc(from->n * sizeof(*node->item));
		node->key = sq_alloc(from->n * sizeof(*node->key));
	}
	for (; node->n < from->n; node->n++) {
		struct sq_node *key = NULL, *item;

		if (from->type == SQ_NODE_MAP) {
			key = copy_node(reader, from->key[node->n], mark);
			if (!key)
				return sq_node_free(node);
		}
		item = copy_node(reader, from->item[node->n], mark);
		if (!item) {
			sq_node_free(key);
			return sq_node_free(node);
		}
		node->key[node->n] = key;
		node->item[node->n] = item;
	}
	return node;
}

static struct sq_node *read_alias(struct reader *reader, const char *name, struct sq_mark mark)
{
	for (size_t i = reader->n_anchors; i-- > 0;) {
		if (strcmp(reader->anchor[i].name, name) != 0)
			continue;
		if (!reader->anchor[i].node)
			break;
		return copy_node(reader, reader->anchor[i].node, mark);
	}
	sq_diag_error(reader->diags, mark,
		      "an unquoted * begins an alias; put the value in quotes "
		      "if that is not what you mean",
		      "the alias '*%.100s' has no anchor '&%.100s' before it", name, name);
	return NULL;
}

static size_t add_anchor(struct reader *reader, const yaml_char_t *name)
{
	struct anchor *anchor;

	if (!name)
		return 0;
	anchor = sq_append(&reader->anchor, &reader->n_anchors, sizeof(*anchor));
	anchor->name = sq_strdup((const char *)name);
	return reader->n_anchors;
}

static void check_key(struct reader *reader, const struct sq_node *map, const struct sq_node *key)
{
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->key[i]->value, key->value) != 0)
			continue;
		sq_diag_error(reader->diags, key->mark, NULL,
			      "'%.100s' stands twice; the first is in line %d", key->value,
			      map->key[i]->mark.line);
		return;
	}
}

/* Reads one key and, for a map, its value. False: give up; *ret_end: the collection is over. */
static bool read_member(struct reader *reader, struct sq_node *node, int depth, bool *ret_end)
{
	struct sq_node *key = NULL, *item;
	yaml_event_t event;
	size_t n;

	if (!next_event(reader, &event))
		return false;
	*ret_end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
	if (*ret_end) {
		yaml_event_delete(&event);
		return true;
	}
	item = read_node(reader, &event, depth);
	yaml_event_delete(&event);
	if (!item)
		return false;
	if (node->type == SQ_NODE_MAP) {
		key = item;
		if (key->type != SQ_NODE_SCALAR) {
			sq_diag_error(reader->diags, key->mark, NULL,
				      "a key must be a plain name, "
				      "not %s",
				      sq_node_type_text(key));
			sq_node_free(key);
			return false;
		}
		if (!next_event(reader, &event)) {
			sq_node_free(key);
			return false;
		}
		item = read_node(reader, &event, depth);
		yaml_event_delete(&event);
		if (!item) {
			sq_node_free(key);
			return false;
		}
		check_key(reader, node, key);
	}
	n = node->n;
	*(struct sq_node **)sq_append(&node->key, &n, sizeof(*node->key)) = key;
	*(struct sq_node **)sq_append(&node->item, &node->n, sizeof(*node->item)) = item;
	return true;
}

static struct sq_node *read_collection(struct reader *reader, enum sq_node_type type,
				       const yaml_char_t *anchor, struct sq_mark mark, int depth)
{
	size_t id = add_anchor(reader, anchor);
	struct sq_node *node;
	bool end = false;

	if (depth >= MAX_DEPTH) {
		sq_diag_error(reader->diags, mark, NULL, "the file is nested deeper than %d levels",
			      MAX_DEPTH);
		return NULL;
	}
	node = new_node(reader, type, mark);
	while (node && !end)
		if (!read_member(reader, node, depth + 1, &end))
			node = sq_node_free(node);
	if (node && id)
		reader->anchor[id - 1].node = node;
	return node;
}

/* A tag would change what a value is; nothing here asks for that. */
static void refuse_tag(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *tag =
		event->type == YAML_SCALAR_EVENT	   ? event->data.scalar.tag
		: event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.tag
		: event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.tag
							   : NULL;

	if (tag)
		sq_diag_error(reader->diags, mark_of(event->start_mark),
			      "leave it out; if the "
			      "value itself begins with '!', put it in quotes",
			      "tags ('!') are not supported");
}

static struct sq_node *read_scalar(struct reader *reader, const yaml_event_t *event,
				   struct sq_mark mark)
{
	struct sq_node *node = new_node(reader, SQ_NODE_SCALAR, mark);
	size_t id;

	if (!node)
		return NULL;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->value = sq_strdup((const char *)event->data.scalar.value);
	if (strlen(node->value) != event->data.scalar.length)
		sq_diag_error(reader->diags, mark, NULL, "there is a NUL character in the value");
	id = add_anchor(reader, event->data.scalar.anchor);
	if (id)
		reader->anchor[id - 1].node = node;
	return node;
}

/* The node that begins with @event, which stays the caller's. */
static struct sq_node *read_node(struct reader *reader, yaml_event_t *event, int depth)
{
	struct sq_mark mark = mark_of(event->start_mark);

	refuse_tag(reader, event);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, event, mark);
	case YAML_SEQUENCE_START_EVENT:
		return read_collection(reader, SQ_NODE_LIST, event->data.sequence_start.anchor,
				       mark, depth);
	case YAML_MAPPING_START_EVENT:
		return read_collection(reader, SQ_NODE_MAP, event->data.mapping_start.anchor, mark,
				       depth);
	case YAML_ALIAS_EVENT:
		return read_alias(reader, (const char *)event->data.alias.anchor, mark);
	default:
		sq_diag_error(reader->diags, mark, NULL, "a value is missing here");
		return NULL;
	}
}

static struct sq_node *read_document(struct reader *reader)
{
	struct sq_node *root = NULL;
	yaml_event_t event;
	int documents = 0;

	for (bool end = false; !end;) {
		if (!next_event(reader, &event))
			return sq_node_free(root);
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (documents++) {
				sq_diag_error(reader->diags, mark_of(event.start_mark),
					      "put each experiment into a file of its own",
					      "a second document begins here");
				end = true;
			}
			break;
		default:
			root = read_node(reader, &event, 0);
			end = !root;
		}
		yaml_event_delete(&event);
	}
	if (!root && !reader->diags->errors)
		sq_diag_error(reader->diags, (struct sq_mark){ 0 }, NULL, "the file is empty");
	return root;
}

static bool check_bytes(const char *text, size_t n, struct sq_diags *diags)
{
	size_t bad;

	if (n > SQ_YAML_LARGEST) {
		sq_diag_error(diags, (struct sq_mark){ 0 }, NULL, "the file is larger than %u MiB",
			      SQ_YAML_LARGEST >> 20);
		return false;
	}
	if (sq_utf8_valid(text, n, &bad))
		return true;
	if (!text[bad])
		sq_diag_error(diags, mark_at(text, bad), NULL, "there is a NUL byte in the file");
	else
		sq_diag_error(diags, mark_at(text, bad), "save the file as UTF-8",
			      "the byte 0x%02x is not UTF-8 text", (unsigned char)text[bad]);
	return false;
}

struct sq_node *sq_yaml_parse(const char *text, size_t n, struct sq_diags *diags)
{
	struct reader reader = { .diags = diags, .text = text };
	struct sq_node *root;

	if (!check_bytes(text, n, diags))
		return NULL;
	if (!yaml_parser_initialize(&reader.parser))
		sq_oom();
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, n);
	root = read_document(&reader);
	yaml_parser_delete(&reader.parser);
	for (size_t i = 0; i < reader.n_anchors; i++)
		free(reader.anchor[i].name);
	free(reader.anchor);
	return root;
}

/* Mistakes are those of this file from now on. */
static void begin(struct sq_diags *diags, const char *name, const char *text, size_t n)
{
	free(diags->file);
	free(diags->source);
	diags->file = sq_strdup(name);
	diags->source = text ? sq_strndup(text, n) : NULL;
}

ssize_t sq_yaml_load(const char *file, char **ret, struct sq_diags *diags)
{
	ssize_t n = sq_read_file(AT_FDCWD, file, SQ_YAML_LARGEST, ret);

	if (n >= 0)
		return n;
	begin(diags, file, NULL, 0);
	if (n == -EFBIG)
		sq_diag_error(diags, (struct sq_mark){ 0 }, NULL, "the file is larger than %u MiB",
			      SQ_YAML_LARGEST >> 20);
	else
		sq_diag_error(diags, (struct sq_mark){ 0 }, NULL, "cannot be read: %s",
			      strerror((int)-n));
	return n;
}

struct sq_node *sq_yaml_parse_file(const char *name, const char *text, size_t n,
				   struct sq_diags *diags)
{
	/* some editors begin a UTF-8 file with a byte order mark; libyaml stumbles over it */
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		n -= 3;
	}
	begin(diags, name, text, n);
	return sq_yaml_parse(text, n, diags);
}
