// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that arrive: all that can happen to one on its way. What is not found here and only to be lost
 * is met once more behind (cgroup_skb.bpf.c).
 *
 * The packet has no socket yet, so the one that will get it is looked up, as the stack will do it,
 * and its cgroup is the scope. What is looked up and not found passes.
 *
 * Hooks: tcx ingress (6.6 and later) or the ingress of clsact (before), on every device of the
 * target's network namespaces, and on the line's own. Least kernel: 6.1.
 */
#include "dns_name.h"
#include "line.h"

#define PACKET_HOST 0
#define AF_INET 2
#define AF_INET6 10
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24
#define SQ_STRANGERS 8192

extern void *bpf_rdonly_cast(const void *obj__ign, __u32 btf_id__k) __ksym __weak; /* 6.2 */

/*
 * Who a moment ago had a packet that concerns no fault: to look up the socket of each of a neighbour's packets costs
 * more than all else that is done for it. A word stands for a connection, on a device, in this tick.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_STRANGERS);
	__type(key, __u32);
	__type(value, __u64);
} sq_strangers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_LINE_BACKS);
	__type(key, __u32);
	__type(value, struct sq_line_back);
} sq_line_back SEC(".maps");

/*
 * The packet's word, of TCP and UDP without options, where the kernel tells its network namespace; else 0. In
 * skb.bpf.c.
 */
extern __u64 sq_word_of(struct __sk_buff *skb, __u32 offset, __u32 protocol);

/* Will a device above this one have it: a bridge, a bond, a VLAN? In skb.bpf.c. */
extern int sq_goes_up(struct __sk_buff *skb);

/* The receiver's address and ports, for the look-up. Its size, or 0: it is no packet for a socket. */
static __always_inline __u32 sq_tuple(struct __sk_buff *skb, const struct sq_event *event,
				      __u32 offset, __be16 protocol, struct bpf_sock_tuple *tuple)
{
	if (!event->has_ports)
		return 0;
	if (protocol == bpf_htons(ETH_P_IP)) {
		__builtin_memcpy(&tuple->ipv4.saddr, event->peer + 12, 4);
		tuple->ipv4.sport = bpf_htons(event->peer_port);
		tuple->ipv4.dport = bpf_htons(event->local_port);
		if (bpf_skb_load_bytes(skb, offset + IPV4_DESTINATION, &tuple->ipv4.daddr, 4))
			return 0;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, event->peer, 16);
	tuple->ipv6.sport = bpf_htons(event->peer_port);
	tuple->ipv6.dport = bpf_htons(event->local_port);
	if (bpf_skb_load_bytes(skb, offset + IPV6_DESTINATION, tuple->ipv6.daddr, 16))
		return 0;
	return sizeof(tuple->ipv6);
}

static __always_inline bool sq_is_bound(const struct bpf_sock *sk)
{
	if (sk->family == AF_INET)
		return sk->src_ip4;
	return sk->src_ip6[0] | sk->src_ip6[1] | sk->src_ip6[2] | sk->src_ip6[3];
}

/* A socket that listens on every address must not take for its own what the host only forwards. */
static __always_inline bool sq_is_forwarded(struct __sk_buff *skb, __u32 size,
					    const struct bpf_sock_tuple *tuple)
{
	struct bpf_fib_lookup fib = { .ifindex = skb->ifindex };
	long r;

	if (size == sizeof(tuple->ipv4)) {
		fib.family = AF_INET;
		fib.ipv4_src = tuple->ipv4.saddr;
		fib.ipv4_dst = tuple->ipv4.daddr;
	} else {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_src, tuple->ipv6.saddr, 16);
		__builtin_memcpy(fib.ipv6_dst, tuple->ipv6.daddr, 16);
	}
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       r == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* As a plain number, since the verifier lets nobody look behind the other kind. */
static __always_inline const struct sock *sq_as_address(struct bpf_sock *found)
{
	const struct sock *sk = NULL;

	bpf_probe_read_kernel(&sk, sizeof(sk), &found);
	return sk;
}

/* Its cgroup, and that one's id; read in place where that can be, since each call of a helper costs as much. */
static __always_inline struct cgroup *sq_cgroup_of_sock(struct bpf_sock *found, __u64 *ret_id)
{
	const struct sock *sk;
	struct cgroup *cgroup;

	if (sq_kernel_has(bpf_rdonly_cast)) {
		sk = bpf_rdonly_cast(found, bpf_core_type_id_kernel(struct sock));
		cgroup = sk->sk_cgrp_data.cgroup;
		*ret_id = cgroup->kn->id;
		return cgroup;
	}
	sk = sq_as_address(found);
	cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	*ret_id = BPF_CORE_READ(cgroup, kn, id);
	return cgroup;
}

/*
 * The scope of a socket that was looked up. tc programs may not call bpf_sk_ancestor_cgroup_id(), so
 * its ancestors are read.
 */
static __always_inline bool sq_scope_of_sock(struct sq_event *event, struct bpf_sock *found)
{
	__u64 own;
	struct cgroup *cgroup = sq_cgroup_of_sock(found, &own);
	struct sq_control *control = sq_control_get();

	if (!control || !cgroup)
		return false;
	if (!READ_ONCE(control->handed) || !sq_scope_of_handed(event, found))
		sq_scope_of_cgroup(event, control, cgroup, own);
	event->faults &= sq_hook_faults[SQ_HOOK_TC_INGRESS];
	return event->faults && !(event->scope_flags & SQ_SCOPE_SELF);
}

/*
 * Whose packet is it? 1 where a fault may concern the receiver. A global function, so that what it
 * needs on the stack is not there any more when the gate is asked: together it is too much for 6.1.
 */
__weak __noinline int sq_find_receiver(struct __sk_buff *skb, struct sq_event *event, __u32 offset,
				       __u32 protocol)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	bool found, bound;
	__u32 size;

	if (!event)
		return 0;
	size = sq_tuple(skb, event, offset, protocol, &tuple);
	if (!size)
		return 0;
	if (event->protocol == SQ_PROTO_TCP)
		sk = bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	found = sq_scope_of_sock(event, sk);
	bound = sq_is_bound(sk);
	/* the end of a handshake finds who listens: there is no connection that could be reset */
	if (sk->state == BPF_TCP_LISTEN)
		event->tcp_flags |= SQ_TCP_SYN;
	bpf_sk_release(sk);
	return found && (bound || !sq_is_forwarded(skb, size, &tuple));
}

static __always_inline void sq_count_fragment(void)
{
	struct sq_line_shared *shared = sq_line_shared_get();

	if (shared)
		__sync_fetch_and_add(&shared->fragments, 1);
}

static __always_inline int sq_come_in(struct __sk_buff *skb, bool l3)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	__be16 protocol = skb->protocol;
	__u64 word, *stranger;
	__u32 offset, slot;
	bool refused;

	if (skb->tc_index & sq_guard_in) {
		sq_guard_set(skb, 0);
		return SQ_TC_NEXT;
	}
	/* what is for a group is for each of its sockets, of which one alone would be found */
	if (skb->pkt_type != PACKET_HOST)
		return SQ_TC_NEXT;
	offset = sq_network(skb, l3, &protocol);
	word = sq_word_of(skb, offset, protocol);
	slot = word & (SQ_STRANGERS - 1);
	stranger = bpf_map_lookup_elem(&sq_strangers, &slot);
	if (!stranger || (word && READ_ONCE(*stranger) == word))
		return SQ_TC_NEXT;
	/* no socket has it from here, and one that is bound to the device above is only found there */
	if (sq_goes_up(skb)) {
		WRITE_ONCE(*stranger, word);
		return SQ_TC_NEXT;
	}
	d.now = bpf_ktime_get_boot_ns();
	refused = sq_refusal(d.now, 0) >= 0;
	if (refused && !sq_line_ifindex)
		return SQ_TC_NEXT;
	sq_parse(skb, &d.event, offset, protocol, false);
	/* before all that costs: outside of the run's time only what is still held of its flow makes it wait */
	if (refused && !sq_follows(&d))
		return SQ_TC_NEXT;
	if (sq_hides_ports(&d.event))
		sq_count_fragment();
	if (!sq_find_receiver(skb, &d.event, offset, protocol)) {
		WRITE_ONCE(*stranger, word);
		return SQ_TC_NEXT;
	}
	sq_guard_set(skb, sq_guard_in);
	sq_measure(skb, &d.event);
	if (d.event.faults & sq_name_faults)
		sq_look_at_name(skb, &d.event);
	sq_decide(&d);
	return sq_do(skb, &d, l3);
}

SEC("tc")
int sq_tc_ingress(struct __sk_buff *skb)
{
	return sq_come_in(skb, false);
}

/* Tunnels and other devices without a link-layer header. */
SEC("tc")
int sq_tc_ingress_l3(struct __sk_buff *skb)
{
	return sq_come_in(skb, true);
}

/* On the line's own device: what was held goes in by the device it came by. */
SEC("tc")
int sq_tc_back(struct __sk_buff *skb)
{
	struct {
		__be32 number;
		__be16 magic;
		__u16 reserved;
	} header = {};
	struct sq_line_back *back;
	__u32 index;

	if (bpf_skb_load_bytes(skb, 0, &header, 6) || header.magic != bpf_htons(SQ_LINE_MAGIC))
		return SQ_TC_NEXT;
	index = bpf_ntohl(header.number) & (SQ_LINE_BACKS - 1);
	back = bpf_map_lookup_elem(&sq_line_back, &index);
	if (!back || bpf_skb_store_bytes(skb, 0, back->dst_mac, sizeof(back->dst_mac), 0))
		return SQ_TC_NEXT;
	skb->mark = back->mark;
	sq_guard_set(skb, sq_guard_in);
	return bpf_redirect(back->ifindex, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "GPL";
