/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places of a run: each member of a target has one, there or not, with a row of the counters that is its
 * own while it has the place. Newcomers get the next rows, and then those of newcomers that have left.
 */
#ifndef SQ_ENGINE_PLACES_H
#define SQ_ENGINE_PLACES_H

#include "engine/state.h"
#include "target/follow.h"
#include "util/set.h"

#define SQ_MOST_NEWCOMERS 64 /* that are hit at once */

struct sq_place {
	const struct sq_target *target;
	char *name, *path;
	uint64_t id; /* 0: it is gone */
	uint64_t gone_ns; /* since when */
	bool let_go; /* and does not come back: it had too many processes */
	size_t row;
	uint64_t processes;
	struct sq_counters *before; /* what its row had counted, of each fault; NULL: nothing */
};

/* One whose row another has now. */
struct sq_former {
	char *path;
	struct sq_counters *counted; /* of each fault */
};

struct sq_places {
	struct sq_run *run;
	struct sq_follow *follow; /* or NULL */
	struct sq_place *item;
	size_t n;
	size_t rows, most_rows; /* that have been given, and that there are */
	size_t *free_row; /* of those that have been given */
	size_t n_free;
	struct sq_former *former;
	size_t n_former;
	struct sq_set told; /* newcomers that stay out and were told of */
};

/* Those of the plan. To be cleared. */
void sq_places_begin(struct sq_places *places, struct sq_run *run);
void sq_places_clear(struct sq_places *places);

/* Does it take up room? One that is gone keeps it for a while: it may restart. */
bool sq_place_is_held(const struct sq_place *place);

/* Adds one at a row of its own; NULL: there is none. sq_places_drop() takes the one added last back. */
struct sq_place *sq_places_add(struct sq_places *places, const struct sq_target *target,
			       const struct sq_seen *seen);
void sq_places_drop(struct sq_places *places);

/* Where all rows are given: forgets newcomers that are gone for good, whose rows others may have. */
void sq_places_recycle(struct sq_places *places);

/* Aims at what was seen, which has this place. */
int sq_places_hit(struct sq_places *places, struct sq_place *place, const struct sq_seen *seen,
		  struct sq_error **err);

/* Takes the aim off it, and tells that it left. */
void sq_places_leave(struct sq_places *places, struct sq_place *place, const char *why);

/* Tells the journal of one of them; @why may be NULL. */
void sq_places_tell(struct sq_places *places, const char *event, const struct sq_place *place,
		    const char *why);

/* The processes of all, counted now. */
uint64_t sq_places_processes(struct sq_places *places);

/* Processes come into a cgroup after it was joined: newcomers with more than there may be are let go. */
void sq_places_hold(struct sq_places *places);

/* news.c: who joins and who leaves, by what a target matches now. */
void sq_places_take(struct sq_places *places, const struct sq_sight *sight);

#endif
