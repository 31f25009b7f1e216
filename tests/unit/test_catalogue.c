// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "experiment/experiment.h"
#include "experiment/value.h"
#include "tests/unit/unit.h"

/* What reads the tables trusts them; a table that contradicts itself must show here. */
struct walk {
	const struct sq_schema *schema;
	const char *key[64];
	size_t n;
};

static void check_schema(const struct sq_schema *schema);

static size_t size_of(const struct sq_field *field)
{
	switch (field->type) {
	case SQ_TYPE_BOOL:
		return sizeof(bool);
	case SQ_TYPE_ENUM:
	case SQ_TYPE_ENUMS:
	case SQ_TYPE_ERRNO:
		return sizeof(uint32_t);
	case SQ_TYPE_TEXTS:
	case SQ_TYPE_PEERS:
	case SQ_TYPE_PORTS:
	case SQ_TYPE_CODES:
	case SQ_TYPE_SELECT:
	case SQ_TYPE_OBJECTS:
	case SQ_TYPE_NAMED:
		return 16;
	case SQ_TYPE_CALLS:
		return sizeof(struct sq_calls);
	case SQ_TYPE_OBJECT:
		return field->object->size;
	default:
		return 8;
	}
}

static void check_fallback(const struct sq_field *field)
{
	_Alignas(16) unsigned char slot[sizeof(struct sq_calls)] = { 0 };
	const char *why = NULL, *near = NULL;

	if (sq_value_parse(field, field->fallback, slot, &why, &near))
		fail_msg("%s: the default %s %s", field->key, field->fallback, why);
	if (field->type == SQ_TYPE_COUNT || field->type == SQ_TYPE_DURATION ||
	    field->type == SQ_TYPE_SHARE || field->type == SQ_TYPE_RATE ||
	    field->type == SQ_TYPE_BITRATE || field->type == SQ_TYPE_SIZE) {
		uint64_t value;

		memcpy(&value, slot, sizeof(value));
		if (value < field->min || (field->max && value > field->max))
			fail_msg("%s: the default %s is out of range", field->key, field->fallback);
	}
	sq_value_clear(field->type, slot);
}

static void check_field(const struct sq_field *field, void *data)
{
	struct walk *walk = data;
	bool holds = field->type == SQ_TYPE_OBJECT || field->type == SQ_TYPE_OBJECTS ||
		     field->type == SQ_TYPE_NAMED;

	for (size_t i = 0; i < walk->n; i++)
		if (!strcmp(walk->key[i], field->key))
			fail_msg("%s has '%s' twice", walk->schema->what, field->key);
	assert_in_range(walk->n, 0, 63);
	walk->key[walk->n++] = field->key;
	if (!field->help || !*field->help)
		fail_msg("%s: '%s' has no help", walk->schema->what, field->key);
	if (field->required && field->fallback)
		fail_msg("%s: '%s' is required and has a default", walk->schema->what, field->key);
	if (field->max && field->min > field->max)
		fail_msg("%s: '%s' has no value that it may have", walk->schema->what, field->key);
	if (field->offset + size_of(field) > walk->schema->size)
		fail_msg("%s: '%s' lies outside of its struct", walk->schema->what, field->key);
	/* only the object's own bookkeeping is before the fields */
	if (field->offset < sizeof(struct sq_object))
		fail_msg("%s: '%s' lies in the object's head", walk->schema->what, field->key);
	assert_int_equal(holds, field->object != NULL);
	assert_int_equal(field->type == SQ_TYPE_ENUM || field->type == SQ_TYPE_ENUMS,
			 field->names != NULL);
	if (!*sq_type_text(field->type))
		fail_msg("%s: the type of '%s' has no text", walk->schema->what, field->key);
	if (field->fallback)
		check_fallback(field);
	if (holds && field->object != &sq_fault_schema)
		check_schema(field->object);
}

static void check_schema(const struct sq_schema *schema)
{
	struct walk walk = { .schema = schema };

	assert_non_null(schema->what);
	sq_schema_each(schema, check_field, &walk);
	assert_true(walk.n > 0);
	for (const char *const *key = schema->one_of; key && *key; key++) {
		bool found = false;

		for (size_t i = 0; i < walk.n; i++)
			found |= !strcmp(walk.key[i], *key);
		if (!found)
			fail_msg("%s must have one of '%s', which it does not know", schema->what,
				 *key);
	}
}

static void test_tables_do_not_contradict_themselves(void **state)
{
	check_schema(&sq_experiment_schema);
	for (size_t i = 0; i < sq_catalogue_n; i++)
		check_schema(&sq_catalogue[i].schema);
}

static void test_catalogue_has_the_faults_that_are_there(void **state)
{
	static const struct {
		const char *name;
		enum sq_fault_id id;
	} faults[] = {
		{ "network.latency", SQ_FAULT_LATENCY },
		{ "network.loss", SQ_FAULT_LOSS },
		{ "network.corrupt", SQ_FAULT_CORRUPT },
		{ "network.duplicate", SQ_FAULT_DUPLICATE },
		{ "network.reorder", SQ_FAULT_REORDER },
		{ "network.rate", SQ_FAULT_RATE },
		{ "network.partition", SQ_FAULT_PARTITION },
		{ "network.refuse", SQ_FAULT_REFUSE },
		{ "network.reset", SQ_FAULT_RESET },
		{ "network.dns", SQ_FAULT_DNS },
		{ "syscall.latency", SQ_FAULT_SYSCALL_LATENCY },
		{ "syscall.error", SQ_FAULT_SYSCALL_ERROR },
	};

	assert_int_equal(sq_catalogue_n, ARRAY_SIZE(faults));
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct sq_fault_kind *kind = sq_fault_kind_find(faults[i].name);

		assert_non_null(kind);
		assert_int_equal(kind->id, faults[i].id);
		assert_true(*kind->help && *kind->note);
		assert_string_equal(kind->schema.what, kind->name);
		assert_int_equal(kind->schema.size, sizeof(struct sq_fault));
	}
	assert_null(sq_fault_kind_find("network.latenc"));
	assert_null(sq_fault_kind_find("network.rat"));
}

#define KIND(kind) (1u << SQ_FAULT_##kind)
#define EVERY ((1u << SQ_FAULT_KINDS) - 1)

static void test_parameters_belong_to_their_kinds(void **state)
{
	static const struct {
		const char *key;
		unsigned int has;
	} keys[] = {
		{ "for", EVERY },
		{ "to", EVERY },
		{ "local_ports", EVERY & ~(KIND(REFUSE) | KIND(DNS) | KIND(SYSCALL_LATENCY) |
					   KIND(SYSCALL_ERROR)) },
		{ "proto", EVERY & ~(KIND(REFUSE) | KIND(RESET) | KIND(DNS) |
				     KIND(SYSCALL_LATENCY) | KIND(SYSCALL_ERROR)) },
		{ "per", KIND(LATENCY) | KIND(LOSS) | KIND(CORRUPT) | KIND(DUPLICATE) |
				 KIND(PARTITION) | KIND(RESET) },
		{ "direction",
		  EVERY & ~(KIND(REFUSE) | KIND(SYSCALL_LATENCY) | KIND(SYSCALL_ERROR)) },
		{ "delay", KIND(LATENCY) | KIND(REORDER) | KIND(SYSCALL_LATENCY) },
		{ "distribution", KIND(LATENCY) | KIND(SYSCALL_LATENCY) },
		{ "reorder", KIND(LATENCY) },
		{ "gap", KIND(REORDER) },
		{ "rate", KIND(RATE) },
		{ "burst", KIND(RATE) },
		{ "bursts", KIND(LOSS) },
		{ "names", KIND(DNS) },
		{ "answer", KIND(DNS) },
		{ "calls", KIND(SYSCALL_LATENCY) | KIND(SYSCALL_ERROR) },
		{ "paths", KIND(SYSCALL_LATENCY) | KIND(SYSCALL_ERROR) },
		{ "error", KIND(REFUSE) | KIND(SYSCALL_ERROR) },
		{ "probability", EVERY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t j = 0; j < sq_catalogue_n; j++)
			if (sq_fault_kind_has(&sq_catalogue[j], keys[i].key) !=
			    (bool)(keys[i].has >> j & 1))
				fail_msg("%s and %s", sq_catalogue[j].name, keys[i].key);
}

static void test_nearest_kind_knows_the_short_names(void **state)
{
	assert_string_equal(sq_fault_kind_nearest("network.latncy"), "network.latency");
	assert_string_equal(sq_fault_kind_nearest("latency"), "network.latency");
	assert_string_equal(sq_fault_kind_nearest("partition"), "network.partition");
	assert_string_equal(sq_fault_kind_nearest("error"), "syscall.error");
	assert_null(sq_fault_kind_nearest("cpu.burn"));
	assert_null(sq_fault_kind_nearest(""));
}

UNIT(UNIT_TEST(test_tables_do_not_contradict_themselves),
     UNIT_TEST(test_catalogue_has_the_faults_that_are_there),
     UNIT_TEST(test_parameters_belong_to_their_kinds),
     UNIT_TEST(test_nearest_kind_knows_the_short_names))
