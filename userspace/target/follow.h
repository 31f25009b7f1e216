/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets followed as they change. A thread of its own watches the folders of the cgroup tree in
 * which what matches can come and go (inotify(7)), and looks anew when something does: whatever
 * answers late holds up the thread, not the lease. Where changes do not end it rests in between.
 */
#ifndef SQ_TARGET_FOLLOW_H
#define SQ_TARGET_FOLLOW_H

#include "experiment/experiment.h"
#include "target/handover.h"
#include "target/named.h"
#include "util/error.h"

struct sq_follow;

/* One cgroup that matches a target now. */
struct sq_seen {
	char *name, *path;
	uint64_t id;
	uint64_t hash; /* who has the lowest is drawn */
};

/* One that matches and may not be hit now. */
struct sq_unfit {
	char *name, *path, *why;
};

/* What one target matches now, `select` aside. */
struct sq_sight {
	const struct sq_target *target;
	struct sq_seen *item;
	size_t n;
	struct sq_unfit *unfit;
	size_t n_unfit;
	struct sq_texts carved; /* paths below those that match which 'not' leaves out */
	bool shared; /* by a glob or a list */
	bool known; /* false: it could not be found out, so nothing follows from what is missing */
};

/*
 * Starts to follow the targets of @experiment, what is made in the cgroups @roots, and what lists of the
 * experiment and of @policy (or NULL) name; all must outlive it. Signals are the caller's to have
 * blocked. *ret is NULL where no target can change.
 */
int sq_follow_new(struct sq_follow **ret, const struct sq_experiment *experiment,
		  const struct sq_policy *policy, const struct sq_texts *roots, const char *run,
		  struct sq_error **err);

/* Looks once more, soon: a process may have come into a cgroup that was there. */
void sq_follow_poke(struct sq_follow *follow);

/* What is made in the cgroup @path is noticed from the next look on, which comes soon. */
void sq_follow_joined(struct sq_follow *follow, const char *path);

/*
 * From the next look on, sockets that were handed over are looked for in @scope, which is taken over;
 * sq_follow_take_handovers() takes those found since, to be cleared.
 */
void sq_follow_sockets(struct sq_follow *follow, struct sq_handover_scope *scope);
void sq_follow_take_handovers(struct sq_follow *follow, struct sq_handovers *ret);

/* Readable when there is something new to take. */
int sq_follow_fd(const struct sq_follow *follow);

/*
 * What was seen last, one for each target of the experiment; the targets that do not change are
 * left empty and not known. The caller's, for sq_sights_free(); NULL: nothing new.
 */
struct sq_sight *sq_follow_take(struct sq_follow *follow);

/*
 * What those lists meant at the same look, in the place of what is in @named. A look at which that could
 * not be known says nothing of the targets.
 */
void sq_follow_take_named(struct sq_follow *follow, struct sq_named *named);

/*
 * What could not be watched at the first look that met such folders, as a sentence to be freed, or NULL: all
 * is looked at every 0.5 s then.
 */
char *sq_follow_take_trouble(struct sq_follow *follow);
void sq_sights_free(struct sq_sight *sights, size_t n);
void sq_unfit_free(struct sq_unfit *unfit, size_t n);

struct sq_follow *sq_follow_free(struct sq_follow *follow);

/* How many of @n that match `select` takes. */
size_t sq_target_wanted(const struct sq_target *target, size_t n);

#endif
