/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an injector is made of: injector.c loads, arms and ends it, injector_aim.c says whom it hits,
 * injector_attach.c attaches it, injector_spaces.c does so in network namespaces, readout.c reads from it.
 */
#ifndef SQ_INJECT_INJECTOR_STATE_H
#define SQ_INJECT_INJECTOR_STATE_H

#include "inject/attach.h"
#include "inject/backend.h"
#include "inject/follow.h"
#include "inject/injector.h"
#include "inject/line.h"
#include "inject/net_follow.h"
#include "inject/netspaces.h"
#include "inject/peers.h"
#include "inject/rules.h"

#define ON_DEVICES (BIT(SQ_HOOK_EGRESS) | BIT(SQ_HOOK_TC_INGRESS))

struct squall_bpf;

struct sq_injector {
	struct sq_injector_setup setup;
	struct squall_bpf *object;
	uint64_t hooks; /* of all faults together */
	bool needs_line, private_line;
	struct sq_name_entries names;
	size_t n_faults;
	struct sq_support *support; /* of each fault */
	/* one for each call that is met in its own function, and each of the hooks there */
	struct sq_call_program {
		int fd;
		bool copied; /* else the object has it */
		unsigned int call;
	} * call;
	size_t n_calls;
	struct sq_links links;
	struct sq_netspaces spaces; /* the net follower's, while there is one */
	struct sq_net_follower *net_follower;
	struct sq_texts notes; /* what that one had to say at its end */
	bool handed_in; /* programs hang where sockets that were handed over are met */
	struct sq_peer_entries peers; /* what stands in the trie */
	struct sq_line line;
	struct sq_follower *follower; /* of processes, where their C library is hooked */
	struct sq_texts paths; /* of the targets */
	uint64_t *faults; /* of each target */
	char *above; /* where programs hang for all cgroups together, or NULL */
	uint64_t above_hooks;
	struct sq_counters *counters; /* of each fault and target, as they were read at last */
	size_t counted; /* how many of these the reading that is under way has come to */
	struct sq_line_stats line_stats; /* what the line server said at its end */
};

static inline const struct sq_fault *sq_injector_fault(const struct sq_injector *injector, size_t i)
{
	return &sq_faults(injector->setup.experiment)[i];
}

/* The calls of all faults that the programs of @hook hold back or let fail. */
struct sq_calls sq_injector_calls(const struct sq_injector *injector, enum sq_hook hook);

/* Attaches what hits target @row where no program above it does already. Negative errno. */
int sq_injector_attach_cgroup(struct sq_injector *injector, size_t row, struct sq_error **err);

/* Attaches what counts arrivals. Negative errno. */
int sq_injector_attach_arrivals(struct sq_injector *injector, struct sq_error **err);

/*
 * Attaches to the devices that there are now in the network namespaces that the targets' processes live in, where a
 * fault needs that. Negative errno.
 */
int sq_injector_attach_spaces(struct sq_injector *injector, struct sq_error **err);

/* Stays in the network namespace @fd, which is the injector's from now on, whoever lives there. */
void sq_injector_keep_space(struct sq_injector *injector, int fd);

#endif
