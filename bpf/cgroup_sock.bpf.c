// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket calls that fail: connect, bind, setsockopt, getsockopt, and sendto and sendmsg on
 * unconnected UDP.
 *
 * Hooks: cgroup/connect, bind, sendmsg (IPv4 and IPv6), getsockopt and setsockopt of each target
 * cgroup; the errno is set by bpf_set_retval() (5.18). Least kernel: 6.1.
 */
#include "call.h"
#include "packet.h"
#include "victims.h"

#define DENY 0
#define ALLOW 1

/* The kernel hands a program one page of an option's value; more must be waved through. */
#define SOCKOPT_PAGE 4096

/* As bpf_set_retval(), but for all of the register: its int would be extended by zeros. */
static long (*const sq_set_retval)(long value) = (void *)BPF_FUNC_set_retval;

static __always_inline int sq_answer(const struct sq_decision *d)
{
	if (!d->error)
		return ALLOW;
	sq_set_retval(sq_result(d));
	return DENY;
}

/* A program for IPv4 may not even contain a load of user_ip6, nor the other way round. */
static __always_inline void sq_sock_address(struct sq_event *event, struct bpf_sock_addr *ctx,
					    bool ipv6)
{
	if (ipv6) {
		__be32 address[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
				      ctx->user_ip6[3] };

		sq_peer_ipv6(event, (const __u8 *)address);
	} else {
		__be32 address = ctx->user_ip4;

		sq_peer_ipv4(event, (const __u8 *)&address);
	}
	event->peer_port = bpf_ntohs(ctx->user_port);
	event->has_ports = 1;
	if (ctx->protocol == IPPROTO_TCP)
		event->protocol = SQ_PROTO_TCP;
	else if (ctx->protocol == IPPROTO_UDP)
		event->protocol = SQ_PROTO_UDP;
	sq_flow(event);
}

/* To the unspecified address connects and sends who means this machine (RFC 4291, 2.5.2; ip_route_output_key()). */
static __always_inline void sq_meet_itself(struct sq_event *event)
{
	__be64 high, low;

	__builtin_memcpy(&high, event->peer, sizeof(high));
	__builtin_memcpy(&low, event->peer + sizeof(high), sizeof(low));
	if (high)
		return;
	if (!low) {
		event->peer[15] = 1;
	} else if (low == bpf_cpu_to_be64(0x0000ffff00000000ull)) {
		event->peer[12] = 127;
		event->peer[15] = 1;
	}
}

static __always_inline int sq_sock_call(struct bpf_sock_addr *ctx, enum sq_hook hook, bool ipv6)
{
	struct sq_event scope = {};
	struct sq_decision d;

	if (!sq_scope_of_task(&scope, hook))
		return ALLOW;
	sq_begin(&d, &scope, sq_current_call());
	sq_sock_address(&d.event, ctx, ipv6);
	if (hook != SQ_HOOK_BIND)
		sq_meet_itself(&d.event);
	sq_decide(&d);
	sq_blame(&d, NULL);
	return sq_answer(&d);
}

SEC("cgroup/connect4")
int sq_connect4(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_CONNECT, false);
}

SEC("cgroup/connect6")
int sq_connect6(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_CONNECT, true);
}

SEC("cgroup/bind4")
int sq_bind4(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_BIND, false);
}

SEC("cgroup/bind6")
int sq_bind6(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_BIND, true);
}

SEC("cgroup/sendmsg4")
int sq_sendmsg4(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_SENDMSG, false);
}

SEC("cgroup/sendmsg6")
int sq_sendmsg6(struct bpf_sock_addr *ctx)
{
	return sq_sock_call(ctx, SQ_HOOK_SENDMSG, true);
}

static __always_inline int sq_sockopt(struct bpf_sockopt *ctx, enum sq_hook hook)
{
	struct sq_event scope = {};
	struct sq_decision d;

	if (ctx->optlen > SOCKOPT_PAGE)
		ctx->optlen = 0;
	if (!sq_scope_of_task(&scope, hook))
		return ALLOW;
	sq_begin(&d, &scope, sq_current_call());
	sq_decide(&d);
	sq_blame(&d, NULL);
	return sq_answer(&d);
}

SEC("cgroup/setsockopt")
int sq_setsockopt(struct bpf_sockopt *ctx)
{
	return sq_sockopt(ctx, SQ_HOOK_SETSOCKOPT);
}

/* Runs after the kernel's own getsockopt; the caller sees our errno and an untouched length. */
SEC("cgroup/getsockopt")
int sq_getsockopt(struct bpf_sockopt *ctx)
{
	return sq_sockopt(ctx, SQ_HOOK_GETSOCKOPT);
}

char LICENSE[] SEC("license") = "GPL";
