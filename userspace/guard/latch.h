/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The latch: after an abort nothing starts until a person says so. Its truth is a file of root's
 * that survives a reboot; the kill switch's map only carries it there.
 */
#ifndef SQ_GUARD_LATCH_H
#define SQ_GUARD_LATCH_H

#include "guard/kill_switch.h"
#include "util/error.h"

struct sq_latch {
	char *by, *why, *when;
};

/*
 * So that what sets the latch and what removes it take turns: a descriptor to be closed, or negative
 * where it does not come free within a moment, which must not hold up an abort.
 */
int sq_latch_lock(void);

/* Sets the latch. @by is who asked for it. */
int sq_latch_set(const char *by, const char *why, struct sq_error **err);

/*
 * Writes down the latch that a member of the group has set: it may only write @kill_switch's map,
 * which neither survives a reboot nor is kept from being written again.
 */
int sq_latch_keep(const struct sq_kill_switch *kill_switch, struct sq_error **err);

/* 1 and *latch filled (to be cleared) where it is set, 0 where not, negative on errors. */
int sq_latch_get(struct sq_latch *latch, struct sq_error **err);

/* Removes it; 0 too where there was none. */
int sq_latch_remove(struct sq_error **err);

void sq_latch_clear(struct sq_latch *latch);

#endif
