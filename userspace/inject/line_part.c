// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_part.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "inject/wire_packet.h"
#include "util/mem.h"

#define TCP_SEQUENCE 4
#define TCP_OFFSET 12
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define TCP_LEAST 20
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

/* Where the payload begins, or 0: the frame is one wire packet. */
static size_t payload_of(const struct sq_line_packet *packet, struct sq_layout *ret)
{
	size_t start;

	if (packet->header.gso_type == VIRTIO_NET_HDR_GSO_NONE || !packet->header.gso_size ||
	    !sq_layout_find(packet->frame, packet->n, ret) || ret->protocol != IPPROTO_TCP ||
	    packet->n < ret->l4 + TCP_LEAST)
		return 0;
	start = ret->l4 + (size_t)(packet->frame[ret->l4 + TCP_OFFSET] >> 4) * 4;
	/* a header that says it is shorter than it can be would end before its own checksum */
	return start >= ret->l4 + TCP_LEAST && start < packet->n ? start : 0;
}

size_t sq_line_segments(const struct sq_line_packet *packet)
{
	struct sq_layout layout;
	size_t payload = payload_of(packet, &layout), size = packet->header.gso_size;

	return payload ? (packet->n - payload + size - 1) / size : 1;
}

static void fix_ip(struct sq_line_packet *part, const struct sq_layout *layout, size_t first)
{
	unsigned char *ip = part->frame + layout->l3;
	uint16_t word;

	if (layout->ipv6) {
		word = htons((uint16_t)(part->n - layout->l4));
		memcpy(ip + 4, &word, 2);
		return;
	}
	word = htons((uint16_t)(part->n - layout->l3));
	memcpy(ip + 2, &word, 2);
	memcpy(&word, ip + 4, 2);
	word = htons((uint16_t)(ntohs(word) + first));
	memcpy(ip + 4, &word, 2);
	memset(ip + 10, 0, 2);
	word = (uint16_t)~sq_checksum(ip, layout->l4 - layout->l3, 0);
	memcpy(ip + 10, &word, 2);
}

static void fix_tcp(struct sq_line_packet *part, const struct sq_layout *layout, size_t moved,
		    bool last)
{
	unsigned char *tcp = part->frame + layout->l4;
	uint32_t sequence;
	uint16_t sum;

	memcpy(&sequence, tcp + TCP_SEQUENCE, 4);
	sequence = htonl((uint32_t)(ntohl(sequence) + moved));
	memcpy(tcp + TCP_SEQUENCE, &sequence, 4);
	if (!last)
		tcp[TCP_FLAGS] &= (unsigned char)~(TCP_FIN | TCP_PSH);
	if (moved)
		tcp[TCP_FLAGS] &= (unsigned char)~TCP_CWR;
	/* of a super packet the device computes the checksum: the field holds the pseudo header's */
	sum = sq_pseudo_sum(part->frame + layout->l3, layout->ipv6, IPPROTO_TCP,
			    part->n - layout->l4);
	memcpy(tcp + TCP_CHECKSUM, &sum, 2);
}

static struct sq_line_packet *copy_of(const struct sq_line_packet *packet)
{
	struct sq_line_packet *copy = sq_line_packet_new(packet->n);

	memcpy(copy, packet, sizeof(*packet) + packet->n);
	return copy;
}

struct sq_line_packet *sq_line_cut(const struct sq_line_packet *packet, size_t first, size_t n)
{
	struct sq_layout layout = { 0 };
	size_t payload = payload_of(packet, &layout), all = sq_line_segments(packet);
	size_t from = first * packet->header.gso_size, bytes = n * packet->header.gso_size;
	struct sq_line_packet *part;

	if (!payload || (first == 0 && n >= all))
		return copy_of(packet);
	bytes = MIN(bytes, packet->n - payload - from);
	part = sq_line_packet_new(payload + bytes);
	memcpy(part, packet, sizeof(*packet) + payload);
	part->n = payload + bytes;
	memcpy(part->frame + payload, packet->frame + payload + from, bytes);
	part->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	part->header.csum_start = (uint16_t)layout.l4;
	part->header.csum_offset = TCP_CHECKSUM;
	part->header.hdr_len = (uint16_t)payload;
	if (bytes <= packet->header.gso_size) {
		part->header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		part->header.gso_size = 0;
	}
	fix_ip(part, &layout, first);
	fix_tcp(part, &layout, from, first + n >= all);
	return part;
}

static bool has(uint64_t mask, size_t segment)
{
	return mask >> (segment % SQ_LINE_SEGMENTS) & 1;
}

/* How many wire packets from @at on go on together: nothing happens to them, or they are late. */
static size_t run_of(const struct sq_line_slot *slot, size_t first, size_t at, size_t all)
{
	uint64_t alone = slot->corrupted | slot->doubled;
	size_t n = 1;

	if (has(alone, first + at))
		return 1;
	while (at + n < all && !has(alone | slot->lost, first + at + n) &&
	       has(slot->late, first + at + n) == has(slot->late, first + at))
		n++;
	return n;
}

/* Adds the part whose first wire packet is @segment, after what happens to it, and its double. */
static void add_spoilt(struct sq_line_packet *part, const struct sq_line_slot *slot, size_t segment,
		       void (*add)(struct sq_line_packet *packet))
{
	struct sq_line_packet *twin = NULL;

	if (has(slot->corrupted, segment))
		sq_corrupt(&part->header, part->frame, part->n, slot->draw + segment);
	if (has(slot->late, segment)) {
		part->slot.delay_ns += slot->late_ns;
		part->slot.reorder = 1;
	}
	if (has(slot->doubled, segment)) {
		twin = copy_of(part);
		twin->slot.faults = 0;
	}
	add(part);
	if (twin)
		add(twin);
}

void sq_line_part(struct sq_line_packet *packet, size_t first,
		  void (*add)(struct sq_line_packet *packet))
{
	const struct sq_line_slot fates = packet->slot, *slot = &fates;
	size_t all = sq_line_segments(packet), n;
	bool counted = false;

	/* most are one wire packet, or fare as one: no need for another */
	if (!has(slot->lost, first) && run_of(slot, first, 0, all) == all) {
		add_spoilt(packet, &fates, first, add);
		return;
	}
	for (size_t at = 0; at < all; at += n) {
		struct sq_line_packet *part;

		n = 1;
		if (has(slot->lost, first + at))
			continue;
		n = run_of(slot, first, at, all);
		part = sq_line_cut(packet, at, n);
		if (counted) /* the delay of a packet is one */
			part->slot.faults = 0;
		counted = true;
		add_spoilt(part, &fates, first + at, add);
	}
	free(packet);
}
