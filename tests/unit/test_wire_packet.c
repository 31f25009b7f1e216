// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "inject/line_part.h"
#include "inject/wire_packet.h"
#include "tests/unit/unit.h"

#define MSS 1000
#define IPV4 (ETH_HLEN + 20)
#define IPV6 (ETH_HLEN + 40)

static void put16(unsigned char *p, size_t value)
{
	p[0] = (unsigned char)(value >> 8);
	p[1] = (unsigned char)value;
}

static unsigned int get16(const unsigned char *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static unsigned int get32(const unsigned char *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* Ethernet and IP, from 10.0.0.1 or fd00::1 to .2; the transport's @n bytes are still zero. */
static struct sq_line_packet *frame(bool ipv6, uint8_t protocol, size_t n)
{
	size_t l4 = ipv6 ? IPV6 : IPV4;
	struct sq_line_packet *packet = sq_line_packet_new(l4 + n);
	unsigned char *ip = packet->frame + ETH_HLEN;
	uint16_t sum;

	memset(packet->frame, 0, packet->n);
	memset(&packet->header, 0, sizeof(packet->header));
	memset(&packet->slot, 0, sizeof(packet->slot));
	if (ipv6) {
		put16(packet->frame + 12, ETH_P_IPV6);
		ip[0] = 0x60;
		put16(ip + 4, n);
		ip[6] = protocol;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
		return packet;
	}
	put16(packet->frame + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, 20 + n);
	put16(ip + 4, 0xfffe);
	ip[8] = 64;
	ip[9] = protocol;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = 2;
	sum = (uint16_t)~sq_checksum(ip, 20, 0);
	memcpy(ip + 10, &sum, 2);
	return packet;
}

/* A super packet as the kernel hands it out: @n bytes of payload, each its own number. */
static struct sq_line_packet *tcp(bool ipv6, size_t n)
{
	struct sq_line_packet *packet = frame(ipv6, IPPROTO_TCP, 32 + n);
	size_t l4 = ipv6 ? IPV6 : IPV4;
	unsigned char *p = packet->frame + l4;
	uint16_t sum;

	put16(p, 40000);
	put16(p + 2, 80);
	memcpy(p + 4, "\xff\xff\xfe\x00", 4);
	memcpy(p + 8, "\x01\x02\x03\x04", 4);
	p[12] = 8 << 4;
	p[13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR, ACK, PSH, FIN */
	for (size_t i = 0; i < n; i++)
		p[32 + i] = (unsigned char)(i * 7 + i / 251);
	sum = sq_pseudo_sum(packet->frame + ETH_HLEN, ipv6, IPPROTO_TCP, 32 + n);
	memcpy(p + 16, &sum, 2);
	packet->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	packet->header.csum_start = (uint16_t)l4;
	packet->header.csum_offset = 16;
	if (n > MSS) {
		packet->header.gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6
					       : VIRTIO_NET_HDR_GSO_TCPV4;
		packet->header.gso_size = MSS;
	}
	return packet;
}

/* Is the transport's checksum right, as a receiver finds out? */
static bool is_sound(const unsigned char *ip, size_t n)
{
	bool ipv6 = ip[0] >> 4 == 6;
	size_t header = ipv6 ? 40 : 20;

	if (!ipv6 && sq_checksum(ip, 20, 0) != 0xffff)
		return false;
	return sq_checksum(ip + header, n - header,
			   sq_pseudo_sum(ip, ipv6, ipv6 ? ip[6] : ip[9], n - header)) == 0xffff;
}

static void test_checksum_is_completed_once(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct sq_line_packet *packet = tcp(ipv6, 777);

		assert_false(is_sound(packet->frame + ETH_HLEN, packet->n - ETH_HLEN));
		sq_finish_checksum(&packet->header, packet->frame, packet->n);
		assert_true(is_sound(packet->frame + ETH_HLEN, packet->n - ETH_HLEN));
		assert_int_equal(packet->header.flags, 0);
		sq_finish_checksum(&packet->header, packet->frame, packet->n);
		assert_true(is_sound(packet->frame + ETH_HLEN, packet->n - ETH_HLEN));
		free(packet);
	}
}

static void test_corruption_is_one_bit_that_the_checksum_notices(void **state)
{
	for (uint64_t draw = 0; draw < 3000; draw++) {
		struct sq_line_packet *packet = tcp(draw % 2, 100), *sound = tcp(draw % 2, 100);
		size_t bits = 0;

		sq_finish_checksum(&sound->header, sound->frame, sound->n);
		sq_corrupt(&packet->header, packet->frame, packet->n, draw * 0x9e3779b97f4a7c15ull);
		for (size_t i = 0; i < packet->n; i++)
			bits += (size_t)__builtin_popcount(packet->frame[i] ^ sound->frame[i]);
		assert_int_equal(bits, 1);
		assert_memory_equal(packet->frame, sound->frame, draw % 2 ? IPV6 : IPV4);
		assert_false(is_sound(packet->frame + ETH_HLEN, packet->n - ETH_HLEN));
		assert_int_equal(packet->header.flags, 0);
		free(packet);
		free(sound);
	}
}

/* What sq_line_part() has made. */
static struct sq_line_packet *made[64];
static size_t n_made;

static void keep(struct sq_line_packet *packet)
{
	made[n_made++] = packet;
}

static void forget(void)
{
	while (n_made)
		free(made[--n_made]);
}

static void test_parts_are_what_a_device_would_cut(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct sq_line_packet *whole = tcp(ipv6, 4 * MSS + 10);
		size_t l4 = ipv6 ? IPV6 : IPV4, l5 = l4 + 32;

		assert_int_equal(sq_line_segments(whole), 5);
		for (size_t i = 0; i < 5; i++) {
			struct sq_line_packet *part = sq_line_cut(whole, i, 1);
			size_t bytes = i == 4 ? 10 : MSS;

			assert_int_equal(part->n, l5 + bytes);
			assert_int_equal(part->header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
			assert_memory_equal(part->frame + l5, whole->frame + l5 + i * MSS, bytes);
			assert_int_equal(get32(part->frame + l4 + 4),
					 (uint32_t)(0xfffffe00u + i * MSS));
			assert_int_equal(part->frame[l4 + 13],
					 0x10 | (i == 0 ? 0x80 : 0) | (i == 4 ? 0x09 : 0));
			if (!ipv6)
				assert_int_equal(get16(part->frame + ETH_HLEN + 4),
						 (0xfffe + i) & 0xffff);
			sq_finish_checksum(&part->header, part->frame, part->n);
			assert_true(is_sound(part->frame + ETH_HLEN, part->n - ETH_HLEN));
			free(part);
		}
		free(whole);
	}
}

static void test_too_short_a_header_is_not_cut(void **state)
{
	for (unsigned int words = 0; words < 16; words++) {
		struct sq_line_packet *packet = tcp(false, 2 * MSS);

		packet->frame[IPV4 + 12] = (unsigned char)(words << 4);
		/* it has 8 words: a shorter one leaves more to be cut */
		assert_int_equal(sq_line_segments(packet), words < 5 ? 1 : words < 8 ? 3 : 2);
		free(packet);
	}
}

static void test_masks_lose_double_and_hold_up_wire_packets(void **state)
{
	struct sq_line_packet *whole = tcp(false, 8 * MSS);

	/* 0 is lost, 1 and 2 go on together, 3 is late, 4 twice, 5 lost, 6 spoilt, 7 goes on */
	whole->slot.lost = 1 << 0 | 1 << 5;
	whole->slot.late = 1 << 3;
	whole->slot.late_ns = 1234;
	whole->slot.doubled = 1 << 4;
	whole->slot.corrupted = 1 << 6;
	whole->slot.delay_ns = 1000;
	whole->slot.faults = 1;
	sq_line_part(whole, 0, keep);
	assert_int_equal(n_made, 6);
	assert_int_equal(made[0]->n, IPV4 + 32 + 2 * MSS);
	assert_int_equal(made[0]->header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(get32(made[0]->frame + IPV4 + 4), (uint32_t)(0xfffffe00u + MSS));
	assert_int_equal(made[0]->slot.faults, 1);
	assert_int_equal(made[0]->slot.delay_ns, 1000);
	assert_int_equal(made[1]->slot.delay_ns, 2234);
	assert_int_equal(made[1]->slot.reorder, 1);
	assert_int_equal(made[1]->slot.faults, 0);
	assert_int_equal(made[2]->n, made[3]->n);
	assert_memory_equal(made[2]->frame, made[3]->frame, made[2]->n);
	assert_int_equal(get32(made[4]->frame + IPV4 + 4), (uint32_t)(0xfffffe00u + 6 * MSS));
	assert_int_equal(made[4]->header.flags, 0);
	assert_false(is_sound(made[4]->frame + ETH_HLEN, made[4]->n - ETH_HLEN));
	assert_int_equal(made[5]->header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(made[5]->n, IPV4 + 32 + MSS);
	forget();
}

static void test_part_of_a_frame_that_came_cut(void **state)
{
	struct sq_line_packet *third = tcp(true, 100);

	third->slot.lost = 1 << 2;
	sq_line_part(third, 2, keep);
	assert_int_equal(n_made, 0);
	third = tcp(true, 100);
	third->slot.lost = 1 << 2;
	sq_line_part(third, 3, keep);
	assert_int_equal(n_made, 1);
	forget();
	/* one wire packet goes on as it is, and so do several that fare alike */
	third = tcp(true, 100);
	third->slot.late = 1;
	third->slot.late_ns = 50;
	sq_line_part(third, 0, keep);
	assert_int_equal(n_made, 1);
	assert_ptr_equal(made[0], third);
	assert_int_equal(made[0]->slot.delay_ns, 50);
	forget();
	third = tcp(false, 4 * MSS);
	third->slot.late = 15;
	sq_line_part(third, 0, keep);
	assert_int_equal(n_made, 1);
	assert_ptr_equal(made[0], third);
	forget();
}

static void test_resets_go_both_ways(void **state)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct sq_line_packet *packet = tcp(ipv6, 3 * MSS);
		size_t ip = ipv6 ? 40 : 20, last = ipv6 ? 23 : 15;
		unsigned char out[SQ_CRAFTED];

		assert_int_equal(sq_craft_reset(packet->frame, packet->n, false, out), ip + 20);
		assert_true(is_sound(out, ip + 20));
		assert_int_equal(get16(out + ip), 40000);
		assert_int_equal(get16(out + ip + 2), 80);
		assert_int_equal(get32(out + ip + 4), 0xfffffe00u);
		assert_int_equal(get32(out + ip + 8), 0x01020304);
		assert_int_equal(out[ip + 13], 0x14);
		assert_int_equal(out[last], 1);
		assert_int_equal(sq_craft_reset(packet->frame, packet->n, true, out), ip + 20);
		assert_true(is_sound(out, ip + 20));
		assert_int_equal(get16(out + ip), 80);
		assert_int_equal(get32(out + ip + 4), 0x01020304);
		assert_int_equal(out[ip + 13], 0x04);
		assert_int_equal(out[last], 2);
		/* cut off in every place: nothing is read behind the end */
		for (size_t n = 0; n < packet->n; n += n < 100 ? 1 : 500) {
			unsigned char *part = malloc(n + 1);

			memcpy(part, packet->frame, n);
			sq_craft_reset(part, n, true, out);
			free(part);
		}
		free(packet);
	}
}

static void test_answers_repeat_the_question(void **state)
{
	static const unsigned char question[] =
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x03"
		"api\x07"
		"Example\x03org\x00\x00\x1c\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
	const size_t asked = 12 + 17 + 4;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct sq_line_packet *packet = frame(ipv6, IPPROTO_UDP, 8 + sizeof(question) - 1);
		size_t ip = ipv6 ? 40 : 20, n = ip + 8 + asked;
		unsigned char out[SQ_CRAFTED], *dns = out + ip + 8;
		unsigned char *udp = packet->frame + ETH_HLEN + ip;

		put16(udp, 40000);
		put16(udp + 2, 53);
		memcpy(udp + 8, question, sizeof(question) - 1);
		assert_int_equal(sq_craft_answer(packet->frame, packet->n, true, 3, out), n);
		assert_true(is_sound(out, n));
		assert_int_equal(get16(out + ip), 53);
		assert_int_equal(get16(out + ip + 2), 40000);
		assert_int_equal(get16(out + ip + 4), 8 + asked);
		assert_memory_equal(dns, "\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00", 12);
		assert_memory_equal(dns + 12, question + 12, asked - 12);
		/* in the place of an answer: the same way as that */
		put16(udp, 53);
		put16(udp + 2, 40000);
		assert_int_equal(sq_craft_answer(packet->frame, packet->n, false, 2, out), n);
		assert_true(is_sound(out, n));
		assert_int_equal(get16(out + ip), 53);
		assert_int_equal(get16(out + ip + 2), 40000);
		assert_memory_equal(out + ip - (ipv6 ? 32 : 8),
				    packet->frame + ETH_HLEN + ip - (ipv6 ? 32 : 8), ipv6 ? 32 : 8);
		assert_int_equal(dns[3], 0x82);
		/* cut off, or a name that never ends */
		for (size_t size = 0; size < ETH_HLEN + ip + 8 + asked; size++)
			assert_int_equal(sq_craft_answer(packet->frame, size, true, 3, out), 0);
		memset(udp + 8 + 12, 63, sizeof(question) - 13);
		assert_int_equal(sq_craft_answer(packet->frame, packet->n, true, 3, out), 0);
		free(packet);
	}
}

static void test_layout_looks_behind_extension_headers(void **state)
{
	/* hop-by-hop of 16 bytes, a fragment's, then UDP */
	unsigned char ip6[] = { [12] = 0x86,
				0xdd,
				[14] = 0x60,
				[20] = IPPROTO_HOPOPTS,
				[54] = IPPROTO_FRAGMENT,
				[55] = 1,
				[70] = IPPROTO_UDP,
				[86] = 0 };
	struct sq_layout layout;
	unsigned char out[SQ_CRAFTED];

	assert_true(sq_layout_find(ip6, sizeof(ip6), &layout));
	assert_int_equal(layout.l4, 78);
	assert_int_equal(layout.protocol, IPPROTO_UDP);
	assert_true(layout.fragment);
	ip6[54] = IPPROTO_TCP;
	assert_true(sq_layout_find(ip6, sizeof(ip6), &layout));
	assert_int_equal(layout.l4, 70);
	assert_int_equal(layout.protocol, IPPROTO_TCP);
	assert_false(layout.fragment);
	ip6[55] = 200; /* it ends behind the packet */
	assert_false(sq_layout_find(ip6, sizeof(ip6), &layout));
	assert_int_equal(sq_craft_reset(ip6, sizeof(ip6), true, out), 0);
}

static void test_layout_looks_behind_tags_and_options(void **state)
{
	unsigned char tagged[] = {
		[12] = 0x88, 0xa8,	  [16] = 0x81,	      0x00,    [20] = 0x08,
		0x00,	     [22] = 0x47, [31] = IPPROTO_UDP, [60] = 0
	};
	struct sq_layout layout;

	assert_true(sq_layout_find(tagged, sizeof(tagged), &layout));
	assert_int_equal(layout.l3, 22);
	assert_int_equal(layout.l4, 50);
	assert_int_equal(layout.protocol, IPPROTO_UDP);
	assert_false(layout.fragment);
	tagged[22 + 6] = 0x20; /* more of them follow */
	assert_true(sq_layout_find(tagged, sizeof(tagged), &layout));
	assert_true(layout.fragment);
	assert_false(sq_layout_find(tagged, 49, &layout));
	tagged[20] = 0x12;
	assert_false(sq_layout_find(tagged, sizeof(tagged), &layout));
	/* a third one is not looked behind */
	tagged[20] = 0x81;
	tagged[21] = 0x00;
	tagged[24] = 0x08;
	tagged[25] = 0x00;
	tagged[26] = 0x45;
	assert_false(sq_layout_find(tagged, sizeof(tagged), &layout));
}

UNIT(UNIT_TEST(test_checksum_is_completed_once),
     UNIT_TEST(test_corruption_is_one_bit_that_the_checksum_notices),
     UNIT_TEST(test_parts_are_what_a_device_would_cut),
     UNIT_TEST(test_too_short_a_header_is_not_cut),
     UNIT_TEST(test_masks_lose_double_and_hold_up_wire_packets),
     UNIT_TEST(test_part_of_a_frame_that_came_cut), UNIT_TEST(test_resets_go_both_ways),
     UNIT_TEST(test_answers_repeat_the_question),
     UNIT_TEST(test_layout_looks_behind_tags_and_options),
     UNIT_TEST(test_layout_looks_behind_extension_headers))
