// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets that change while faults act: a member that comes back is hit again with its new cgroup, a
 * newcomer is hit where it is drawn and the blast radius has room for it. Nobody is pushed out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"
#include "guard/admission.h"
#include "target/follow.h"
#include "util/set.h"
#include "util/units.h"

#define MOST_NEWCOMERS 64
#define CARVED_AT_ONCE 500 /* places: a longer look would hold the lease up */

/* One member of a target, there or not: its row of the counters is its own for the run. */
struct place {
	const struct sq_target *target;
	char *name, *path;
	uint64_t id; /* 0: it is gone */
	size_t row;
	uint64_t processes;
};

struct sq_following {
	struct sq_run *run;
	struct sq_follow *follow;
	sd_event_source *source, *carving;
	size_t carve_next; /* the place from which on to look for what is protected */
	struct place *place;
	size_t n;
	size_t rows, most_rows;
	uint64_t *carved; /* ids of what was carved out meanwhile */
	size_t n_carved;
	struct sq_texts refused; /* names of newcomers that were told of */
};

size_t sq_following_rows(const struct sq_plan *plan)
{
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		if (plan->target[i].shared)
			return plan->paths.n + MOST_NEWCOMERS;
	return plan->paths.n;
}

static uint64_t faults_of(const struct sq_run *run, const struct sq_target *target)
{
	uint64_t faults = 0;

	for (size_t j = 0; j < run->experiment->faults.n; j++)
		if (sq_fault_hits(&sq_faults(run->experiment)[j], target))
			faults |= 1ull << j;
	return faults;
}

static void tell(struct sq_following *following, const char *event, const struct place *place,
		 const char *why)
{
	sq_journal_add(&following->run->journal, event,
		       sq_json("{s:s, s:s, s:s, s:I, s:s?}", "target", place->target->object.key,
			       "name", place->name, "path", place->path, "id",
			       (json_int_t)place->id, "why", why));
}

/* Begins behind the place that was found before, @hint: mostly they are asked for in their order. */
static struct place *find_place(struct sq_following *following, const struct sq_target *target,
				const char *name, size_t *hint)
{
	for (size_t i = 0; i < following->n; i++) {
		size_t at = (*hint + i) % following->n;
		struct place *place = &following->place[at];

		if (place->target != target || strcmp(place->name, name) != 0)
			continue;
		*hint = at + 1;
		return place;
	}
	return NULL;
}

/* What is protected in @path is carved out before it is hit. */
static int carve(struct sq_following *following, const char *path, struct sq_error **err)
{
	_cleanup_(sq_protection_clear) struct sq_protection protection = { 0 };
	_cleanup_texts_ struct sq_texts paths = { 0 };
	const char *why;
	int r;

	sq_texts_add(&paths, path);
	r = sq_plan_protection(following->run->plan, &paths, &protection, err);
	why = r ? NULL : sq_protection_of(&protection, path);
	if (why)
		r = sq_error_set(err, SQ_FAIL_REFUSED, EPERM, "it is protected: %s", why);
	for (size_t i = 0; i < protection.n && !r; i++)
		r = sq_injector_carve(
			following->run->injector, &protection.item[i].cgroup,
			protection.item[i].exact ? SQ_SCOPE_EXACT : SQ_SCOPE_PROTECTED, err);
	return r;
}

/*
 * What is made in a target while it is hit may be protected: an ssh login in a slice that is one. Looks
 * at the places up to @until.
 */
static int carve_made(struct sq_following *following, size_t until, struct sq_error **err)
{
	_cleanup_(sq_protection_clear) struct sq_protection protection = { 0 };
	_cleanup_texts_ struct sq_texts paths = { 0 };
	_cleanup_error_ struct sq_error *why = NULL;
	int r;

	/* those that have joined, and those that are back elsewhere, among them */
	for (; following->carve_next < until; following->carve_next++)
		sq_texts_add(&paths, following->place[following->carve_next].path);
	r = sq_plan_protection(following->run->plan, &paths, &protection, &why);
	/* a target went while it was looked at: that is news too, and looked at next */
	if (sq_cgroup_is_gone(r))
		return 0;
	if (r && err)
		*err = TAKE_PTR(why);
	for (size_t i = 0; i < protection.n && !r; i++) {
		const struct sq_protected *item = &protection.item[i];
		bool known = item->self;

		for (size_t j = 0; j < following->n_carved; j++)
			known |= following->carved[j] == item->cgroup.id;
		if (known)
			continue;
		*(uint64_t *)sq_append(&following->carved, &following->n_carved,
				       sizeof(*following->carved)) = item->cgroup.id;
		r = sq_injector_carve(following->run->injector, &item->cgroup,
				      item->exact ? SQ_SCOPE_EXACT : SQ_SCOPE_PROTECTED, err);
	}
	return r;
}

static int hit(struct sq_following *following, struct place *place, const struct sq_seen *seen,
	       struct sq_error **err)
{
	struct sq_run *run = following->run;
	struct sq_cgroup cgroup = { seen->path, seen->id, sq_cgroup_level(seen->path) };
	const struct sq_aim aim = { &cgroup, faults_of(run, place->target) };
	int r = carve(following, seen->path, err);

	if (!r)
		r = sq_injector_join(run->injector, &aim, place->row, err);
	if (r)
		return r;
	place->id = seen->id;
	free(place->path);
	place->path = sq_strdup(seen->path);
	return 0;
}

static uint64_t processes_of(struct sq_following *following)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < following->n; i++) {
		struct place *place = &following->place[i];

		if (!place->id || sq_cgroup_count(place->path, &place->processes, NULL))
			place->processes = 0;
		sum += place->processes;
	}
	return sum;
}

static size_t members_of(const struct sq_following *following, const struct sq_target *target)
{
	size_t n = 0;

	for (size_t i = 0; i < following->n; i++)
		n += following->place[i].target == target;
	return n;
}

/* Among the lowest hashes of all that match? */
static bool is_drawn(const struct sq_sight *sight, const struct sq_seen *seen)
{
	size_t lower = 0;

	for (size_t i = 0; i < sight->n; i++)
		lower += sight->item[i].hash < seen->hash;
	return lower < sq_target_wanted(sight->target, sight->n);
}

/* Why a newcomer stays out although it is drawn, or NULL. */
static const char *no_room(struct sq_following *following, const struct sq_sight *sight,
			   const struct sq_seen *seen)
{
	const struct sq_run *run = following->run;
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	size_t members = members_of(following, sight->target) + 1;
	uint64_t processes = 0;

	if (following->rows == following->most_rows)
		return "there is no room for more newcomers";
	if (radius->cgroups && following->n + 1 > radius->cgroups)
		return "the blast radius allows no more cgroups";
	if (sight->shared && members * SQ_SHARE_ONE > radius->share_ppb * sight->n)
		return "the blast radius allows no greater share";
	if (radius->processes && (sq_cgroup_count(seen->path, &processes, NULL) ||
				  processes_of(following) + processes > radius->processes))
		return "the blast radius allows no more processes";
	if (run->plan->policy && !sq_admission_allows(run->plan->policy, seen->path))
		return "the host's policy does not name it";
	return NULL;
}

static void stay_out(struct sq_following *following, const struct sq_sight *sight,
		     const struct sq_seen *seen, const char *why)
{
	const struct place place = { sight->target, seen->name, seen->path, seen->id, 0, 0 };

	if (sq_texts_have(&following->refused, seen->name))
		return;
	sq_texts_add(&following->refused, seen->name);
	tell(following, "stayed_out", &place, why);
}

static void welcome(struct sq_following *following, const struct sq_sight *sight,
		    const struct sq_seen *seen)
{
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_texts_ struct sq_texts paths = { 0 };
	const char *why;
	struct place *place;

	if (!is_drawn(sight, seen) ||
	    members_of(following, sight->target) >= sq_target_wanted(sight->target, sight->n))
		return;
	why = no_room(following, sight, seen);
	sq_texts_add(&paths, seen->path);
	if (!why && sq_registry_extend(&following->run->registration, &paths, &err))
		why = err->message;
	if (why) {
		stay_out(following, sight, seen, why);
		return;
	}
	place = sq_append(&following->place, &following->n, sizeof(*place));
	*place = (struct place){ sight->target,		sq_strdup(seen->name),
				 sq_strdup(seen->path), 0,
				 following->rows++,	0 };
	if (!hit(following, place, seen, &err)) {
		tell(following, "joined", place, NULL);
		return;
	}
	stay_out(following, sight, seen, err->message);
	free(place->name);
	free(place->path);
	following->n--;
	following->rows--;
}

static void come_back(struct sq_following *following, struct place *place,
		      const struct sq_seen *seen)
{
	_cleanup_error_ struct sq_error *err = NULL;

	if (place->id == seen->id)
		return;
	if (place->id) {
		sq_injector_leave(following->run->injector, place->id);
		tell(following, "left", place, "it was made anew");
	}
	if (!hit(following, place, seen, &err)) {
		tell(following, "joined", place, "it is back");
		return;
	}
	place->id = 0;
	sq_run_note(following->run, err->message);
}

static void look_for_gone(struct sq_following *following, const struct sq_sight *sight)
{
	_cleanup_set_ struct sq_set names = { 0 };

	for (size_t i = 0; i < sight->n; i++)
		sq_set_add(&names, sight->item[i].name);
	for (size_t i = 0; i < following->n; i++) {
		struct place *place = &following->place[i];

		if (place->target != sight->target || !place->id || sq_set_has(&names, place->name))
			continue;
		tell(following, "left", place, NULL);
		sq_injector_leave(following->run->injector, place->id);
		place->id = 0;
	}
}

/* Processes come into a cgroup after it was joined: more of them than it may have are let go. */
static void hold_processes(struct sq_following *following)
{
	uint64_t most = following->run->experiment->blast_radius.processes;
	size_t first = following->run->plan->paths.n;

	for (size_t i = following->n; most && i > 0; i--) {
		struct place *place = &following->place[i - 1];

		if (place->row < first || !place->id || processes_of(following) <= most)
			continue;
		tell(following, "left", place, "the blast radius allows no more processes");
		sq_injector_leave(following->run->injector, place->id);
		place->id = 0;
	}
}

/* Some at a time: the rest when the loop has come round. */
static void carve_some(struct sq_following *following)
{
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_run *run = following->run;

	if (!run->armed || run->stopping)
		return;
	if (carve_made(following, MIN(following->carve_next + CARVED_AT_ONCE, following->n), &err))
		sq_run_stop(run, SQ_ABORTED, "the guard",
			    "what is protected in the targets is not known: %s", err->message);
	else if (following->carve_next < following->n)
		sd_event_source_set_enabled(following->carving, SD_EVENT_ONESHOT);
	else if (sq_injector_refresh(run->injector, &err))
		sq_run_note(run, err->message);
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct sq_following *following = data;
	struct sq_run *run = following->run;
	size_t n = run->experiment->targets.n;
	struct sq_sight *sights = sq_follow_take(following->follow);

	for (size_t i = 0; sights && i < n && run->armed && !run->stopping; i++) {
		size_t hint = 0;

		if (!sights[i].known)
			continue;
		look_for_gone(following, &sights[i]);
		for (size_t j = 0; j < sights[i].n; j++) {
			const struct sq_seen *seen = &sights[i].item[j];
			struct place *place =
				find_place(following, sights[i].target, seen->name, &hint);

			if (place)
				come_back(following, place, seen);
			else
				welcome(following, &sights[i], seen);
		}
	}
	sq_sights_free(sights, n);
	if (sights && run->armed && !run->stopping) {
		hold_processes(following);
		following->carve_next = 0;
		carve_some(following);
	}
	return 0;
}

static int on_carving(sd_event_source *source, void *data)
{
	carve_some(data);
	return 0;
}

/* Begins behind the row before: a target's paths stand in the order of its members. */
static size_t row_of(const struct sq_plan *plan, const char *path, size_t before)
{
	for (size_t i = 0; i < plan->paths.n; i++) {
		size_t row = (before + 1 + i) % plan->paths.n;

		if (!strcmp(plan->paths.item[row], path))
			return row;
	}
	return plan->paths.n;
}

int sq_following_start(struct sq_run *run, struct sq_error **err)
{
	const struct sq_plan *plan = run->plan;
	struct sq_following *following = sq_alloc(sizeof(*following));
	size_t row = plan->paths.n - 1;
	int r = sq_follow_new(&following->follow, run->experiment, &plan->paths, plan->run, err);

	following->run = run;
	following->rows = plan->paths.n;
	following->most_rows = sq_following_rows(plan);
	for (size_t i = 0; i < run->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		for (size_t j = 0; j < target->n && !target->target->rest_of; j++) {
			row = row_of(plan, target->item[j].cgroup.path, row);
			*(struct place *)sq_append(&following->place, &following->n,
						   sizeof(*following->place)) =
				(struct place){ target->target,
						sq_strdup(target->item[j].name),
						sq_strdup(target->item[j].cgroup.path),
						target->item[j].cgroup.id,
						row,
						target->item[j].processes };
		}
	}
	run->following = following;
	if (r || !following->follow)
		return r;
	r = sd_event_add_io(run->event, &following->source, sq_follow_fd(following->follow),
			    EPOLLIN, on_news, following);
	if (r >= 0)
		r = sd_event_add_defer(run->event, &following->carving, on_carving, following);
	if (r >= 0)
		r = sd_event_source_set_enabled(following->carving, SD_EVENT_OFF);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch the targets") : 0;
}

const char *sq_following_path(const struct sq_run *run, size_t row)
{
	const struct sq_following *following = run->following;

	if (row < run->plan->paths.n)
		return run->plan->paths.item[row];
	for (size_t i = 0; following && i < following->n; i++)
		if (following->place[i].row == row)
			return following->place[i].path;
	return NULL;
}

struct sq_following *sq_following_free(struct sq_following *following)
{
	if (!following)
		return NULL;
	sd_event_source_disable_unref(following->source);
	sd_event_source_disable_unref(following->carving);
	sq_follow_free(following->follow);
	for (size_t i = 0; i < following->n; i++) {
		free(following->place[i].name);
		free(following->place[i].path);
	}
	free(following->place);
	free(following->carved);
	sq_texts_clear(&following->refused);
	free(following);
	return NULL;
}
