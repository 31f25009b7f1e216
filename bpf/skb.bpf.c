// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only the kernel's own view of a packet tells: its network namespace, and what is left of its checksum to be
 * done. Functions for the programs on devices, all in one file, since bpftool's linker (1.1) takes a function of
 * the kernel's from one alone. From 6.2; before they answer that they do not know.
 */
#include "line.h"
#include "nat.h"

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2
#define IPV4_PLAIN 0x45 /* without options */
#define IFF_SLAVE 0x800 /* of a bond */
#define IFF_BRIDGE_PORT (1 << 9)
#define IFF_OVS_DATAPATH (1 << 10) /* a port of Open vSwitch */
#define IFF_TEAM_PORT (1 << 13)
#define SQ_PORTS (IFF_BRIDGE_PORT | IFF_OVS_DATAPATH | IFF_TEAM_PORT)
#define VLAN_ID 0xfff

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym __weak; /* 6.2 */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set at load */
} sq_line_ring SEC(".maps");

/*
 * Is it one wire packet, as it will be on the wire, with nothing left to be done by a device but a checksum of TCP's
 * or UDP's, and does nobody want to know when a device sends it?
 */
static __always_inline bool sq_fits_ring(const struct __sk_buff *skb, struct sk_buff *whole,
					 const struct sq_event *event)
{
	const struct skb_shared_info *shared;
	__u8 wants = 1;

	if (skb->gso_size || skb->vlan_present || !skb->len || skb->len > SQ_RING_LARGE)
		return false;
	/* SCTP's checksum is another; what a device is to encrypt the TAP has encrypted before (TLS, IPsec) */
	if (!event->protocol)
		return false;
	if (bpf_core_field_exists(whole->decrypted) && BPF_CORE_READ_BITFIELD(whole, decrypted))
		return false;
	if (bpf_core_field_exists(whole->active_extensions) && whole->active_extensions)
		return false;
	shared = (void *)(whole->head + whole->end);
	bpf_core_read(&wants, sizeof(wants), &shared->tx_flags);
	return !wants;
}

static __always_inline void sq_fill_record(struct sq_line_record *record, struct sk_buff *whole,
					   __u32 n)
{
	__u8 summed = BPF_CORE_READ_BITFIELD(whole, ip_summed);

	record->netns = whole->dev->nd_net.net->net_cookie;
	record->n = n;
	record->csum_start = record->csum_offset = 0;
	record->flags = 0;
	if (summed == CHECKSUM_PARTIAL) {
		record->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		record->csum_start = whole->csum_start - (__u16)(whole->data - whole->head);
		record->csum_offset = whole->csum_offset;
	} else if (summed == CHECKSUM_UNNECESSARY) {
		record->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
}

/* A record with room for @most bytes of the frame, filled but for its slot; NULL: there is none. @most is a constant. */
static __always_inline struct sq_line_record *sq_reserve(struct __sk_buff *skb,
							 struct sk_buff *whole, const __u32 most)
{
	__u32 n = skb->len;
	struct sq_line_record *record;

	record = bpf_ringbuf_reserve(&sq_line_ring, sizeof(*record) + most, 0);
	if (!record)
		return NULL;
	barrier_var(n);
	if (!n)
		goto discard;
	barrier_var(n); /* two questions: as one the verifier sees neither */
	if (n > most || bpf_skb_load_bytes(skb, 0, record->frame, n))
		goto discard;
	sq_fill_record(record, whole, n);
	return record;
discard:
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	return NULL;
}

__noinline int sq_to_ring(struct __sk_buff *skb, const struct sq_decision *d, __u64 number)
{
	struct sq_line_shared *shared = sq_line_shared_get();
	struct sq_line_record *record;
	struct sk_buff *whole;
	bool waits;

	if (!d || !shared || !sq_kernel_has(bpf_cast_to_kern_ctx))
		return 0;
	whole = bpf_cast_to_kern_ctx(skb);
	if (!sq_fits_ring(skb, whole, &d->event))
		return 0;
	if (skb->len <= SQ_RING_SMALL)
		record = sq_reserve(skb, whole, SQ_RING_SMALL);
	else
		record = sq_reserve(skb, whole, SQ_RING_LARGE);
	if (!record)
		return 0;
	record->slot.number = number;
	sq_fill_slot(&record->slot, skb, d, false);
	/*
	 * To wake it costs as much as all else here. It says that it waits before it looks whether there is anything,
	 * and the record was there before this: one of the two sees the other (an atomic operation is a barrier).
	 */
	waits = __sync_fetch_and_add(&shared->waits, 0);
	bpf_ringbuf_submit(record, waits ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 1;
}

static __always_inline __u64 sq_word_ipv4(struct __sk_buff *skb, __u32 offset)
{
	struct {
		struct sq_ipv4 ip;
		__be32 ports;
	} head;
	__u64 addresses;

	if (bpf_skb_load_bytes(skb, offset, &head, sizeof(head)) ||
	    head.ip.version_ihl != IPV4_PLAIN || head.ip.fragment & bpf_htons(IP_OFFSET_MASK) ||
	    (head.ip.protocol != IPPROTO_TCP && head.ip.protocol != IPPROTO_UDP))
		return 0;
	__builtin_memcpy(&addresses, head.ip.source, sizeof(addresses));
	return sq_mix(addresses ^ sq_mix((__u64)head.ports << 32 | head.ip.protocol));
}

static __always_inline __u64 sq_word_ipv6(struct __sk_buff *skb, __u32 offset)
{
	struct {
		struct sq_ipv6 ip;
		__be32 ports;
	} head;
	__u64 word, address[4];

	if (bpf_skb_load_bytes(skb, offset, &head, sizeof(head)) ||
	    (head.ip.next_header != IPPROTO_TCP && head.ip.next_header != IPPROTO_UDP))
		return 0;
	__builtin_memcpy(address, head.ip.source, sizeof(address));
	word = sq_mix((__u64)head.ports << 32 | head.ip.next_header);
	for (int i = 0; i < 4; i++)
		word = sq_mix(word ^ address[i]);
	return word;
}

__noinline __u64 sq_word_of(struct __sk_buff *skb, __u32 offset, __u32 protocol)
{
	struct sk_buff *whole;
	__u64 word = 0;

	if (!sq_kernel_has(bpf_cast_to_kern_ctx))
		return 0;
	if (protocol == bpf_htons(ETH_P_IP))
		word = sq_word_ipv4(skb, offset);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		word = sq_word_ipv6(skb, offset);
	if (!word)
		return 0;
	whole = bpf_cast_to_kern_ctx(skb);
	word ^= sq_mix(whole->dev->nd_net.net->net_cookie ^ (__u64)skb->ifindex << 32);
	return sq_mix(word ^ bpf_jiffies64() << 32);
}

__noinline int sq_goes_up(struct __sk_buff *skb)
{
	const struct net_device *device;
	const struct sk_buff *whole;

	if (skb->vlan_present && skb->vlan_tci & VLAN_ID)
		return 1;
	whole = sq_whole(skb);
	device = BPF_CORE_READ(whole, dev);
	return BPF_CORE_READ(device, flags) & IFF_SLAVE ||
	       BPF_CORE_READ_BITFIELD_PROBED(device, priv_flags) & SQ_PORTS;
}

__noinline int sq_is_translated(struct __sk_buff *skb)
{
	bool reply;

	return !!sq_translation(skb, &reply);
}

__noinline int sq_undo_translation(struct __sk_buff *skb, struct sq_event *event)
{
	const struct nf_conn *connection;
	union nf_inet_addr local;
	bool reply;

	if (!event)
		return 0;
	connection = sq_translation(skb, &reply);
	if (connection)
		sq_see_as_socket(event, connection, reply, &local);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
