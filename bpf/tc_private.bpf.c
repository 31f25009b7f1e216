// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line in the kernel: a pair of devices, one end where the target is, the other in a network
 * namespace of squall's own. What the gate sends to the first waits in that one's fq for the time that it was
 * told, comes out of the other and turns round there.
 *
 * Hooks: tcx ingress (6.6 and later) or the ingress of clsact (before), on both ends.
 */
#include "histogram.h"
#include "line.h"

#define PACKET_HOST 0

/* What is known of the packet; NULL: it is not the gate's, or was taken for lost. */
static __always_inline struct sq_held *sq_held_of(const struct __sk_buff *skb)
{
	__u32 index = skb->tc_index;
	struct sq_held *held = bpf_map_lookup_elem(&sq_held, &index);

	return held && held->hash == skb->hash && READ_ONCE(held->taken) ? held : NULL;
}

/* On the far end: in by the near one, without a queue between them. */
SEC("tc")
int sq_tc_turn(struct __sk_buff *skb)
{
	return bpf_redirect_peer(skb->ifindex, 0);
}

/* On the near end: to the device that the packet left, or came by. */
SEC("tc")
int sq_tc_release(struct __sk_buff *skb)
{
	struct sq_held *held = sq_held_of(skb);
	__u32 zero = 0, ifindex, ingress;
	struct sq_held_total *total = bpf_map_lookup_elem(&sq_held_total, &zero);

	if (!held || !total)
		return bpf_redirect(SQ_NO_DEVICE, 0);
	sq_wait_until(skb, 0);
	bpf_skb_change_type(skb, PACKET_HOST);
	skb->mark = held->mark;
	skb->priority = held->priority;
	ifindex = held->ifindex;
	ingress = held->ingress;
	skb->tc_index = held->guards;
	sq_hist_add(held->faults, bpf_ktime_get_boot_ns() - held->seen_ns, 0);
	sq_let_go(held, total);
	WRITE_ONCE(held->taken, 0);
	return bpf_redirect(ifindex, ingress ? BPF_F_INGRESS : 0);
}

char LICENSE[] SEC("license") = "GPL";
