// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "experiment/experiment.h"
#include "tests/unit/unit.h"
#include "util/time.h"
#include "util/units.h"

#define HEAD "version: 1\ntitle: t\ntargets: {web: {cgroup: /web}}\n"
#define LATENCY "{fault: network.latency, target: web, delay: 100ms, for: 1m}"

static struct sq_experiment *load(const char *text, struct sq_diags *diags)
{
	return sq_experiment_parse("x.yaml", text, strlen(text), NULL, diags);
}

static struct sq_experiment *good(const char *text)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment = load(text, &diags);

	if (!experiment)
		fail_msg("%d:%d: %s", diags.item[0].mark.line, diags.item[0].mark.column,
			 diags.item[0].message);
	return experiment;
}

static void accepts(const char *text)
{
	sq_experiment_free(good(text));
}

static void refuses(const char *text, const char *part)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };

	if (load(text, &diags))
		fail_msg("nothing is wrong with: %s", text);
	for (size_t i = 0; i < diags.n; i++)
		if (!diags.item[i].warning && strstr(diags.item[i].message, part))
			return;
	fail_msg("'%s' instead of '%s'", diags.item[0].message, part);
}

static void test_defaults_are_those_of_the_design(void **state)
{
	struct sq_experiment *experiment = good(HEAD "method: " LATENCY "\n");
	const struct sq_fault *fault = sq_faults(experiment);

	assert_int_equal(experiment->blast_radius.share_ppb, SQ_SHARE_ONE / 2);
	assert_int_equal(experiment->blast_radius.duration_ns, 900 * SQ_S);
	assert_int_equal(experiment->blast_radius.cgroups, 0);
	assert_int_equal(experiment->blast_radius.faults, 0);
	assert_int_equal(experiment->blast_radius.rate, 0);
	assert_int_equal(experiment->phases.before_ns, 0);
	assert_int_equal(experiment->phases.after_ns, 0);
	assert_int_equal(experiment->faults.n, 1);
	assert_string_equal(fault->name, "network.latency");
	assert_int_equal(fault->probability_ppb, SQ_SHARE_ONE);
	assert_int_equal(fault->per, SQ_PER_CONNECTION);
	assert_int_equal(fault->direction, SQ_EGRESS);
	assert_int_equal(fault->min_effect, 1);
	assert_int_equal(fault->at_ns, 0);
	assert_false(fault->reorder);
	assert_int_equal(sq_targets(experiment)[0].select.kind, SQ_SELECT_ALL);
	assert_int_equal(sq_experiment_target(experiment, "web"), 0);
	assert_int_equal(sq_experiment_target(experiment, "we"), -1);
	assert_true(sq_fault_hits(fault, sq_targets(experiment)));
	sq_experiment_free(experiment);
}

static void test_defaults_differ_by_kind(void **state)
{
	struct sq_experiment *experiment = good(
		HEAD "method:\n- {fault: network.loss, target: web, probability: 5%, for: 1m}\n"
		     "- {fault: network.partition, target: web, for: 1m}\n"
		     "- {fault: network.refuse, target: web, for: 1m}\n");
	const struct sq_fault *fault = sq_faults(experiment);

	assert_int_equal(fault[0].per, SQ_PER_PACKET);
	assert_int_equal(fault[0].direction, SQ_EGRESS);
	assert_int_equal(fault[1].per, SQ_PER_CONNECTION);
	assert_int_equal(fault[1].direction, SQ_BOTH);
	assert_int_equal(fault[2].error, ECONNREFUSED);
	sq_experiment_free(experiment);
	/* what loss is for must be said */
	refuses(HEAD "method: {fault: network.loss, target: web, for: 1m}\n",
		"must have exactly one of: probability, bursts");
}

static void test_phases_are_10s_with_probes_unless_said(void **state)
{
#define PROBE "steady_state: [{name: p, tcp: {address: \"127.0.0.1:1\"}}]\n"
	struct sq_experiment *experiment = good(HEAD PROBE "method: " LATENCY "\n");

	assert_int_equal(experiment->phases.before_ns, 10 * SQ_S);
	assert_int_equal(experiment->phases.after_ns, 10 * SQ_S);
	assert_int_equal(sq_probes(experiment)[0].every_ns, SQ_S);
	assert_int_equal(sq_probes(experiment)[0].source.tcp.timeout_ns, SQ_S);
	sq_experiment_free(experiment);
	experiment = good(HEAD PROBE "phases: {before: 0s}\nmethod: " LATENCY "\n");
	assert_int_equal(experiment->phases.before_ns, 0);
	assert_int_equal(experiment->phases.after_ns, 10 * SQ_S);
	sq_experiment_free(experiment);
}

static void test_times_of_the_method_add_up(void **state)
{
	struct sq_experiment *experiment = good(
		HEAD "phases: {before: 3s, after: 4s}\nmethod:\n- " LATENCY "\n"
		     "- {name: b, fault: network.partition, target: web, at: 50s, for: 30s}\n");

	assert_int_equal(sq_experiment_method_ns(experiment), 80 * SQ_S);
	assert_int_equal(sq_experiment_total_ns(experiment), 87 * SQ_S);
	sq_experiment_free(experiment);
}

static void test_seed_is_drawn_where_none_is_given(void **state)
{
	struct sq_experiment *a = good(HEAD "method: " LATENCY "\n");
	struct sq_experiment *b = good(HEAD "method: " LATENCY "\n");
	struct sq_experiment *c = good(HEAD "seed: 0\nmethod: " LATENCY "\n");

	assert_true(a->seed != b->seed); /* one in 2^32 */
	assert_true(a->seed <= UINT32_MAX);
	assert_int_equal(c->seed, 0);
	sq_experiment_free(a);
	sq_experiment_free(b);
	sq_experiment_free(c);
}

static void test_one_value_stands_for_a_list_of_one(void **state)
{
	struct sq_experiment *experiment = good(
		HEAD "tags: a\nmethod: {fault: network.partition, target: [web], to: 10.0.0.1, "
		     "proto: tcp, for: 1m}\n");

	assert_int_equal(experiment->tags.n, 1);
	assert_int_equal(sq_faults(experiment)[0].to.n, 1);
	assert_int_equal(sq_faults(experiment)[0].protocols, 1);
	sq_experiment_free(experiment);
}

static void test_timeline_may_reach_the_duration_and_no_further(void **state)
{
	accepts(HEAD
		"blast_radius: {duration: 70s}\nmethod: {fault: network.partition, target: web, "
		"at: 10s, for: 1m}\n");
	refuses(HEAD
		"blast_radius: {duration: 70s}\nmethod: {fault: network.partition, target: web, "
		"at: 10001ms, for: 1m}\n",
		"later than the blast radius allows: 70 s");
	refuses(HEAD "method: {fault: network.partition, target: web, at: 1s, for: 15m}\n",
		"later than the blast radius allows: 15 m");
}

static void test_jitter_may_be_the_delay_and_no_more(void **state)
{
	accepts(HEAD "method: {fault: network.latency, target: web, delay: 5ms, jitter: 5ms, for: "
		     "1m}\n");
	refuses(HEAD
		"method: {fault: network.latency, target: web, delay: 5ms, jitter: 5001us, for: "
		"1m}\n",
		"the jitter is more than the delay");
}

static void test_ramp_and_pulse_fit_into_the_fault(void **state)
{
#define PARTITION(rest) HEAD "method: {fault: network.partition, target: web, for: 10s, " rest "}\n"
	accepts(PARTITION("ramp: 10s"));
	refuses(PARTITION("ramp: 10001ms"), "the ramp takes longer");
	accepts(PARTITION("pulse: {active: 9999ms, idle: 1s}"));
	refuses(PARTITION("pulse: {active: 10s, idle: 1s}"), "never pauses");
	refuses(PARTITION("pulse: {active: 1s}"), "lacks 'idle'");
}

static void test_limits_of_the_catalogue_hold_at_their_borders(void **state)
{
#define DELAY(delay) \
	HEAD "method: {fault: network.latency, target: web, delay: " delay ", for: 1m}\n"
	accepts(DELAY("10us"));
	refuses(DELAY("9999ns"), "is not between 10us and 60s");
	accepts(DELAY("60s"));
	refuses(DELAY("60001ms"), "is not between 10us and 60s");
	accepts(HEAD "method: {fault: network.partition, target: web, for: 10ms}\n");
	refuses(HEAD "method: {fault: network.partition, target: web, for: 9ms}\n",
		"is not between 10ms and 24h");
	refuses(HEAD "method: {fault: network.loss, target: web, for: 1s, probability: 0%}\n",
		"is nothing");
}

static char *with_faults(size_t n)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	sq_buffer_add(&text, HEAD "method:\n");
	for (size_t i = 0; i < n; i++)
		sq_buffer_add(&text,
			      "- {name: f%zu, fault: network.partition, target: web, for: 1s}\n",
			      i);
	return sq_buffer_take(&text);
}

static void test_faults_are_64_at_the_most(void **state)
{
	_cleanup_free_ char *most = with_faults(64), *more = with_faults(65);

	accepts(most);
	refuses(more, "the method has 65 faults; 64 is the most");
}

static void test_names_are_unique_and_short(void **state)
{
	_cleanup_free_ char *name = sq_asprintf("%065d", 1), *text = NULL;

	refuses(HEAD "method: [" LATENCY ", " LATENCY "]\n", "two faults are named");
	text = sq_asprintf(HEAD "method: {name: n%s, fault: network.partition, target: web, "
				"for: 1s}\n",
			   name + 2); /* 64 bytes */
	accepts(text);
	free(text);
	text = sq_asprintf(HEAD "method: {name: n%s, fault: network.partition, target: web, "
				"for: 1s}\n",
			   name + 1);
	refuses(text, "longer than 64 bytes");
	refuses(HEAD "method: {name: \"a\\tb\", fault: network.partition, target: web, for: 1s}\n",
		"control character");
}

static void test_cgroups_are_plain_paths_below_the_root(void **state)
{
#define CGROUP(path) \
	"version: 1\ntitle: t\ntargets: {web: {cgroup: \"" path "\"}}\nmethod: " LATENCY "\n"
	accepts(CGROUP("/a"));
	accepts(CGROUP("/"));
	accepts(CGROUP("/a/b.slice/*"));
	accepts(CGROUP("/a/..b"));
	refuses(CGROUP("a"), "does not begin with '/'");
	refuses(CGROUP("/a/"), "is not a plain path");
	refuses(CGROUP("/a/../b"), "is not a plain path");
	refuses(CGROUP("/a/.."), "is not a plain path");
	refuses(CGROUP("/./a"), "is not a plain path");
	refuses(CGROUP("/a//b"), "is not a plain path");
	refuses(CGROUP("/.."), "is not a plain path");
}

static void test_protected_cgroups_are_checked_too(void **state)
{
	accepts(HEAD
		"blast_radius: {protect: [{cgroup: /a}, {cgroup: [/b, /c/*]}]}\nmethod: " LATENCY
		"\n");
	refuses(HEAD "blast_radius: {protect: {cgroup: a}}\nmethod: " LATENCY "\n",
		"does not begin with '/'");
}

static void address(const char *text, bool right)
{
	_cleanup_free_ char *file = sq_asprintf(
		HEAD "steady_state: [{name: p, tcp: {address: \"%s\"}}]\nmethod: " LATENCY "\n",
		text);

	if (right)
		accepts(file);
	else
		refuses(file, "is not HOST:PORT");
}

static void test_tcp_address_is_host_and_port(void **state)
{
	address("127.0.0.1:5432", true);
	address("localhost:1", true);
	address("db-1.example_x:65535", true);
	address("[::1]:5432", true);
	address("[fe80::1%25eth0]:5432", true);
	address("127.0.0.1", false);
	address("127.0.0.1:", false);
	address("127.0.0.1:0", false);
	address("127.0.0.1:65536", false);
	address("127.0.0.1:80-81", false);
	address("::1:5432", false);
	address(":5432", false);
	address("[]:5432", false);
	address("http://a:80", false);
	/* all of these would make a URL of another host */
	address("user@host:80", false);
	address("a#b:80", false);
	address("a?b:80", false);
	address("a b:80", false);
	address("a\\\\b:80", false);
}

static void test_expectations_belong_to_their_probe(void **state)
{
#define PROBE_OF(rest) HEAD "steady_state: [{name: p, " rest "}]\nmethod: " LATENCY "\n"
	accepts(PROBE_OF("http: {url: \"http://a/\"}, expect: {status: 200}"));
	accepts(PROBE_OF("exec: {command: [a]}, expect: {exit: [0, 1]}"));
	refuses(PROBE_OF("exec: {command: [a]}, expect: {status: 200}"), "is for http probes");
	refuses(PROBE_OF("http: {url: \"http://a/\"}, expect: {exit: 0}"), "is for exec probes");
	refuses(PROBE_OF("tcp: {address: \"a:1\"}, expect: {body: {contains: a}}"),
		"is for http probes");
	refuses(PROBE_OF("every: 1s"),
		"exactly one of: http, tcp, dns, exec, file, prometheus, systemd, log; here is none");
	refuses(PROBE_OF("exec: {command: [a]}, tcp: {address: \"a:1\"}"), "here are several");
	refuses(PROBE_OF("exec: {command: [a]}, recovers_within: 11s"), "longer than the phase");
	accepts(PROBE_OF("exec: {command: [a]}, recovers_within: 10s"));
}

static void test_refuse_takes_its_four_errors(void **state)
{
#define REFUSE(error) \
	HEAD "method: {fault: network.refuse, target: web, error: " error ", for: 1s}\n"
	accepts(REFUSE("ECONNREFUSED"));
	accepts(REFUSE("ETIMEDOUT"));
	accepts(REFUSE("EHOSTUNREACH"));
	accepts(REFUSE("ENETUNREACH"));
	refuses(REFUSE("EIO"), "network.refuse takes");
}

static void test_all_mistakes_are_told_in_one_go(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };

	assert_null(load("version: 2\ntitle: on\nseed: -1\ntargets: {web: {cgroup: web}}\nmethod:\n"
			 "- {fault: network.latency, target: wbe, delay: 5, for: 1}\n"
			 "- {fault: network.lag, target: web, for: 1s}\n",
			 &diags));
	assert_int_equal(diags.errors, 8);
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	static const char bad[] = "\xef\xbb\xbfversion: 3\n";

	accepts("\xef\xbb\xbf" HEAD "method: " LATENCY "\n");
	assert_null(load(bad, &diags));
	for (size_t i = 0; i < diags.n; i++)
		if (strstr(diags.item[i].message, "version"))
			assert_int_equal(diags.item[i].mark.column, 10);
}

static void test_the_source_is_kept_as_it_was(void **state)
{
	static const char text[] = "\xef\xbb\xbf" HEAD "# a remark\r\nmethod: " LATENCY "\n";
	struct sq_experiment *experiment = good(text);

	assert_int_equal(experiment->source_size, strlen(text));
	assert_string_equal(experiment->source, text);
	sq_experiment_free(experiment);
}

static void test_warnings_come_only_without_mistakes(void **state)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment =
		load("version: 1\ntitle: t\ntargets: {web: {cgroup: /web}, db: {cgroup: /db}}\n"
		     "variables: {v: {default: x}}\nmethod: " LATENCY "\n",
		     &diags);

	assert_non_null(experiment);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.n, 2);
	assert_string_equal(diags.item[0].message, "the variable 'v' is used nowhere");
	assert_string_equal(diags.item[1].message, "no fault hits the target 'db'");
	sq_experiment_free(experiment);
}

static void test_keys_with_x_are_for_anchors(void **state)
{
	accepts("x-a: &a {cgroup: /web}\nversion: 1\ntitle: t\ntargets: {web: *a}\nmethod: " LATENCY
		"\n");
	refuses(HEAD "xa: 1\nmethod: " LATENCY "\n", "has no 'xa'");
	refuses("x-a: &a {cgroup: /web}\nversion: 1\ntitle: t\ntargets: {web: {<<: *a}}\n"
		"method: " LATENCY "\n",
		"merge keys");
}

static void test_load_of_what_cannot_be_read_says_why(void **state)
{
	char name[] = "/tmp/squall-unit.XXXXXX";
	int fd = mkstemp(name);
	_cleanup_diags_ struct sq_diags missing = { 0 }, folder = { 0 }, large = { 0 };

	assert_null(sq_experiment_load("/no/such/file", NULL, &missing));
	assert_string_equal(missing.item[0].message, "cannot be read: No such file or directory");
	assert_string_equal(missing.file, "/no/such/file");
	assert_null(sq_experiment_load("/", NULL, &folder));
	assert_string_equal(folder.item[0].message, "cannot be read: Is a directory");
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_null(sq_experiment_load(name, NULL, &large));
	assert_string_equal(large.item[0].message, "the file is larger than 1 MiB");
	close(fd);
	unlink(name);
}

UNIT(UNIT_TEST(test_defaults_are_those_of_the_design), UNIT_TEST(test_defaults_differ_by_kind),
     UNIT_TEST(test_phases_are_10s_with_probes_unless_said),
     UNIT_TEST(test_times_of_the_method_add_up), UNIT_TEST(test_seed_is_drawn_where_none_is_given),
     UNIT_TEST(test_one_value_stands_for_a_list_of_one),
     UNIT_TEST(test_timeline_may_reach_the_duration_and_no_further),
     UNIT_TEST(test_jitter_may_be_the_delay_and_no_more),
     UNIT_TEST(test_ramp_and_pulse_fit_into_the_fault),
     UNIT_TEST(test_limits_of_the_catalogue_hold_at_their_borders),
     UNIT_TEST(test_faults_are_64_at_the_most), UNIT_TEST(test_names_are_unique_and_short),
     UNIT_TEST(test_cgroups_are_plain_paths_below_the_root),
     UNIT_TEST(test_protected_cgroups_are_checked_too),
     UNIT_TEST(test_tcp_address_is_host_and_port),
     UNIT_TEST(test_expectations_belong_to_their_probe),
     UNIT_TEST(test_refuse_takes_its_four_errors), UNIT_TEST(test_all_mistakes_are_told_in_one_go),
     UNIT_TEST(test_a_byte_order_mark_is_skipped), UNIT_TEST(test_the_source_is_kept_as_it_was),
     UNIT_TEST(test_warnings_come_only_without_mistakes),
     UNIT_TEST(test_keys_with_x_are_for_anchors),
     UNIT_TEST(test_load_of_what_cannot_be_read_says_why))
