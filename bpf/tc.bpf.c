// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that leave: loss and delay.
 *
 * Hooks: tcx egress (6.6 and later) or the egress of clsact (before), on every device of the
 * target's network namespaces. Least kernel: 6.1.
 */
#include "packet.h"

#define TC_NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: others in the chain go on */
#define NO_DEVICE 0 /* no device has it: bpf_redirect() frees the packet and reports success */

const volatile __u32 sq_line_ifindex; /* the delay line's device, in every namespace; 0: none */
const volatile __u16 sq_guard; /* this run's bit in tc_index */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_LINE_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_line_slot);
} sq_line SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sq_line_next SEC(".maps");

/*
 * Hands the packet to the delay line: what the line must know goes into a slot, the packet's
 * number takes the place of the Ethernet destination, which the line puts back. On a device without a
 * link-layer header one is made.
 */
static __always_inline int sq_to_line(struct __sk_buff *skb, const struct sq_decision *d, bool l3)
{
	__u32 zero = 0, index;
	__u64 *next = bpf_map_lookup_elem(&sq_line_next, &zero);
	struct {
		__be32 number;
		__be16 magic;
		__u8 source[6];
		__be16 protocol;
	} header = {};
	struct sq_line_slot *slot;
	__u64 number;

	if (!next || !sq_line_ifindex)
		return -1;
	number = __sync_fetch_and_add(next, 1);
	index = number & (SQ_LINE_SLOTS - 1);
	slot = bpf_map_lookup_elem(&sq_line, &index);
	if (!slot)
		return -1;
	/* before the rest, for whoever reads the slot at this moment: an exchange is a barrier */
	__sync_lock_test_and_set(&slot->number, number);
	slot->seen_ns = d->now;
	slot->delay_ns = d->delay_ns;
	slot->faults = d->delayed;
	slot->flow = d->event.flow;
	slot->ifindex = skb->ifindex;
	slot->mark = skb->mark;
	slot->priority = skb->priority;
	slot->reorder = d->reorder;
	slot->l3 = l3;

	header.number = bpf_htonl((__u32)number);
	header.magic = bpf_htons(SQ_LINE_MAGIC);
	if (l3) {
		header.protocol = skb->protocol;
		if (bpf_skb_change_head(skb, ETH_HLEN, 0) ||
		    bpf_skb_store_bytes(skb, 0, &header, ETH_HLEN, 0))
			return -1;
	} else {
		if (bpf_skb_load_bytes(skb, 0, slot->dst_mac, sizeof(slot->dst_mac)) ||
		    bpf_skb_store_bytes(skb, 0, &header, sizeof(slot->dst_mac), 0))
			return -1;
	}
	return bpf_redirect(sq_line_ifindex, 0);
}

static __always_inline int sq_egress(struct __sk_buff *skb, bool l3)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	__be16 protocol = skb->protocol;
	__u32 offset = l3 ? 0 : ETH_HLEN;
	int verdict;

	/* A packet is decided once, on the first device it meets. */
	if (skb->tc_index & sq_guard)
		return TC_NEXT;
	if (!sq_scope_of_skb(&d.event, skb, SQ_HOOK_EGRESS))
		return TC_NEXT;
	skb->tc_index |= sq_guard;

	if (!l3 && (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD))) {
		if (bpf_skb_load_bytes(skb, offset + 2, &protocol, sizeof(protocol)))
			return TC_NEXT;
		offset += VLAN_HLEN;
	}
	sq_parse(skb, &d.event, offset, protocol, true);
	sq_decide(&d);
	if (d.drop)
		verdict = bpf_redirect(NO_DEVICE, 0);
	else if (d.delay_ns)
		verdict = sq_to_line(skb, &d, l3);
	else
		return TC_NEXT;
	if (d.drop || verdict < 0)
		sq_take_back(&d, d.drop ? SQ_MISSED_LOST : SQ_MISSED_ROOM);
	return verdict < 0 ? TC_NEXT : verdict;
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
