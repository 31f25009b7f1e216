/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads from a packet what the gate wants to know: who the peer is, which ports, which protocol.
 * bpf_skb_load_bytes() throughout: it works on paged and on cloned packets alike.
 */
#ifndef SQ_PACKET_H
#define SQ_PACKET_H

#include "gate.h"

#define ETH_HLEN 14
#define ETH_P_ARP 0x0806
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define VLAN_HLEN 4

#define IP_OFFSET_MASK 0x1fff

#define NEXTHDR_HOP 0
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_DEST 60
#define SQ_MAX_EXTENSIONS 4
#define SQ_MAX_VLANS 2 /* in the packet itself: of the device's own there is nothing to be seen */
#define SQ_TCP_OFFSET 12
#define SQ_UDP_HEADER 8

#define NDP_FIRST 133 /* router solicitation */
#define NDP_LAST 137 /* redirect */

#ifndef IPPROTO_ICMP
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#endif

struct sq_ipv4 {
	__u8 version_ihl, tos;
	__be16 total_length, id, fragment;
	__u8 ttl, protocol;
	__be16 check;
	__u8 source[4], destination[4];
};

struct sq_ipv6 {
	__be32 flow;
	__be16 payload_length;
	__u8 next_header, hop_limit;
	__u8 source[16], destination[16];
};

static __always_inline void sq_peer_ipv4(struct sq_event *event, const __u8 *address)
{
	__builtin_memset(event->peer, 0, 10);
	event->peer[10] = event->peer[11] = 0xff;
	__builtin_memcpy(event->peer + 12, address, 4);
	event->has_peer = 1;
}

static __always_inline void sq_peer_ipv6(struct sq_event *event, const __u8 *address)
{
	__builtin_memcpy(event->peer, address, 16);
	event->has_peer = 1;
}

/* The same connection gives the same number, whichever way the packet goes. */
static __always_inline void sq_flow(struct sq_event *event)
{
	__u64 high, low;

	__builtin_memcpy(&high, event->peer, 8);
	__builtin_memcpy(&low, event->peer + 8, 8);
	event->flow = sq_mix(
		high ^ sq_mix(low ^ sq_mix((__u64)event->protocol << 32 |
					   (__u32)event->peer_port << 16 | event->local_port)));
}

static __always_inline bool sq_is_dhcp(__u16 local, __u16 peer)
{
	return (local == 68 && peer == 67) || (local == 67 && peer == 68) ||
	       (local == 67 && peer == 67) || (local == 546 && peer == 547) ||
	       (local == 547 && peer == 546);
}

static __always_inline void sq_parse_transport(struct __sk_buff *skb, struct sq_event *event,
					       __u32 offset, __u8 protocol, bool first, bool egress)
{
	__be16 ports[2];

	if (protocol == IPPROTO_TCP)
		event->protocol = SQ_PROTO_TCP;
	else if (protocol == IPPROTO_UDP)
		event->protocol = SQ_PROTO_UDP;
	else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		event->protocol = SQ_PROTO_ICMP;
	event->ingress = !egress;
	if (first && protocol == IPPROTO_ICMPV6) {
		__u8 type = 0;

		bpf_skb_load_bytes(skb, offset, &type, sizeof(type));
		event->control = type >= NDP_FIRST && type <= NDP_LAST;
	}
	if (first && event->protocol & (SQ_PROTO_TCP | SQ_PROTO_UDP) &&
	    !bpf_skb_load_bytes(skb, offset, ports, sizeof(ports))) {
		event->peer_port = bpf_ntohs(ports[egress ? 1 : 0]);
		event->local_port = bpf_ntohs(ports[egress ? 0 : 1]);
		event->has_ports = 1;
	}
	event->transport = offset;
	event->headers = offset;
	if (event->has_ports && event->protocol == SQ_PROTO_TCP) {
		__u8 tcp[2] = { 0 }; /* how long the header is, in words, and the flags */

		bpf_skb_load_bytes(skb, offset + SQ_TCP_OFFSET, tcp, sizeof(tcp));
		event->headers += (tcp[0] >> 4) * 4;
		event->tcp_flags = tcp[1];
	} else if (event->has_ports) {
		event->headers += SQ_UDP_HEADER;
	}
	if (protocol == IPPROTO_UDP && event->has_ports)
		event->control = sq_is_dhcp(event->local_port, event->peer_port);
	sq_flow(event);
}

static __always_inline void sq_parse_ipv6(struct __sk_buff *skb, struct sq_event *event,
					  __u32 offset, bool egress)
{
	struct sq_ipv6 ip;
	bool first = true;
	__u8 next;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return;
	sq_peer_ipv6(event, egress ? ip.destination : ip.source);
	next = ip.next_header;
	offset += sizeof(ip);
	for (int i = 0; i < SQ_MAX_EXTENSIONS; i++) {
		__u8 header[4];

		if (next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_DEST &&
		    next != NEXTHDR_FRAGMENT)
			break;
		if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
			return;
		if (next == NEXTHDR_FRAGMENT) {
			first = !((header[2] << 8 | header[3]) & ~7);
			offset += 8;
		} else {
			offset += (header[1] + 1) * 8;
		}
		next = header[0];
		/* what follows in a later fragment is no header */
		if (!first)
			break;
	}
	sq_parse_transport(skb, event, offset, next, first, egress);
}

/* Fills in peer, ports, protocol and flow from the packet whose network header is at @offset. */
static __always_inline void sq_parse(struct __sk_buff *skb, struct sq_event *event, __u32 offset,
				     __be16 protocol, bool egress)
{
	struct sq_ipv4 ip;

	event->control = protocol == bpf_htons(ETH_P_ARP);
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		sq_parse_ipv6(skb, event, offset, egress);
		return;
	}
	if (protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return;
	sq_peer_ipv4(event, egress ? ip.destination : ip.source);
	sq_parse_transport(skb, event, offset + (ip.version_ihl & 15) * 4, ip.protocol,
			   !(ip.fragment & bpf_htons(IP_OFFSET_MASK)), egress);
}

#endif
