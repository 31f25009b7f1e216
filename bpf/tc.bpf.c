// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that leave: whatever can happen to one on its way.
 *
 * Hooks: tcx egress (6.6 and later) or the egress of clsact (before), on every device of the
 * target's network namespaces. Least kernel: 6.1.
 */
#include "dns_name.h"
#include "line.h"

/* What the host's NAT has translated is to the peer, and of the connection, that the socket knows. In skb.bpf.c. */
extern int sq_undo_translation(struct __sk_buff *skb, struct sq_event *event);

/* What the line sends to lo and has held when it came in is not to be held there again. */
static __always_inline void sq_pass_own(struct __sk_buff *skb, const struct sq_event *event)
{
	if (!(event->scope_flags & SQ_SCOPE_SELF) || skb->priority != SQ_BACK_PRIORITY)
		return;
	sq_guard_set(skb, sq_guard_in);
	skb->priority = 0;
}

static __always_inline int sq_egress(struct __sk_buff *skb, bool l3)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	__be16 protocol = skb->protocol;
	__u32 offset;

	/* A packet is decided once, on the first device it meets. */
	if (skb->tc_index & sq_guard) {
		sq_guard_set(skb, 0);
		return SQ_TC_NEXT;
	}
	if (!sq_scope_of_packet(&d.event, skb, SQ_HOOK_EGRESS)) {
		sq_pass_own(skb, &d.event);
		return SQ_TC_NEXT;
	}
	sq_guard_set(skb, sq_guard);

	offset = sq_network(skb, l3, &protocol);
	sq_parse(skb, &d.event, offset, protocol, true);
	sq_undo_translation(skb, &d.event);
	sq_measure(skb, &d.event);
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
