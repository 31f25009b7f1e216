// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that arrive: loss, of what tc_ingress.bpf.c has not decided on: ICMP, fragments, what a NAT rule
 * sends elsewhere, and everything where there is no delay line.
 *
 * Hook: cgroup_skb ingress of each target cgroup. The packet already has its socket, so the
 * target is exact, and the peer sees what a lossy wire makes: nothing. Sockets that were handed over
 * belong to other cgroups, so their program hangs on the root, once. Least kernel: 6.1.
 */
#include "packet.h"

#define DROP 0
#define PASS 1

static __always_inline int sq_lose(struct __sk_buff *skb, struct sq_decision *d)
{
	/* what tc decided where the packet came in, which may part a super packet */
	if (skb->tc_index & sq_guard_in)
		d->event.faults &= ~sq_hook_faults[SQ_HOOK_TC_INGRESS];
	if (!d->event.faults)
		return PASS;
	sq_parse(skb, &d->event, 0, skb->protocol, false);
	sq_decide(d);
	return sq_is_lost(d) ? DROP : PASS;
}

SEC("cgroup_skb/ingress")
int sq_ingress(struct __sk_buff *skb)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	struct sq_control *control = sq_control_get();

	if (!control || (READ_ONCE(control->handed) && sq_is_handed(skb, &d.event)))
		return PASS;
	if (!sq_scope_of_skb(&d.event, skb, SQ_HOOK_INGRESS))
		return PASS;
	return sq_lose(skb, &d);
}

SEC("cgroup_skb/ingress")
int sq_handed_in(struct __sk_buff *skb)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };

	if (!sq_is_handed(skb, &d.event))
		return PASS;
	d.event.faults &= sq_hook_faults[SQ_HOOK_INGRESS];
	return sq_lose(skb, &d);
}

char LICENSE[] SEC("license") = "GPL";
