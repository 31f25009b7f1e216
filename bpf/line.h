/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to the delay line: what must wait, what is to become another packet, and what follows such
 * a packet of its own flow, because it must not overtake it.
 */
#ifndef SQ_LINE_H
#define SQ_LINE_H

#include "packet.h"

#define SQ_FOLLOW_NS 5000000ull /* what the line may take besides */
#define SQ_FOLLOWED 16384 /* flows; the one that was followed longest ago is forgotten */

const volatile __u32 sq_line_ifindex; /* the line's device, in every namespace; 0: none */

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

/* Until when the packets of a flow take the line, whether they are to wait or not. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SQ_FOLLOWED);
	__type(key, __u64);
	__type(value, __u64);
} sq_follow SEC(".maps");

/* Has the flow packets in the line, which this one must not overtake? */
static __always_inline bool sq_follows(const struct sq_decision *d)
{
	const __u64 flow = d->event.flow, *until;

	if (!sq_line_ifindex)
		return false;
	until = bpf_map_lookup_elem(&sq_follow, &flow);
	return until && d->now < READ_ONCE(*until);
}

static __always_inline bool sq_needs_line(const struct sq_decision *d)
{
	/* of a super packet a part is lost or doubled, and only the line can part it */
	return d->lined || d->lost || (d->doubled && d->event.segments > 1) || sq_follows(d);
}

static __always_inline void sq_let_follow(const struct sq_decision *d)
{
	__u64 flow = d->event.flow, until = d->now + d->delay_ns + SQ_FOLLOW_NS, *seen;
	bool alone = d->event.segments <= 1;

	/* behind what its flow may overtake, or what will not arrive as it is, nothing has to wait */
	if (d->apart || d->fate || d->late == d->all || (alone && d->corrupted && !d->delay_ns))
		return;
	seen = bpf_map_lookup_elem(&sq_follow, &flow);
	if (!seen)
		bpf_map_update_elem(&sq_follow, &flow, &until, BPF_ANY);
	else if (*seen < until)
		WRITE_ONCE(*seen, until);
}

static __always_inline void sq_fill_slot(struct sq_line_slot *slot, const struct __sk_buff *skb,
					 const struct sq_decision *d, bool l3)
{
	slot->seen_ns = d->now;
	slot->delay_ns = d->delay_ns;
	slot->faults = d->delayed;
	slot->flow = d->event.flow;
	slot->ifindex = skb->ifindex;
	slot->mark = skb->mark;
	slot->priority = skb->priority;
	slot->reorder = d->reorder;
	slot->l3 = l3;
	slot->lost = d->lost;
	slot->corrupted = d->corrupted;
	slot->doubled = d->doubled;
	slot->late = d->late;
	slot->late_ns = d->late_ns;
	slot->draw = d->draw;
	slot->segments = d->event.segments;
	slot->fate = d->fate;
	slot->answer = d->answer;
}

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
	sq_fill_slot(slot, skb, d, l3);

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
	sq_let_follow(d);
	return bpf_redirect(sq_line_ifindex, 0);
}

#endif
