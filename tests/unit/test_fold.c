// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "engine/fold.h"
#include "engine/journal.h"
#include "tests/unit/unit.h"

static json_t *fold(const char *text)
{
	json_error_t error;
	_cleanup_json_ json_t *events = json_loads(text, 0, &error);

	if (!events)
		fail_msg("line %d: %s", error.line, error.text);
	return sq_journal_fold(events);
}

#define STARTED                                                                                    \
	"{\"t\": \"T0\", \"event\": \"started\", \"document\": {\"run\": \"r1\", \"experiment\": " \
	"{\"title\": \"x\"}, \"faults\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"probes\": "     \
	"[{\"name\": \"p\", \"series\": []}, {\"name\": \"q\", \"series\": []}], "                 \
	"\"blast_radius\": {\"limits\": [], \"used\": {\"cgroups\": 2}}}}"

static const json_t *at(const json_t *list, size_t i)
{
	return json_array_get(list, i);
}

static void test_nothing_folds_to_an_empty_document(void **state)
{
	_cleanup_json_ json_t *document = fold("[]");

	assert_string_equal(sq_json_text(document, "schema"), "squall/journal/1");
	assert_int_equal(json_array_size(json_object_get(document, "faults")), 0);
	assert_int_equal(json_array_size(json_object_get(document, "probes")), 0);
	assert_int_equal(json_array_size(json_object_get(document, "notes")), 0);
	assert_int_equal(json_array_size(json_object_get(document, "events")), 0);
}

static void test_started_brings_the_document(void **state)
{
	_cleanup_json_ json_t *document = fold("[" STARTED "]");

	assert_string_equal(sq_json_text(document, "run"), "r1");
	assert_string_equal(sq_json_text(document, "started"), "T0");
	assert_string_equal(sq_json_text(document, "schema"), "squall/journal/1");
	assert_int_equal(json_array_size(json_object_get(document, "faults")), 2);
	/* it is in the document: not once more among the events */
	assert_int_equal(json_array_size(json_object_get(document, "events")), 0);
}

static void test_faults_get_their_times(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED ", {\"t\": \"T1\", \"event\": \"fault\", \"name\": \"b\", \"what\": "
		"\"started\"}, {\"t\": \"T2\", \"event\": \"fault\", \"name\": \"b\", \"what\": "
		"\"ended\"}, {\"t\": \"T3\", \"event\": \"fault\", \"name\": \"none\", \"what\": "
		"\"started\"}]");
	const json_t *faults = json_object_get(document, "faults");

	assert_string_equal(sq_json_text(at(faults, 1), "started"), "T1");
	assert_string_equal(sq_json_text(at(faults, 1), "ended"), "T2");
	assert_null(json_object_get(at(faults, 0), "started"));
	assert_int_equal(json_array_size(json_object_get(document, "events")), 3);
}

static void test_last_counters_count(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED
		", {\"t\": \"T1\", \"event\": \"counters\", \"faults\": [{\"counters\": "
		"{\"injected\": 1}}, {\"counters\": {\"injected\": 2}}], \"used\": {\"faults\": 3}}, "
		"{\"t\": \"T2\", \"event\": \"counters\", \"faults\": [{\"counters\": {\"injected\": "
		"10}}, {\"counters\": {\"injected\": 20}}], \"used\": {\"faults\": 30}}]");
	const json_t *faults = json_object_get(document, "faults");
	const json_t *used = json_object_get(json_object_get(document, "blast_radius"), "used");

	assert_string_equal(sq_json_text(at(faults, 0), "name"), "a");
	assert_int_equal(sq_json_int(json_object_get(at(faults, 0), "counters"), "injected"), 10);
	assert_int_equal(sq_json_int(json_object_get(at(faults, 1), "counters"), "injected"), 20);
	assert_int_equal(sq_json_int(used, "faults"), 30);
	assert_int_equal(sq_json_int(used, "cgroups"), 2); /* which was there stays */
	assert_int_equal(json_array_size(json_object_get(document, "events")), 0);
}

static void test_samples_go_to_their_probe(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED ", {\"t\": \"T1\", \"event\": \"sample\", \"probe\": \"q\", \"phase\": "
		"\"before\", \"met\": true}, {\"t\": \"T2\", \"event\": \"sample\", \"probe\": \"q\", "
		"\"phase\": \"during\", \"met\": false}, {\"t\": \"T3\", \"event\": \"sample\", "
		"\"probe\": \"unknown\", \"met\": false}]");
	const json_t *probes = json_object_get(document, "probes");
	const json_t *series = json_object_get(at(probes, 1), "series");

	assert_int_equal(json_array_size(json_object_get(at(probes, 0), "series")), 0);
	assert_int_equal(json_array_size(series), 2);
	assert_string_equal(sq_json_text(at(series, 1), "phase"), "during");
	assert_null(json_object_get(at(series, 0), "probe"));
	assert_null(json_object_get(at(series, 0), "t"));
}

static void test_probes_keep_the_results_of_all_phases(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED ", {\"t\": \"T1\", \"event\": \"probe\", \"name\": \"p\", \"before\": "
		"{\"verdict\": \"met\"}}, {\"t\": \"T2\", \"event\": \"probe\", \"name\": \"p\", "
		"\"during\": {\"verdict\": \"not met\"}}]");
	const json_t *probe = at(json_object_get(document, "probes"), 0);

	assert_string_equal(sq_json_text(json_object_get(probe, "before"), "verdict"), "met");
	assert_string_equal(sq_json_text(json_object_get(probe, "during"), "verdict"), "not met");
	assert_non_null(json_object_get(probe, "series"));
}

static void test_the_end_has_verdict_and_time(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED ", {\"t\": \"T1\", \"event\": \"note\", \"text\": \"n1\"}, {\"t\": "
		"\"T2\", \"event\": \"abort\", \"by\": \"jo\", \"reason\": \"x\"}, {\"t\": \"T3\", "
		"\"event\": \"cleanup\", \"clean\": true}, {\"t\": \"T4\", \"event\": \"ended\", "
		"\"verdict\": \"aborted\", \"exit\": 4, \"duration_s\": 1.5}]");

	assert_string_equal(sq_json_text(document, "verdict"), "aborted");
	assert_int_equal(sq_json_int(document, "exit"), 4);
	assert_string_equal(sq_json_text(document, "ended"), "T4");
	assert_string_equal(sq_json_text(json_object_get(document, "abort"), "by"), "jo");
	assert_null(json_object_get(json_object_get(document, "abort"), "event"));
	assert_true(json_is_true(json_object_get(json_object_get(document, "cleanup"), "clean")));
	assert_string_equal(sq_json_text(at(json_object_get(document, "notes"), 0), "text"), "n1");
	assert_int_equal(json_array_size(json_object_get(document, "events")), 4);
}

/* A controller that was killed leaves a log without an end, or without a beginning. */
static void test_pieces_of_a_log_fold_too(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[{\"t\": \"T1\", \"event\": \"fault\", \"name\": \"a\", \"what\": \"started\"}, "
		"{\"t\": \"T2\", \"event\": \"counters\", \"faults\": [{\"counters\": {}}]}, {\"t\": "
		"\"T3\", \"event\": \"sample\", \"probe\": \"p\"}, {\"t\": \"T4\", \"event\": "
		"\"probe\", \"name\": \"p\"}, {\"t\": \"T5\"}, {\"event\": \"unheard-of\"}]");

	assert_null(json_object_get(document, "verdict"));
	assert_int_equal(json_array_size(json_object_get(document, "faults")), 0);
	assert_int_equal(json_array_size(json_object_get(document, "events")), 4);
}

static void test_effect_survival_and_cost_have_their_places(void **state)
{
	_cleanup_json_ json_t *document = fold(
		"[" STARTED ", {\"t\": \"T1\", \"event\": \"effect\", \"faults\": [{\"effect\": "
		"{\"verdict\": \"as asked\"}}, {\"effect\": {\"verdict\": \"no effect\"}}]}, "
		"{\"t\": \"T2\", \"event\": \"survival\", \"cgroups\": [{\"path\": \"/a\"}]}, "
		"{\"t\": \"T3\", \"event\": \"cost\", \"probe_cpu_ms\": 2.5}]");
	const json_t *second = at(json_object_get(document, "faults"), 1);

	assert_string_equal(sq_json_text(json_object_get(second, "effect"), "verdict"),
			    "no effect");
	assert_string_equal(sq_json_text(second, "name"), "b");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(document, "survival"), "cgroups")),
		1);
	assert_true(sq_json_real(json_object_get(document, "cost"), "probe_cpu_ms") == 2.5);
}

UNIT(UNIT_TEST(test_effect_survival_and_cost_have_their_places),
     UNIT_TEST(test_nothing_folds_to_an_empty_document),
     UNIT_TEST(test_started_brings_the_document), UNIT_TEST(test_faults_get_their_times),
     UNIT_TEST(test_last_counters_count), UNIT_TEST(test_samples_go_to_their_probe),
     UNIT_TEST(test_probes_keep_the_results_of_all_phases),
     UNIT_TEST(test_the_end_has_verdict_and_time), UNIT_TEST(test_pieces_of_a_log_fold_too))
