/* SPDX-License-Identifier: GPL-2.0-only */
/* How the host does: pressure, load, free memory, free disk. */
#ifndef SQ_GUARD_HEALTH_H
#define SQ_GUARD_HEALTH_H

#include "experiment/stop_if.h"

#define SQ_HEALTH_LOOKS 64

/* What has been seen of one condition so far; zeroed at first. */
struct sq_health {
	uint64_t since_ns; /* since when it is so; 0: it is not */
	struct {
		uint64_t at_ns, total_us[SQ_PRESSURES];
	} look[SQ_HEALTH_LOOKS]; /* a ring, for the pressure in between */
	size_t n;
	bool unknown; /* it could not be looked at the last time */
};

/*
 * Looks at the host. NULL where all is well, else a sentence to be freed: that the condition @stop_if,
 * one about the host, is fulfilled, or that it cannot be looked at. @journal_fd is a folder on the disk
 * that disk_free is about. @now_ns by sq_now().
 */
char *sq_health_look(const struct sq_stop_if *stop_if, struct sq_health *health, int journal_fd,
		     uint64_t now_ns);

/*
 * Has the wall clock been set, against the clock that only goes on? *offset_ns is what it was apart at
 * the look before, 0 at first. Returns by how much, signed; 0 where less than a second.
 */
int64_t sq_health_clock_jump(int64_t *offset_ns, uint64_t wall_ns, uint64_t now_ns);

#endif
