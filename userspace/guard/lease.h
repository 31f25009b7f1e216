/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lease, a dead man's switch: "valid until" in a page shared with the kernel side, which looks
 * before every injection. Only the controller's main loop renews it; so a controller that is
 * killed, stopped, frozen or hung leaves inert faults behind within the lease's length.
 */
#ifndef SQ_GUARD_LEASE_H
#define SQ_GUARD_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "guard/kill_switch.h"
#include "util/error.h"

#define SQ_LEASE_NS 1000000000ull
#define SQ_LEASE_RENEW_NS 250000000ull

enum sq_lease_state {
	SQ_LEASE_WAITING, /* not begun: the run has not armed its faults yet */
	SQ_LEASE_ALIVE,
	SQ_LEASE_LAPSED, /* ended, not renewed in time, or the blast radius's duration is over */
	SQ_LEASE_KILLED, /* the kill switch */
};

struct sq_lease {
	int control_fd; /* the map's, -EBADF in a helper */
	volatile struct sq_control *control;
	volatile struct sq_switch *entry; /* the kill switch's entries */
	uint64_t epoch, generation;
	uint32_t slot;
};

/* Makes the control map, not yet valid. The lease keeps a view of @kill_switch. */
int sq_lease_create(struct sq_lease *lease, const struct sq_kill_switch *kill_switch,
		    uint64_t epoch, uint32_t slot, uint64_t generation, struct sq_error **err);

/* A helper process's view of the run's lease, from the two maps' descriptors, which it closes. */
int sq_lease_view(struct sq_lease *lease, int control_fd, int switch_fd, uint64_t epoch,
		  uint32_t slot, uint64_t generation, struct sq_error **err);

void sq_lease_close(struct sq_lease *lease);

/* Starts the lease now; @duration_ns is the deadline that is never moved. */
void sq_lease_begin(struct sq_lease *lease, uint64_t duration_ns);

/*
 * Renews it. False: it had lapsed already, for good, and is not revived. The new end is computed
 * first and the old one read after: stopped between the two and woken up later, the process writes
 * a time that has passed. The clock is read once more after the write: if the old end has come by
 * then, it may have lapsed before, and ends.
 */
bool sq_lease_renew(struct sq_lease *lease);

/* One write: everything of this run is inert. */
void sq_lease_end(struct sq_lease *lease);

enum sq_lease_state sq_lease_state(const struct sq_lease *lease);

/* The kill switch alone: also before the lease has begun. */
bool sq_lease_killed(const struct sq_lease *lease);

#endif
