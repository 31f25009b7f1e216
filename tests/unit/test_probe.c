// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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
	char why[SQ_WHY_SIZE];

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
	char why[SQ_WHY_SIZE];

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
	char why[SQ_WHY_SIZE];

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

/* One sample of the probe that is in @probe. */
static struct seen take(const struct sq_probe *probe)
{
	struct seen seen = { 0 };
	struct sq_prober *prober;
	sigset_t child;
	uint64_t until = sq_now() + 20 * SQ_S;
	sd_event *event;

	/* as the engine does: sd-event wants it */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(sq_prober_new(&prober, event, -EBADF, NULL), 0);
	sq_prober_sample(prober, &probe->source, &probe->expect, on_done, &seen);
	while (!seen.done && sq_now() < until)
		assert_true(sd_event_run(event, 100000) >= 0);
	assert_true(seen.done);
	sq_prober_free(prober);
	sd_event_unref(event);
	return seen;
}

static const struct sq_node written = { .n = 0 };

/* One sample of an exec probe that is `sh -c @script`. */
static struct seen sample(const char *script, uint64_t timeout_ns,
			  const struct sq_text_expect *output)
{
	char *command[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	struct sq_port_range zero = { 0 };
	struct sq_probe probe = { .source.exec = { .object.node = &written,
						   .command = { command, 3 },
						   .timeout_ns = timeout_ns },
				  .expect = { .exit = { &zero, 1 } } };

	if (output)
		probe.expect.output = *output;
	return take(&probe);
}

/* A socket that listens on loopback; @text holds 32 bytes and becomes its address. */
static int listening(char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(text, 32, "127.0.0.1:%u", ntohs(address.sin_port));
	return fd;
}

static struct seen sample_tcp(const char *address)
{
	struct sq_probe probe = { .source.tcp = { .object.node = &written,
						  .address = (char *)address,
						  .timeout_ns = 5 * SQ_S } };

	return take(&probe);
}

static void test_tcp_is_met_by_a_connection(void **state)
{
	char address[32];
	int fd = listening(address);
	struct seen seen = sample_tcp(address);

	assert_true(seen.met);
	assert_null(seen.why);
	close(fd);
	seen = sample_tcp(address);
	assert_false(seen.met);
	assert_contains(seen.why, "connect");
	free(seen.why);
}

static enum MHD_Result answer(void *data, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **context)
{
	static const char text[] = "5 items\0total";
	struct MHD_Response *response = MHD_create_response_from_buffer(
		sizeof(text) - 1, (void *)text, MHD_RESPMEM_PERSISTENT);
	unsigned int status = !strcmp(url, "/down") ? 503 : 200;
	enum MHD_Result result;

	if (!strcmp(url, "/slow"))
		usleep(600000);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct seen sample_http(const char *address, const char *path, const char *part)
{
	_cleanup_free_ char *url = sq_asprintf("http://%s%s", address, path);
	struct sq_port_range success = { 200, 299 };
	char *parts[] = { (char *)part, NULL };
	struct sq_probe probe = {
		.source.http = { .object.node = &written, .url = url, .timeout_ns = 200 * SQ_MS },
		.expect = { .status = { &success, 1 }, .body.contains = { parts, 1 } }
	};

	return take(&probe);
}

static void test_http_is_met_by_status_body_and_time(void **state)
{
	char address[32];
	int fd = listening(address);
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
						     answer, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
						     MHD_OPTION_END);
	struct seen seen;

	assert_non_null(daemon);
	/* a proxy of the environment would be what is measured */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	for (int tries = 0; tries < 5; tries++) { /* 200 ms are little on a busy machine */
		seen = sample_http(address, "/", "total");
		if (seen.met)
			break;
		free(seen.why);
	}
	assert_true(seen.met);
	seen = sample_http(address, "/slow", "items");
	assert_false(seen.met);
	assert_string_equal(seen.why, "timed out");
	assert_in_range(seen.took_ns, 195 * SQ_MS, 5 * SQ_S);
	free(seen.why);
	usleep(700000);
	for (int tries = 0; tries < 5; tries++) {
		seen = sample_http(address, "/down", "items");
		if (strcmp(seen.why, "timed out") != 0)
			break;
		free(seen.why);
	}
	assert_string_equal(seen.why, "status 503");
	free(seen.why);
	MHD_stop_daemon(daemon);
	unsetenv("http_proxy");
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

struct race {
	int fast, slow;
	uint64_t last_fast_ns;
};

static void on_fast(void *data, const struct sq_sample *sample)
{
	struct race *race = data;

	assert_true(sample->met);
	race->fast++;
	race->last_fast_ns = sq_now();
}

static void on_slow(void *data, const struct sq_sample *sample)
{
	((struct race *)data)->slow++;
	assert_string_equal(sample->why, "timed out");
}

/* One that hangs holds up nobody, neither by its connection nor by its program. */
static void test_slow_samples_hold_up_nobody(void **state)
{
	char *fast[] = { (char *)"true", NULL }, *slow[] = { (char *)"sleep", (char *)"9", NULL };
	char silent[32];
	int fd = listening(silent);
	struct sq_port_range zero = { 0 };
	_cleanup_free_ char *url = sq_asprintf("http://%s/", silent);
	const struct sq_expect expect = { .exit = { &zero, 1 } };
	const struct sq_source quick = {
		.exec = { .object.node = &written, .command = { fast, 1 }, .timeout_ns = 9 * SQ_S }
	};
	const struct sq_source program = {
		.exec = { .object.node = &written, .command = { slow, 2 }, .timeout_ns = 3 * SQ_S }
	};
	const struct sq_source request = {
		.http = { .object.node = &written, .url = url, .timeout_ns = 3 * SQ_S }
	};
	struct race race = { 0 };
	struct sq_prober *prober;
	uint64_t begun = sq_now();
	sigset_t child;
	sd_event *event;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(sq_prober_new(&prober, event, -EBADF, NULL), 0);
	sq_prober_sample(prober, &program, &expect, on_slow, &race);
	sq_prober_sample(prober, &request, &expect, on_slow, &race);
	for (int i = 0; i < 20; i++)
		sq_prober_sample(prober, &quick, &expect, on_fast, &race);
	while ((race.fast < 20 || race.slow < 2) && sq_now() < begun + 20 * SQ_S)
		assert_true(sd_event_run(event, 100000) >= 0);
	assert_int_equal(race.fast, 20);
	assert_int_equal(race.slow, 2);
	assert_true(race.last_fast_ns < begun + 3 * SQ_S);
	assert_true(sq_prober_cost(prober) > 0);
	sq_prober_free(prober);
	sd_event_unref(event);
	close(fd);
}

UNIT(UNIT_TEST(test_slow_samples_hold_up_nobody), UNIT_TEST(test_code_at_the_borders_of_its_ranges),
     UNIT_TEST(test_text_must_contain_each_part), UNIT_TEST(test_expression_matches_somewhere),
     UNIT_TEST(test_tcp_is_met_by_a_connection),
     UNIT_TEST(test_http_is_met_by_status_body_and_time),
     UNIT_TEST(test_exec_is_met_by_code_and_output), UNIT_TEST(test_exec_text_behind_a_nul_is_seen),
     UNIT_TEST(test_exec_that_writes_without_end_times_out),
     UNIT_TEST(test_reason_is_text_though_it_is_cut),
     UNIT_TEST(test_exec_that_cannot_start_says_so))
