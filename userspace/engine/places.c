// SPDX-License-Identifier: GPL-2.0-only
#include "engine/places.h"

#include <stdlib.h>
#include <string.h>

#include "util/time.h"

#define HELD_NS (10 * SQ_S) /* so long the room of one that is gone is kept: it may restart */

void sq_places_begin(struct sq_places *places, struct sq_run *run)
{
	const struct sq_plan *plan = run->plan;
	size_t row = plan->paths.n - 1;

	*places = (struct sq_places){ .run = run,
				      .rows = plan->paths.n,
				      .most_rows = sq_following_rows(plan) };
	for (size_t i = 0; i < run->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		for (size_t j = 0; j < target->n && !target->target->rest_of; j++) {
			row = sq_plan_row(plan, target->item[j].cgroup.path, row);
			*(struct sq_place *)sq_append(&places->item, &places->n,
						      sizeof(*places->item)) =
				(struct sq_place){ .target = target->target,
						   .name = sq_strdup(target->item[j].name),
						   .path = sq_strdup(target->item[j].cgroup.path),
						   .id = target->item[j].cgroup.id,
						   .row = row,
						   .processes = target->item[j].processes };
		}
	}
}

static void clear_place(struct sq_place *place)
{
	free(place->name);
	free(place->path);
	free(place->before);
}

void sq_places_clear(struct sq_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		clear_place(&places->item[i]);
	for (size_t i = 0; i < places->n_former; i++) {
		free(places->former[i].path);
		free(places->former[i].counted);
	}
	free(places->item);
	free(places->former);
	free(places->free_row);
	sq_set_clear(&places->told);
	*places = (struct sq_places){ 0 };
}

bool sq_place_is_held(const struct sq_place *place)
{
	return place->id || (!place->let_go && sq_now() < place->gone_ns + HELD_NS);
}

/* What a row has counted by now, of each fault. */
static struct sq_counters *counted(const struct sq_places *places, size_t row)
{
	size_t n = places->run->experiment->faults.n;
	struct sq_counters *result = sq_alloc((n + 1) * sizeof(*result));

	for (size_t i = 0; i < n; i++)
		result[i] = sq_injector_counters(places->run->injector, i, (int)row);
	return result;
}

struct sq_place *sq_places_add(struct sq_places *places, const struct sq_target *target,
			       const struct sq_seen *seen)
{
	bool again = places->n_free > 0;
	struct sq_place *place;

	if (!again && places->rows == places->most_rows)
		return NULL;
	place = sq_append(&places->item, &places->n, sizeof(*place));
	*place = (struct sq_place){ .target = target,
				    .name = sq_strdup(seen->name),
				    .path = sq_strdup(seen->path),
				    .row = again ? places->free_row[--places->n_free]
						 : places->rows++ };
	if (again)
		place->before = counted(places, place->row);
	return place;
}

static void free_row(struct sq_places *places, size_t row)
{
	*(size_t *)sq_append(&places->free_row, &places->n_free, sizeof(*places->free_row)) = row;
}

void sq_places_drop(struct sq_places *places)
{
	struct sq_place *place = &places->item[--places->n];

	free_row(places, place->row);
	clear_place(place);
}

static struct sq_counters since(const struct sq_counters *now, const struct sq_counters *before)
{
	struct sq_counters result = *now;

	result.seen -= before->seen;
	/* of what was counted before, the line may have let some pass, which only the end tells */
	result.injected -= MIN(result.injected, before->injected);
	result.overflowed -= before->overflowed;
	for (size_t i = 0; i < SQ_MISSED_REASONS; i++)
		result.missed[i] -= before->missed[i];
	return result;
}

static void forget(struct sq_places *places, struct sq_place *place)
{
	struct sq_former *former =
		sq_append(&places->former, &places->n_former, sizeof(*places->former));

	*former = (struct sq_former){ TAKE_PTR(place->path), counted(places, place->row) };
	for (size_t i = 0; place->before && i < places->run->experiment->faults.n; i++)
		former->counted[i] = since(&former->counted[i], &place->before[i]);
	free_row(places, place->row);
	clear_place(place);
}

void sq_places_recycle(struct sq_places *places)
{
	size_t kept = 0, first = places->run->plan->paths.n;

	if (places->n_free || places->rows < places->most_rows)
		return;
	for (size_t i = 0; i < places->n; i++) {
		struct sq_place *place = &places->item[i];

		/* who was let go would come back as if it were new */
		if (place->row < first || place->let_go || sq_place_is_held(place))
			places->item[kept++] = *place;
		else
			forget(places, place);
	}
	places->n = kept;
}

int sq_places_hit(struct sq_places *places, struct sq_place *place, const struct sq_seen *seen,
		  struct sq_error **err)
{
	struct sq_run *run = places->run;
	struct sq_cgroup cgroup = { seen->path, seen->id, sq_cgroup_level(seen->path) };
	const struct sq_aim aim = { &cgroup, sq_run_faults_of(run, place->target) };
	int r = sq_run_carve(run, seen->path, err);

	if (!r)
		r = sq_injector_join(run->injector, &aim, place->row, err);
	if (r)
		return r;
	place->id = seen->id;
	free(place->path);
	place->path = sq_strdup(seen->path);
	sq_follow_joined(places->follow, seen->path);
	return 0;
}

void sq_places_tell(struct sq_places *places, const char *event, const struct sq_place *place,
		    const char *why)
{
	sq_journal_add(&places->run->journal, event,
		       sq_json("{s:s, s:s, s:s, s:I, s:s?}", "target", place->target->object.key,
			       "name", place->name, "path", place->path, "id",
			       (json_int_t)place->id, "why", why));
}

/* Other targets may have the same cgroup: theirs it stays. */
static void stay_for_others(struct sq_places *places, uint64_t id)
{
	struct sq_run *run = places->run;

	for (size_t i = 0; i < places->n; i++) {
		_cleanup_error_ struct sq_error *err = NULL;
		const struct sq_place *other = &places->item[i];
		struct sq_cgroup cgroup = { other->path, id, 0 };
		struct sq_aim aim = { .cgroup = &cgroup };

		/* of thousands hardly any */
		if (other->id != id)
			continue;
		cgroup.level = sq_cgroup_level(other->path);
		aim.faults = sq_run_faults_of(run, other->target);
		if (sq_injector_stay(run->injector, &aim, other->row, &err))
			sq_run_note(run, err->message);
	}
}

void sq_places_leave(struct sq_places *places, struct sq_place *place, const char *why)
{
	uint64_t id = place->id;

	sq_places_tell(places, "left", place, why);
	sq_injector_leave(places->run->injector, id);
	place->id = 0;
	place->gone_ns = sq_now();
	stay_for_others(places, id);
}

uint64_t sq_places_processes(struct sq_places *places)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < places->n; i++) {
		struct sq_place *place = &places->item[i];

		if (!place->id || sq_cgroup_count(place->path, &place->processes, NULL))
			place->processes = 0;
		sum += place->processes;
	}
	return sum;
}

void sq_places_hold(struct sq_places *places)
{
	const struct sq_plan *plan = places->run->plan;
	uint64_t most = places->run->experiment->blast_radius.processes;
	uint64_t policys = plan->policy ? plan->policy->limits.processes : 0;
	uint64_t processes;
	size_t first = plan->paths.n;

	if (policys && (!most || policys < most))
		most = policys;
	processes = most ? sq_places_processes(places) : 0;
	for (size_t i = places->n; most && processes > most && i > 0; i--) {
		struct sq_place *place = &places->item[i - 1];

		if (place->row < first || !place->id)
			continue;
		sq_places_leave(places, place,
				most == policys ? "the host's policy allows no more processes"
						: "the blast radius allows no more processes");
		place->let_go = true;
		processes -= place->processes;
	}
}

bool sq_following_row(const struct sq_run *run, size_t n, size_t fault, struct sq_row *ret)
{
	const struct sq_places *places = sq_following_places(run);
	size_t rows = sq_following_rows(run->plan);
	const struct sq_place *place = NULL;

	if (n >= rows && (!places || n - rows >= places->n_former))
		return false;
	if (n >= rows) {
		*ret = (struct sq_row){ places->former[n - rows].path,
					places->former[n - rows].counted[fault] };
		return true;
	}
	for (size_t i = 0; places && n >= run->plan->paths.n && i < places->n && !place; i++)
		if (places->item[i].row == n)
			place = &places->item[i];
	ret->path = n < run->plan->paths.n ? run->plan->paths.item[n] : place ? place->path : NULL;
	ret->counters = sq_injector_counters(run->injector, fault, (int)n);
	if (place && place->before)
		ret->counters = since(&ret->counters, &place->before[fault]);
	return true;
}
