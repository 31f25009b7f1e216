// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdlib.h>

#include "probe/sample.h"
#include "tests/unit/unit.h"
#include "util/time.h"

static struct sq_port_range good[] = { { 200, 299 }, { 404, 404 } };
static const struct sq_port_ranges codes = { good, ARRAY_SIZE(good) };

static void test_code_at_the_borders_of_its_ranges(void **state)
{
	static const unsigned int in[] = { 200, 299, 404 },
				  out[] = { 0, 199, 300, 403, 405, 65736 };
	const struct sq_text_expect any = { 0 };
	char why[160];

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		assert_null(sq_expect_check(&codes, "status", in[i], &any, NULL, why));
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		assert_non_null(sq_expect_check(&codes, "status", out[i], &any, NULL, why));
	assert_string_equal(sq_expect_check(&codes, "status", 503, &any, NULL, why), "status 503");
}

static void test_text_must_contain_each_part(void **state)
{
	static char *parts[] = { (char *)"items", (char *)"total", NULL };
	const struct sq_text_expect expect = { .contains = { parts, 2 } };
	char why[160];

	assert_null(sq_expect_check(&codes, "status", 200, &expect, "total: 5 items", why));
	assert_string_equal(sq_expect_check(&codes, "status", 200, &expect, "items only", why),
			    "the text 'total' is missing");
	assert_string_equal(sq_expect_check(&codes, "status", 200, &expect, NULL, why),
			    "the text 'items' is missing");
	/* the code comes first: its text says more */
	assert_string_equal(sq_expect_check(&codes, "status", 500, &expect, NULL, why),
			    "status 500");
}

static void test_expression_matches_somewhere(void **state)
{
	const struct sq_text_expect expect = { .matches = (char *)"^ok [0-9]+$" };
	char why[160];

	assert_null(sq_expect_check(&codes, "status", 200, &expect, "ok 55", why));
	assert_string_equal(sq_expect_check(&codes, "status", 200, &expect, "ok", why),
			    "nothing matches '^ok [0-9]+$'");
}

struct seen {
	bool done, met;
	uint64_t took_ns;
	char *why;
};

static void on_done(void *data, const struct sq_sample *sample)
{
	struct seen *seen = data;

	seen->done = true;
	seen->met = sample->met;
	seen->took_ns = sample->took_ns;
	seen->why = sq_strdup(sample->why);
}

/* One sample of an exec probe that is `sh -c @script`. */
static struct seen sample(const char *script, uint64_t timeout_ns,
			  const struct sq_text_expect *output)
{
	struct sq_node node = { .n = 0 };
	struct sq_port_range zero = { 0 };
	char *command[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	struct sq_exec exec = { .object.node = &node,
				.command = { command, 3 },
				.timeout_ns = timeout_ns };
	struct sq_expect expect = { .exit = { &zero, 1 } };
	struct sq_http http = { .url = NULL };
	struct sq_tcp tcp = { .address = NULL };
	struct seen seen = { 0 };
	struct sq_prober *prober;
	sigset_t child;
	uint64_t until = sq_now() + 20 * SQ_S;
	sd_event *event;

	/* as the engine does: sd-event wants it */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (output)
		expect.output = *output;
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(sq_prober_new(&prober, event, -EBADF, NULL), 0);
	sq_prober_sample(prober, &http, &tcp, &exec, &expect, on_done, &seen);
	while (!seen.done && sq_now() < until)
		assert_true(sd_event_run(event, 100000) >= 0);
	assert_true(seen.done);
	sq_prober_free(prober);
	sd_event_unref(event);
	return seen;
}

static void test_exec_is_met_by_code_and_output(void **state)
{
	static char *parts[] = { (char *)"PONG", NULL };
	const struct sq_text_expect output = { .contains = { parts, 1 } };
	struct seen seen = sample("echo PONG", 10 * SQ_S, &output);

	assert_true(seen.met);
	seen = sample("echo PING", 10 * SQ_S, &output);
	assert_false(seen.met);
	assert_string_equal(seen.why, "the text 'PONG' is missing");
	free(seen.why);
	seen = sample("exit 3", 10 * SQ_S, NULL);
	assert_string_equal(seen.why, "exit code 3");
	free(seen.why);
	seen = sample("kill -SEGV $$", 10 * SQ_S, NULL);
	assert_string_equal(seen.why, "killed by SIGSEGV");
	free(seen.why);
}

static void test_exec_text_behind_a_nul_is_seen(void **state)
{
	static char *parts[] = { (char *)"PONG", NULL };
	const struct sq_text_expect output = { .contains = { parts, 1 } };
	struct seen seen = sample("printf 'a\\0PONG'", 10 * SQ_S, &output);

	assert_true(seen.met);
}

/* The loop that samples also keeps the lease alive: no program may hold it up. */
static void test_exec_that_writes_without_end_times_out(void **state)
{
	struct seen seen = sample("exec yes", 300 * SQ_MS, NULL);

	assert_false(seen.met);
	assert_string_equal(seen.why, "timed out");
	assert_in_range(seen.took_ns, 300 * SQ_MS, 5 * SQ_S);
	free(seen.why);
	/* nor one that leaves another behind, which goes on writing */
	seen = sample("yes & sleep 0.1", 10 * SQ_S, NULL);
	assert_true(seen.met);
	assert_in_range(seen.took_ns, 100 * SQ_MS, 5 * SQ_S);
}

/* JSON is UTF-8: a reason that is not would not find its way into a report. */
static void test_reason_is_text_though_it_is_cut(void **state)
{
	_cleanup_free_ char *part = sq_alloc(202);
	char *parts[] = { part, NULL };
	const struct sq_text_expect output = { .contains = { parts, 1 } };
	struct seen seen;

	/* "x" and 100 times U+00E9: byte 100 is in the middle of one */
	part[0] = 'x';
	for (size_t i = 0; i < 100; i++)
		memcpy(part + 1 + 2 * i, "\xc3\xa9", 2);
	seen = sample("true", 10 * SQ_S, &output);
	assert_false(seen.met);
	assert_contains(seen.why, "' is missing");
	assert_true(sq_utf8_valid(seen.why, strlen(seen.why), NULL));
	free(seen.why);
}

static void test_exec_that_cannot_start_says_so(void **state)
{
	struct seen seen = sample("exec /no/such/program", 10 * SQ_S, NULL);

	assert_string_equal(seen.why, "exit code 127");
	free(seen.why);
}

UNIT(UNIT_TEST(test_code_at_the_borders_of_its_ranges), UNIT_TEST(test_text_must_contain_each_part),
     UNIT_TEST(test_expression_matches_somewhere), UNIT_TEST(test_exec_is_met_by_code_and_output),
     UNIT_TEST(test_exec_text_behind_a_nul_is_seen),
     UNIT_TEST(test_exec_that_writes_without_end_times_out),
     UNIT_TEST(test_reason_is_text_though_it_is_cut),
     UNIT_TEST(test_exec_that_cannot_start_says_so))
