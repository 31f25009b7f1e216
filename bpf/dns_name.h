/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The name that a question to the DNS, and its answer, is about (RFC 1035, 4.1), held against those
 * that the faults name: a trie of names written backwards, so that a wildcard is a prefix.
 */
#ifndef SQ_DNS_NAME_H
#define SQ_DNS_NAME_H

#include "packet.h"

#define SQ_DNS_HEADER 12
#define SQ_DNS_NAME 256 /* with its lengths and the root's */
#define SQ_DNS_ANSWER 0x80 /* not a question */
#define SQ_DNS_OPCODE 0x78
#define SQ_DNS_LABEL 63

const volatile __weak __u64 sq_name_faults; /* the faults that name names */

/* A name on its way from the packet into a key. */
struct sq_name {
	struct sq_name_key key;
	__u8 text[SQ_DNS_NAME]; /* its labels, each with its length in front */
	__u32 length; /* behind the first length, without the root's */
	__u32 left; /* of the label that is being read */
	__u32 whole; /* the root was seen */
	__u64 elsewhere; /* the faults whose names do not match */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_name);
} sq_name __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct sq_name_key);
	__type(value, __u32);
} sq_names __weak SEC(".maps");

/* The loops below may carry pointers to the stack only: so they look for it each time. */
static __always_inline struct sq_name *sq_name_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sq_name, &zero);
}

/* One byte: lengths become dots, letters small. 1 ends it. Global for the same reason as sq_consider. */
__weak __noinline int sq_name_byte(__u32 at)
{
	struct sq_name *name = sq_name_get();
	__u8 byte;

	if (!name || at >= SQ_DNS_NAME)
		return 1;
	byte = name->text[at];
	if (name->left) {
		name->left--;
		if (byte >= 'A' && byte <= 'Z')
			name->text[at] = byte - 'A' + 'a';
		return 0;
	}
	if (!byte) {
		name->whole = 1;
		name->length = at ? at - 1 : 0;
		return 1;
	}
	if (byte > SQ_DNS_LABEL) /* a pointer: not in a question */
		return 1;
	name->left = byte;
	name->text[at] = '.';
	return 0;
}

static long sq_name_byte_next(__u64 at, void *unused)
{
	return sq_name_byte(at) ? 1 : 0;
}

/* The key's byte @at is the text's as far from its end; a NUL behind the last one. 1 ends it. */
__weak __noinline int sq_name_turn(__u32 at)
{
	struct sq_name *name = sq_name_get();
	__u32 from;

	if (!name || at >= sizeof(name->key.name))
		return 1;
	if (at >= name->length) {
		name->key.name[at] = 0;
		return 1;
	}
	from = name->length - at; /* the first byte is a dot that belongs to no name */
	if (from >= SQ_DNS_NAME)
		return 1;
	name->key.name[at] = name->text[from];
	return 0;
}

static long sq_name_turn_next(__u64 at, void *unused)
{
	return sq_name_turn(at) ? 1 : 0;
}

/* Does the name match one of the fault's? Global, too: the verifier need not walk it 64 times. */
__weak __noinline int sq_name_match(__u32 fault)
{
	struct sq_name *name = sq_name_get();

	if (!name || fault >= SQ_MAX_FAULTS)
		return 1;
	if (!(sq_name_faults >> fault & 1))
		return 0;
	name->key.fault = fault;
	if (!bpf_map_lookup_elem(&sq_names, &name->key))
		name->elsewhere |= 1ull << fault;
	return 0;
}

static long sq_name_match_next(__u64 fault, void *unused)
{
	return sq_name_match(fault) ? 1 : 0;
}

static __always_inline bool sq_read_name(struct __sk_buff *skb, const struct sq_event *event,
					 struct sq_name *name)
{
	__u32 offset = event->transport + SQ_UDP_HEADER, n;
	__u8 header[SQ_DNS_HEADER];

	if (event->protocol != SQ_PROTO_UDP || !event->has_ports ||
	    bpf_skb_load_bytes(skb, offset, header, sizeof(header)) ||
	    (header[2] & (SQ_DNS_ANSWER | SQ_DNS_OPCODE)) != (event->ingress ? SQ_DNS_ANSWER : 0) ||
	    !(header[4] | header[5]))
		return false;
	offset += SQ_DNS_HEADER;
	if (skb->len <= offset)
		return false;
	/* from 1 to SQ_DNS_NAME, in a way that 6.1's verifier understands */
	n = skb->len - offset - 1;
	if (n > SQ_DNS_NAME - 1)
		n = SQ_DNS_NAME - 1;
	barrier_var(n);
	n = (n & (SQ_DNS_NAME - 1)) + 1;
	name->whole = name->left = name->length = 0;
	if (bpf_skb_load_bytes(skb, offset, name->text, n))
		return false;
	bpf_loop(n, sq_name_byte_next, NULL, 0);
	if (!name->whole)
		return false;
	bpf_loop(sizeof(name->key.name), sq_name_turn_next, NULL, 0);
	return true;
}

/*
 * Takes the faults out whose names a question that leaves, or an answer that comes in, does not match;
 * all, where it is neither. Global, as what finds the receiver is: its stack is free again behind it.
 */
__weak __noinline int sq_look_at_name(struct __sk_buff *skb, struct sq_event *event)
{
	struct sq_name *name = sq_name_get();

	if (!event)
		return 0;
	if (!name || !sq_read_name(skb, event, name)) {
		event->elsewhere |= sq_name_faults;
		return 0;
	}
	name->key.prefix_len = 8 * (sizeof(name->key) - sizeof(name->key.prefix_len));
	name->elsewhere = 0;
	bpf_loop(sq_n_faults, sq_name_match_next, NULL, 0);
	event->elsewhere |= name->elsewhere;
	return 0;
}

#endif
