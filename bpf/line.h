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
#define SQ_LEAST_WAIT_NS 100000ull /* of what only follows, in the line in the kernel */
#define SQ_APART_NS 4000ull /* so far apart is let go what waited for one before it */
#define SQ_APART_BEHIND_NS 20000ull /* and what only follows */
#define SQ_SILENT_NS 1000000000ull /* so long the line server may be silent: as the lease */
#define SQ_MAC 6
#define SQ_TC_NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: others in the chain go on */
#define SQ_NO_WAY (-2) /* nothing could bring it back */
#define SQ_NO_DEVICE 0 /* no device has it: bpf_redirect() frees the packet and reports success */

const volatile __weak __u32 sq_line_ifindex; /* the line's device, in every namespace; 0: none */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_LINE_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_line_slot);
} sq_line __weak SEC(".maps");

/* The end here of the private pair of devices of the line in the kernel; 0: there is none. */
const volatile __weak __u32 sq_private_ifindex;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_HELD);
	__type(key, __u32);
	__type(value, struct sq_held);
} sq_held __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_held_total);
} sq_held_total __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_line_shared);
} sq_line_shared __weak SEC(".maps");

/* What is known of a flow that has packets in the line. */
struct sq_followed {
	__u64 until_ns; /* so long its packets take the line, whether they are to wait or not */
	/* of the line in the kernel (CLOCK_MONOTONIC): when its last one is due, for jitter must not reorder, and came */
	__u64 due_ns, came_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SQ_FOLLOWED);
	__type(key, __u64);
	__type(value, struct sq_followed);
} sq_follow __weak SEC(".maps");

/* The two ways of a connection do not wait for each other. */
static __always_inline __u64 sq_line_flow(const struct sq_event *event)
{
	return event->ingress ? ~event->flow : event->flow;
}

/*
 * By the ring that the line server has mapped: no device in between, so no queue, nobody to be woken, and no system
 * call for each. 0: it does not go there. In skb.bpf.c.
 */
extern int sq_to_ring(struct __sk_buff *skb, const struct sq_decision *d, __u64 number);

/* Has the host's NAT changed where it goes, or comes from? In skb.bpf.c. */
extern int sq_is_translated(struct __sk_buff *skb);

static __always_inline struct sq_line_shared *sq_line_shared_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sq_line_shared, &zero);
}

/*
 * Somebody takes what goes to the line. What follows asks for no lease, and a flow that does not pause follows as long
 * as it goes on: without this it would be lost where nobody is left.
 */
static __always_inline bool sq_line_lives(const struct sq_decision *d)
{
	const struct sq_line_shared *shared = sq_line_shared_get();

	return shared && d->now < READ_ONCE(shared->alive_ns) + SQ_SILENT_NS;
}

static __always_inline struct sq_followed *sq_followed_of(const struct sq_decision *d)
{
	const __u64 flow = sq_line_flow(&d->event);

	return bpf_map_lookup_elem(&sq_follow, &flow);
}

/* The same, made where there is none; NULL: there is no memory. */
static __always_inline struct sq_followed *sq_followed_get(const struct sq_decision *d)
{
	const __u64 flow = sq_line_flow(&d->event);
	const struct sq_followed none = {};
	struct sq_followed *followed = sq_followed_of(d);

	if (followed)
		return followed;
	bpf_map_update_elem(&sq_follow, &flow, &none, BPF_NOEXIST);
	return sq_followed_of(d);
}

/* Has the flow packets in the line, which this one must not overtake? */
static __always_inline bool sq_follows(const struct sq_decision *d)
{
	const struct sq_followed *followed = sq_line_ifindex ? sq_followed_of(d) : NULL;

	return followed && d->now < READ_ONCE(followed->until_ns);
}

static __always_inline bool sq_needs_line(const struct sq_decision *d)
{
	/*
	 * Of a super packet a part is lost or doubled, and only the line can part it; and a copy that
	 * goes in by lo again has lost its route, without which nobody takes 127.0.0.1.
	 */
	return d->lined || d->lost || (d->doubled && (d->event.segments > 1 || d->event.ingress)) ||
	       sq_follows(d);
}

/* Has what comes behind it to wait? Not behind what its flow may overtake, or what will not arrive as it is. */
static __always_inline bool sq_holds_up(const struct sq_decision *d)
{
	bool alone = d->event.segments <= 1;

	return !d->apart && !d->fate && d->late != d->all &&
	       !(alone && d->corrupted && !d->delay_ns);
}

/* @wait is the packet's time in the line. */
static __always_inline void sq_let_follow(const struct sq_decision *d, struct sq_followed *followed,
					  __u64 wait)
{
	__u64 until = d->now + wait + SQ_FOLLOW_NS;

	if (followed && READ_ONCE(followed->until_ns) < until)
		WRITE_ONCE(followed->until_ns, until);
}

static __always_inline void sq_fill_slot(struct sq_line_slot *slot, const struct __sk_buff *skb,
					 const struct sq_decision *d, bool l3)
{
	slot->seen_ns = d->now;
	slot->delay_ns = d->delay_ns;
	slot->faults = d->delayed;
	slot->flow = sq_line_flow(&d->event);
	slot->ifindex = skb->ifindex;
	slot->mark = skb->mark;
	slot->priority = skb->priority;
	slot->reorder = d->reorder;
	slot->l3 = l3;
	slot->ingress = d->event.ingress;
	slot->lost = d->lost;
	slot->corrupted = d->corrupted;
	slot->doubled = d->doubled;
	slot->late = d->late;
	slot->late_ns = d->late_ns;
	slot->draw = d->draw;
	slot->segments = d->event.segments;
	slot->fate = d->fate;
	slot->answer = d->answer;
	slot->fated = d->fated;
}

/*
 * Puts the packet's number in the place of the Ethernet destination, which goes to @dst_mac. A device
 * without a link-layer header has none: one is made.
 */
static __always_inline bool sq_put_number(struct __sk_buff *skb, __u32 number, bool l3,
					  __u8 *dst_mac)
{
	struct {
		__be32 number;
		__be16 magic;
		__u8 source[6];
		__be16 protocol;
	} header = { .number = bpf_htonl(number), .magic = bpf_htons(SQ_LINE_MAGIC) };

	if (l3) {
		header.protocol = skb->protocol;
		return !bpf_skb_change_head(skb, ETH_HLEN, 0) &&
		       !bpf_skb_store_bytes(skb, 0, &header, ETH_HLEN, 0);
	}
	return !bpf_skb_load_bytes(skb, 0, dst_mac, SQ_MAC) &&
	       !bpf_skb_store_bytes(skb, 0, &header, SQ_MAC, 0);
}

/*
 * To lo the IP stack alone finds the way back. What is of another protocol has none, and what was translated on its way
 * here would be so again, as another connection's.
 */
static __always_inline bool sq_may_return(struct __sk_buff *skb)
{
	return skb->ifindex != SQ_LO ||
	       ((skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6)) &&
		!sq_is_translated(skb));
}

/*
 * Hands the packet to the delay line: what the line must know goes into a slot, whose number goes with
 * the packet, or both into the ring.
 */
static __always_inline int sq_to_line(struct __sk_buff *skb, const struct sq_decision *d, bool l3)
{
	struct sq_line_shared *shared = sq_line_shared_get();
	struct sq_line_slot *slot;
	__u64 number;
	__u32 index;

	if (!sq_line_ifindex || !shared || !sq_line_lives(d))
		return -1;
	if (!sq_may_return(skb))
		return SQ_NO_WAY;
	number = __sync_fetch_and_add(&shared->next, 1);
	if (!l3 && sq_to_ring(skb, d, number)) {
		if (sq_holds_up(d))
			sq_let_follow(d, sq_followed_get(d), d->delay_ns);
		return bpf_redirect(SQ_NO_DEVICE, 0);
	}
	index = number & (SQ_LINE_SLOTS - 1);
	slot = bpf_map_lookup_elem(&sq_line, &index);
	if (!slot)
		return -1;
	/* before the rest, for whoever reads the slot at this moment: an exchange is a barrier */
	__sync_lock_test_and_set(&slot->number, number);
	sq_fill_slot(slot, skb, d, l3);
	if (!sq_put_number(skb, (__u32)number, l3, slot->dst_mac))
		return -1;
	if (sq_holds_up(d))
		sq_let_follow(d, sq_followed_get(d), d->delay_ns);
	return bpf_redirect(sq_line_ifindex, 0);
}

/*
 * By fq's clock, which stands still in suspend: converted anew for each packet, equal times would differ by what
 * it takes to read the two clocks, and fq puts what is due first before the rest of its flow. What only follows
 * is never due at once: since 6.7 that would go past what fq has not let go yet.
 *
 * What has waited for one packet does not come all at once, since queues behind hold a thousand; but twice as fast as it
 * was sent at the least, so that it catches up.
 */
static __always_inline __u64 sq_due(const struct sq_decision *d, __u64 now,
				    const struct sq_followed *followed)
{
	__u64 due = now + (d->delayed ? d->delay_ns : SQ_LEAST_WAIT_NS);
	__u64 most = d->delayed ? SQ_APART_NS : SQ_APART_BEHIND_NS, apart, last;

	if (!followed)
		return due;
	last = READ_ONCE(followed->due_ns);
	if (last < due)
		return due;
	apart = (now - READ_ONCE(followed->came_ns)) / 2;
	return last + (apart < most ? apart : most);
}

/* The entry is nobody's any more. */
static __always_inline void sq_let_go(struct sq_held *held, struct sq_held_total *total)
{
	__sync_fetch_and_add(&total->packets, -1);
	if (held->faults)
		__sync_fetch_and_add(&total->delayed, -1);
	__sync_fetch_and_add(&total->bytes, -(__u64)held->bytes);
}

/* Takes an entry for the packet, until @due; NULL: there is no room. */
static __always_inline struct sq_held *sq_hold(struct __sk_buff *skb, const struct sq_decision *d,
					       __u32 index, struct sq_held_total *total, __u64 now,
					       __u64 due)
{
	struct sq_held *held = bpf_map_lookup_elem(&sq_held, &index);
	__u64 taken;

	if (!held || READ_ONCE(total->bytes) + skb->len > SQ_LINE_BYTES)
		return NULL;
	taken = READ_ONCE(held->taken);
	if (taken >= now ||
	    __sync_val_compare_and_swap(&held->taken, taken, due + SQ_HELD_LOST_NS) != taken)
		return NULL;
	if (taken) {
		sq_let_go(held, total);
		__sync_fetch_and_add(&total->lost, 1);
	}
	held->seen_ns = d->now;
	held->faults = d->delayed;
	held->hash = bpf_get_hash_recalc(skb);
	held->ifindex = skb->ifindex;
	held->mark = skb->mark;
	held->priority = skb->priority;
	held->bytes = skb->len;
	held->guards = skb->tc_index;
	held->ingress = d->event.ingress;
	__sync_fetch_and_add(&total->packets, 1);
	if (held->faults)
		__sync_fetch_and_add(&total->delayed, 1);
	__sync_fetch_and_add(&total->bytes, skb->len);
	return held;
}

/* Of all times the one that bpf_redirect() leaves as it is; 0 takes it off again. */
static __always_inline void sq_wait_until(struct __sk_buff *skb, __u64 ns)
{
	bpf_skb_set_tstamp(skb, ns, ns ? BPF_SKB_TSTAMP_DELIVERY_MONO : BPF_SKB_TSTAMP_UNSPEC);
}

/*
 * Hands the packet to the line in the kernel. One that leaves belongs to its socket, and so does one that comes in from
 * the same machine; while it waits TCP would send that one no more (TCP Small Queues): a copy goes there that belongs to
 * nobody.
 */
static __always_inline int sq_to_private(struct __sk_buff *skb, const struct sq_decision *d,
					 bool l3)
{
	struct sq_line_shared *shared = sq_line_shared_get();
	__u32 zero = 0, index;
	struct sq_held_total *total = bpf_map_lookup_elem(&sq_held_total, &zero);
	struct sq_followed *followed = d->reorder ? NULL : sq_followed_get(d);
	__u64 now = bpf_ktime_get_ns(), due = sq_due(d, now, followed);
	struct sq_held *held;

	if (!total || !shared)
		return -1;
	index = __sync_fetch_and_add(&shared->next, 1) & (SQ_HELD - 1);
	held = sq_hold(skb, d, index, total, now, due);
	if (!held)
		return -1;
	if (followed) {
		WRITE_ONCE(followed->due_ns, due);
		WRITE_ONCE(followed->came_ns, now);
	}
	if (sq_holds_up(d))
		sq_let_follow(d, followed, due - now);
	/* the pair has a link-layer header, of which nothing is read but the protocol */
	if (!l3 || sq_put_number(skb, index, l3, NULL)) {
		sq_wait_until(skb, due);
		skb->tc_index = index;
		skb->priority = 0; /* what is TC_PRIO_CONTROL fq lets pass at once (before 6.7) */
		/* the copy tells whether the pair is still there */
		if (d->event.ingress && !skb->sk && sq_line_lives(d))
			return bpf_redirect(sq_private_ifindex, 0);
		if (!bpf_clone_redirect(skb, sq_private_ifindex, 0))
			return bpf_redirect(SQ_NO_DEVICE, 0);
		sq_wait_until(skb, 0);
		skb->tc_index = held->guards;
		skb->priority = held->priority;
	}
	sq_let_go(held, total);
	WRITE_ONCE(held->taken, 0);
	if (!l3) /* the device is gone: the packet goes on as it was */
		return -1;
	/* and one that may have been given a header cannot */
	__sync_fetch_and_add(&total->lost, 1);
	return bpf_redirect(SQ_NO_DEVICE, 0);
}

/*
 * The line in the kernel, where there is one, holds all that is no more than late, on all devices but lo,
 * where a packet needs a route, and in tags of a VLAN, behind which fq is told no time.
 */
static __always_inline bool sq_is_private(const struct __sk_buff *skb)
{
	return sq_private_ifindex && skb->ifindex != SQ_LO &&
	       (skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6));
}

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

/*
 * How many bytes and how many wire packets it is. Only the line can part a super packet. One that came
 * in has its headers once, and of one that another machine's kernel made nobody has counted the parts.
 */
static __always_inline void sq_measure(struct __sk_buff *skb, struct sq_event *event)
{
	__u32 segments = skb->gso_segs, size = skb->gso_size, headers = event->headers;

	event->size = skb->wire_len;
	if (event->ingress && size && skb->len > headers) {
		if (!segments)
			segments = (skb->len - headers + size - 1) / size;
		event->size = skb->len + (segments - 1) * headers;
	}
	if (sq_line_ifindex && segments > 1)
		event->segments = segments < SQ_LINE_SEGMENTS ? segments : SQ_LINE_SEGMENTS;
}

/* Other programs of the chain that end it would clear the guard, but for what stands here. */
static __always_inline void sq_guard_set(struct __sk_buff *skb, __u32 guard)
{
	skb->tc_index |= guard;
	skb->tc_classid = skb->tc_index;
}

/* What was decided. */
static __always_inline int sq_do(struct __sk_buff *skb, const struct sq_decision *d, bool l3)
{
	if (sq_is_lost(d)) {
		sq_take_back(d, d->lined | d->copying, SQ_MISSED_LOST);
		return bpf_redirect(SQ_NO_DEVICE, 0);
	}
	if (sq_needs_line(d)) {
		int verdict = sq_is_private(skb) ? sq_to_private(skb, d, l3)
						 : sq_to_line(skb, d, l3);

		if (verdict >= 0)
			return verdict;
		sq_take_back(d, d->lined | d->copying,
			     verdict == SQ_NO_WAY ? SQ_MISSED_UNCOVERED : SQ_MISSED_ROOM);
	} else if (d->doubled && bpf_clone_redirect(skb, skb->ifindex, 0)) {
		/* the copy bears the guard: nobody doubles it again */
		sq_take_back(d, d->copying, SQ_MISSED_ROOM);
	}
	return SQ_TC_NEXT;
}

#endif
