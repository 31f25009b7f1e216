/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backends: kernel mechanisms that carry faults, and whether this kernel has them. A backend
 * is proven by loading its programs and, for doctor, by attaching them where nobody notices, never
 * by reading versions.
 */
#ifndef SQ_INJECT_BACKEND_H
#define SQ_INJECT_BACKEND_H

#include <stdbool.h>

#include "abi.h"
#include "experiment/catalogue.h"
#include "util/error.h"

/* How thoroughly to look. */
enum sq_look {
	SQ_LOOK_LOAD, /* load the programs, touch nothing: for a plan */
	SQ_LOOK_ATTACH, /* also attach them to a cgroup or device made for it: for doctor */
};

/* What this kernel makes of a fault. */
struct sq_support {
	bool ok;
	char *backend; /* "tcx egress, TAP delay line" */
	char *why; /* not ok: in a sentence */
	char *hint; /* what would work, or NULL */
	bool line; /* it takes the delay line */
	uint64_t hooks; /* bit per enum sq_hook: where it acts */
	struct sq_calls by_hook[SQ_HOOKS]; /* system call faults: the calls that each carries */
};

/* 0 and *ret filled, to be cleared. The answers are kept for the life of the process. */
int sq_fault_support(const struct sq_fault *fault, enum sq_look look, struct sq_support *ret,
		     struct sq_error **err);
void sq_support_clear(struct sq_support *support);

/* Has the kernel what its own line takes (line_private.h)? */
bool sq_backend_private_line(void);

/* Does the program of one of @used run in every system call of the host? */
bool sq_backend_taxes_every_call(uint64_t used);

/* Are devices attached to by tcx (else by clsact)? Known after sq_fault_support(). */
bool sq_backend_tcx(void);

/* What looks like a target's packet and is met by no fault, or not as one may expect. */
extern const struct sq_gap sq_packets_unseen[];
extern const size_t sq_packets_unseen_n;

/*
 * What nothing works without: rights, BPF, cgroup2, BTF. Adds a sentence to @missing for each that
 * is not there.
 */
void sq_backend_basics(struct sq_texts *missing);

#endif
