// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdlib.h>

#include "inject/peers.h"
#include "tests/unit/faults.h"
#include "util/hash.h"
#include "util/text.h"
#include "util/time.h"

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
	struct sq_experiment *experiment = with_faults(faults);
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
	struct sq_experiment *experiment = with_faults(TO("to: 10.0.0.1"));
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

	experiment = with_faults(TO("to: [10.0.0.1, \"10.0.0.1:9\"], ports: " EIGHT));
	assert_int_equal(sq_peer_entries_make(experiment, NULL, NULL, &entries, &err), -E2BIG);
	assert_contains(err->message, "more than 8 ranges of ports for the peer '10.0.0.1:9'");
	assert_int_equal(err->kind, SQ_FAIL_INVALID);
	assert_null(entries.item);
	sq_experiment_free(experiment);
	experiment = with_faults(TO("to: [10.0.0.1, \"10.0.0.0/8:9\"], ports: " EIGHT));
	assert_int_equal(sq_peer_entries_make(experiment, NULL, NULL, &entries, &err), -E2BIG);
	assert_contains(err->message, "where peers overlap");
	sq_experiment_free(experiment);
}

UNIT(UNIT_TEST(test_many_prefixes_are_what_the_file_says),
     UNIT_TEST(test_ten_thousand_prefixes_take_no_time),
     UNIT_TEST(test_peer_without_ports_means_all),
     UNIT_TEST(test_ports_are_for_entries_without_one),
     UNIT_TEST(test_narrow_prefix_keeps_the_ports_around_it),
     UNIT_TEST(test_narrow_prefix_in_one_of_all_ports_has_all),
     UNIT_TEST(test_faults_and_lists_are_kept_apart), UNIT_TEST(test_all_of_ipv6_is_not_ipv4),
     UNIT_TEST(test_ports_without_a_peer_are_of_everybody),
     UNIT_TEST(test_eight_ranges_fit_and_nine_do_not))
