// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets that change while faults act: what was seen is taken to the places of the members, to what is
 * carved out of them, and to the sockets that their processes hold.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/places.h"
#include "util/time.h"

struct sq_following {
	struct sq_places places;
	struct sq_follow *follow;
	sd_event_source *source;
	struct sq_carving *carving;
	struct sq_handover_scope scope; /* in which sockets are looked for */
	uint64_t arrivals; /* processes that have come unannounced */
};

size_t sq_following_rows(const struct sq_plan *plan)
{
	/* a glob that matches one now may match two in a minute */
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		if (!sq_target_is_started(plan->target[i].target))
			return plan->paths.n + SQ_MOST_NEWCOMERS;
	return plan->paths.n;
}

/* What was made in a target may be protected: an ssh login in a slice that is one. */
static void carve(struct sq_following *following)
{
	struct sq_texts paths = { 0 };

	/* those that have joined, and those that are back elsewhere, among them */
	for (size_t i = 0; i < following->places.n; i++)
		sq_texts_add(&paths, following->places.item[i].path);
	sq_carving_look(following->carving, &paths);
}

/* What was found is of the scope that was given before; then the next is given. */
static void take_sockets(struct sq_following *following)
{
	_cleanup_(sq_handovers_clear) struct sq_handovers found = { 0 };
	struct sq_run *run = following->places.run;
	struct sq_handover_scope scope;

	sq_follow_take_handovers(following->follow, &found);
	if (sq_handing_take(run, &following->scope, &found))
		sq_spaces_look(run);
	if (!sq_handing_scope(run, &scope))
		return;
	sq_handover_scope_clear(&following->scope);
	for (size_t i = 0; i < scope.paths.n; i++)
		sq_texts_add(&following->scope.paths, scope.paths.item[i]);
	sq_follow_sockets(following->follow, &scope);
}

static void tell_trouble(struct sq_run *run, const char *trouble)
{
	_cleanup_free_ char *text =
		sq_asprintf("%s: all of the tree is looked at every 0.5 s instead", trouble);

	sq_run_note(run, text);
}

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct sq_following *following = data;
	struct sq_run *run = following->places.run;
	size_t n = run->experiment->targets.n;
	struct sq_sight *sights = sq_follow_take(following->follow);
	_cleanup_free_ char *trouble = sq_follow_take_trouble(following->follow);

	if (trouble)
		tell_trouble(run, trouble);
	sq_follow_take_named(following->follow, &run->plan->named);
	/* first, so that a newcomer is never hit with what is left out of it */
	for (size_t i = 0; sights && i < n; i++)
		if (sights[i].known)
			sq_plan_leave_out(run->plan, i, &sights[i].carved);
	for (size_t i = 0; sights && i < n && run->armed && !run->stopping; i++)
		if (sights[i].known)
			sq_places_take(&following->places, &sights[i]);
	sq_sights_free(sights, n);
	if (sights && run->armed && !run->stopping) {
		sq_places_hold(&following->places);
		take_sockets(following);
		carve(following);
	}
	return 0;
}

int sq_following_start(struct sq_run *run, struct sq_error **err)
{
	const struct sq_plan *plan = run->plan;
	struct sq_following *following = sq_alloc(sizeof(*following));
	int r = sq_follow_new(&following->follow, run->experiment, plan->policy, &plan->paths,
			      plan->run, err);

	sq_places_begin(&following->places, run);
	following->places.follow = following->follow;
	run->following = following;
	if (r || !following->follow)
		return r;
	r = sq_carving_new(&following->carving, run, err);
	if (r)
		return r;
	r = sd_event_add_io(run->event, &following->source, sq_follow_fd(following->follow),
			    EPOLLIN, on_news, following);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch the targets") : 0;
}

bool sq_following_aim(const struct sq_run *run, const char *path, uint64_t *ret_faults,
		      size_t *ret_row)
{
	const struct sq_following *following = run->following;
	const struct sq_plan *plan = run->plan;
	uint64_t faults = 0;
	bool found = false;

	/* of those that lie in each other it is hit by the faults of all */
	for (size_t i = 0; following && i < following->places.n; i++) {
		const struct sq_place *place = &following->places.item[i];

		if (!place->id || !sq_cgroup_within(path, place->path))
			continue;
		faults |= sq_run_faults_of(run, place->target);
		if (!strcmp(path, place->path)) {
			*ret_row = place->row;
			found = true;
		}
	}
	for (size_t i = 0; !following && i < run->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		for (size_t j = 0; j < target->n && !target->target->rest_of; j++)
			if (sq_cgroup_within(path, target->item[j].cgroup.path))
				faults |= sq_run_faults_of(run, target->target);
	}
	if (!following) {
		*ret_row = sq_plan_row(plan, path, plan->paths.n - 1);
		found = *ret_row < plan->paths.n;
	}
	*ret_faults = faults;
	return found && faults;
}

void sq_following_paths(const struct sq_run *run,
			bool (*wanted)(const struct sq_experiment *experiment,
				       const struct sq_target *target),
			struct sq_texts *paths)
{
	const struct sq_following *following = run->following;
	_cleanup_set_ struct sq_set seen = { 0 };

	for (size_t i = 0; following && i < following->places.n; i++) {
		const struct sq_place *place = &following->places.item[i];

		if (place->id && wanted(run->experiment, place->target) &&
		    sq_set_add(&seen, place->path))
			sq_texts_add(paths, place->path);
	}
}

void sq_following_look(struct sq_run *run)
{
	struct sq_following *following = run->following;
	uint64_t arrivals;

	if (!following || !run->armed || run->stopping)
		return;
	arrivals = sq_injector_arrivals(run->injector);
	if (arrivals == following->arrivals)
		return;
	sq_journal_add(&run->journal, "came",
		       sq_json("{s:I}", "processes", (json_int_t)(arrivals - following->arrivals)));
	following->arrivals = arrivals;
	if (following->follow)
		sq_follow_poke(following->follow);
	else
		sq_spaces_look(run);
}

const struct sq_places *sq_following_places(const struct sq_run *run)
{
	return run->following ? &run->following->places : NULL;
}

struct sq_following *sq_following_free(struct sq_following *following)
{
	if (!following)
		return NULL;
	sd_event_source_disable_unref(following->source);
	sq_carving_free(following->carving);
	sq_follow_free(following->follow);
	sq_places_clear(&following->places);
	sq_handover_scope_clear(&following->scope);
	free(following);
	return NULL;
}
