/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The catalogue of faults: every kind with its parameters, units, limits and help. Validation, the
 * plan, `squall faults`, the schema and the manual page all read this one table.
 */
#ifndef SQ_EXPERIMENT_CATALOGUE_H
#define SQ_EXPERIMENT_CATALOGUE_H

#include "experiment/schema.h"

enum sq_fault_id {
	SQ_FAULT_LATENCY,
	SQ_FAULT_LOSS,
	SQ_FAULT_CORRUPT,
	SQ_FAULT_DUPLICATE,
	SQ_FAULT_REORDER,
	SQ_FAULT_RATE,
	SQ_FAULT_PARTITION,
	SQ_FAULT_REFUSE,
	SQ_FAULT_RESET,
	SQ_FAULT_DNS,
	SQ_FAULT_SYSCALL_LATENCY,
	SQ_FAULT_SYSCALL_ERROR,
	SQ_FAULT_KINDS,
};

/* What a question to the DNS gets back. */
enum sq_answer {
	SQ_ANSWER_SERVFAIL,
	SQ_ANSWER_NXDOMAIN,
	SQ_ANSWER_NOTHING,
};

enum sq_direction {
	SQ_EGRESS,
	SQ_INGRESS,
	SQ_BOTH,
};

enum sq_per {
	SQ_PER_CONNECTION,
	SQ_PER_PACKET,
};

struct sq_fault_kind {
	enum sq_fault_id id;
	const char *name;
	const char *help; /* one line */
	const char *note; /* what one should know before using it */
	struct sq_schema schema;
};

struct sq_pulse {
	struct sq_object object;
	uint64_t active_ns, idle_ns;
};

/* Losses in bursts: Gilbert and Elliott's model, its four shares. */
struct sq_bursts {
	struct sq_object object;
	uint64_t p_ppb, r_ppb, h_ppb, k_ppb;
};

/* One fault of the method. What a kind has no parameter for keeps its default. */
struct sq_fault {
	struct sq_object object;
	const struct sq_fault_kind *kind;
	char *kind_name;
	char *name;
	struct sq_texts targets;
	bool in_a_circle; /* it follows itself */
	char *after; /* the fault that it follows; at_ns is from the first arming in any case */
	uint64_t at_ns, for_ns, ramp_ns;
	struct sq_pulse pulse;
	uint64_t probability_ppb;
	uint64_t limit, skip, min_effect;
	struct sq_peers to, except;
	struct sq_port_ranges ports, local_ports;
	uint32_t protocols; /* bit 0 tcp, 1 udp, 2 icmp; 0: all */
	unsigned int direction; /* enum sq_direction */
	unsigned int per; /* enum sq_per */
	uint64_t delay_ns, jitter_ns;
	unsigned int distribution; /* enum sq_distribution */
	struct sq_bursts bursts;
	bool reorder;
	uint64_t gap;
	uint64_t rate_bps, burst_bytes;
	struct sq_texts names; /* of the DNS */
	unsigned int answer; /* enum sq_answer */
	uint32_t include; /* bit N for sq_fault_includes[N] */
	struct sq_calls calls;
	struct sq_texts paths;
	unsigned int error;
};

extern const struct sq_fault_kind sq_catalogue[];
extern const size_t sq_catalogue_n;

const struct sq_fault_kind *sq_fault_kind_find(const char *name);
const char *sq_fault_kind_nearest(const char *name);

/* An entry of the method: its schema is that of the kind which its key `fault` names. */
extern const struct sq_schema sq_fault_schema;

/* Is it of the system calls, and not of the packets? */
bool sq_fault_kind_is_call(const struct sq_fault_kind *kind);

/* Is a parameter of this key among the kind's? */
bool sq_fault_kind_has(const struct sq_fault_kind *kind, const char *key);

/* What a fault's `include` may name; NULL behind the last. */
extern const char *const sq_fault_includes[];

#endif
