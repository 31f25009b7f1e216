/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kill switch: one pinned map for the whole host. One write makes every fault of every run
 * inert, without any controller's help, because the gate compares it each time.
 */
#ifndef SQ_GUARD_KILL_SWITCH_H
#define SQ_GUARD_KILL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "util/error.h"

struct sq_kill_switch {
	int map_fd;
	volatile struct sq_switch *entry; /* SQ_SWITCH_SLOTS of them, shared with the kernel */
};

/* After so long without a word a slot is free: its run has died, or its lease is long over. */
#define SQ_SWITCH_HELD_NS 30000000000ull

/* What a run has taken of it. */
struct sq_slot {
	uint32_t number; /* from 1; 0: none */
	uint64_t generation; /* this run's */
	uint64_t held_ns; /* when it last said that it lives */
};

/*
 * Opens the host's switch: its pin, or for root whatever mount namespace has it; with @create makes the
 * bpffs and the map where they are missing, which needs root. -ENOENT: there is none, so nothing can be running.
 */
int sq_kill_switch_open(struct sq_kill_switch *kill_switch, bool create, struct sq_error **err);
void sq_kill_switch_close(struct sq_kill_switch *kill_switch);

/* Stops every run of the host; with @latch also keeps new ones from starting. */
void sq_kill_switch_stop_all(const struct sq_kill_switch *kill_switch, bool latch);

/*
 * Stops the run that took @slot with @generation, and no other that has it by now. False: that
 * generation is over already, or this is not the switch that the run looks at.
 */
bool sq_kill_switch_stop_run(const struct sq_kill_switch *kill_switch, uint32_t slot,
			     uint64_t generation);

/* Allows runs again. False, and it stays latched: somebody has stopped everything since @epoch. */
bool sq_kill_switch_unlatch(const struct sq_kill_switch *kill_switch, uint64_t epoch);

bool sq_kill_switch_latched(const struct sq_kill_switch *kill_switch);
uint64_t sq_kill_switch_epoch(const struct sq_kill_switch *kill_switch);

/*
 * Takes @slot for a new run: whoever had it before is stopped. False: a run holds it, maybe one in another
 * mount namespace, whose registry nobody here sees.
 */
bool sq_kill_switch_take(const struct sq_kill_switch *kill_switch, uint32_t slot,
			 struct sq_slot *ret);

/* Says that the run that has taken @slot lives. To be called well within SQ_SWITCH_HELD_NS. */
void sq_kill_switch_hold(const struct sq_kill_switch *kill_switch, struct sq_slot *slot);

/* The run is over: its slot is free at once. */
void sq_kill_switch_give(const struct sq_kill_switch *kill_switch, struct sq_slot *slot);

/*
 * Stops every run of every switch there is on the host: another mount namespace may have made one
 * of its own. Walks the kernel's maps by name, which needs root. Returns how many others it found.
 */
int sq_kill_switch_stop_others(const struct sq_kill_switch *ours, bool latch);

#endif
