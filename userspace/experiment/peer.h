/* SPDX-License-Identifier: GPL-2.0-only */
/* Peers and ports as the experiment file writes them. */
#ifndef SQ_EXPERIMENT_PEER_H
#define SQ_EXPERIMENT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sq_port_range {
	uint16_t low, high;
};

struct sq_port_ranges {
	struct sq_port_range *item;
	size_t n;
};

/* An address range; IPv4 as ::ffff:a.b.c.d with 96 added to the prefix length. */
struct sq_peer {
	uint8_t address[16];
	uint8_t prefix_len;
	bool ipv4;
	bool has_ports;
	struct sq_port_range ports;
	char *host; /* a name instead of an address, or NULL */
	char *text; /* as written */
};

struct sq_peers {
	struct sq_peer *item;
	size_t n;
};

/*
 * "10.2.0.0/16", "10.2.0.7:6379", "[2001:db8::/32]:443", "2001:db8::1", "10.0.0.1:8000-8010".
 * A host name in the address's place goes to the peer's `host`. 0, or -EINVAL with *@why saying what
 * is wrong. To be cleared.
 */
int sq_parse_peer(const char *text, struct sq_peer *ret, const char **why);

void sq_peer_clear(struct sq_peer *peer);

/* "443" or "8000-8010". */
int sq_parse_port_range(const char *text, struct sq_port_range *ret, const char **why);

#endif
