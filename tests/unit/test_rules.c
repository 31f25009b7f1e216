// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdlib.h>

#include "inject/peers.h"
#include "inject/rules.h"
#include "tests/unit/unit.h"
#include "util/hash.h"
#include "util/text.h"
#include "util/time.h"
#include "util/units.h"

#define CALLS(rest) \
	"{fault: syscall.error, target: web, for: 1s, calls: read, error: EIO, " rest "}"
#define ONE(kind, rest) "{fault: network." kind ", target: web, for: 1s, " rest "}"

static struct sq_experiment *with(const char *faults)
{
	_cleanup_free_ char *text =
		sq_asprintf("version: 1\ntitle: t\ntargets: {web: {cgroup: /web}}\n"
			    "method: [%s]\n",
			    faults);
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment =
		sq_experiment_parse("x.yaml", text, strlen(text), NULL, &diags);

	if (!experiment)
		fail_msg("%s: %s", faults, diags.item[0].message);
	return experiment;
}

/* The rule of the first fault. */
static struct sq_rule rule_of(const char *faults, uint64_t start_ns)
{
	struct sq_experiment *experiment = with(faults);
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
	struct sq_experiment *experiment = with(DNS());
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
	struct sq_experiment *experiment = with(text);
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
	struct sq_experiment *experiment = with(fault);
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

/* The entry a packet to @address would find in the list: the longest prefix. */
static const struct sq_peer_entry *look_up(const struct sq_peer_entries *entries, uint32_t list,
					   const char *address)
{
	const struct sq_peer_entry *best = NULL;
	uint8_t wanted[16];

	assert_int_equal(inet_pton(AF_INET6, address, wanted), 1);
	for (size_t i = 0; i < entries->n; i++) {
		const struct sq_peer_entry *entry = &entries->item[i];
		unsigned int bits = entry->key.prefix_len - 32, same = 0;

		while (same < bits &&
		       !((entry->key.address[same / 8] ^ wanted[same / 8]) & (0x80 >> same % 8)))
			same++;
		if (entry->key.list == list && same == bits &&
		    (!best || best->key.prefix_len < entry->key.prefix_len))
			best = entry;
	}
	return best;
}

/* What the gate says of it. */
static bool hits(const struct sq_peer_entries *entries, uint32_t list, const char *address,
		 unsigned int port)
{
	const struct sq_peer_entry *entry = look_up(entries, list, address);

	for (uint32_t i = 0; entry && i < entry->ports.n; i++)
		if (port >= entry->ports.range[i].low && port <= entry->ports.range[i].high)
			return true;
	return entry && !entry->ports.n;
}

static struct sq_peer_entries entries_of(const char *faults)
{
	struct sq_experiment *experiment = with(faults);
	struct sq_peer_entries entries;
	struct sq_error *err = NULL;

	if (sq_peer_entries_make(experiment, NULL, NULL, &entries, &err))
		fail_msg("%s: %s", faults, err->message);
	sq_experiment_free(experiment);
	return entries;
}

#define TO(rest) "{fault: network.partition, target: web, for: 1s, " rest "}"

static void test_peer_without_ports_means_all(void **state)
{
	struct sq_peer_entries entries = entries_of(TO("to: 10.0.0.0/8"));

	assert_int_equal(entries.n, 1);
	assert_int_equal(entries.item[0].key.prefix_len, 32 + 96 + 8);
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 1));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 65535));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:11.1.2.3", 1));
	assert_false(hits(&entries, SQ_LIST_EXCEPT(0), "::ffff:10.1.2.3", 1));
	assert_false(hits(&entries, SQ_LIST_TO(1), "::ffff:10.1.2.3", 1));
	free(entries.item);
}

static void test_ports_are_for_entries_without_one(void **state)
{
	struct sq_peer_entries entries =
		entries_of(TO("to: [10.0.0.1, \"10.0.0.2:443\"], ports: [80, 90-99]"));

	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 99));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 100));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 443));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.2", 443));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.2", 80));
	free(entries.item);
}

static void test_narrow_prefix_keeps_the_ports_around_it(void **state)
{
	struct sq_peer_entries entries =
		entries_of(TO("to: [\"10.1.2.3:22\", \"10.0.0.0/8:80\", \"10.1.0.0/16:443\"]"));

	/* the trie finds 10.1.2.3/32 only, but the file says 80 and 443 of it too */
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 22));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 443));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 80));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.9.9", 22));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.9.9", 443));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.9.9.9", 443));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.9.9.9", 80));
	free(entries.item);
}

static void test_narrow_prefix_in_one_of_all_ports_has_all(void **state)
{
	struct sq_peer_entries entries = entries_of(TO("to: [\"10.1.2.3:22\", 10.0.0.0/8]"));

	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 80));
	free(entries.item);
	/* the same peer twice, in either order */
	entries = entries_of(TO("to: [10.1.2.3, \"10.1.2.3:22\"]"));
	assert_int_equal(entries.n, 1);
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 80));
	free(entries.item);
	entries = entries_of(TO("to: [\"10.1.2.3:22\", 10.1.2.3]"));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.2.3", 80));
	free(entries.item);
}

static void test_faults_and_lists_are_kept_apart(void **state)
{
	struct sq_peer_entries entries =
		entries_of(TO("name: a, to: 10.0.0.0/8, except: \"10.1.0.0/16:22\"") ", " TO(
			"name: b, to: \"10.1.0.0/16:80\""));

	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.1.0.1", 80));
	assert_true(hits(&entries, SQ_LIST_EXCEPT(0), "::ffff:10.1.0.1", 22));
	assert_false(hits(&entries, SQ_LIST_EXCEPT(0), "::ffff:10.1.0.1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(1), "::ffff:10.1.0.1", 22));
	assert_true(hits(&entries, SQ_LIST_TO(1), "::ffff:10.1.0.1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(1), "::ffff:10.2.0.1", 80));
	free(entries.item);
}

static void test_all_of_ipv6_is_not_ipv4(void **state)
{
	struct sq_peer_entries entries = entries_of(TO("to: \"::/0\""));

	assert_true(hits(&entries, SQ_LIST_TO(0), "2001:db8::1", 80));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 0));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 1));
	free(entries.item);
	/* unless IPv4 is named too, all of it or a part */
	entries = entries_of(TO("to: [\"::/0\", 0.0.0.0/0]"));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	free(entries.item);
	entries = entries_of(TO("to: [\"::/0\", 10.0.0.0/8]"));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:11.0.0.1", 80));
	free(entries.item);
	/* ports of IPv6 are none of IPv4 */
	entries = entries_of(TO("to: [\"[::/0]:443\", \"10.0.0.0/8:80\"]"));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 443));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	free(entries.item);
	entries = entries_of(TO("except: \"::/0\""));
	assert_true(hits(&entries, SQ_LIST_EXCEPT(0), "2001:db8::1", 80));
	assert_false(hits(&entries, SQ_LIST_EXCEPT(0), "::ffff:10.0.0.1", 80));
	free(entries.item);
}

/* Prefixes in prefixes, of IPv4 and IPv6, with one port each or all: as the file has them. */
static void test_many_prefixes_are_what_the_file_says(void **state)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	struct {
		uint32_t address;
		unsigned int bits, port;
	} peer[400];
	struct sq_peer_entries entries;
	uint64_t draw = 1;

	for (size_t i = 0; i < ARRAY_SIZE(peer); i++) {
		draw = sq_mix64(draw);
		peer[i].bits = 6 + draw % 27;
		peer[i].address = (uint32_t)(draw >> 32) & 0x070f0f0f & ~0u << (32 - peer[i].bits);
		peer[i].port = draw >> 16 & 3 ? 1 + (draw >> 20) % 5 : 0;
		sq_buffer_add(&text, "%s\"%u.%u.%u.%u/%u%s", i ? ", " : "", peer[i].address >> 24,
			      peer[i].address >> 16 & 255, peer[i].address >> 8 & 255,
			      peer[i].address & 255, peer[i].bits, peer[i].port ? ":" : "\"");
		if (peer[i].port)
			sq_buffer_add(&text, "%u\"", peer[i].port);
	}
	{
		_cleanup_free_ char *fault = sq_asprintf(
			"{fault: network.partition, target: web, for: 1s, to: [\"[::/0]:9\", %s]}",
			sq_buffer_text(&text));

		entries = entries_of(fault);
	}
	for (int i = 0; i < 2000; i++) {
		uint32_t address;
		unsigned int port;
		bool wanted = false;
		char name[64];

		draw = sq_mix64(draw);
		address = (uint32_t)(draw >> 32) & 0x070f0f0f;
		port = 1 + draw % 6;
		for (size_t j = 0; j < ARRAY_SIZE(peer); j++)
			wanted |= (address & ~0u << (32 - peer[j].bits)) == peer[j].address &&
				  (!peer[j].port || peer[j].port == port);
		snprintf(name, sizeof(name), "::ffff:%u.%u.%u.%u", address >> 24,
			 address >> 16 & 255, address >> 8 & 255, address & 255);
		if (hits(&entries, SQ_LIST_TO(0), name, port) != wanted)
			fail_msg("%s port %u: %d is right", name, port, wanted);
	}
	for (size_t i = 0; i < entries.n; i++)
		assert_true(sq_peer_entries_have(&entries, &entries.item[i].key));
	free(entries.item);
}

static void test_ten_thousand_prefixes_take_no_time(void **state)
{
	struct sq_peer *peer = sq_alloc(10000 * sizeof(*peer));
	struct sq_peers control = { peer, 10000 };
	struct sq_experiment *experiment = with(TO("to: 10.0.0.1"));
	struct sq_peer_entries entries;
	uint64_t begun = sq_now();

	for (size_t i = 0; i < 10000; i++) {
		peer[i] = (struct sq_peer){
			.address = { [10] = 0xff, 0xff, 10, (uint8_t)(i >> 8), (uint8_t)i },
			.prefix_len = 120,
			.ipv4 = true
		};
	}
	assert_int_equal(sq_peer_entries_make(experiment, NULL, &control, &entries, NULL), 0);
	assert_int_equal(entries.n, 10001);
	/* 20 ms; each held against each other it would be 100 million pairs, and seconds */
	assert_true(sq_now() - begun < SQ_S / 2);
	free(entries.item);
	free(peer);
	sq_experiment_free(experiment);
}

static void test_ports_without_a_peer_are_of_everybody(void **state)
{
	struct sq_peer_entries entries = entries_of(TO("ports: 80"));

	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 80));
	assert_true(hits(&entries, SQ_LIST_TO(0), "2001:db8::1", 80));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 81));
	assert_false(hits(&entries, SQ_LIST_TO(0), "2001:db8::1", 81));
	free(entries.item);
}

#define EIGHT "[1, 2, 3, 4, 5, 6, 7, 8]"

static void test_eight_ranges_fit_and_nine_do_not(void **state)
{
	struct sq_peer_entries entries = entries_of(TO("to: 10.0.0.1, ports: " EIGHT));
	struct sq_experiment *experiment;
	_cleanup_error_ struct sq_error *err = NULL;

	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 8));
	free(entries.item);
	/* the bar before IPv4 takes none of the eight */
	entries = entries_of(TO("to: [\"::/0\", 10.0.0.1], ports: " EIGHT));
	assert_true(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.1", 8));
	assert_false(hits(&entries, SQ_LIST_TO(0), "::ffff:10.0.0.2", 8));
	free(entries.item);
	/* the same range twice is one */
	entries = entries_of(TO("to: [10.0.0.1, \"10.0.0.1:8\"], ports: " EIGHT));
	free(entries.item);

	experiment = with(TO("to: [10.0.0.1, \"10.0.0.1:9\"], ports: " EIGHT));
	assert_int_equal(sq_peer_entries_make(experiment, NULL, NULL, &entries, &err), -E2BIG);
	assert_contains(err->message, "more than 8 ranges of ports for the peer '10.0.0.1:9'");
	assert_int_equal(err->kind, SQ_FAIL_INVALID);
	assert_null(entries.item);
	sq_experiment_free(experiment);
	experiment = with(TO("to: [10.0.0.1, \"10.0.0.0/8:9\"], ports: " EIGHT));
	assert_int_equal(sq_peer_entries_make(experiment, NULL, NULL, &entries, &err), -E2BIG);
	assert_contains(err->message, "where peers overlap");
	sq_experiment_free(experiment);
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

static bool parts_incoming(const char *fault)
{
	struct sq_experiment *experiment = with(fault);
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
	assert_false(parts_incoming(
		"{fault: network.partition, target: web, for: 1s, direction: both}"));
}

static bool are_brief(const char *faults)
{
	struct sq_experiment *experiment = with(faults);
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
	struct sq_experiment *experiment = with(fault);
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
     UNIT_TEST(test_many_prefixes_are_what_the_file_says),
     UNIT_TEST(test_ten_thousand_prefixes_take_no_time),
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
     UNIT_TEST(test_hooks_are_where_a_fault_acts), UNIT_TEST(test_peer_without_ports_means_all),
     UNIT_TEST(test_ports_are_for_entries_without_one),
     UNIT_TEST(test_narrow_prefix_keeps_the_ports_around_it),
     UNIT_TEST(test_narrow_prefix_in_one_of_all_ports_has_all),
     UNIT_TEST(test_faults_and_lists_are_kept_apart), UNIT_TEST(test_all_of_ipv6_is_not_ipv4),
     UNIT_TEST(test_ports_without_a_peer_are_of_everybody),
     UNIT_TEST(test_eight_ranges_fit_and_nine_do_not))
