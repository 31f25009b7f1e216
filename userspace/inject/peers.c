// SPDX-License-Identifier: GPL-2.0-only
#include "inject/peers.h"

#include <stdlib.h>
#include <string.h>

#include "experiment/dns_pattern.h"
#include "util/hash.h"

#define IPV4_PREFIX 96
#define LEAST_INDEX 64

bool sq_ports_add(struct sq_ports *ports, struct sq_port_range range)
{
	for (uint32_t i = 0; i < ports->n; i++)
		if (ports->range[i].low == range.low && ports->range[i].high == range.high)
			return true;
	if (ports->n == SQ_MAX_PORT_RANGES)
		return false;
	ports->range[ports->n].low = range.low;
	ports->range[ports->n++].high = range.high;
	return true;
}

static bool covers(const struct sq_peer_key *wide, const struct sq_peer_key *narrow)
{
	unsigned int bits = wide->prefix_len - 32, bytes = bits / 8;

	if (wide->list != narrow->list || wide->prefix_len > narrow->prefix_len ||
	    memcmp(wide->address, narrow->address, bytes) != 0)
		return false;
	return bits % 8 == 0 ||
	       (wide->address[bytes] ^ narrow->address[bytes]) >> (8 - bits % 8) == 0;
}

/* While entries are collected: where each key stands, plus 1; 0 is a free slot. */
struct index {
	size_t *slot;
	size_t room;
};

static uint64_t hash_of(const struct sq_peer_key *key)
{
	uint64_t part[3];

	memcpy(part, key, sizeof(part));
	return sq_mix64(part[0] ^ sq_mix64(part[1] ^ sq_mix64(part[2])));
}

/* The slot of the key, or the free one in which it belongs. */
static size_t *slot_of(const struct index *index, const struct sq_peer_entries *entries,
		       const struct sq_peer_key *key)
{
	size_t i = hash_of(key) & (index->room - 1);

	while (index->slot[i] &&
	       memcmp(&entries->item[index->slot[i] - 1].key, key, sizeof(*key)) != 0)
		i = (i + 1) & (index->room - 1);
	return &index->slot[i];
}

static void make_room(struct index *index, const struct sq_peer_entries *entries)
{
	if (index->slot && 2 * (entries->n + 1) <= index->room)
		return;
	free(index->slot);
	index->room = MAX(4 * index->room, (size_t)LEAST_INDEX);
	index->slot = sq_alloc(index->room * sizeof(*index->slot));
	for (size_t i = 0; i < entries->n; i++)
		*slot_of(index, entries, &entries->item[i].key) = i + 1;
}

static struct sq_peer_entry *entry_for(struct sq_peer_entries *entries, struct index *index,
				       uint32_t list, const struct sq_peer *peer, bool *ret_new)
{
	struct sq_peer_key key = { .prefix_len = 32u + peer->prefix_len, .list = list };
	struct sq_peer_entry *entry;
	size_t *slot;

	memcpy(key.address, peer->address, sizeof(key.address));
	make_room(index, entries);
	slot = slot_of(index, entries, &key);
	*ret_new = !*slot;
	if (*slot)
		return &entries->item[*slot - 1];
	entry = sq_append(&entries->item, &entries->n, sizeof(*entry));
	entry->key = key;
	*slot = entries->n;
	return entry;
}

static int too_many(const struct sq_fault *fault, const struct sq_peer *peer, struct sq_error **err)
{
	return sq_error_set(err, SQ_FAIL_INVALID, E2BIG,
			    "fault '%s': more than %d ranges of ports "
			    "for the peer '%s'",
			    fault->name, SQ_MAX_PORT_RANGES, peer->text);
}

static int add_peer(struct sq_peer_entries *entries, struct index *index,
		    const struct sq_fault *fault, uint32_t list, const struct sq_peer *peer,
		    const struct sq_port_ranges *ports, struct sq_error **err)
{
	bool fresh;
	struct sq_peer_entry *entry = entry_for(entries, index, list, peer, &fresh);

	if (!peer->has_ports && !ports->n) {
		entry->ports.n = 0; /* all ports: nothing can be added to that */
		return 0;
	}
	if (!fresh && !entry->ports.n)
		return 0;
	if (peer->has_ports)
		return sq_ports_add(&entry->ports, peer->ports) ? 0 : too_many(fault, peer, err);
	for (size_t i = 0; i < ports->n; i++)
		if (!sq_ports_add(&entry->ports, ports->item[i]))
			return too_many(fault, peer, err);
	return 0;
}

/* A prefix comes before all that lie in it. */
static int by_address(const void *a, const void *b)
{
	const struct sq_peer_key *x = &((const struct sq_peer_entry *)a)->key;
	const struct sq_peer_key *y = &((const struct sq_peer_entry *)b)->key;
	int r = memcmp(x->address, y->address, sizeof(x->address));

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return r ? r : (int)x->prefix_len - (int)y->prefix_len;
}

static bool is_ipv4(const struct sq_peer_key *key)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return key->prefix_len >= 32 + IPV4_PREFIX && !memcmp(key->address, mapped, sizeof(mapped));
}

/* ::/0 is every IPv6 address, but IPv4 is kept below ::ffff:0:0/96: a range of no ports bars it. */
static void bar_ipv4(struct sq_peer_entries *entries, struct index *index)
{
	static const struct sq_peer ipv4 = { .address = { [10] = 0xff, [11] = 0xff },
					     .prefix_len = IPV4_PREFIX };
	size_t n = entries->n;

	for (size_t i = 0; i < n; i++) {
		struct sq_peer_entry bar = { .key = { .prefix_len = 32 + IPV4_PREFIX,
						      .list = entries->item[i].key.list } };
		bool fresh;

		memcpy(bar.key.address, ipv4.address, sizeof(bar.key.address));
		if (entries->item[i].key.prefix_len >= 32 + IPV4_PREFIX ||
		    !covers(&entries->item[i].key, &bar.key))
			continue;
		bar.ports = (struct sq_ports){ .n = 1, .range = { { 1, 0 } } };
		entry_for(entries, index, bar.key.list, &ipv4, &fresh);
		if (fresh)
			entries->item[entries->n - 1].ports = bar.ports;
	}
}

/* Gives @narrow the ports of the prefix around it. */
static int inherit(const struct sq_peer_entry *wide, struct sq_peer_entry *narrow,
		   struct sq_error **err)
{
	if (!narrow->ports.n)
		return 0;
	if (!wide->ports.n)
		narrow->ports.n = 0;
	for (uint32_t k = 0; k < wide->ports.n; k++) {
		struct sq_port_range range = { wide->ports.range[k].low,
					       wide->ports.range[k].high };

		if (range.low > range.high) /* the bar */
			continue;
		if (!sq_ports_add(&narrow->ports, range))
			return sq_error_set(err, SQ_FAIL_INVALID, E2BIG,
					    "more than %d ranges of ports where peers overlap",
					    SQ_MAX_PORT_RANGES);
	}
	return 0;
}

/*
 * The nearest prefix around each has what those around that have. The way there is a stack: as deep as
 * an address has bits.
 */
static int inherit_ports(struct sq_peer_entries *entries, struct sq_error **err)
{
	const struct sq_peer_entry *around[8 * sizeof(entries->item->key.address) + 1];
	size_t depth = 0;
	int r = 0;

	if (entries->n)
		qsort(entries->item, entries->n, sizeof(*entries->item), by_address);
	for (size_t i = 0; i < entries->n && !r; i++) {
		struct sq_peer_entry *narrow = &entries->item[i];

		while (depth && !covers(&around[depth - 1]->key, &narrow->key))
			depth--;
		if (depth && is_ipv4(&around[depth - 1]->key) == is_ipv4(&narrow->key))
			r = inherit(around[depth - 1], narrow, err);
		around[depth++] = narrow;
	}
	return r;
}

static int add_list(struct sq_peer_entries *entries, struct index *index,
		    const struct sq_names *names, const struct sq_fault *fault, uint32_t list,
		    const struct sq_peers *peers, const struct sq_port_ranges *ports,
		    struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < peers->n && !r; i++) {
		const struct sq_peer *peer = &peers->item[i];
		const struct sq_name *name = peer->host ? sq_names_find(names, peer->host) : NULL;

		if (!peer->host)
			r = add_peer(entries, index, fault, list, peer, ports, err);
		for (size_t j = 0; name && j < name->n && !r; j++) {
			struct sq_peer resolved = *peer;

			memcpy(resolved.address, name->address[j], sizeof(resolved.address));
			resolved.prefix_len = 8 * sizeof(resolved.address);
			r = add_peer(entries, index, fault, list, &resolved, ports, err);
		}
	}
	return r;
}

bool sq_peer_entries_have(const struct sq_peer_entries *entries, const struct sq_peer_key *key)
{
	const struct sq_peer_entry wanted = { .key = *key };

	return entries->n &&
	       bsearch(&wanted, entries->item, entries->n, sizeof(wanted), by_address) != NULL;
}

/* While a name's addresses change, the new ones are there beside the old. */
size_t sq_peer_entries_most(const struct sq_experiment *experiment, size_t n)
{
	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		for (size_t j = 0; j < fault->to.n; j++)
			n += fault->to.item[j].host ? 2 * SQ_NAME_ADDRESSES : 0;
		for (size_t j = 0; j < fault->except.n; j++)
			n += fault->except.item[j].host ? 2 * SQ_NAME_ADDRESSES : 0;
	}
	return n;
}

int sq_peer_entries_make(const struct sq_experiment *experiment, const struct sq_names *names,
			 const struct sq_peers *control, struct sq_peer_entries *ret,
			 struct sq_error **err)
{
	static const struct sq_port_ranges every = { 0 };
	static struct sq_peer everyone[] = {
		{ .address = { [10] = 0xff, [11] = 0xff },
		  .prefix_len = IPV4_PREFIX,
		  .ipv4 = true,
		  .text = (char *)"0.0.0.0/0" },
		{ .prefix_len = 0, .text = (char *)"::/0" },
	};
	static const struct sq_fault no_fault = { .name = (char *)"the control path" };
	static const struct sq_peers all = { everyone, ARRAY_SIZE(everyone) };
	struct index index = { 0 };
	int r = 0;

	*ret = (struct sq_peer_entries){ 0 };
	for (size_t i = 0; i < experiment->faults.n && !r; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		/* ports without a peer: these ports of everybody */
		r = add_list(ret, &index, names, fault, SQ_LIST_TO(i),
			     !fault->to.n && fault->ports.n ? &all : &fault->to, &fault->ports,
			     err);
		if (!r)
			r = add_list(ret, &index, names, fault, SQ_LIST_EXCEPT(i), &fault->except,
				     &every, err);
	}
	if (!r && control)
		r = add_list(ret, &index, NULL, &no_fault, SQ_LIST_CONTROL, control, &every, err);
	if (!r) {
		bar_ipv4(ret, &index);
		r = inherit_ports(ret, err);
	}
	free(index.slot);
	if (r) {
		free(ret->item);
		*ret = (struct sq_peer_entries){ 0 };
	}
	return r;
}

static void add_name(struct sq_name_entries *entries, uint32_t fault, const char *pattern)
{
	struct sq_name_key *key = sq_append(&entries->item, &entries->n, sizeof(*key));
	char turned[SQ_DNS_LONGEST + 3];
	size_t n = MIN(sq_dns_pattern_turn(pattern, turned), sizeof(key->name));

	*key = (struct sq_name_key){ .fault = fault };
	key->prefix_len = (uint32_t)(8 * (sizeof(key->fault) + n));
	memcpy(key->name, turned, n);
}

void sq_name_entries_make(const struct sq_experiment *experiment, struct sq_name_entries *ret)
{
	*ret = (struct sq_name_entries){ 0 };
	for (size_t i = 0; i < experiment->faults.n; i++)
		for (size_t j = 0; j < sq_faults(experiment)[i].names.n; j++)
			add_name(ret, (uint32_t)i, sq_faults(experiment)[i].names.item[j]);
}
