// SPDX-License-Identifier: GPL-2.0-only
#include "inject/rules.h"

#include <string.h>

#include "inject/peers.h"
#include "sample.h"
#include "util/time.h"
#include "util/units.h"

#define OUT BIT(SQ_HOOK_EGRESS)
#define IN BIT(SQ_HOOK_INGRESS)
#define IN_LINE BIT(SQ_HOOK_TC_INGRESS) /* from a device, where packets can be held back */
#define LEAST_QUEUE (16 * 1514) /* bytes: 16 packets of a full size */

/* Of each kind: what it does, what it wants of the line, and the hooks on either way. */
static const struct {
	enum sq_action action;
	enum sq_line_use line;
	bool wire; /* each wire packet has a fate of its own */
	uint64_t out, in; /* which hooks carry its calls depends on the kernel: 0 */
} acts[SQ_FAULT_KINDS] = {
	[SQ_FAULT_LATENCY] = { SQ_ACTION_DELAY, SQ_LINE_NEEDED, false, OUT, IN_LINE },
	[SQ_FAULT_LOSS] = { SQ_ACTION_DROP, SQ_LINE_WANTED, true, OUT, IN },
	[SQ_FAULT_CORRUPT] = { SQ_ACTION_CORRUPT, SQ_LINE_NEEDED, true, OUT, IN_LINE },
	[SQ_FAULT_DUPLICATE] = { SQ_ACTION_DUPLICATE, SQ_LINE_WANTED, true, OUT, IN_LINE },
	[SQ_FAULT_REORDER] = { SQ_ACTION_REORDER, SQ_LINE_NEEDED, true, OUT, IN_LINE },
	[SQ_FAULT_RATE] = { SQ_ACTION_RATE, SQ_LINE_NEEDED, false, OUT, IN_LINE },
	[SQ_FAULT_PARTITION] = { SQ_ACTION_DROP, SQ_LINE_WANTED, true, OUT, IN },
	[SQ_FAULT_REFUSE] = { SQ_ACTION_ERROR, SQ_LINE_UNUSED, false, BIT(SQ_HOOK_CONNECT), 0 },
	[SQ_FAULT_RESET] = { SQ_ACTION_RESET, SQ_LINE_NEEDED, false, OUT, IN_LINE },
	[SQ_FAULT_DNS] = { SQ_ACTION_ANSWER, SQ_LINE_NEEDED, false, OUT, IN_LINE },
	[SQ_FAULT_SYSCALL_LATENCY] = { SQ_ACTION_DELAY, SQ_LINE_UNUSED, false, 0, 0 },
	[SQ_FAULT_SYSCALL_ERROR] = { SQ_ACTION_ERROR, SQ_LINE_UNUSED, false, 0, 0 },
};

uint64_t sq_fault_hooks(const struct sq_fault *fault)
{
	unsigned int kind = fault->kind->id;

	return (fault->direction != SQ_INGRESS ? acts[kind].out : 0) |
	       (fault->direction != SQ_EGRESS ? acts[kind].in : 0);
}

static bool loses_names(const struct sq_fault *fault)
{
	return fault->kind->id == SQ_FAULT_DNS && fault->answer == SQ_ANSWER_NOTHING;
}

/* Do all packets of a connection fare alike? */
static bool hits_connections(const struct sq_fault *fault)
{
	return fault->kind->id == SQ_FAULT_RATE ||
	       (fault->kind->id == SQ_FAULT_PARTITION && fault->probability_ppb == SQ_SHARE_ONE &&
		!fault->ramp_ns) ||
	       (sq_fault_kind_has(fault->kind, "per") && fault->per == SQ_PER_CONNECTION);
}

enum sq_line_use sq_fault_line_use(const struct sq_fault *fault)
{
	enum sq_line_use use = acts[fault->kind->id].line;

	if (loses_names(fault))
		return SQ_LINE_UNUSED;
	/* a copy that comes in by lo has lost its route, but for what the line sends */
	if (fault->kind->id == SQ_FAULT_DUPLICATE && fault->direction != SQ_EGRESS)
		return SQ_LINE_NEEDED;
	/* where all of a connection's packets fare alike there is nothing to part */
	if (use == SQ_LINE_WANTED && hits_connections(fault))
		return SQ_LINE_UNUSED;
	return use;
}

bool sq_fault_parts_incoming(const struct sq_fault *fault)
{
	return acts[fault->kind->id].in == IN && fault->direction != SQ_EGRESS &&
	       sq_fault_line_use(fault) == SQ_LINE_WANTED;
}

/* The most that a fault's jitter adds, in jitters: as far as the tables of its distribution go. */
static uint64_t furthest(const struct sq_fault *fault)
{
	switch (fault->distribution) {
	case SQ_PARETO:
		return 300;
	case SQ_NORMAL:
		return 6;
	default:
		return 1;
	}
}

uint64_t sq_fault_longest_ns(const struct sq_fault *fault)
{
	return fault->delay_ns + fault->jitter_ns * furthest(fault);
}

uint64_t sq_fault_median_ns(const struct sq_fault *fault)
{
	/* of Pareto's distribution of shape 3 it is 0.277 standard deviations below the mean */
	uint64_t below = fault->distribution == SQ_PARETO ? fault->jitter_ns / 1000 * 277 : 0;

	return fault->delay_ns > below ? fault->delay_ns - below : 0;
}

bool sq_fault_is_brief(const struct sq_fault *fault)
{
	return fault->kind->id == SQ_FAULT_LATENCY && sq_fault_longest_ns(fault) <= SQ_BRIEF_NS;
}

bool sq_faults_are_brief(const struct sq_experiment *experiment)
{
	uint64_t most_ns = 0;

	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (sq_fault_line_use(fault) == SQ_LINE_UNUSED)
			continue;
		if (!sq_fault_is_brief(fault))
			return false;
		most_ns += sq_fault_longest_ns(fault);
	}
	return most_ns <= SQ_BRIEF_NS;
}

static uint32_t action_of(const struct sq_fault *fault)
{
	return loses_names(fault) ? SQ_ACTION_DROP : acts[fault->kind->id].action;
}

bool sq_fault_loses(const struct sq_fault *fault)
{
	return action_of(fault) == SQ_ACTION_DROP;
}

bool sq_fault_hits_wire_packets(const struct sq_fault *fault)
{
	return acts[fault->kind->id].wire && !hits_connections(fault);
}

bool sq_fault_hits_by_dice(const struct sq_fault *fault)
{
	return sq_fault_kind_is_call(fault->kind) && fault->probability_ppb < SQ_SHARE_ONE &&
	       !fault->pulse.active_ns;
}

static uint32_t probability_of(uint64_t ppb)
{
	if (ppb >= SQ_SHARE_ONE)
		return SQ_ALWAYS;
	return (uint32_t)((double)ppb / SQ_SHARE_ONE * 4294967296.0);
}

static void bursts_make(const struct sq_bursts *bursts, struct sq_rule *ret)
{
	ret->flags |= SQ_RULE_BURSTS;
	ret->to_bad = probability_of(bursts->p_ppb);
	ret->to_good = probability_of(bursts->r_ppb);
	ret->passes_bad = probability_of(bursts->h_ppb);
	ret->passes_good = probability_of(bursts->k_ppb);
}

/* A link of limited rate: how long things take on it, and how long its queue is. */
static void rate_make(const struct sq_fault *fault, struct sq_rule *ret)
{
	double byte_ns = 8.0 * SQ_S / (double)fault->rate_bps;

	ret->rate_ns = (uint64_t)(byte_ns * 65536);
	ret->burst_ns = (uint64_t)(byte_ns * (double)fault->burst_bytes);
	ret->delay_ns = MAX((uint64_t)(byte_ns * LEAST_QUEUE), (uint64_t)SQ_S);
}

void sq_rule_make(const struct sq_fault *fault, uint64_t start_ns, struct sq_rule *ret)
{
	/* RFC 1035, 4.1.1 */
	static const uint32_t codes[] = {
		[SQ_ANSWER_NOTHING] = 0, [SQ_ANSWER_SERVFAIL] = 2, [SQ_ANSWER_NXDOMAIN] = 3
	};

	*ret = (struct sq_rule){
		.from_ns = start_ns + fault->at_ns,
		.until_ns = start_ns + fault->at_ns + fault->for_ns,
		.ramp_ns = fault->ramp_ns,
		.pulse_active_ns = fault->pulse.active_ns,
		.pulse_idle_ns = fault->pulse.idle_ns,
		.limit = fault->limit,
		.skip = fault->skip,
		.delay_ns = fault->delay_ns,
		.jitter_ns = fault->jitter_ns,
		.probability = probability_of(fault->probability_ppb),
		.error = fault->error,
		.action = action_of(fault),
		.protocols = fault->protocols,
		.distribution = fault->distribution,
		.gap = (uint32_t)fault->gap,
	};
	if (fault->bursts.object.node)
		bursts_make(&fault->bursts, ret);
	if (fault->kind->id == SQ_FAULT_REFUSE || fault->kind->id == SQ_FAULT_RESET)
		ret->protocols = SQ_PROTO_TCP;
	if (fault->kind->id == SQ_FAULT_DNS) {
		ret->protocols = SQ_PROTO_UDP;
		ret->error = codes[fault->answer];
	}
	if (fault->kind->id == SQ_FAULT_RATE)
		rate_make(fault, ret);
	if (sq_fault_hits_wire_packets(fault))
		ret->flags |= SQ_RULE_WIRE;
	if (fault->to.n || fault->ports.n)
		ret->flags |= SQ_RULE_TO;
	if (fault->include)
		ret->flags |= SQ_RULE_CONTROL;
	if (fault->except.n)
		ret->flags |= SQ_RULE_EXCEPT;
	if (hits_connections(fault))
		ret->flags |= SQ_RULE_PER_CONNECTION;
	if (sq_fault_kind_is_call(fault->kind))
		ret->flags |= SQ_RULE_CALLS;
	if (fault->reorder)
		ret->flags |= SQ_RULE_REORDER;
	memcpy(ret->calls, fault->calls.bit, sizeof(ret->calls));
	for (size_t i = 0; i < fault->local_ports.n; i++)
		sq_ports_add(&ret->local, fault->local_ports.item[i]);
}
