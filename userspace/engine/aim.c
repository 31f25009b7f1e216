// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which cgroups the faults hit, and what inside of them is protected and so carved out: all of it
 * before the faults act, and what is made in the targets later as it comes.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/state.h"

#define CARVED_AT_ONCE 500 /* paths: a longer look would hold the lease up */

struct sq_carving {
	struct sq_run *run;
	sd_event_source *source;
	struct sq_texts paths;
	size_t next; /* of the paths, the one to be looked at */
	uint64_t *carved; /* ids of what was carved out meanwhile */
	size_t n_carved;
};

uint64_t sq_run_faults_of(const struct sq_run *run, const struct sq_target *target)
{
	uint64_t faults = 0;

	for (size_t i = 0; i < run->experiment->faults.n; i++)
		if (sq_fault_hits(&sq_faults(run->experiment)[i], target))
			faults |= 1ull << i;
	return faults;
}

static uint32_t scope_of(const struct sq_protected *protected)
{
	if (protected->self)
		return SQ_SCOPE_SELF;
	return protected->exact ? SQ_SCOPE_EXACT : SQ_SCOPE_PROTECTED;
}

static void add_aims(struct sq_aim *aims, const struct sq_run *run,
		     const struct sq_resolved *target)
{
	const struct sq_plan *plan = run->plan;
	uint64_t faults = sq_run_faults_of(run, target->target);
	size_t row = plan->paths.n - 1;

	for (size_t i = 0; i < target->n; i++) {
		row = sq_plan_row(plan, target->item[i].cgroup.path, row);
		aims[row].cgroup = &target->item[i].cgroup;
		aims[row].faults |= faults;
	}
}

int sq_run_aim(struct sq_run *run, struct sq_error **err)
{
	const struct sq_plan *plan = run->plan;
	_cleanup_free_ struct sq_aim *aims = sq_alloc((plan->paths.n + 1) * sizeof(*aims));
	_cleanup_(sq_protection_clear) struct sq_protection protection = { 0 };
	_cleanup_free_ struct sq_carve *carves = NULL;
	int r = sq_plan_protection(plan, &plan->paths, &protection, err);

	if (r)
		return r;
	for (size_t i = 0; i < run->experiment->targets.n; i++)
		if (!plan->target[i].target->rest_of)
			add_aims(aims, run, &plan->target[i]);
	carves = sq_alloc((protection.n + 1) * sizeof(*carves));
	for (size_t i = 0; i < protection.n; i++)
		carves[i] = (struct sq_carve){ &protection.item[i].cgroup,
					       scope_of(&protection.item[i]) };
	return sq_injector_aim(run->injector, aims, plan->paths.n, carves, protection.n, err);
}

static int carve(struct sq_run *run, const struct sq_protected *item, struct sq_error **err)
{
	return sq_injector_carve(run->injector, &item->cgroup, scope_of(item), err);
}

int sq_run_carve(struct sq_run *run, const char *path, struct sq_error **err)
{
	_cleanup_(sq_protection_clear) struct sq_protection protection = { 0 };
	_cleanup_texts_ struct sq_texts paths = { 0 };
	const char *why;
	int r;

	sq_texts_add(&paths, path);
	r = sq_plan_protection(run->plan, &paths, &protection, err);
	why = r ? NULL : sq_protection_of(&protection, path);
	if (why)
		r = sq_error_set(err, SQ_FAIL_REFUSED, EPERM, "it is protected: %s", why);
	for (size_t i = 0; i < protection.n && !r; i++)
		r = carve(run, &protection.item[i], err);
	return r;
}

static bool is_carved(const struct sq_carving *carving, uint64_t id)
{
	for (size_t i = 0; i < carving->n_carved; i++)
		if (carving->carved[i] == id)
			return true;
	return false;
}

/* Looks at the next of the paths. */
static int carve_next(struct sq_carving *carving, struct sq_error **err)
{
	_cleanup_(sq_protection_clear) struct sq_protection protection = { 0 };
	_cleanup_error_ struct sq_error *why = NULL;
	const struct sq_texts paths = {
		.item = carving->paths.item + carving->next,
		.n = MIN(carving->paths.n - carving->next, CARVED_AT_ONCE),
	};
	int r;

	carving->next += paths.n;
	r = sq_plan_protection(carving->run->plan, &paths, &protection, &why);
	/* a target went while it was looked at: that is news too, and looked at next */
	if (sq_cgroup_is_gone(r))
		return 0;
	if (r && err)
		*err = TAKE_PTR(why);
	for (size_t i = 0; i < protection.n && !r; i++) {
		const struct sq_protected *item = &protection.item[i];

		if (item->self || is_carved(carving, item->cgroup.id))
			continue;
		*(uint64_t *)sq_append(&carving->carved, &carving->n_carved,
				       sizeof(*carving->carved)) = item->cgroup.id;
		r = carve(carving->run, item, err);
	}
	return r;
}

/* Some at a time: the rest when the loop has come round. */
static int on_carving(sd_event_source *source, void *data)
{
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_carving *carving = data;
	struct sq_run *run = carving->run;

	if (!run->armed || run->stopping)
		return 0;
	if (carve_next(carving, &err))
		sq_run_stop(run, SQ_ABORTED, "the guard",
			    "what is protected in the targets is not known: %s", err->message);
	else if (carving->next < carving->paths.n)
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	else
		sq_spaces_look(run);
	return 0;
}

int sq_carving_new(struct sq_carving **ret, struct sq_run *run, struct sq_error **err)
{
	struct sq_carving *carving = sq_alloc(sizeof(*carving));
	int r = sd_event_add_defer(run->event, &carving->source, on_carving, carving);

	*ret = carving;
	carving->run = run;
	if (r >= 0)
		r = sd_event_source_set_enabled(carving->source, SD_EVENT_OFF);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch the targets") : 0;
}

void sq_carving_look(struct sq_carving *carving, struct sq_texts *paths)
{
	sq_texts_clear(&carving->paths);
	carving->paths = *paths;
	*paths = (struct sq_texts){ 0 };
	carving->next = 0;
	on_carving(carving->source, carving);
}

struct sq_carving *sq_carving_free(struct sq_carving *carving)
{
	if (!carving)
		return NULL;
	sd_event_source_disable_unref(carving->source);
	sq_texts_clear(&carving->paths);
	free(carving->carved);
	free(carving);
	return NULL;
}
