// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "experiment/yaml.h"
#include "tests/unit/unit.h"
#include "util/text.h"

static struct sq_node *parse(const char *text, struct sq_diags *diags)
{
	free(diags->source);
	diags->source = sq_strdup(text);
	return sq_yaml_parse(text, strlen(text), diags);
}

static void stands_at(const struct sq_node *node, int line, int column)
{
	assert_non_null(node);
	assert_int_equal(node->mark.line, line);
	assert_int_equal(node->mark.column, column);
}

static void test_parse_remembers_where_each_thing_stands(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("a: 1\nb:\n  - x\n  - {c: d}\n", &diags), *list;

	assert_int_equal(diags.n, 0);
	assert_int_equal(root->type, SQ_NODE_MAP);
	assert_int_equal(root->n, 2);
	stands_at(root->key[0], 1, 1);
	stands_at(sq_node_get(root, "a"), 1, 4);
	list = sq_node_get(root, "b");
	assert_int_equal(list->type, SQ_NODE_LIST);
	stands_at(list->item[0], 3, 5);
	stands_at(list->item[1], 4, 5);
	stands_at(sq_node_get(list->item[1], "c"), 4, 9);
	assert_null(sq_node_get(root, "c"));
	assert_null(sq_node_get(list, "a"));
	assert_null(sq_node_get(NULL, "a"));
	sq_node_free(root);
}

static void test_parse_counts_characters_not_bytes(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("{\"\xc3\xa9\xe2\x82\xac\": x, b: y}\r\n", &diags);

	stands_at(root->item[0], 1, 8);
	stands_at(sq_node_get(root, "b"), 1, 14);
	assert_string_equal(sq_node_get(root, "b")->value, "y");
	sq_node_free(root);
}

static void test_parse_tells_quoted_from_plain(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("a: yes\nb: \"yes\"\nc: 'yes'\nd: |\n  yes\ne:\n", &diags);

	assert_false(sq_node_get(root, "a")->quoted);
	assert_true(sq_node_get(root, "b")->quoted);
	assert_true(sq_node_get(root, "c")->quoted);
	assert_true(sq_node_get(root, "d")->quoted);
	assert_string_equal(sq_node_type_text(sq_node_get(root, "e")), "nothing");
	assert_string_equal(sq_node_type_text(sq_node_get(root, "a")), "a single value");
	assert_string_equal(sq_node_type_text(root), "a map");
	sq_node_free(root);
}

static void test_alias_is_a_copy_that_stands_where_it_is_used(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("x-a: &a {k: [1, 2]}\nb: *a\n", &diags), *copy;

	assert_int_equal(diags.n, 0);
	copy = sq_node_get(root, "b");
	assert_ptr_not_equal(copy, sq_node_get(root, "x-a"));
	assert_int_equal(sq_node_get(copy, "k")->n, 2);
	assert_string_equal(sq_node_get(copy, "k")->item[1]->value, "2");
	stands_at(copy, 2, 4);
	stands_at(sq_node_get(copy, "k"), 2, 4);
	sq_node_free(root);
}

static void test_alias_means_the_last_anchor_before_it(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", &diags);

	assert_string_equal(sq_node_get(root, "b")->value, "1");
	assert_string_equal(sq_node_get(root, "d")->value, "2");
	sq_node_free(root);
}

static void fails(const char *text, int line, int column, const char *part)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse(text, &diags);

	if (!diags.errors)
		fail_msg("nothing is wrong with: %s", text);
	assert_contains(diags.item[0].message, part);
	assert_int_equal(diags.item[0].mark.line, line);
	assert_int_equal(diags.item[0].mark.column, column);
	sq_node_free(root);
}

static void test_mistakes_have_their_place(void **state)
{
	fails("a: 1\n\tb: 2\n", 2, 1, "a tab stands where only spaces may");
	fails("a: [1, 2\nb: 3\n", 2, 2, "closing bracket is missing");
	fails("a: 1\na: 2\n", 2, 1, "stands twice; the first is in line 1");
	fails("a: !x 1\n", 1, 4, "tags");
	fails("a: *b\n", 1, 4, "has no anchor '&b'");
	fails("a: \"b\n", 1, 4, "never closed");
	fails("[a, b]: c\n", 1, 1, "a key must be a plain name, not a list");
	fails("a: 1\n--- \nb: 2\n", 2, 1, "a second document");
	fails("", 0, 0, "the file is empty");
	fails("# only a remark\n", 0, 0, "the file is empty");
	fails("a: \"\\0\"\n", 1, 4, "NUL");
	fails("a: caf\xe9\n", 1, 7, "the byte 0xe9 is not UTF-8");
}

static void test_a_key_that_stands_twice_hides_nothing(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root = parse("a: 1\na: 2\nb: !x 3\nb: 4\n", &diags);

	assert_int_equal(diags.errors, 3);
	assert_non_null(root);
	assert_string_equal(sq_node_get(root, "a")->value, "1");
	sq_node_free(root);
}

/* @n levels: "[[...]]". */
static char *nested(size_t n)
{
	char *text = sq_alloc(2 * n + 1);

	memset(text, '[', n);
	memset(text + n, ']', n);
	return text;
}

static void test_nesting_has_its_limit_at_64_levels(void **state)
{
	_cleanup_free_ char *good = nested(64), *bad = nested(65);
	_cleanup_diags_ struct sq_diags diags = { 0 };

	sq_node_free(parse(good, &diags));
	assert_int_equal(diags.errors, 0);
	fails(bad, 1, 65, "nested deeper than 64 levels");
}

/* A list of @n values, so n + 1 with the list. */
static char *list_of(size_t n)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	sq_buffer_add(&text, "[");
	for (size_t i = 0; i < n; i++)
		sq_buffer_add(&text, "%s1", i ? "," : "");
	sq_buffer_add(&text, "]");
	return sq_buffer_take(&text);
}

static void test_values_have_their_limit_at_20000(void **state)
{
	_cleanup_free_ char *good = list_of(19999), *bad = list_of(20000);
	_cleanup_diags_ struct sq_diags diags = { 0 };

	sq_node_free(parse(good, &diags));
	assert_int_equal(diags.errors, 0);
	fails(bad, 1, 40000, "more than 20000 values");
}

static void test_aliases_count_as_what_they_stand_for(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root;

	/* 3 ^ 10 values from 11 lines */
	root = parse("a0: &a0 [x, x, x]\na1: &a1 [*a0, *a0, *a0]\na2: &a2 [*a1, *a1, *a1]\n"
		     "a3: &a3 [*a2, *a2, *a2]\na4: &a4 [*a3, *a3, *a3]\na5: &a5 [*a4, *a4, *a4]\n"
		     "a6: &a6 [*a5, *a5, *a5]\na7: &a7 [*a6, *a6, *a6]\na8: &a8 [*a7, *a7, *a7]\n"
		     "a9: &a9 [*a8, *a8, *a8]\n",
		     &diags);
	assert_null(root);
	assert_int_equal(diags.errors, 1);
	assert_contains(diags.item[0].message, "more than 20000 values");
}

static void test_size_has_its_limit_at_1_mib(void **state)
{
	_cleanup_free_ char *text = sq_alloc(SQ_YAML_LARGEST + 2);
	_cleanup_diags_ struct sq_diags diags = { 0 };

	memset(text, ' ', SQ_YAML_LARGEST + 1);
	memcpy(text, "a: b", 4);
	sq_node_free(sq_yaml_parse(text, SQ_YAML_LARGEST, &diags));
	assert_int_equal(diags.errors, 0);
	assert_null(sq_yaml_parse(text, SQ_YAML_LARGEST + 1, &diags));
	assert_contains(diags.item[0].message, "larger than 1 MiB");
}

/* What the reader sees. */
static char *rendered(struct sq_diags *diags)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	sq_diags_render(diags, sq_buffer_stream(&text));
	return sq_buffer_take(&text);
}

static void test_render_is_in_the_files_order_with_a_caret(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { .file = sq_strdup("x.yaml"),
						  .source = sq_strdup("a\n\xc3\xa9: \tb\r\n") };
	_cleanup_free_ char *text = NULL;

	sq_diag_error(&diags, (struct sq_mark){ 2, 4 }, "do this", "second");
	sq_diag_warning(&diags, (struct sq_mark){ 1, 1 }, NULL, "first");
	sq_diag_error(&diags, (struct sq_mark){ 2, 4 }, NULL, "third");
	sq_diag_error(&diags, (struct sq_mark){ 0 }, NULL, "the whole");
	text = rendered(&diags);
	assert_string_equal(text, "x.yaml: error: the whole\n"
				  "x.yaml:1:1: warning: first\n"
				  "     1 | a\n"
				  "       | ^\n"
				  "x.yaml:2:4: error: second\n"
				  "     2 | \xc3\xa9:  b\n"
				  "       |    ^\n"
				  "  hint: do this\n"
				  "x.yaml:2:4: error: third\n"
				  "     2 | \xc3\xa9:  b\n"
				  "       |    ^\n");
}

static void test_render_writes_no_control_character(void **state)
{
	_cleanup_diags_ struct sq_diags diags = {
		.file = sq_strdup("x"), .source = sq_strdup("a\x1b[2J\xc2\x9b\x7f\xff z\n")
	};
	_cleanup_free_ char *text = NULL;

	sq_diag_error(&diags, (struct sq_mark){ 1, 1 }, "\x1b]0;t\a", "%s", "v\x1b[31m\xc3");
	text = rendered(&diags);
	assert_string_equal(text, "x:1:1: error: v?[31m?\n"
				  "     1 | a?[2J??? z\n"
				  "       | ^\n"
				  "  hint: ?]0;t?\n");
}

static void test_messages_are_cut_at_600_bytes(void **state)
{
	for (int n = 599; n < 605; n++) {
		_cleanup_diags_ struct sq_diags diags = { 0 };

		sq_diag_error(&diags, (struct sq_mark){ 0 }, NULL, "%0*d", n, 0);
		assert_int_equal(strlen(diags.item[0].message), MIN(n, 600));
		assert_string_equal(diags.item[0].message + MIN(n, 600) - 3,
				    n > 600 ? "..." : "000");
	}
}

static void test_mistakes_beyond_100_are_counted(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { .file = sq_strdup("x") };
	_cleanup_free_ char *text = NULL;

	for (int i = 0; i < 105; i++)
		sq_diag_error(&diags, (struct sq_mark){ 0 }, NULL, "m");
	sq_diag_warning(&diags, (struct sq_mark){ 0 }, NULL, "w");
	assert_int_equal(diags.errors, 105);
	assert_int_equal(diags.n, 100);
	text = rendered(&diags);
	assert_contains(text, "x: 5 more mistakes are not shown\n");
}

UNIT(UNIT_TEST(test_parse_remembers_where_each_thing_stands),
     UNIT_TEST(test_parse_counts_characters_not_bytes),
     UNIT_TEST(test_parse_tells_quoted_from_plain),
     UNIT_TEST(test_alias_is_a_copy_that_stands_where_it_is_used),
     UNIT_TEST(test_alias_means_the_last_anchor_before_it),
     UNIT_TEST(test_mistakes_have_their_place),
     UNIT_TEST(test_a_key_that_stands_twice_hides_nothing),
     UNIT_TEST(test_nesting_has_its_limit_at_64_levels),
     UNIT_TEST(test_values_have_their_limit_at_20000),
     UNIT_TEST(test_aliases_count_as_what_they_stand_for),
     UNIT_TEST(test_size_has_its_limit_at_1_mib),
     UNIT_TEST(test_render_is_in_the_files_order_with_a_caret),
     UNIT_TEST(test_render_writes_no_control_character),
     UNIT_TEST(test_messages_are_cut_at_600_bytes), UNIT_TEST(test_mistakes_beyond_100_are_counted))
