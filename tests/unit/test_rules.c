// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "inject/peers.h"
#include "inject/rules.h"
#include "tests/unit/faults.h"
#include "util/text.h"
#include "util/time.h"
#include "util/units.h"

#define CALLS(rest) \
	"{fault: syscall.error, target: web, for: 1s, calls: read, error: EIO, " rest "}"
#define ONE(kind, rest) "{fault: network." kind ", target: web, for: 1s, " rest "}"

/* The rule of the first fault. */
static struct sq_rule rule_of(const char *faults, uint64_t start_ns)
{
	struct sq_experiment *experiment = with_faults(faults);
	struct sq_rule rule;

	sq_rule_make(sq_faults(experiment), start_ns, &rule);
	sq_experiment_free(experiment);
	return rule;
}

static void test_rule_has_its_window_after_the_start(void **state)
{
	struct sq_rule rule = rule_of("{fault: network.latency, target: web, delay: 20ms, jitter: "
				      "5ms, at: 3s, for: 10s, ramp: 2s, pulse: {active: 1s, idle: "
				      "2s}, limit: 7, skip: 9}",
				      1000 * SQ_S);

	assert_int_equal(rule.from_ns, 1003 * SQ_S);
	assert_int_equal(rule.until_ns, 1013 * SQ_S);
	assert_int_equal(rule.ramp_ns, 2 * SQ_S);
	assert_int_equal(rule.pulse_active_ns, SQ_S);
	assert_int_equal(rule.pulse_idle_ns, 2 * SQ_S);
	assert_int_equal(rule.limit, 7);
	assert_int_equal(rule.skip, 9);
	assert_int_equal(rule.delay_ns, 20 * SQ_MS);
	assert_int_equal(rule.jitter_ns, 5 * SQ_MS);
	assert_int_equal(rule.action, SQ_ACTION_DELAY);
	assert_int_equal(rule.flags, SQ_RULE_PER_CONNECTION);
	assert_int_equal(rule.probability, SQ_ALWAYS);
	assert_int_equal(rule.protocols, 0);
}

static void test_rule_of_a_rate_knows_what_bytes_take(void **state)
{
	struct sq_rule rule = rule_of("{fault: network.rate, target: web, rate: 8mbit, burst: 64K, "
				      "for: 1s}",
				      0);

	assert_int_equal(rule.action, SQ_ACTION_RATE);
	/* a byte takes 1 us */
	assert_int_equal(rule.rate_ns, 65536 * SQ_US);
	assert_int_equal(rule.burst_ns, 65536 * SQ_US);
	assert_int_equal(rule.delay_ns, SQ_S);
	assert_int_equal(rule.flags, SQ_RULE_PER_CONNECTION);
	/* 16 packets of 1514 bytes at 1000 bytes a second */
	rule = rule_of("{fault: network.rate, target: web, rate: 8kbit, for: 1s}", 0);
	assert_int_equal(rule.delay_ns, 16 * 1514 * SQ_MS);
	assert_int_equal(rule.burst_ns, 0);
}

static void test_rule_of_bursts_has_four_shares(void **state)
{
	struct sq_rule rule =
		rule_of("{fault: network.loss, target: web, bursts: {p: 50%, r: 100%, "
			"h: 25%}, for: 1s}",
			0);

	assert_int_equal(rule.flags, SQ_RULE_BURSTS | SQ_RULE_WIRE);
	assert_int_equal(rule.to_bad, 0x80000000u);
	assert_int_equal(rule.to_good, SQ_ALWAYS);
	assert_int_equal(rule.passes_bad, 0x40000000u);
	assert_int_equal(rule.passes_good, SQ_ALWAYS);
}

#define DNS(rest) \
	"{fault: network.dns, target: web, for: 1s, names: [\"*.Example.org\", b.c, \"*\"]" rest "}"

static void test_names_become_keys_read_backwards(void **state)
{
	struct sq_experiment *experiment = with_faults(DNS());
	struct sq_name_entries names;

	sq_name_entries_make(experiment, &names);
	assert_int_equal(names.n, 3);
	assert_int_equal(names.item[0].prefix_len, 32 + 8 * 12);
	assert_memory_equal(names.item[0].name, "gro.elpmaxe.", 13);
	/* the NUL counts: of a whole name nothing may follow */
	assert_int_equal(names.item[1].prefix_len, 32 + 8 * 4);
	assert_memory_equal(names.item[1].name, "c.b", 4);
	assert_int_equal(names.item[2].prefix_len, 32);
	free(names.item);
	sq_experiment_free(experiment);
}

static void test_rule_of_the_dns_answers_or_is_silent(void **state)
{
	assert_int_equal(rule_of(DNS(), 0).action, SQ_ACTION_ANSWER);
	assert_int_equal(rule_of(DNS(), 0).error, 2);
	assert_int_equal(rule_of(DNS(), 0).flags, SQ_RULE_TO);
	assert_int_equal(rule_of(DNS(), 0).protocols, SQ_PROTO_UDP);
	assert_int_equal(rule_of(DNS(", answer: NXDOMAIN"), 0).error, 3);
	assert_int_equal(rule_of(DNS(", answer: nothing"), 0).action, SQ_ACTION_DROP);
}

static enum sq_line_use line_of(const char *text)
{
	struct sq_experiment *experiment = with_faults(text);
	enum sq_line_use use = sq_fault_line_use(sq_faults(experiment));

	sq_experiment_free(experiment);
	return use;
}

#define LOSS(rest) "{fault: network.loss, target: web, for: 1s, " rest "}"

static void test_rule_probability_is_of_2_to_the_32(void **state)
{
	assert_int_equal(rule_of(LOSS("probability: 100%"), 0).probability, SQ_ALWAYS);
	assert_int_equal(rule_of(LOSS("probability: 50%"), 0).probability, 0x80000000u);
	assert_int_equal(rule_of(LOSS("probability: 10%"), 0).probability, 429496729);
	/* the least is not never, and nearly all is not always */
	assert_int_equal(rule_of(LOSS("probability: 0.0000001%"), 0).probability, 4);
	assert_int_equal(rule_of(LOSS("probability: 99.9999999%"), 0).probability, 4294967291u);
}

static void test_rule_flags_say_what_is_to_be_looked_at(void **state)
{
	assert_int_equal(rule_of(LOSS("probability: 1%"), 0).flags, SQ_RULE_WIRE);
	assert_int_equal(rule_of(LOSS("probability: 1%, per: connection"), 0).flags,
			 SQ_RULE_PER_CONNECTION);
	assert_int_equal(rule_of(LOSS("probability: 1%, to: 10.0.0.1"), 0).flags,
			 SQ_RULE_TO | SQ_RULE_WIRE);
	assert_int_equal(rule_of(LOSS("probability: 1%, ports: 80"), 0).flags,
			 SQ_RULE_TO | SQ_RULE_WIRE);
	assert_int_equal(rule_of(LOSS("probability: 1%, except: 10.0.0.1"), 0).flags,
			 SQ_RULE_EXCEPT | SQ_RULE_WIRE);
	assert_int_equal(rule_of("{fault: network.latency, target: web, delay: 1ms, for: 1s, per: "
				 "packet, reorder: true}",
				 0)
				 .flags,
			 SQ_RULE_REORDER);
	/* connect() has no connection yet: `per` is none of refuse's parameters */
	assert_int_equal(rule_of("{fault: network.refuse, target: web, for: 1s}", 0).flags, 0);
}

static void test_rule_of_refuse_is_tcp_and_has_its_error(void **state)
{
	struct sq_rule rule =
		rule_of("{fault: network.refuse, target: web, for: 1s, error: ETIMEDOUT}", 0);

	assert_int_equal(rule.action, SQ_ACTION_ERROR);
	assert_int_equal(rule.error, ETIMEDOUT);
	assert_int_equal(rule.protocols, SQ_PROTO_TCP);
}

static void test_rule_of_calls_has_their_bits(void **state)
{
	struct sq_rule rule = rule_of("{fault: syscall.latency, target: web, for: 1s, calls: "
				      "[fsync, openat], delay: 10ms}",
				      0);
	int fsync = sq_call_number("fsync"), openat = sq_call_number("openat");
	unsigned int bits = 0;

	assert_int_equal(rule.flags, SQ_RULE_CALLS);
	assert_int_equal(rule.action, SQ_ACTION_DELAY);
	assert_true(rule.calls[fsync / 64] >> (fsync % 64) & 1);
	assert_true(rule.calls[openat / 64] >> (openat % 64) & 1);
	for (size_t i = 0; i < SQ_CALL_WORDS; i++)
		bits += (unsigned int)__builtin_popcountll(rule.calls[i]);
	assert_int_equal(bits, 2);
}

static void test_rule_takes_local_ports(void **state)
{
	struct sq_rule rule = rule_of(
		LOSS("probability: 1%, local_ports: [80, 8000-8010], proto: [tcp, icmp]"), 0);

	assert_int_equal(rule.local.n, 2);
	assert_int_equal(rule.local.range[0].low, 80);
	assert_int_equal(rule.local.range[0].high, 80);
	assert_int_equal(rule.local.range[1].low, 8000);
	assert_int_equal(rule.local.range[1].high, 8010);
	assert_int_equal(rule.protocols, SQ_PROTO_TCP | SQ_PROTO_ICMP);
}

static uint64_t hooks_of(const char *fault)
{
	struct sq_experiment *experiment = with_faults(fault);
	uint64_t hooks = sq_fault_hooks(sq_faults(experiment));

	sq_experiment_free(experiment);
	return hooks;
}

static void test_hooks_are_where_a_fault_acts(void **state)
{
	static const char *const both_ways[] = {
		"latency, delay: 1ms", "corrupt, probability: 1%",
		"duplicate",	       "reorder, delay: 1ms, gap: 5",
		"rate, rate: 1mbit",   "reset",
		"dns, names: \"*\""
	};

	assert_int_equal(hooks_of("{fault: network.latency, target: web, delay: 1ms, for: 1s}"),
			 1u << SQ_HOOK_EGRESS);
	assert_int_equal(hooks_of(LOSS("probability: 1%")), 1u << SQ_HOOK_EGRESS);
	assert_int_equal(hooks_of(LOSS("probability: 1%, direction: ingress")),
			 1u << SQ_HOOK_INGRESS);
	for (size_t i = 0; i < ARRAY_SIZE(both_ways); i++) {
		_cleanup_free_ char *fault = NULL, *in = NULL, *both = NULL;

		fault = sq_asprintf("{fault: network.%s, target: web, for: 1s}", both_ways[i]);
		in = sq_asprintf("{fault: network.%s, direction: ingress, target: web, for: 1s}",
				 both_ways[i]);
		both = sq_asprintf("{fault: network.%s, direction: both, target: web, for: 1s}",
				   both_ways[i]);
		assert_int_equal(hooks_of(fault), 1u << SQ_HOOK_EGRESS);
		assert_int_equal(hooks_of(in), 1u << SQ_HOOK_TC_INGRESS);
		assert_int_equal(hooks_of(both), 1u << SQ_HOOK_EGRESS | 1u << SQ_HOOK_TC_INGRESS);
	}
	assert_int_equal(hooks_of("{fault: network.partition, target: web, for: 1s}"),
			 1u << SQ_HOOK_EGRESS | 1u << SQ_HOOK_INGRESS);
	assert_int_equal(hooks_of("{fault: network.refuse, target: web, for: 1s}"),
			 1u << SQ_HOOK_CONNECT);
	/* which hooks carry a call depends on the kernel, and is asked there */
	assert_int_equal(hooks_of("{fault: syscall.error, target: web, for: 1s, error: EIO, "
				  "calls: connect}"),
			 0);
}

static void test_line_is_taken_by_what_waits_and_what_is_parted(void **state)
{
	assert_int_equal(line_of(ONE("latency", "delay: 1ms")), SQ_LINE_NEEDED);
	assert_int_equal(line_of(LOSS("probability: 1%")), SQ_LINE_WANTED);
	assert_int_equal(line_of(LOSS("probability: 1%, direction: ingress")), SQ_LINE_WANTED);
	assert_int_equal(line_of(LOSS("probability: 1%, per: connection")), SQ_LINE_UNUSED);
	assert_int_equal(line_of(ONE("partition", "at: 1s")), SQ_LINE_UNUSED);
	assert_int_equal(line_of(ONE("duplicate", "probability: 1%")), SQ_LINE_WANTED);
	assert_int_equal(line_of(ONE("corrupt", "probability: 1%")), SQ_LINE_NEEDED);
	assert_int_equal(line_of(DNS()), SQ_LINE_NEEDED);
	assert_int_equal(line_of(DNS(", answer: nothing")), SQ_LINE_UNUSED);
}

/* Without a row in the table a fault would do nothing, and say that it can. */
static void test_every_kind_has_its_hooks(void **state)
{
	for (size_t i = 0; i < sq_catalogue_n; i++) {
		const struct sq_fault fault = { .kind = &sq_catalogue[i] };
		bool call = sq_fault_kind_is_call(fault.kind);

		assert_int_equal(sq_fault_hooks(&fault) != 0, !call);
		assert_int_equal(!strncmp(fault.kind->name, "network.", 8), !call);
	}
}

#define PARTITION(rest) "{fault: network.partition, target: web, for: 1s, " rest "}"

static bool parts_incoming(const char *fault)
{
	struct sq_experiment *experiment = with_faults(fault);
	bool parts = sq_fault_parts_incoming(sq_faults(experiment));

	sq_experiment_free(experiment);
	return parts;
}

static void test_losses_of_what_comes_in_are_parted(void **state)
{
	assert_true(parts_incoming(LOSS("probability: 1%, direction: ingress")));
	assert_true(parts_incoming(LOSS("probability: 1%, direction: both")));
	assert_false(parts_incoming(LOSS("probability: 1%")));
	assert_false(parts_incoming(LOSS("probability: 1%, direction: ingress, per: connection")));
	assert_false(parts_incoming(PARTITION("direction: both")));
	assert_false(parts_incoming(PARTITION("direction: both, probability: 1%")));
	assert_true(parts_incoming(PARTITION("direction: both, probability: 1%, per: packet")));
}

static bool are_brief(const char *faults)
{
	struct sq_experiment *experiment = with_faults(faults);
	bool brief = sq_faults_are_brief(experiment);

	sq_experiment_free(experiment);
	return brief;
}

static void test_short_delays_alone_are_for_the_kernel(void **state)
{
	assert_true(are_brief(ONE("latency", "delay: 100ms")));
	assert_false(are_brief(ONE("latency", "delay: 101ms")));
	assert_true(are_brief(ONE("latency", "delay: 60ms, jitter: 40ms")));
	assert_false(are_brief(ONE("latency", "delay: 60ms, jitter: 41ms")));
	assert_true(are_brief(ONE("latency", "delay: 40ms, jitter: 10ms, distribution: normal")));
	assert_false(are_brief(ONE("latency", "delay: 41ms, jitter: 10ms, distribution: normal")));
	assert_false(are_brief(ONE("latency", "delay: 1ms, jitter: 1ms, distribution: pareto")));
	/* together, whenever they are */
	assert_false(are_brief(
		ONE("latency", "delay: 60ms") ", " ONE("latency", "delay: 60ms, name: other")));
	assert_true(are_brief(ONE("latency", "delay: 60ms") ", " ONE("partition", "at: 1s")));
	assert_false(are_brief(ONE("latency", "delay: 1ms") ", " LOSS("probability: 1%")));
	assert_false(are_brief(ONE("rate", "rate: 1mbit")));
}

static bool hits_by_dice(const char *fault)
{
	struct sq_experiment *experiment = with_faults(fault);
	bool dice = sq_fault_hits_by_dice(sq_faults(experiment));

	sq_experiment_free(experiment);
	return dice;
}

/* What begins and ends within a tick, or hits every call, asks the exact clock. */
static void test_dice_of_calls_may_fall_before_the_time_is_exact(void **state)
{
	assert_true(hits_by_dice(CALLS("probability: 5%")));
	assert_true(hits_by_dice(CALLS("probability: 5%, ramp: 100ms, skip: 3")));
	assert_false(hits_by_dice(CALLS("limit: 1")));
	assert_false(hits_by_dice(CALLS("probability: 5%, pulse: {active: 5ms, idle: 5ms}")));
	assert_false(hits_by_dice(LOSS("probability: 5%")));
}

UNIT(UNIT_TEST(test_every_kind_has_its_hooks),
     UNIT_TEST(test_dice_of_calls_may_fall_before_the_time_is_exact),
     UNIT_TEST(test_rule_of_a_rate_knows_what_bytes_take),
     UNIT_TEST(test_rule_of_bursts_has_four_shares),
     UNIT_TEST(test_names_become_keys_read_backwards),
     UNIT_TEST(test_rule_of_the_dns_answers_or_is_silent),
     UNIT_TEST(test_line_is_taken_by_what_waits_and_what_is_parted),
     UNIT_TEST(test_losses_of_what_comes_in_are_parted),
     UNIT_TEST(test_short_delays_alone_are_for_the_kernel),
     UNIT_TEST(test_rule_has_its_window_after_the_start),
     UNIT_TEST(test_rule_probability_is_of_2_to_the_32),
     UNIT_TEST(test_rule_flags_say_what_is_to_be_looked_at),
     UNIT_TEST(test_rule_of_refuse_is_tcp_and_has_its_error),
     UNIT_TEST(test_rule_of_calls_has_their_bits), UNIT_TEST(test_rule_takes_local_ports),
     UNIT_TEST(test_hooks_are_where_a_fault_acts))
