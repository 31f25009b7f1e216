/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: the one place that decides whether a fault acts.
 *
 * A program says who is in question (sq_scope_of_task, sq_scope_of_skb), what is happening
 * (struct sq_event) and asks sq_decide(). It then does what the answer says and nothing else.
 * The order of the questions is the order of their cost: a foreign cgroup pays for one look-up in
 * an array, and for nothing more.
 *
 * Everything fails open: a missing map entry, a lapsed lease, a full table let the packet or the
 * call pass.
 */
#ifndef SQ_GATE_H
#define SQ_GATE_H

#include "act.h"
#include "scope.h"

#define SQ_RATE_TRIES 8
#define SQ_LARGEST_ERRNO 133
#define SQ_TCP_SYN 2
#define SQ_TCP_RST 4
#define SQ_TCP_ACK 16

/* Why nothing of this run may act now, or -1. */
static __always_inline int sq_refusal(__u64 now, __u32 scope_flags)
{
	__u32 host = 0, slot = sq_slot;
	struct sq_switch *all = bpf_map_lookup_elem(&sq_switch, &host);
	struct sq_switch *ours = bpf_map_lookup_elem(&sq_switch, &slot);
	struct sq_control *control = sq_control_get();

	if (!all || !ours || READ_ONCE(all->count) != sq_epoch ||
	    READ_ONCE(ours->count) != sq_generation) {
		/* for good: nobody who puts the count back revives the run */
		if (control && READ_ONCE(control->valid_until_ns))
			WRITE_ONCE(control->valid_until_ns, 1);
		return SQ_MISSED_KILLED;
	}
	if (!control || now >= READ_ONCE(control->valid_until_ns) ||
	    now >= READ_ONCE(control->deadline_ns))
		return SQ_MISSED_LEASE;
	if (scope_flags & SQ_SCOPE_PROTECTED)
		return SQ_MISSED_PROTECTED;
	return -1;
}

/* Is the fault armed at this moment? @progress is the ramp's, of SQ_RAMP_ONE. */
static __always_inline bool sq_in_window(const struct sq_rule *rule, __u64 now, __u64 *progress)
{
	__u64 period = rule->pulse_active_ns + rule->pulse_idle_ns;
	__u64 elapsed = now - rule->from_ns;

	if (now < rule->from_ns || now >= rule->until_ns)
		return false;
	if (period && elapsed % period >= rule->pulse_active_ns)
		return false;
	*progress = SQ_RAMP_ONE;
	if (elapsed < rule->ramp_ns)
		*progress = elapsed * SQ_RAMP_ONE / rule->ramp_ns;
	return true;
}

static __always_inline bool sq_port_in(const struct sq_ports *ports, __u16 port, bool known)
{
	if (!ports->n)
		return true;
	if (!known)
		return false;
	for (__u32 i = 0; i < SQ_MAX_PORT_RANGES && i < ports->n; i++)
		if (port >= ports->range[i].low && port <= ports->range[i].high)
			return true;
	return false;
}

/*
 * What the trie of the peers would answer, for programs that may sleep and so may not ask it: the same
 * entries in a hash, looked up by each length of a prefix that there is, the longest first.
 */
__weak __noinline int sq_peer_in_table(const struct sq_event *event, __u32 list)
{
	struct sq_peer_key key = { .list = list };
	const struct sq_ports *ports;
	__be64 address[2];

	if (!event)
		return 0;
	__builtin_memcpy(address, event->peer, sizeof(address));
	for (__u64 i = 0; i < SQ_PREFIX_LENGTHS && i < sq_n_prefixes; i++) {
		__u64 length = sq_prefixes[i], high = ~0ull, low = 0;
		__be64 masked[2];

		if (length < 64)
			high = length ? ~0ull << (64 - length) : 0;
		else if (length > 64)
			low = ~0ull << ((128 - length) & 63);
		masked[0] = address[0] & bpf_cpu_to_be64(high);
		masked[1] = address[1] & bpf_cpu_to_be64(low);
		__builtin_memcpy(key.address, masked, sizeof(masked));
		key.prefix_len = 8 * sizeof(list) + length;
		ports = bpf_map_lookup_elem(&sq_peer_table, &key);
		if (ports)
			return sq_port_in(ports, event->peer_port, event->has_ports);
	}
	return 0;
}

/* Only the first fragment tells the ports. */
static __always_inline bool sq_hides_ports(const struct sq_event *event)
{
	return !event->has_ports && event->protocol & (SQ_PROTO_TCP | SQ_PROTO_UDP);
}

static __always_inline bool sq_peer_in(const struct sq_event *event, __u32 list, const bool trie)
{
	struct sq_peer_key key = { .prefix_len = 8 * sizeof(key) - 32, .list = list };
	const struct sq_ports *ports;

	if (!trie)
		return sq_peer_in_table(event, list);
	__builtin_memcpy(key.address, event->peer, sizeof(key.address));
	ports = bpf_map_lookup_elem(&sq_peers, &key);
	if (!ports)
		return false;
	/* whom a port would spare is spared by what hides it */
	return sq_port_in(ports, event->peer_port, event->has_ports) ||
	       (SQ_LIST_SPARES(list) && sq_hides_ports(event));
}

/* What nobody may be cut off from by accident: the control path. */
static __always_inline bool sq_is_control(const struct sq_event *event, const bool trie)
{
	return event->control ||
	       (sq_has_control && event->has_peer && sq_peer_in(event, SQ_LIST_CONTROL, trie));
}

static __always_inline bool sq_filter(const struct sq_rule *rule, __u32 fault,
				      const struct sq_event *event, const bool trie)
{
	if (event->elsewhere >> fault & 1)
		return false;
	if (rule->protocols && !(rule->protocols & event->protocol))
		return false;
	if (!sq_port_in(&rule->local, event->local_port, event->has_ports))
		return false;
	/* a connection that is not yet, or no more, cannot be reset */
	if (rule->action == SQ_ACTION_RESET &&
	    (event->tcp_flags & (SQ_TCP_SYN | SQ_TCP_RST | SQ_TCP_ACK)) != SQ_TCP_ACK)
		return false;
	if ((rule->flags & SQ_RULE_TO) &&
	    !(event->has_peer && sq_peer_in(event, SQ_LIST_TO(fault), trie)))
		return false;
	return !((rule->flags & SQ_RULE_EXCEPT) && event->has_peer &&
		 sq_peer_in(event, SQ_LIST_EXCEPT(fault), trie));
}

/*
 * GCRA (ITU-T I.371; the virtual scheduling form): one word moved by a bounded compare-and-swap.
 * Out of tries counts as over the rate.
 */
static __always_inline bool sq_within_rate(struct sq_budget *run, __u64 now)
{
	if (!sq_rate_interval_ns)
		return true;
	for (int i = 0; i < SQ_RATE_TRIES; i++) {
		__u64 seen = READ_ONCE(run->next_ns);
		__u64 base = seen > now ? seen : now;

		if (base - now > sq_rate_burst_ns)
			return false;
		if (__sync_val_compare_and_swap(&run->next_ns, seen, base + sq_rate_interval_ns) ==
		    seen)
			return true;
	}
	return false;
}

/* Claims one injection before it happens: with a limit of 1000 the 1001st is not made. */
static __always_inline int sq_claim(const struct sq_rule *rule, __u32 fault, __u64 now)
{
	__u32 whole = SQ_MAX_FAULTS;
	struct sq_budget *own = bpf_map_lookup_elem(&sq_budget, &fault);
	struct sq_budget *run = bpf_map_lookup_elem(&sq_budget, &whole);

	if (!own || !run)
		return SQ_MISSED_BUDGET;
	if (rule->skip && READ_ONCE(own->skipped) < rule->skip &&
	    __sync_fetch_and_add(&own->skipped, 1) < rule->skip)
		return SQ_MISSED_DICE;
	if (rule->limit && READ_ONCE(own->claimed) >= rule->limit)
		return SQ_MISSED_BUDGET;
	if (!sq_within_rate(run, now))
		return SQ_MISSED_RATE;
	if (__sync_fetch_and_add(&own->claimed, 1) >= rule->limit && rule->limit) {
		__sync_fetch_and_add(&own->claimed, -1);
		return SQ_MISSED_BUDGET;
	}
	if (__sync_fetch_and_add(&run->claimed, 1) >= sq_faults_limit && sq_faults_limit) {
		__sync_fetch_and_add(&run->claimed, -1);
		__sync_fetch_and_add(&own->claimed, -1);
		return SQ_MISSED_BUDGET;
	}
	WRITE_ONCE(run->last_ns, now);
	return -1;
}

static __always_inline struct sq_counters *sq_count_of(__u32 fault, __u32 cgroup)
{
	__u32 row = fault * sq_n_cgroups + cgroup;

	return bpf_map_lookup_elem(&sq_counters, &row);
}

static __always_inline void sq_miss(struct sq_counters *counters, __u32 reason)
{
	barrier_var(reason); /* or the compiler scales it elsewhere than it bounds it */
	if (reason < SQ_MISSED_REASONS)
		__sync_fetch_and_add(&counters->missed[reason], 1);
}

/*
 * What the clock said on this processor since its last tick, or else says now. To read the clock costs half
 * of all that a call pays which the dice spare. Whoever is preempted in here leaves an older time behind, and
 * nobody a later one.
 */
static __always_inline __u64 sq_recent_ns(void)
{
	__u64 jiffies = bpf_jiffies64(), now;
	__u32 zero = 0;
	struct sq_tick *tick = bpf_map_lookup_elem(&sq_ticks, &zero);

	if (tick && READ_ONCE(tick->jiffies) == jiffies)
		return READ_ONCE(tick->now_ns);
	now = bpf_ktime_get_boot_ns();
	if (tick) {
		WRITE_ONCE(tick->now_ns, now);
		WRITE_ONCE(tick->jiffies, jiffies);
	}
	return now;
}

/*
 * The time, and why nothing may act. Where only dice can hit, a recent time does to spare a call, and
 * sq_is_time() looks again before anything acts.
 */
static __always_inline void sq_tell_time(struct sq_decision *d)
{
	d->about = sq_dice_faults && !(d->event.faults & ~sq_dice_faults);
	d->now = d->about ? sq_recent_ns() : bpf_ktime_get_boot_ns();
	d->refused = sq_refusal(d->now, d->event.scope_flags);
}

/* The dice hit: is it still time, by the exact clock? */
static __always_inline bool sq_is_time(struct sq_decision *d, const struct sq_rule *rule,
				       struct sq_counters *counters, __u64 *progress)
{
	if (!d->about)
		return true;
	d->about = 0;
	d->now = bpf_ktime_get_boot_ns();
	d->refused = sq_refusal(d->now, d->event.scope_flags);
	if (d->refused < 0)
		return sq_in_window(rule, d->now, progress);
	sq_miss(counters, d->refused);
	return false;
}

/*
 * One fault's turn, for one wire packet of a super packet where each has a fate of its own: @index
 * counts these first. 1 ends it: nothing is left to hit.
 */
static __always_inline int sq_consider_one(struct sq_decision *d, __u32 index, const bool packets)
{
	__u64 draw, progress, wait = 0, *sequence;
	__u32 row, fault = index, segment = 0;
	struct sq_counters *counters;
	struct sq_rule *rule;
	bool full = false;
	int reason;

	if (!d)
		return 1;
	if (d->turns > 1) {
		fault = index / d->turns;
		segment = index % d->turns;
	}
	if (fault >= SQ_MAX_FAULTS)
		return 1;
	if (!(d->event.faults >> fault & 1))
		return 0;
	rule = bpf_map_lookup_elem(&sq_rules, &fault);
	if (!rule || (segment && !(rule->flags & SQ_RULE_WIRE)))
		return 0;
	if (!sq_in_window(rule, d->now, &progress))
		return 0;
	if ((rule->flags & SQ_RULE_CALLS) &&
	    (d->event.call >= 64 * SQ_CALL_WORDS ||
	     !(rule->calls[(d->event.call >> 6) & (SQ_CALL_WORDS - 1)] >> (d->event.call & 63) & 1)))
		return 0;
	row = fault * sq_n_cgroups + d->event.cgroup;
	counters = bpf_map_lookup_elem(&sq_counters, &row);
	sequence = bpf_map_lookup_elem(&sq_sequence, &row);
	if (!counters || !sequence)
		return 0;

	/* from here on each way out is counted: all of them together are what was seen */
	if (d->refused >= 0) {
		sq_miss(counters, d->refused);
		return 0;
	}
	if (!(rule->flags & SQ_RULE_CONTROL) && sq_is_control(&d->event, packets)) {
		sq_miss(counters, SQ_MISSED_PROTECTED);
		return 0;
	}
	if (!sq_filter(rule, fault, &d->event, packets)) {
		sq_miss(counters, SQ_MISSED_FILTER);
		return 0;
	}
	if (rule->flags & SQ_RULE_WIRE ? d->lost >> (segment & (SQ_LINE_SEGMENTS - 1)) & 1
				       : sq_is_lost(d)) {
		sq_miss(counters, SQ_MISSED_LOST);
		return 0;
	}
	draw = sq_mix(sq_seed ^ sq_mix((__u64)fault << 32 | d->event.cgroup));
	draw = sq_mix(draw + __sync_fetch_and_add(sequence, 1));
	if (!sq_gap_is_over(rule, &d->event, row) ||
	    !sq_is_hit(rule, &d->event, fault, row, draw, progress)) {
		sq_miss(counters, SQ_MISSED_DICE);
		return 0;
	}
	if (!sq_is_time(d, rule, counters, &progress))
		return 0;
	if (packets && rule->action == SQ_ACTION_RATE &&
	    !sq_waits(rule, &d->event, row, d->now, progress, &wait, &full) && !full) {
		sq_miss(counters, SQ_MISSED_IDLE);
		return 0;
	}
	reason = d->event.uncovered ? SQ_MISSED_UNCOVERED : sq_claim(rule, fault, d->now);
	if (reason >= 0) {
		sq_miss(counters, reason);
		return 0;
	}
	__sync_fetch_and_add(&counters->injected, 1);
	if (sq_observe) /* what ends a decision would have ended it here too */
		return rule->action == SQ_ACTION_ERROR || rule->action == SQ_ACTION_RESET ||
		       rule->action == SQ_ACTION_ANSWER;
	if (packets && rule->action == SQ_ACTION_RATE) {
		if (full) {
			__sync_fetch_and_add(&counters->overflowed, 1);
			d->lost = d->all;
			return 0;
		}
		d->delay_ns += wait;
		d->delayed |= 1ull << fault;
		d->lined |= 1ull << fault;
	} else {
		sq_act(d, rule, fault, segment, progress, draw);
	}
	return d->error || d->fate;
}

/*
 * A global function, which the verifier looks at by itself, for whatever the decision may hold. As
 * part of its caller it would be verified with what the caller stored there, and before 6.8 the
 * verifier loses track of constants that are stored through the stack pointer and read through
 * another. 6.1 took every refusal for the first it had seen, and made it the only one.
 */
__weak __noinline int sq_consider(struct sq_decision *d, __u32 index)
{
	return sq_consider_one(d, index, true);
}

/* The same for programs that may sleep: those may not use the trie of the peers, nor see packets. */
__weak __noinline int sq_consider_call(struct sq_decision *d, __u32 index)
{
	return sq_consider_one(d, index, false);
}

/* A callback of bpf_loop(), which may only be static. */
static long sq_consider_next(__u64 index, struct sq_decision *d)
{
	return sq_consider(d, index) ? 1 : 0;
}

static long sq_consider_call_next(__u64 index, struct sq_decision *d)
{
	return sq_consider_call(d, index) ? 1 : 0;
}

/*
 * Decides for every candidate fault, in the order of the file, and counts each: first those that
 * lose packets, so that none of the others is counted for a packet that never was. Delays add up; the
 * first error, the first reset or answer ends it.
 */
static __always_inline void sq_decide(struct sq_decision *d)
{
	__u64 faults = d->event.faults;
	__u32 n = sq_n_faults;

	sq_tell_time(d);
	d->all = 1;
	if (d->event.segments > 1) {
		d->all = ~0ull >> ((SQ_LINE_SEGMENTS - d->event.segments) & (SQ_LINE_SEGMENTS - 1));
		if (faults & sq_wire_faults)
			n *= d->turns = d->event.segments;
	}
	d->event.faults = faults & sq_loss_faults;
	if (d->event.faults)
		bpf_loop(n, sq_consider_next, d, 0);
	d->event.faults = faults & ~sq_loss_faults;
	if (n == 1) /* one turn needs no loop */
		sq_consider(d, 0);
	else if (d->event.faults)
		bpf_loop(n, sq_consider_next, d, 0);
	d->event.faults = faults;
}

/* The same in a program that may sleep, for calls. */
static __always_inline void sq_decide_call(struct sq_decision *d)
{
	sq_tell_time(d);
	d->all = 1;
	bpf_loop(sq_n_faults, sq_consider_call_next, d, 0);
}

/*
 * What a call shall return instead, 0 or a negative errno, clamped where the verifier sees it: it
 * wants [-4095, 0] and forgets the range of a negated number and of an int.
 */
static __always_inline long sq_clamp_error(long error)
{
	barrier_var(error);
	if (error < -SQ_LARGEST_ERRNO || error > 0)
		return 0;
	barrier_var(error);
	return error;
}

static __always_inline long sq_result(const struct sq_decision *d)
{
	return sq_clamp_error(d->error);
}

static __always_inline void sq_take_back_one(const struct sq_decision *d, __u32 fault, __u32 reason)
{
	__u32 whole = SQ_MAX_FAULTS;
	struct sq_budget *own = bpf_map_lookup_elem(&sq_budget, &fault);
	struct sq_budget *run = bpf_map_lookup_elem(&sq_budget, &whole);
	struct sq_counters *counters = sq_count_of(fault, d->event.cgroup);

	if (!own || !run || !counters)
		return;
	__sync_fetch_and_add(&own->claimed, -1);
	__sync_fetch_and_add(&run->claimed, -1);
	__sync_fetch_and_add(&counters->injected, -1);
	sq_miss(counters, reason);
}

/*
 * What the faults in @faults had decided could not be done, for @reason: takes it back from the
 * counters. Global, so that the verifier walks its loop once. That counts in 64 bits because the
 * verifier forgets a spilled counter of 32, and sees an endless loop.
 */
__weak __noinline int sq_take_back(const struct sq_decision *d, __u64 faults, __u32 reason)
{
	if (!d)
		return 0;
	for (__u64 fault = 0; fault < SQ_MAX_FAULTS && fault < sq_n_faults; fault++)
		if (faults >> fault & 1)
			sq_take_back_one(d, fault, reason);
	return 0;
}

#endif
