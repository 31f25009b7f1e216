/* SPDX-License-Identifier: GPL-2.0-only */
/* The peers, ports and names of faults to the entries of the kernel side's tables. */
#ifndef SQ_INJECT_PEERS_H
#define SQ_INJECT_PEERS_H

#include "abi.h"
#include "experiment/experiment.h"
#include "inject/names.h"
#include "util/error.h"

/* Adds a range, unless it is there. False: there is no room for it. */
bool sq_ports_add(struct sq_ports *ports, struct sq_port_range range);

/* One entry of the peers' trie. */
struct sq_peer_entry {
	struct sq_peer_key key;
	struct sq_ports ports;
};

struct sq_peer_entries {
	struct sq_peer_entry *item;
	size_t n;
};

/*
 * The trie's entries for all faults. A look-up finds only the longest prefix, so each prefix also
 * carries the ports of those around it. @names is what host names have resolved to, @control the peers
 * of the control path; both may be NULL. In the order of the addresses. -E2BIG: too many ranges of ports
 * on one prefix.
 */
int sq_peer_entries_make(const struct sq_experiment *experiment, const struct sq_names *names,
			 const struct sq_peers *control, struct sq_peer_entries *ret,
			 struct sq_error **err);

/* Is there an entry for this very prefix? */
bool sq_peer_entries_have(const struct sq_peer_entries *entries, const struct sq_peer_key *key);

/* How many entries there may be, however the names resolve. */
size_t sq_peer_entries_most(const struct sq_experiment *experiment, size_t n);

/* One entry of the trie of names. */
struct sq_name_entries {
	struct sq_name_key *item;
	size_t n;
};

/* The names of all faults as keys; to be freed. */
void sq_name_entries_make(const struct sq_experiment *experiment, struct sq_name_entries *ret);

#endif
