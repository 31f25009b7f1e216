/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's NAT has made of a connection, as conntrack knows it. */
#ifndef SQ_NAT_H
#define SQ_NAT_H

#include "packet.h"

#define NFCT_INFO 7ul /* which way it goes, in the last bits of the connection's address */
#define IP_CT_IS_REPLY 3
#define IPS_NAT_MASK 0x30ul /* IPS_SRC_NAT, IPS_DST_NAT */
#define NFPROTO_IPV4 2

/* Does this kernel have conntrack, and were its module's types known when this was loaded? */
static __always_inline bool sq_has_conntrack(void)
{
	const struct sk_buff *whole = NULL;

	return bpf_core_field_exists(whole->_nfct) && bpf_core_type_exists(struct nf_conn);
}

static __always_inline bool sq_is_nat(const struct nf_conn *connection)
{
	return BPF_CORE_READ(connection, status) & IPS_NAT_MASK;
}

/* The kernel's own packet, as a plain number, since the verifier lets nobody look behind the other kind. */
static __always_inline const struct sk_buff *sq_whole(struct __sk_buff *skb)
{
	const struct sk_buff *whole = NULL;

	bpf_probe_read_kernel(&whole, sizeof(whole), &skb);
	return whole;
}

/* The connection of a packet whose addresses or ports the NAT has changed; else NULL. */
static __always_inline const struct nf_conn *sq_translation(struct __sk_buff *skb, bool *ret_reply)
{
	const struct nf_conn *connection;
	const struct sk_buff *whole;
	unsigned long word;

	if (!sq_has_conntrack())
		return NULL;
	whole = sq_whole(skb);
	word = BPF_CORE_READ(whole, _nfct);
	connection = (void *)(word & ~NFCT_INFO);
	*ret_reply = (word & NFCT_INFO) >= IP_CT_IS_REPLY;
	return connection && sq_is_nat(connection) ? connection : NULL;
}

/*
 * Peer, ports where the packet tells them, and flow as the socket knows them that sends what goes there (not @back) or
 * back, and in the 16 bytes of @ret_local its own address.
 */
static __always_inline void sq_see_as_socket(struct sq_event *event,
					     const struct nf_conn *connection, bool back,
					     void *ret_local)
{
	union nf_inet_addr *peer = (void *)event->peer, *local = ret_local;
	__be32 ipv4;

	if (back) {
		BPF_CORE_READ_INTO(peer, connection, tuplehash[1].tuple.dst.u3);
		BPF_CORE_READ_INTO(local, connection, tuplehash[1].tuple.src.u3);
		event->peer_port = BPF_CORE_READ(connection, tuplehash[1].tuple.dst.u.all);
		event->local_port = BPF_CORE_READ(connection, tuplehash[1].tuple.src.u.all);
	} else {
		BPF_CORE_READ_INTO(peer, connection, tuplehash[0].tuple.dst.u3);
		BPF_CORE_READ_INTO(local, connection, tuplehash[0].tuple.src.u3);
		event->peer_port = BPF_CORE_READ(connection, tuplehash[0].tuple.dst.u.all);
		event->local_port = BPF_CORE_READ(connection, tuplehash[0].tuple.src.u.all);
	}
	event->peer_port = event->has_ports ? bpf_ntohs(event->peer_port) : 0;
	event->local_port = event->has_ports ? bpf_ntohs(event->local_port) : 0;
	if (BPF_CORE_READ(connection, tuplehash[0].tuple.src.l3num) == NFPROTO_IPV4) {
		__builtin_memcpy(&ipv4, event->peer, sizeof(ipv4));
		sq_peer_ipv4(event, (const __u8 *)&ipv4);
	}
	sq_flow(event);
}

#endif
