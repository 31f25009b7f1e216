// SPDX-License-Identifier: GPL-2.0-only
#include "inject/wire_packet.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define VLAN_HLEN 4
#define IPV4_LEAST 20
#define IPV4_FRAGMENT 0x3fff /* more of them, or one's offset */
#define IPV6_HLEN 40
/* As the gate does it. */
#define MAX_VLANS 2
#define MAX_EXTENSIONS 4
#define TCP_LEAST 20
#define UDP_HLEN 8
#define DNS_HLEN 12
#define DNS_QUESTION_REST 4 /* type and class */
#define TTL 64
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define DNS_RESPONSE 0x80
#define DNS_RECURSION_DESIRED 0x01
#define DNS_RECURSION_AVAILABLE 0x80

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(unsigned char *p, uint16_t value)
{
	p[0] = (unsigned char)(value >> 8);
	p[1] = (unsigned char)value;
}

static void find_ipv6(const unsigned char *frame, size_t n, struct sq_layout *ret)
{
	ret->ipv6 = true;
	ret->l4 = ret->l3 + IPV6_HLEN;
	ret->protocol = frame[ret->l3 + 6];
	for (int i = 0; i < MAX_EXTENSIONS && ret->l4 + 8 <= n; i++) {
		const unsigned char *header = frame + ret->l4;

		if (ret->protocol == IPPROTO_FRAGMENT)
			ret->fragment = true;
		else if (ret->protocol != IPPROTO_HOPOPTS && ret->protocol != IPPROTO_ROUTING &&
			 ret->protocol != IPPROTO_DSTOPTS)
			return;
		ret->l4 += ret->protocol == IPPROTO_FRAGMENT ? 8 : (header[1] + 1u) * 8;
		ret->protocol = header[0];
	}
}

bool sq_layout_find(const unsigned char *frame, size_t n, struct sq_layout *ret)
{
	size_t at = (size_t)2 * ETH_ALEN;
	uint16_t type;

	*ret = (struct sq_layout){ 0 };
	if (n < ETH_HLEN)
		return false;
	type = get16(frame + at);
	for (int i = 0; i < MAX_VLANS; i++) {
		if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || at + VLAN_HLEN + 2 > n)
			break;
		at += VLAN_HLEN;
		type = get16(frame + at);
	}
	ret->l3 = at + 2;
	if (type == ETH_P_IP && n >= ret->l3 + IPV4_LEAST) {
		ret->l4 = ret->l3 + (size_t)(frame[ret->l3] & 15) * 4;
		ret->protocol = frame[ret->l3 + 9];
		ret->fragment = get16(frame + ret->l3 + 6) & IPV4_FRAGMENT;
	} else if (type == ETH_P_IPV6 && n >= ret->l3 + IPV6_HLEN) {
		find_ipv6(frame, n, ret);
	} else {
		return false;
	}
	return ret->l4 <= n;
}

uint16_t sq_checksum(const void *data, size_t n, uint64_t sum)
{
	const unsigned char *p = data;
	uint16_t word;

	for (; n > 1; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (n) {
		word = 0;
		memcpy(&word, p, 1);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t sq_pseudo_sum(const unsigned char *ip, bool ipv6, uint8_t protocol, size_t n)
{
	const uint64_t rest =
		(uint64_t)htons(protocol) + htons((uint16_t)n) + htons((uint16_t)(n >> 16));

	return ipv6 ? sq_checksum(ip + 8, 32, rest) : sq_checksum(ip + 12, 8, rest);
}

void sq_finish_checksum(struct virtio_net_hdr *header, unsigned char *frame, size_t n)
{
	size_t start = header->csum_start, field = start + header->csum_offset;
	uint16_t word;

	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || field + 2 > n)
		return;
	/* the field holds the sum of the pseudo header */
	word = (uint16_t)~sq_checksum(frame + start, n - start, 0);
	if (!word)
		word = 0xffff;
	memcpy(frame + field, &word, 2);
	header->flags &= (uint8_t)~VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

void sq_corrupt(struct virtio_net_hdr *header, unsigned char *frame, size_t n, uint64_t draw)
{
	struct sq_layout layout;
	size_t bit;

	sq_finish_checksum(header, frame, n);
	if (!sq_layout_find(frame, n, &layout) || layout.l4 == n)
		return;
	bit = draw % ((n - layout.l4) * 8);
	frame[layout.l4 + bit / 8] ^= (unsigned char)(1u << (bit % 8));
}

/*
 * The header of IP for @n bytes behind it, with the addresses of @ip or, @back, the other way round.
 * Returns its size.
 */
static size_t craft_ip(const unsigned char *ip, bool ipv6, bool back, uint8_t protocol, size_t n,
		       unsigned char *ret)
{
	size_t address = ipv6 ? 16 : 4, from = ipv6 ? 8 : 12;
	uint16_t sum;

	if (ipv6) {
		memset(ret, 0, IPV6_HLEN);
		ret[0] = 0x60;
		put16(ret + 4, (uint16_t)n);
		ret[6] = protocol;
		ret[7] = TTL;
	} else {
		memset(ret, 0, IPV4_LEAST);
		ret[0] = 0x45;
		put16(ret + 2, (uint16_t)(IPV4_LEAST + n));
		ret[8] = TTL;
		ret[9] = protocol;
	}
	memcpy(ret + from, ip + from + (back ? address : 0), address);
	memcpy(ret + from + address, ip + from + (back ? 0 : address), address);
	if (ipv6)
		return IPV6_HLEN;
	sum = (uint16_t)~sq_checksum(ret, IPV4_LEAST, 0);
	memcpy(ret + 10, &sum, 2);
	return IPV4_LEAST;
}

static void craft_checksum(unsigned char *packet, size_t header, bool ipv6, uint8_t protocol,
			   size_t field, size_t n)
{
	uint16_t sum = sq_pseudo_sum(packet, ipv6, protocol, n - header);

	sum = (uint16_t)~sq_checksum(packet + header, n - header, sum);
	if (!sum)
		sum = 0xffff;
	memcpy(packet + header + field, &sum, 2);
}

size_t sq_craft_reset(const unsigned char *frame, size_t n, bool back, unsigned char *ret)
{
	const unsigned char *tcp;
	struct sq_layout layout;
	unsigned char *reset;
	size_t header;

	if (!sq_layout_find(frame, n, &layout) || layout.fragment ||
	    layout.protocol != IPPROTO_TCP || n < layout.l4 + TCP_LEAST)
		return 0;
	tcp = frame + layout.l4;
	header = craft_ip(frame + layout.l3, layout.ipv6, back, IPPROTO_TCP, TCP_LEAST, ret);
	reset = ret + header;
	memset(reset, 0, TCP_LEAST);
	memcpy(reset, tcp + (back ? 2 : 0), 2);
	memcpy(reset + 2, tcp + (back ? 0 : 2), 2);
	if (back) {
		memcpy(reset + 4, tcp + 8, 4); /* what the sender expects next (RFC 5961, 3) */
	} else {
		memcpy(reset + 4, tcp + 4, 8);
		reset[13] = TCP_ACK;
	}
	reset[12] = TCP_LEAST / 4 << 4;
	reset[13] |= TCP_RST;
	craft_checksum(ret, header, layout.ipv6, IPPROTO_TCP, 16, header + TCP_LEAST);
	return header + TCP_LEAST;
}

/* The size of the first question, its name included; 0 where it is none. */
static size_t question_size(const unsigned char *question, size_t n)
{
	size_t at = 0;

	while (at < n && question[at]) {
		if (question[at] > 63)
			return 0;
		at += question[at] + 1u;
	}
	at += 1 + DNS_QUESTION_REST;
	return at <= n && at <= 255 + DNS_QUESTION_REST ? at : 0;
}

size_t sq_craft_answer(const unsigned char *frame, size_t n, bool back, uint32_t code,
		       unsigned char *ret)
{
	const unsigned char *udp, *dns;
	size_t header, question, size;
	struct sq_layout layout;
	unsigned char *answer;

	if (!sq_layout_find(frame, n, &layout) || layout.fragment ||
	    layout.protocol != IPPROTO_UDP || n < layout.l4 + UDP_HLEN + DNS_HLEN)
		return 0;
	udp = frame + layout.l4;
	dns = udp + UDP_HLEN;
	question = question_size(dns + DNS_HLEN, n - layout.l4 - UDP_HLEN - DNS_HLEN);
	if (!question)
		return 0;
	size = UDP_HLEN + DNS_HLEN + question;
	header = craft_ip(frame + layout.l3, layout.ipv6, back, IPPROTO_UDP, size, ret);
	answer = ret + header;
	memset(answer, 0, UDP_HLEN + DNS_HLEN);
	memcpy(answer, udp + (back ? 2 : 0), 2);
	memcpy(answer + 2, udp + (back ? 0 : 2), 2);
	put16(answer + 4, (uint16_t)size);
	answer += UDP_HLEN;
	memcpy(answer, dns, 2);
	answer[2] = DNS_RESPONSE | (dns[2] & DNS_RECURSION_DESIRED);
	answer[3] = (unsigned char)(DNS_RECURSION_AVAILABLE | code);
	answer[5] = 1; /* one question */
	memcpy(answer + DNS_HLEN, dns + DNS_HLEN, question);
	craft_checksum(ret, header, layout.ipv6, IPPROTO_UDP, 6, header + size);
	return header + size;
}
