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
#include "nat.h"

#define PACKET_HOST 0
#define AF_INET 2
#define AF_INET6 10
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24
#define SQ_STRANGERS 8192

/* What sq_find_receiver() has found out. */
#define SQ_CONCERNED 1 /* a fault may concern the receiver */
#define SQ_ASK_NAT 2 /* it may be another one, if the host's NAT translates the packet */
#define SQ_NO_NAT 4 /* that does not */
#define SQ_LISTENS 8 /* there is no connection */

/* As much of it as there is in 6.1 (net/netfilter/nf_conntrack_bpf.c). */
struct bpf_ct_opts {
	__s32 netns_id, error;
	__u8 l4proto, dir, reserved[2];
};

/* What is needed one after the other: 6.1 has no stack for both. */
union sq_question {
	struct bpf_ct_opts conntrack;
	struct bpf_fib_lookup route;
};

extern void *bpf_rdonly_cast(const void *obj__ign, __u32 btf_id__k) __ksym __weak; /* 6.2 */
/* 6.0, where conntrack is there when this is loaded: the type says so (libbpf 1.1 has no address of a module's function) */
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 tuple__sz, struct bpf_ct_opts *options,
					 __u32 options__sz) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *connection) __ksym __weak;

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

/* All of a tuple for a look-up but the receiver's address. */
static __always_inline void sq_set_tuple(const struct sq_event *event, __u32 size,
					 struct bpf_sock_tuple *tuple)
{
	if (size == sizeof(tuple->ipv4)) {
		__builtin_memcpy(&tuple->ipv4.saddr, event->peer + 12, 4);
		tuple->ipv4.sport = bpf_htons(event->peer_port);
		tuple->ipv4.dport = bpf_htons(event->local_port);
		return;
	}
	__builtin_memcpy(tuple->ipv6.saddr, event->peer, 16);
	tuple->ipv6.sport = bpf_htons(event->peer_port);
	tuple->ipv6.dport = bpf_htons(event->local_port);
}

/* The tuple of a packet, with the receiver's address. Its size, or 0: it is no packet for a socket. */
static __always_inline __u32 sq_tuple(struct __sk_buff *skb, const struct sq_event *event,
				      __u32 offset, __be16 protocol, struct bpf_sock_tuple *tuple)
{
	if (!event->has_ports)
		return 0;
	if (protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, offset + IPV4_DESTINATION, &tuple->ipv4.daddr, 4))
			return 0;
		sq_set_tuple(event, sizeof(tuple->ipv4), tuple);
		return sizeof(tuple->ipv4);
	}
	if (bpf_skb_load_bytes(skb, offset + IPV6_DESTINATION, tuple->ipv6.daddr, 16))
		return 0;
	sq_set_tuple(event, sizeof(tuple->ipv6), tuple);
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
					    const struct bpf_sock_tuple *tuple,
					    struct bpf_fib_lookup *route)
{
	long r;

	__builtin_memset(route, 0, sizeof(*route));
	route->ifindex = skb->ifindex;
	if (size == sizeof(tuple->ipv4)) {
		route->family = AF_INET;
		route->ipv4_src = tuple->ipv4.saddr;
		route->ipv4_dst = tuple->ipv4.daddr;
	} else {
		route->family = AF_INET6;
		__builtin_memcpy(route->ipv6_src, tuple->ipv6.saddr, 16);
		__builtin_memcpy(route->ipv6_dst, tuple->ipv6.daddr, 16);
	}
	r = bpf_fib_lookup(skb, route, sizeof(*route), 0);
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

/* Looks the receiver up, and whom it concerns. */
static __always_inline int sq_receiver(struct __sk_buff *skb, struct sq_event *event,
				       struct bpf_sock_tuple *tuple, __u32 size,
				       union sq_question *question)
{
	struct bpf_sock *sk;
	bool found, bound;
	__u32 state;

	if (event->protocol == SQ_PROTO_TCP)
		sk = bpf_sk_lookup_tcp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return SQ_ASK_NAT;
	found = sq_scope_of_sock(event, sk);
	bound = sq_is_bound(sk);
	state = sk->state;
	bpf_sk_release(sk);
	found = found && (bound || !sq_is_forwarded(skb, size, tuple, &question->route));
	/* one that is connected knows this very peer, and no other one is meant */
	return (found ? SQ_CONCERNED : 0) | (state == BPF_TCP_LISTEN ? SQ_LISTENS : 0) |
	       (state == BPF_TCP_LISTEN || state == BPF_TCP_CLOSE ? SQ_ASK_NAT : 0);
}

/*
 * Whose packet is it? A global function, as the next one, so that what it needs on the stack is not there any more when
 * the gate is asked: together it is too much for 6.1.
 */
__weak __noinline int sq_find_receiver(struct __sk_buff *skb, struct sq_event *event, __u32 offset,
				       __u32 protocol)
{
	struct bpf_sock_tuple tuple = {};
	union sq_question question;
	__u32 size;

	if (!event)
		return 0;
	size = sq_tuple(skb, event, offset, protocol, &tuple);
	return size ? sq_receiver(skb, event, &tuple, size, &question) : 0;
}

/* Makes of the event and the tuple what the socket sees that gets the packet by the host's NAT; false: that lets it be. */
static __always_inline bool sq_translate(struct __sk_buff *skb, struct sq_event *event,
					 struct bpf_sock_tuple *tuple, __u32 size,
					 struct bpf_ct_opts *options)
{
	struct nf_conn *connection;
	bool translated;

	*options = (struct bpf_ct_opts){ .netns_id = BPF_F_CURRENT_NETNS };
	options->l4proto = event->protocol == SQ_PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	connection = bpf_skb_ct_lookup(skb, tuple, size, options, sizeof(*options));
	if (!connection)
		return false;
	translated = sq_is_nat(connection);
	if (translated) {
		/* an address of IPv4 is followed by what has not been set yet */
		sq_see_as_socket(event, connection, !options->dir,
				 size == sizeof(tuple->ipv4) ? (void *)&tuple->ipv4.daddr
							     : tuple->ipv6.daddr);
		sq_set_tuple(event, size, tuple);
	}
	bpf_ct_release(connection);
	return translated;
}

/*
 * The same of a packet that the host's NAT, which comes later, will translate, as it does what answers to one that it has
 * translated on its way out. Of any other one SQ_NO_NAT.
 */
static __always_inline int sq_find_translated(struct __sk_buff *skb, struct sq_event *event,
					      __u32 offset, __be16 protocol)
{
	struct bpf_sock_tuple tuple = {};
	union sq_question question;
	__u32 size;

	if (!event || !bpf_core_type_exists(struct bpf_ct_opts) || !sq_has_conntrack())
		return SQ_NO_NAT;
	size = sq_tuple(skb, event, offset, protocol, &tuple);
	if (!size || !sq_translate(skb, event, &tuple, size, &question.conntrack))
		return SQ_NO_NAT;
	event->faults = event->scope_flags = 0;
	return sq_receiver(skb, event, &tuple, size, &question);
}

/* One for each family: what differs between them would lie on the stack. */
__weak __noinline int sq_find_translated_ipv4(struct __sk_buff *skb, struct sq_event *event,
					      __u32 offset)
{
	return sq_find_translated(skb, event, offset, bpf_htons(ETH_P_IP));
}

__weak __noinline int sq_find_translated_ipv6(struct __sk_buff *skb, struct sq_event *event,
					      __u32 offset)
{
	return sq_find_translated(skb, event, offset, bpf_htons(ETH_P_IPV6));
}

static __always_inline void sq_count_fragment(void)
{
	struct sq_line_shared *shared = sq_line_shared_get();

	if (shared)
		__sync_fetch_and_add(&shared->fragments, 1);
}

/* Its flow in the line is the one of its socket, which is only known when that is found. */
static __always_inline bool sq_has_translated(void)
{
	struct sq_line_shared *shared = sq_line_shared_get();

	return shared && READ_ONCE(shared->translated);
}

static __always_inline void sq_note_translated(void)
{
	struct sq_line_shared *shared = sq_line_shared_get();

	if (shared && !READ_ONCE(shared->translated))
		WRITE_ONCE(shared->translated, 1);
}

static __always_inline int sq_come_in(struct __sk_buff *skb, bool l3)
{
	struct sq_decision d = { .event = { .call = SQ_NO_CALL } };
	__be16 protocol = skb->protocol;
	__u64 word, *stranger;
	__u32 offset, slot, found, translated;
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
	if (refused && !sq_follows(&d) && !sq_has_translated())
		return SQ_TC_NEXT;
	if (sq_hides_ports(&d.event))
		sq_count_fragment();
	found = sq_find_receiver(skb, &d.event, offset, protocol);
	if (found & SQ_ASK_NAT) {
		translated = protocol == bpf_htons(ETH_P_IP)
				     ? sq_find_translated_ipv4(skb, &d.event, offset)
				     : sq_find_translated_ipv6(skb, &d.event, offset);
		if (!(translated & SQ_NO_NAT)) {
			sq_note_translated();
			found = translated;
		}
	}
	if (!(found & SQ_CONCERNED)) {
		/* whom a connection is for the NAT knows from its first packet on */
		if (!(found & SQ_ASK_NAT && d.event.tcp_flags & SQ_TCP_SYN))
			WRITE_ONCE(*stranger, word);
		return SQ_TC_NEXT;
	}
	/* as the end of a handshake finds: nothing that could be reset */
	if (found & SQ_LISTENS)
		d.event.tcp_flags |= SQ_TCP_SYN;
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
