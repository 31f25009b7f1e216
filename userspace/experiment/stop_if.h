/* SPDX-License-Identifier: GPL-2.0-only */
/* Stop conditions: what ends a run early, or keeps it from starting. */
#ifndef SQ_EXPERIMENT_STOP_IF_H
#define SQ_EXPERIMENT_STOP_IF_H

#include "experiment/probe.h"

/* Pressure stall information: the share of time in which somebody waited for it. */
enum sq_pressure {
	SQ_PRESSURE_CPU,
	SQ_PRESSURE_MEMORY,
	SQ_PRESSURE_IO,
	SQ_PRESSURES,
};

extern const char *const sq_pressure_names[SQ_PRESSURES];

struct sq_psi {
	struct sq_object object;
	uint64_t most_ppb[SQ_PRESSURES]; /* 0: not looked at */
};

/* Either a probe, which has to be met, or one thing about the host. */
struct sq_stop_if {
	struct sq_object object;
	struct sq_source source;
	char *name; /* never NULL once the file is checked */
	struct sq_psi psi;
	uint64_t load; /* more than so many tasks that want to run; 0: not looked at */
	uint64_t memory_free_ppb; /* less than this share of the memory is available */
	char *disk_free; /* less than this is free where the journals are */
	uint64_t disk_free_bytes;
	struct sq_expect expect;
	uint64_t every_ns, for_ns;
};

extern const struct sq_schema sq_stop_if_schema;

/* Is it about the host, and not a probe? */
bool sq_stop_if_is_host(const struct sq_stop_if *stop_if);

/* Completes and checks a list of them. */
void sq_stop_ifs_check(const struct sq_objects *stop_ifs, struct sq_diags *diags);

#endif
