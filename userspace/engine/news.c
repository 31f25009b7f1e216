// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a target matches now, held against its places: a member that comes back is hit again with its new
 * cgroup, a newcomer is hit where it is drawn and the blast radius has room for it. Nobody is pushed out.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/places.h"
#include "guard/admission.h"
#include "guard/host_use.h"
#include "util/units.h"

/* What one target matches now, sorted by name, and the index of each one's place, if it has one. */
struct news {
	const struct sq_sight *sight;
	const struct sq_seen **seen;
	size_t *place; /* sorted by their names */
	size_t n_places;
	uint64_t highest; /* hash of those that are drawn */
	size_t all, wanted, members;
	uint64_t processes; /* of all members */
	bool counted; /* whether that is known */
	const char *full; /* why the policy has no room for more, once that is known */
};

static int by_seen_name(const void *a, const void *b)
{
	return strcmp((*(const struct sq_seen *const *)a)->name,
		      (*(const struct sq_seen *const *)b)->name);
}

static int by_hash(const void *a, const void *b)
{
	uint64_t x = (*(const struct sq_seen *const *)a)->hash;
	uint64_t y = (*(const struct sq_seen *const *)b)->hash;

	return x < y ? -1 : x > y;
}

static int by_place_name(const void *a, const void *b, void *places)
{
	const struct sq_place *place = places;

	return strcmp(place[*(const size_t *)a].name, place[*(const size_t *)b].name);
}

static size_t count_held(const struct sq_places *places)
{
	size_t n = 0;

	for (size_t i = 0; i < places->n; i++)
		n += sq_place_is_held(&places->item[i]);
	return n;
}

static void news_begin(struct news *news, const struct sq_places *places,
		       const struct sq_sight *sight)
{
	/* who matches counts, fit or not: else those would be more than their share when one is not */
	size_t all = sight->n + sight->n_unfit;

	*news = (struct news){ .sight = sight,
			       .seen = sq_alloc((sight->n + 1) * sizeof(*news->seen)),
			       .place = sq_alloc((places->n + 1) * sizeof(*news->place)),
			       .all = all,
			       .wanted = MIN(sq_target_wanted(sight->target, all), sight->n) };
	for (size_t i = 0; i < sight->n; i++)
		news->seen[i] = &sight->item[i];
	qsort(news->seen, sight->n, sizeof(*news->seen), by_hash);
	news->highest = news->wanted ? news->seen[news->wanted - 1]->hash : 0;
	qsort(news->seen, sight->n, sizeof(*news->seen), by_seen_name);
	for (size_t i = 0; i < places->n; i++) {
		if (places->item[i].target != sight->target)
			continue;
		news->place[news->n_places++] = i;
		news->members += sq_place_is_held(&places->item[i]);
	}
	qsort_r(news->place, news->n_places, sizeof(*news->place), by_place_name, places->item);
}

static void news_end(struct news *news)
{
	free(news->seen);
	free(news->place);
}

static bool is_seen(const struct news *news, const char *name)
{
	const struct sq_seen seen = { .name = (char *)name }, *key = &seen;

	return bsearch(&key, news->seen, news->sight->n, sizeof(*news->seen), by_seen_name);
}

/* Of the places that there were when this began: what is seen is so once. */
static struct sq_place *find_place(struct sq_places *places, const struct news *news,
				   const char *name)
{
	size_t low = 0, high = news->n_places;

	while (low < high) {
		size_t middle = (low + high) / 2;
		struct sq_place *place = &places->item[news->place[middle]];
		int order = strcmp(name, place->name);

		if (!order)
			return place;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Why a newcomer stays out although it is drawn, or NULL. */
static const char *no_room(struct sq_places *places, struct news *news, const struct sq_seen *seen)
{
	const struct sq_run *run = places->run;
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	const struct sq_policy *policy = run->plan->policy;
	uint64_t share_ppb = radius->share_ppb, processes = 0;
	size_t held = count_held(places);

	if (policy && policy->limits.share_ppb)
		share_ppb = MIN(share_ppb, policy->limits.share_ppb);
	if (radius->cgroups && held + 1 > radius->cgroups)
		return "the blast radius allows no more cgroups";
	if (news->sight->shared && (news->members + 1) * SQ_SHARE_ONE > share_ppb * news->all)
		return share_ppb == radius->share_ppb ? "the blast radius allows no greater share"
						      : "the host's policy allows no greater share";
	if (sq_cgroup_count(seen->path, &processes, NULL))
		return "its processes cannot be counted";
	if ((radius->processes || policy) && !news->counted)
		news->processes = sq_places_processes(places);
	news->counted = radius->processes || policy;
	processes += news->processes;
	if (radius->processes && processes > radius->processes)
		return "the blast radius allows no more processes";
	/* which is read from files: of thousands not each is asked about, where one had no room */
	if (policy && !news->full)
		news->full = sq_host_use_room(policy, run->plan->run, held + 1, processes);
	return news->full;
}

static void stay_out(struct sq_places *places, const struct sq_sight *sight,
		     const struct sq_seen *seen, const char *why)
{
	const struct sq_place place = {
		.target = sight->target, .name = seen->name, .path = seen->path, .id = seen->id
	};
	_cleanup_free_ char *key = sq_asprintf("%s\n%s", sight->target->object.key, seen->name);

	if (sq_set_add(&places->told, key))
		sq_places_tell(places, "stayed_out", &place, why);
}

/* Neither the policy nor another run may have anything against a path that was not asked about yet. */
static const char *not_free(struct sq_places *places, const char *path, struct sq_error **err)
{
	const struct sq_run *run = places->run;
	_cleanup_texts_ struct sq_texts paths = { 0 };

	if (run->plan->policy &&
	    !sq_admission_allows(run->plan->policy, &run->plan->named.allow, path))
		return "the host's policy does not name it";
	sq_texts_add(&paths, path);
	return sq_registry_extend(&run->registration, &paths, err) ? (*err)->message : NULL;
}

/* Is it drawn, and not in the place of one that may restart? */
static bool is_free(const struct news *news, const struct sq_seen *seen)
{
	return seen->hash <= news->highest &&
	       (news->sight->target->select.kind == SQ_SELECT_ALL || news->members < news->wanted);
}

static void welcome(struct sq_places *places, struct news *news, const struct sq_seen *seen)
{
	static const char full[] =
		"so many newcomers are hit at once that there is no room for more: "
		"64 besides the members that there were at the start";
	const struct sq_sight *sight = news->sight;
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_place *place;
	const char *why;

	if (!is_free(news, seen))
		return;
	why = no_room(places, news, seen);
	if (!why)
		why = not_free(places, seen->path, &err);
	place = why ? NULL : sq_places_add(places, sight->target, seen);
	if (!place) {
		stay_out(places, sight, seen, why ? why : full);
		return;
	}
	if (!sq_places_hit(places, place, seen, &err)) {
		sq_places_tell(places, "joined", place, NULL);
		news->members++;
		news->counted = false;
		return;
	}
	stay_out(places, sight, seen, err->message);
	sq_places_drop(places);
}

/* It has kept its room, or there is some: a container that is made anew has another path besides. */
static const char *may_come_back(struct sq_places *places, struct news *news,
				 const struct sq_place *place, const struct sq_seen *seen,
				 struct sq_error **err)
{
	const char *why = NULL;

	if (!sq_place_is_held(place))
		why = is_free(news, seen) ? no_room(places, news, seen)
					  : "others are hit in its place";
	return why || !strcmp(place->path, seen->path) ? why : not_free(places, seen->path, err);
}

static void come_back(struct sq_places *places, struct news *news, struct sq_place *place,
		      const struct sq_seen *seen)
{
	_cleanup_error_ struct sq_error *err = NULL;
	const char *why;

	if (place->id == seen->id || place->let_go)
		return;
	if (place->id)
		sq_places_leave(places, place, "it was made anew");
	why = may_come_back(places, news, place, seen, &err);
	if (why) {
		stay_out(places, news->sight, seen, why);
		return;
	}
	news->members += !sq_place_is_held(place);
	if (!sq_places_hit(places, place, seen, &err))
		sq_places_tell(places, "joined", place, "it is back");
	else
		sq_run_note(places->run, err->message);
}

static const char *why_unfit(const struct sq_sight *sight, const char *name)
{
	for (size_t i = 0; i < sight->n_unfit; i++)
		if (!strcmp(sight->unfit[i].name, name))
			return sight->unfit[i].why;
	return NULL;
}

static void look_for_gone(struct sq_places *places, const struct news *news)
{
	for (size_t i = 0; i < news->n_places; i++) {
		struct sq_place *place = &places->item[news->place[i]];

		if (!place->id || is_seen(news, place->name))
			continue;
		sq_places_leave(places, place, why_unfit(news->sight, place->name));
	}
}

/* Those that match, and may not be hit for what they are: told, unless they are members that leave. */
static void look_at_unfit(struct sq_places *places, const struct news *news)
{
	for (size_t i = 0; i < news->sight->n_unfit; i++) {
		const struct sq_unfit *unfit = &news->sight->unfit[i];
		const struct sq_seen seen = { .name = unfit->name, .path = unfit->path };

		if (!find_place(places, news, unfit->name))
			stay_out(places, news->sight, &seen, unfit->why);
	}
}

void sq_places_take(struct sq_places *places, const struct sq_sight *sight)
{
	struct news news;

	sq_places_recycle(places);
	news_begin(&news, places, sight);
	look_at_unfit(places, &news);
	look_for_gone(places, &news);
	for (size_t i = 0; i < sight->n; i++) {
		const struct sq_seen *seen = &sight->item[i];
		struct sq_place *place = find_place(places, &news, seen->name);

		if (place)
			come_back(places, &news, place, seen);
		else
			welcome(places, &news, seen);
	}
	news_end(&news);
}
