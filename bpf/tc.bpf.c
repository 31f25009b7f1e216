// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that leave: whatever can happen to one on its way.
 *
 * Hooks: tcx egress (6.6 and later) or the egress of clsact (before), on every device of the
 * target's network namespaces. Least kernel: 6.1.
 */
#include "dns_name.h"
#include "line.h"

#define TC_NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: others in the chain go on */
#define NO_DEVICE 0 /* no device has it: bpf_redirect() frees the packet and reports success */

const volatile __u16 sq_guard; /* this run's bit in tc_index */

/* Where the network's header is, and by which protocol: behind up to two tags of a VLAN. */
static __always_inline __u32 sq_network(struct __sk_buff *skb, bool l3, __be16 *protocol)
{
	__u32 offset = l3 ? 0 : ETH_HLEN;

	for (int i = 0; i < SQ_MAX_VLANS && !l3; i++) {
		if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (bpf_skb_load_bytes(skb, offset + 2, protocol, sizeof(*protocol)))
			break;
		offset += VLAN_HLEN;
	}
	return offset;
}

static __always_inline int sq_do(struct __sk_buff *skb, const struct sq_decision *d, bool l3)
{
	if (sq_is_lost(d)) {
		sq_take_back(d, d->lined | d->copying, SQ_MISSED_LOST);
		return bpf_redirect(NO_DEVICE, 0);
	}
	if (sq_needs_line(d)) {
		int verdict = sq_to_line(skb, d, l3);

		if (verdict >= 0)
			return verdict;
		sq_take_back(d, d->lined | d->copying, SQ_MISSED_ROOM);
	} else if (d->doubled && bpf_clone_redirect(skb, skb->ifindex, 0)) {
		/* the copy bears the guard: nobody doubles it again */
		sq_take_back(d, d->copying, SQ_MISSED_ROOM);
	}
	return TC_NEXT;
}

static __always_inline int sq_egress(struct __sk_buff *skb, bool l3)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	__be16 protocol = skb->protocol;
	__u32 offset;

	/* A packet is decided once, on the first device it meets. */
	if (skb->tc_index & sq_guard)
		return TC_NEXT;
	if (!sq_scope_of_skb(&d.event, skb, SQ_HOOK_EGRESS))
		return TC_NEXT;
	skb->tc_index |= sq_guard;

	offset = sq_network(skb, l3, &protocol);
	d.event.size = skb->wire_len;
	/* only the line can part a super packet */
	if (sq_line_ifindex && skb->gso_segs > 1)
		d.event.segments = skb->gso_segs < SQ_LINE_SEGMENTS ? skb->gso_segs
								    : SQ_LINE_SEGMENTS;
	sq_parse(skb, &d.event, offset, protocol, true);
	if (d.event.faults & sq_name_faults)
		sq_look_at_name(skb, &d.event);
	sq_decide(&d);
	return sq_do(skb, &d, l3);
}

SEC("tc")
int sq_tc_egress(struct __sk_buff *skb)
{
	return sq_egress(skb, false);
}

/* Tunnels and other devices without a link-layer header. */
SEC("tc")
int sq_tc_egress_l3(struct __sk_buff *skb)
{
	return sq_egress(skb, true);
}

char LICENSE[] SEC("license") = "GPL";
