/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults of the experiment to what the gate reads. */
#ifndef SQ_INJECT_RULES_H
#define SQ_INJECT_RULES_H

#include "abi.h"
#include "experiment/experiment.h"

/* Bit per enum sq_hook: where this fault acts. 0: sq_fault_support() finds out for each call. */
uint64_t sq_fault_hooks(const struct sq_fault *fault);

/* What a fault wants of the delay line. */
enum sq_line_use {
	SQ_LINE_UNUSED,
	SQ_LINE_WANTED, /* to part super packets: without it they are lost or doubled as a whole */
	SQ_LINE_NEEDED,
};

enum sq_line_use sq_fault_line_use(const struct sq_fault *fault);

/*
 * Does it lose packets that come in, each wire packet of a super packet for itself? Then it takes
 * SQ_HOOK_TC_INGRESS besides, where there is a line to part them.
 */
bool sq_fault_parts_incoming(const struct sq_fault *fault);

/*
 * Does it no more than hold packets back, for SQ_BRIEF_NS at the most? Do all faults that want the line,
 * together? Then fq may do it, which gives back nothing before its time.
 */
bool sq_fault_is_brief(const struct sq_fault *fault);
bool sq_faults_are_brief(const struct sq_experiment *experiment);

/* The longest delay that the fault makes. */
uint64_t sq_fault_longest_ns(const struct sq_fault *fault);

/* The median of the delays that it asks for. */
uint64_t sq_fault_median_ns(const struct sq_fault *fault);

/* Does it lose packets? Such faults decide before all others. */
bool sq_fault_loses(const struct sq_fault *fault);

/* Has each wire packet of a super packet a fate of its own? */
bool sq_fault_hits_wire_packets(const struct sq_fault *fault);

/* Is it for dice to say whether a call is hit, in one window without pauses? */
bool sq_fault_hits_by_dice(const struct sq_fault *fault);

/* The rule of a fault that begins and ends with its window around @start_ns (sq_now()). */
void sq_rule_make(const struct sq_fault *fault, uint64_t start_ns, struct sq_rule *ret);

#endif
