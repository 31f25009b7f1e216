/* SPDX-License-Identifier: GPL-2.0-only */
/* Which journals and records of game days are too old, or too many, and removing them. */
#ifndef SQ_ENGINE_PRUNE_H
#define SQ_ENGINE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "experiment/policy.h"
#include "util/error.h"

enum sq_prune_why {
	SQ_PRUNE_STAYS,
	SQ_PRUNE_AGE, /* written to last longer ago than `keep` */
	SQ_PRUNE_TOTAL, /* the oldest, while all of them take more than `total` */
};

struct sq_prunable {
	char *name; /* of the run or of the game day */
	bool day;
	uint64_t bytes; /* on the disk */
	uint64_t written_ns; /* when it was written to last, wall clock */
	bool held; /* under way, or a run that is dead and not finished: never to be removed */
	enum sq_prune_why why;
};

struct sq_prunables {
	struct sq_prunable *item; /* the oldest first */
	size_t n;
	uint64_t bytes; /* of all of them */
	uint64_t removed_bytes; /* of those that do not stay */
	size_t removed;
};

/*
 * Looks at every journal of this host and at @limits, at the time @now_ns (wall clock). A run with an
 * entry in the registry, alive or dead, and one whose journal has no end yet, which waits for
 * `squall recover`, stay whatever the limits say, and so does the game day that is under way. To be cleared.
 */
int sq_prune_choose(const struct sq_policy_journal *limits, uint64_t now_ns,
		    struct sq_prunables *ret, struct sq_error **err);
void sq_prunables_clear(struct sq_prunables *all);

/*
 * Removes one of them. It is renamed first, so that a crash in between leaves no half of a
 * journal, which `squall recover` would take for that of a dead run.
 */
int sq_prune_remove(const struct sq_prunable *one, struct sq_error **err);

/* Removes what a prune that was killed has renamed and not removed. */
int sq_prune_sweep(struct sq_error **err);

#endif
