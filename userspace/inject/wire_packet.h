/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as bytes: where their headers are, their checksums, what a bad wire makes of them, and the
 * packets that are sent in their place. Frames begin with an Ethernet header.
 */
#ifndef SQ_INJECT_WIRE_PACKET_H
#define SQ_INJECT_WIRE_PACKET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sq_layout {
	size_t l3, l4; /* where the headers of IP and of the transport begin */
	uint8_t protocol; /* IPPROTO_*; behind IPv6's extension headers */
	bool fragment; /* a part of a packet */
	bool ipv6;
};

/* False: it is neither IPv4 nor IPv6, or cut off. */
bool sq_layout_find(const unsigned char *frame, size_t n, struct sq_layout *ret);

/* The Internet checksum (RFC 1071) of @n bytes, on top of @sum; as it is stored, not complemented. */
uint16_t sq_checksum(const void *data, size_t n, uint64_t sum);

/* Of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) for @n bytes of transport. */
uint16_t sq_pseudo_sum(const unsigned char *ip, bool ipv6, uint8_t protocol, size_t n);

/*
 * Computes the checksum that the sender left to the device, and says so in @header; nothing where it
 * is complete.
 */
void sq_finish_checksum(struct virtio_net_hdr *header, unsigned char *frame, size_t n);

/*
 * Turns one bit over, which @draw picks from the transport's header and what follows; its checksum
 * stays that of the packet before, as on a bad wire.
 */
void sq_corrupt(struct virtio_net_hdr *header, unsigned char *frame, size_t n, uint64_t draw);

#define SQ_CRAFTED 640 /* the most that the following make, in bytes */

/*
 * A reset of the frame's TCP connection as an IP packet: to the peer as if by the frame's sender, or
 * @back to the sender as if by the peer. Returns its size, 0 where there is nothing to reset.
 */
size_t sq_craft_reset(const unsigned char *frame, size_t n, bool back, unsigned char *ret);

/*
 * The answer with @code to the question of the DNS that the frame holds, as an IP packet: @back to the
 * frame's sender where that asks, else in the place of the answer that it is. 0 where it is neither.
 */
size_t sq_craft_answer(const unsigned char *frame, size_t n, bool back, uint32_t code,
		       unsigned char *ret);

#endif
