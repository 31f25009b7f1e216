// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "experiment/experiment.h"
#include "tests/unit/unit.h"

#define REST                                                                             \
	"version: 1\ntargets: {web: {cgroup: /web}}\nmethod: [{fault: network.latency, " \
	"target: web, delay: \"${delay}\", for: 1m}]\n"

static struct sq_experiment *load(const char *text, const char *setting, struct sq_diags *diags)
{
	_cleanup_texts_ struct sq_texts settings = { 0 };

	if (setting)
		sq_texts_add(&settings, setting);
	return sq_experiment_parse("x.yaml", text, strlen(text), &settings, diags);
}

static void delay_is(const char *text, const char *setting, uint64_t wanted)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, setting, &diags);

	if (!experiment)
		fail_msg("%s", diags.item[0].message);
	assert_int_equal(sq_faults(experiment)[0].delay_ns, wanted);
	sq_experiment_free(experiment);
}

/* In what selects an empty one widens: of "/prod" the whole host would be left. */
static void test_an_empty_variable_selects_nothing(void **state)
{
	static const char *const selectors[] = {
		"{cgroup: \"/${x}\"}",
		"{systemd: [web, \"web${x}@*\"]}",
		"{process: {name: \"web${x}\"}}",
		"{container: web, labels: [\"app=web${x}\"]}",
		"{systemd: \"web@*\", not: \"web@${x}\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		_cleanup_free_ char *text = sq_asprintf(
			"version: 1\ntitle: t\nvariables: {x: {from_env: SQUALL_NO_SUCH}}\n"
			"targets: {web: %s}\nmethod: [{fault: network.partition, target: web, "
			"for: 1m}]\n",
			selectors[i]);
		_cleanup_diags_ struct sq_diags diags = { 0 };
		struct sq_experiment *experiment = load(text, "x=", &diags);

		assert_null(experiment);
		assert_contains(diags.item[0].message, "the variable 'x' in it is empty");
	}
}

static void fails(const char *text, const char *setting, const char *part)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, setting, &diags);

	assert_null(experiment);
	assert_true(diags.errors > 0);
	assert_contains(diags.item[0].message, part);
}

static void test_setting_beats_environment_beats_default(void **state)
{
	static const char text[] =
		"title: t\nvariables: {delay: {default: 1ms, from_env: SQ_TEST_DELAY}}\n" REST;

	unsetenv("SQ_TEST_DELAY");
	delay_is(text, NULL, 1000000);
	setenv("SQ_TEST_DELAY", "2ms", 1);
	delay_is(text, NULL, 2000000);
	delay_is(text, "delay=3ms", 3000000);
	unsetenv("SQ_TEST_DELAY");
}

static void test_last_setting_counts(void **state)
{
	static const char text[] = "title: t\nvariables: {delay: {default: 1ms}}\n" REST;
	_cleanup_texts_ struct sq_texts settings = { 0 };
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment;

	sq_texts_add(&settings, "delay=2ms");
	sq_texts_add(&settings, "delay=3ms");
	experiment = sq_experiment_parse("x", text, strlen(text), &settings, &diags);
	assert_non_null(experiment);
	assert_int_equal(sq_faults(experiment)[0].delay_ns, 3000000);
	sq_experiment_free(experiment);
}

static void test_limits_hold_what_is_set(void **state)
{
	static const char text[] =
		"title: t\nvariables: {delay: {default: 200ms, min: 10ms, max: 1s}}\n" REST;

	delay_is(text, "delay=1s", 1000000000);
	delay_is(text, "delay=1000ms", 1000000000);
	delay_is(text, "delay=10ms", 10000000);
	fails(text, "delay=1001ms", "is more than its max, 1s");
	fails(text, "delay=9999us", "is less than its min, 10ms");
	fails(text, "delay=50%", "cannot be compared");
	fails(text, "delay=5", "cannot be compared");
}

static void test_unknown_names_suggest_what_is_near(void **state)
{
	static const char text[] = "title: t\nvariables: {delay: {default: 1ms}}\n" REST;
	_cleanup_diags_ struct sq_diags diags = { 0 };

	assert_null(load(text, "dealy=5ms", &diags));
	assert_string_equal(diags.item[0].message,
			    "--set dealy: the file declares no such variable");
	assert_string_equal(diags.item[0].hint, "did you mean 'delay'?");
	fails(text, "delay", "there is no '='");
	fails("title: t\n" REST, NULL, "there is no variable 'delay'");
	/* a name is not the beginning of another */
	fails(text, "del=5ms", "--set del: the file declares no such variable");
}

static void title_is(const char *title, const char *wanted)
{
	_cleanup_free_ char *text = sq_asprintf("title: \"%s\"\nvariables: {delay: {default: 1ms}, "
						"a: {default: A}}\nx-keep: \"${a}\"\n" REST,
						title);
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, NULL, &diags);

	if (!experiment)
		fail_msg("'%s': %s", title, diags.item[0].message);
	assert_string_equal(experiment->title, wanted);
	sq_experiment_free(experiment);
}

static void test_replacing_takes_every_place_and_only_names(void **state)
{
	title_is("${a}", "A");
	title_is("x${a}y${a}", "xAyA");
	title_is("$a $${a} $$", "$a ${a} $$");
	title_is("{a} $ {a}", "{a} $ {a}");
	/* what a variable holds is not replaced again */
	title_is("$${${a}}", "${A}");
}

static void test_broken_places_are_mistakes(void **state)
{
	fails("title: \"${}\"\nvariables: {delay: {default: 1ms}}\n" REST, NULL,
	      "begins a variable");
	fails("title: \"${delay\"\nvariables: {delay: {default: 1ms}}\n" REST, NULL,
	      "begins a variable");
	fails("title: \"${de lay}\"\nvariables: {delay: {default: 1ms}}\n" REST, NULL,
	      "begins a variable");
}

static void test_a_set_value_is_meant_as_it_is(void **state)
{
	static const char text[] = "title: \"${t}\"\nvariables: {delay: {default: 1ms}, t: "
				   "{default: x}}\n" REST;
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, "t=yes", &diags);

	assert_non_null(experiment);
	assert_string_equal(experiment->title, "yes");
	sq_experiment_free(experiment);
}

static void test_secrets_are_kept_apart(void **state)
{
	static const char text[] = "title: t ${key}\nvariables: {delay: {default: 1ms}, key: "
				   "{default: hush, secret: true}}\n" REST;
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, NULL, &diags);

	assert_non_null(experiment);
	assert_int_equal(experiment->secrets.n, 1);
	assert_string_equal(experiment->secrets.item[0], "hush");
	assert_true(sq_texts_have(&experiment->settings, "key=***"));
	assert_true(sq_texts_have(&experiment->settings, "delay=1ms"));
	sq_experiment_free(experiment);
}

static void test_a_secrets_value_is_in_no_message(void **state)
{
	static const char text[] = "title: t ${key}\nvariables: {delay: {default: 1ms}, key: "
				   "{max: 5s, secret: true}}\n" REST;
	_cleanup_diags_ struct sq_diags diags = { 0 };

	assert_null(load(text, "key=77s", &diags));
	for (size_t i = 0; i < diags.n; i++)
		assert_null(strstr(diags.item[i].message, "77s"));
	assert_contains(diags.item[0].message, "variable 'key'");
}

static void test_value_of_other_bytes_is_refused(void **state)
{
	static const char text[] = "title: t\nvariables: {delay: {default: 1ms}}\n" REST;

	fails(text, "delay=\xff", "not UTF-8");
}

static void test_a_short_file_cannot_grow_without_end(void **state)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_diags_ struct sq_diags diags = { 0 };

	sq_buffer_add(&text,
		      "title: t\nvariables: {delay: {default: 1ms}, a: {default: %0100000d}}\n"
		      "tags:\n",
		      1);
	for (int i = 0; i < 100; i++)
		sq_buffer_add(&text, "- \"${a}\"\n");
	sq_buffer_add(&text, "%s", REST);
	assert_null(load(sq_buffer_text(&text), NULL, &diags));
	assert_contains(diags.item[0].message, "larger than 4 MiB");
}

UNIT(UNIT_TEST(test_an_empty_variable_selects_nothing),
     UNIT_TEST(test_setting_beats_environment_beats_default), UNIT_TEST(test_last_setting_counts),
     UNIT_TEST(test_limits_hold_what_is_set), UNIT_TEST(test_unknown_names_suggest_what_is_near),
     UNIT_TEST(test_replacing_takes_every_place_and_only_names),
     UNIT_TEST(test_broken_places_are_mistakes), UNIT_TEST(test_a_set_value_is_meant_as_it_is),
     UNIT_TEST(test_secrets_are_kept_apart), UNIT_TEST(test_a_secrets_value_is_in_no_message),
     UNIT_TEST(test_value_of_other_bytes_is_refused),
     UNIT_TEST(test_a_short_file_cannot_grow_without_end))
