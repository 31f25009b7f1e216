/* SPDX-License-Identifier: GPL-2.0-only */
/* What a fault does to the decision, once the gate has said that it acts. A part of gate.h. */
#ifndef SQ_ACT_H
#define SQ_ACT_H

#include "maps.h"

#define SQ_RAMP_ONE 65536 /* fixed point of a ramp's progress */
#define SQ_WIRE_TRIES 8

/*
 * What is happening, to be held against the faults' filters. Zero what does not apply. Without padding:
 * the verifier wants all of it initialised.
 */
struct sq_event {
	__u64 faults; /* candidates: the scope's, cut down to the hook's */
	__u32 cgroup; /* row of the counters */
	__u32 scope_flags;
	__u32 call; /* system call number, or SQ_NO_CALL */
	__u32 protocol; /* SQ_PROTO_*, or 0 for others */
	__u8 peer[16];
	__u16 peer_port; /* host order */
	__u16 local_port;
	__u8 has_peer;
	__u8 has_ports; /* not so in a later fragment, or in ICMP */
	__u8 tcp_flags;
	__u8 ingress;
	__u8 control; /* what the network itself lives by: ARP, NDP, DHCP */
	__u8 uncovered; /* a call that cannot be held back here: only count it */
	__u16 headers; /* bytes up to the end of TCP's or UDP's */
	__u32 transport; /* where the transport's header begins */
	__u32 size; /* bytes on the wire, all packets of a super packet */
	__u32 segments; /* wire packets that get a fate of their own; 0: the packet is one */
	__u64 flow;
	__u64 elsewhere; /* the faults whose paths this file is not on */
};

/* What to do about it. */
struct sq_decision {
	struct sq_event event;
	__u64 now;
	__s32 refused; /* the reason why nothing may act, or -1 */
	__s32 error; /* negative errno, or 0 */
	__u64 delay_ns;
	__u64 delayed; /* the faults that share in delay_ns */
	__u64 lined; /* the faults that take the delay line */
	__u64 copying; /* the faults that double it */
	/* a bit for each wire packet */
	__u64 all, lost, corrupted, doubled, late;
	__u64 late_ns;
	__u64 draw;
	__u16 reorder; /* it may overtake its own flow */
	__u16 apart; /* its own flow may overtake it */
	__u32 fate; /* enum sq_fate */
	__u32 answer;
	__u32 fated; /* the fault whose fate it is, or whose error */
	__u32 about; /* `now` may be some ms ago */
	__u32 turns; /* how many each fault has: one, or one for each wire packet */
};

static __always_inline bool sq_is_lost(const struct sq_decision *d)
{
	return d->lost && d->lost == d->all;
}

static __always_inline __u64 sq_mix(__u64 x)
{
	/* splitmix64's finaliser (Steele, Lea, Flood: Fast Splittable PRNGs, 2014) */
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static __always_inline bool sq_dice(__u64 draw, __u32 probability)
{
	return probability == SQ_ALWAYS || draw >> 32 < probability;
}

/* The wire of a row of the counters; a cable has one for each way. */
static __always_inline struct sq_wire *sq_wire_of(__u32 row, const struct sq_event *event)
{
	row = row * 2 + (event->ingress ? 1 : 0);
	return bpf_map_lookup_elem(&sq_wires, &row);
}

/*
 * The two-state Markov chain of Gilbert (1960) and Elliott (1963), as netem has it: the packet finds
 * a state, changes it for the next one, and is lost or not by the state that it found. Two packets
 * on two CPUs may change it at once, and one of the changes be lost: no more than their order is.
 */
static __always_inline bool sq_burst_hits(const struct sq_rule *rule, const struct sq_event *event,
					  __u32 row, __u64 draw, __u64 progress)
{
	struct sq_wire *wire = sq_wire_of(row, event);
	__u64 second = sq_mix(draw + 1);
	__u32 to_bad = rule->to_bad;

	if (!wire)
		return false;
	if (progress < SQ_RAMP_ONE)
		to_bad = (__u64)to_bad * progress / SQ_RAMP_ONE;
	if (READ_ONCE(wire->bad)) {
		if (sq_dice(draw, rule->to_good))
			WRITE_ONCE(wire->bad, 0);
		return !sq_dice(second, rule->passes_bad);
	}
	if (sq_dice(draw, to_bad))
		WRITE_ONCE(wire->bad, 1);
	return !sq_dice(second, rule->passes_good);
}

/* The dice of one event: @draw is its own, one of a connection says the same for all its packets. */
static __always_inline bool sq_is_hit(const struct sq_rule *rule, const struct sq_event *event,
				      __u32 fault, __u32 row, __u64 draw, __u64 progress)
{
	__u64 chance = rule->flags & SQ_RULE_PER_CONNECTION
			       ? sq_mix(sq_seed ^ sq_mix(event->flow + fault))
			       : draw;
	__u64 want = rule->probability == SQ_ALWAYS ? 1ull << 32 : rule->probability;

	if (rule->flags & SQ_RULE_BURSTS)
		return sq_burst_hits(rule, event, row, draw, progress);
	/* a ramp makes a delay grow, a rate shrink, and of the others the probability grow */
	if (rule->action != SQ_ACTION_DELAY && rule->action != SQ_ACTION_RATE &&
	    progress < SQ_RAMP_ONE)
		want = want * progress / SQ_RAMP_ONE;
	return chance >> 32 < want;
}

/* Of those that may change their order every `gap`th: is this one among them? */
static __always_inline bool sq_gap_is_over(const struct sq_rule *rule, const struct sq_event *event,
					   __u32 row)
{
	struct sq_wire *wire = rule->gap > 1 ? sq_wire_of(row, event) : NULL;

	return !wire || __sync_fetch_and_add(&wire->passed, 1) % rule->gap == rule->gap - 1;
}

/*
 * How long a packet waits for a link of limited rate: a token bucket as one word, the time when all
 * that was taken is through (GCRA, ITU-T I.371). False: not at all, or too long for the link's
 * queue, which @ret_full tells. A packet on another CPU may win; out of tries it does not wait.
 */
static __always_inline bool sq_waits(const struct sq_rule *rule, const struct sq_event *event,
				     __u32 row, __u64 now, __u64 progress, __u64 *ret_wait,
				     bool *ret_full)
{
	struct sq_wire *wire = sq_wire_of(row, event);
	__u64 taken = (rule->rate_ns * event->size) >> 16;

	*ret_full = false;
	if (!wire)
		return false;
	if (progress < SQ_RAMP_ONE) /* the rate comes down from infinity */
		taken = taken * progress / SQ_RAMP_ONE;
	for (int i = 0; i < SQ_WIRE_TRIES; i++) {
		__u64 seen = READ_ONCE(wire->next_ns);
		__u64 through = (seen > now ? seen : now) + taken;
		__u64 wait = through - now;

		wait = wait > rule->burst_ns ? wait - rule->burst_ns : 0;
		*ret_full = wait > rule->delay_ns;
		if (*ret_full)
			return false;
		*ret_wait = wait;
		if (__sync_val_compare_and_swap(&wire->next_ns, seen, through) == seen)
			return wait > 0;
	}
	return false;
}

static __always_inline void sq_act_delay(struct sq_decision *d, const struct sq_rule *rule,
					 __u32 fault, __u64 progress, __u64 draw)
{
	__u64 delay = rule->delay_ns, jitter = rule->jitter_ns;

	if (progress < SQ_RAMP_ONE) {
		delay = delay * progress / SQ_RAMP_ONE;
		jitter = jitter * progress / SQ_RAMP_ONE;
	}
	if (jitter)
		delay = sq_sample(sq_quantiles, rule->distribution, delay, jitter, sq_mix(draw));
	d->delay_ns += delay;
	d->delayed |= 1ull << fault;
	d->lined |= 1ull << fault;
	if (rule->flags & SQ_RULE_REORDER)
		d->reorder = d->apart = 1;
	if (!(rule->flags & SQ_RULE_PER_CONNECTION) && rule->probability != SQ_ALWAYS)
		d->apart = 1;
}

/* @segment: which wire packet of a super packet it is about, where each has a fate of its own. */
static __always_inline void sq_act(struct sq_decision *d, const struct sq_rule *rule, __u32 fault,
				   __u32 segment, __u64 progress, __u64 draw)
{
	/* where not each has a fate of its own all of them share one */
	__u64 bits = rule->flags & SQ_RULE_WIRE ? 1ull << (segment & (SQ_LINE_SEGMENTS - 1))
						: d->all;

	switch (rule->action) {
	case SQ_ACTION_DROP:
		d->lost |= bits;
		break;
	case SQ_ACTION_ERROR:
		d->error = -(__s32)rule->error;
		d->fated = fault;
		break;
	case SQ_ACTION_DELAY:
		sq_act_delay(d, rule, fault, progress, draw);
		break;
	case SQ_ACTION_CORRUPT:
		d->corrupted |= bits;
		d->lined |= 1ull << fault;
		break;
	case SQ_ACTION_DUPLICATE:
		d->doubled |= bits;
		d->copying |= 1ull << fault;
		break;
	case SQ_ACTION_REORDER:
		d->late |= bits;
		if (d->late_ns < rule->delay_ns)
			d->late_ns = rule->delay_ns;
		d->lined |= 1ull << fault;
		break;
	case SQ_ACTION_RESET:
		d->fate = SQ_FATE_RESET;
		d->fated = fault;
		d->lined |= 1ull << fault;
		break;
	case SQ_ACTION_ANSWER:
		d->fate = SQ_FATE_ANSWER;
		d->answer = rule->error;
		d->fated = fault;
		d->lined |= 1ull << fault;
		break;
	}
	d->draw = draw;
}

#endif
