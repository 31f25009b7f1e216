/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads from a socket or an address what the gate wants to know of the peer. */
#ifndef SQ_SOCK_PEER_H
#define SQ_SOCK_PEER_H

#include "packet.h"

#define SQ_AF_INET 2
#define SQ_AF_INET6 10
#define SQ_SOCKADDR_IPV4 8 /* as much of one as counts */

/* struct sockaddr_in and sockaddr_in6, as much of them as counts */
struct sq_sockaddr {
	__u16 family;
	__be16 port;
	union {
		__u8 v4[4];
		struct {
			__be32 flow;
			__u8 v6[16];
		};
	};
};

static __always_inline void sq_protocol_of(struct sq_event *event, const struct sock *sk)
{
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);

	if (protocol == IPPROTO_TCP)
		event->protocol = SQ_PROTO_TCP;
	else if (protocol == IPPROTO_UDP)
		event->protocol = SQ_PROTO_UDP;
}

static __always_inline void sq_peer_of_sockaddr(struct sq_event *event,
						const struct sq_sockaddr *address)
{
	if (address->family == SQ_AF_INET)
		sq_peer_ipv4(event, address->v4);
	else if (address->family == SQ_AF_INET6)
		sq_peer_ipv6(event, address->v6);
	else
		return;
	event->peer_port = bpf_ntohs(address->port);
	event->has_ports = 1;
}

/* The peer that an address in the kernel's memory names. */
static __always_inline void sq_peer_of_address(struct sq_event *event, const void *pointer)
{
	struct sq_sockaddr address = {};

	if (!bpf_probe_read_kernel(&address, sizeof(address), pointer))
		sq_peer_of_sockaddr(event, &address);
}

/* The same in the program's memory, as far as it is there: what is not is no peer. */
static __always_inline void sq_peer_of_user(struct sq_event *event, const void *pointer)
{
	struct sq_sockaddr address = {};

	if (bpf_probe_read_user(&address, SQ_SOCKADDR_IPV4, pointer))
		return;
	if (address.family != SQ_AF_INET6 ||
	    !bpf_probe_read_user(&address, sizeof(address), pointer))
		sq_peer_of_sockaddr(event, &address);
}

/* The peer that a socket is connected to. */
static __always_inline void sq_peer_of_sock(struct sq_event *event, const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u8 v6[16];
	__be32 v4;

	if (family == SQ_AF_INET) {
		v4 = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		sq_peer_ipv4(event, (const __u8 *)&v4);
	} else if (family == SQ_AF_INET6) {
		BPF_CORE_READ_INTO(&v6, sk, __sk_common.skc_v6_daddr);
		sq_peer_ipv6(event, v6);
	} else {
		return;
	}
	event->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	event->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	event->has_ports = 1;
}

/* @address, in the kernel's memory, or NULL: then the peer is whom the socket is connected to. */
static __always_inline void sq_match_socket(struct sq_event *event, const struct socket *socket,
					    const void *address)
{
	const struct sock *sk = BPF_CORE_READ(socket, sk);

	sq_protocol_of(event, sk);
	if (address)
		sq_peer_of_address(event, address);
	else
		sq_peer_of_sock(event, sk);
	sq_flow(event);
}

#endif
