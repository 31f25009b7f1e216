// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdlib.h>

#include "experiment/peer.h"
#include "tests/unit/unit.h"

static void peer_is(const char *text, const char *address, unsigned int prefix, unsigned int low,
		    unsigned int high)
{
	uint8_t wanted[16];
	struct sq_peer peer;
	const char *why = NULL;

	if (sq_parse_peer(text, &peer, &why))
		fail_msg("'%s' %s", text, why);
	assert_int_equal(inet_pton(AF_INET6, address, wanted), 1);
	assert_memory_equal(peer.address, wanted, 16);
	assert_int_equal(peer.prefix_len, prefix);
	assert_int_equal(peer.has_ports, low != 0);
	assert_int_equal(peer.ports.low, low);
	assert_int_equal(peer.ports.high, high);
	assert_string_equal(peer.text, text);
	sq_peer_clear(&peer);
}

static void refuses(const char *text, const char *part)
{
	struct sq_peer peer;
	const char *why = NULL;

	assert_int_equal(sq_parse_peer(text, &peer, &why), -EINVAL);
	assert_non_null(why);
	assert_contains(why, part);
	assert_null(peer.text);
	assert_null(peer.host);
}

static void test_ipv4_is_mapped_with_96_more_bits(void **state)
{
	peer_is("10.2.0.7", "::ffff:10.2.0.7", 128, 0, 0);
	peer_is("10.2.0.0/16", "::ffff:10.2.0.0", 112, 0, 0);
	peer_is("0.0.0.0/0", "::ffff:0.0.0.0", 96, 0, 0);
	peer_is("10.2.0.7/32", "::ffff:10.2.0.7", 128, 0, 0);
}

static void test_ipv6_is_as_it_is(void **state)
{
	peer_is("2001:db8::1", "2001:db8::1", 128, 0, 0);
	peer_is("2001:db8::/32", "2001:db8::", 32, 0, 0);
	peer_is("::/0", "::", 0, 0, 0);
	peer_is("::1", "::1", 128, 0, 0);
	peer_is("[::1]", "::1", 128, 0, 0);
}

static void test_ports_come_last(void **state)
{
	peer_is("10.2.0.7:6379", "::ffff:10.2.0.7", 128, 6379, 6379);
	peer_is("10.0.0.0/8:8000-8010", "::ffff:10.0.0.0", 104, 8000, 8010);
	peer_is("[2001:db8::/32]:443", "2001:db8::", 32, 443, 443);
	peer_is("[::1]:1-65535", "::1", 128, 1, 65535);
	/* without brackets all of it is the address */
	peer_is("::1:443", "::1:443", 128, 0, 0);
}

static void test_host_name_is_kept_for_later(void **state)
{
	struct sq_peer peer;
	const char *why;

	assert_int_equal(sq_parse_peer("redis-1.my_shop.internal:6379-6380", &peer, &why), 0);
	assert_string_equal(peer.host, "redis-1.my_shop.internal");
	assert_true(peer.has_ports);
	assert_int_equal(peer.ports.low, 6379);
	assert_int_equal(peer.ports.high, 6380);
	sq_peer_clear(&peer);
	assert_int_equal(sq_parse_peer("localhost", &peer, &why), 0);
	assert_string_equal(peer.host, "localhost");
	assert_false(peer.has_ports);
	sq_peer_clear(&peer);
}

static void test_what_is_no_peer_says_why(void **state)
{
	refuses("10.2.0.1/16", "bits set behind its prefix");
	refuses("2001:db8::1/64", "bits set behind its prefix");
	refuses("10.0.0.0/33", "between 0 and 32");
	refuses("10.0.0.0/", "between 0 and 32");
	refuses("10.0.0.0/-1", "between 0 and 32");
	refuses("::/129", "between 0 and 128");
	refuses("redis..internal", "host name");
	refuses("-redis.internal:6379", "host name");
	refuses("redis.internal/24", "prefix length");
	refuses("10.0.0", "neither an IPv4 or IPv6");
	refuses("010.0.0.1", "neither an IPv4 or IPv6");
	refuses("10.0.0.256", "neither an IPv4 or IPv6");
	refuses("", "neither an IPv4 or IPv6");
	refuses("10.0.0.1:0", "port from 1 to 65535");
	refuses("10.0.0.1:65536", "port from 1 to 65535");
	refuses("10.0.0.1:", "port from 1 to 65535");
	refuses("10.0.0.1:80-", "port from 1 to 65535");
	refuses("10.0.0.1:90-80", "port from 1 to 65535");
	refuses("10.0.0.1:80/16", "port from 1 to 65535");
	refuses("[::1", "[ADDRESS]:PORT");
	refuses("[::1]443", "[ADDRESS]:PORT");
	refuses("[::1]:", "port from 1 to 65535");
	refuses("fe80::1%eth0", "neither an IPv4 or IPv6");
}

static void test_port_range_at_its_borders(void **state)
{
	struct sq_port_range range;
	const char *why;

	assert_int_equal(sq_parse_port_range("1", &range, &why), 0);
	assert_int_equal(range.low, 1);
	assert_int_equal(range.high, 1);
	assert_int_equal(sq_parse_port_range("1-65535", &range, &why), 0);
	assert_int_equal(range.high, 65535);
	assert_int_equal(sq_parse_port_range("80-80", &range, &why), 0);
	assert_int_equal(sq_parse_port_range("0", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("65536", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("99999999999999999999", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("81-80", &range, &why), -EINVAL);
	assert_contains(why, "ends before it begins");
	assert_int_equal(sq_parse_port_range("80,81", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("80-81-82", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("-80", &range, &why), -EINVAL);
	assert_int_equal(sq_parse_port_range("", &range, &why), -EINVAL);
}

UNIT(UNIT_TEST(test_ipv4_is_mapped_with_96_more_bits), UNIT_TEST(test_ipv6_is_as_it_is),
     UNIT_TEST(test_ports_come_last), UNIT_TEST(test_host_name_is_kept_for_later),
     UNIT_TEST(test_what_is_no_peer_says_why), UNIT_TEST(test_port_range_at_its_borders))
