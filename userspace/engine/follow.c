// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets that change while faults act: a member that comes back is hit again with its new cgroup, a
 * newcomer is hit where it is drawn and the blast radius has room for it. Nobody is pushed out.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"
#include "guard/admission.h"
#include "guard/host_use.h"
#include "target/follow.h"
#include "util/set.h"
#include "util/time.h"
#include "util/units.h"

#define MOST_NEWCOMERS 64
#define HELD_NS (10 * SQ_S) /* so long the room of one that is gone is kept: it may restart */

/* One member of a target, there or not: its row of the counters is its own for the run. */
struct place {
	const struct sq_target *target;
	char *name, *path;
	uint64_t id; /* 0: it is gone */
	uint64_t gone_ns; /* since when */
	bool let_go; /* and does not come back: it had too many processes */
	size_t row;
	uint64_t processes;
};

struct sq_following {
	struct sq_run *run;
	struct sq_follow *follow;
	sd_event_source *source;
	struct sq_carving *carving;
	struct place *place;
	size_t n;
	size_t rows, most_rows;
	struct sq_set refused; /* names of newcomers that were told of */
	struct sq_handover_scope scope; /* in which sockets are looked for */
	uint64_t arrivals; /* processes that have come unannounced */
};

size_t sq_following_rows(const struct sq_plan *plan)
{
	/* a glob that matches one now may match two in a minute */
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		if (!sq_target_is_started(plan->target[i].target))
			return plan->paths.n + MOST_NEWCOMERS;
	return plan->paths.n;
}

static void tell(struct sq_following *following, const char *event, const struct place *place,
		 const char *why)
{
	sq_journal_add(&following->run->journal, event,
		       sq_json("{s:s, s:s, s:s, s:I, s:s?}", "target", place->target->object.key,
			       "name", place->name, "path", place->path, "id",
			       (json_int_t)place->id, "why", why));
}

/* What one target matches now, sorted by name, and the index of each one's place, if it has one. */
struct news {
	const struct sq_sight *sight;
	const struct sq_seen **seen;
	size_t *place; /* sorted by their names */
	size_t n_places;
	uint64_t highest; /* hash of those that are drawn */
	size_t wanted, members;
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
	const struct place *place = places;

	return strcmp(place[*(const size_t *)a].name, place[*(const size_t *)b].name);
}

/* Does it take up room? */
static bool is_held(const struct place *place)
{
	return place->id || (!place->let_go && sq_now() < place->gone_ns + HELD_NS);
}

static size_t count_held(const struct sq_following *following)
{
	size_t n = 0;

	for (size_t i = 0; i < following->n; i++)
		n += is_held(&following->place[i]);
	return n;
}

static void news_begin(struct news *news, const struct sq_following *following,
		       const struct sq_sight *sight)
{
	*news = (struct news){ .sight = sight,
			       .seen = sq_alloc((sight->n + 1) * sizeof(*news->seen)),
			       .place = sq_alloc((following->n + 1) * sizeof(*news->place)),
			       .wanted = sq_target_wanted(sight->target, sight->n) };
	for (size_t i = 0; i < sight->n; i++)
		news->seen[i] = &sight->item[i];
	qsort(news->seen, sight->n, sizeof(*news->seen), by_hash);
	news->highest = news->wanted ? news->seen[news->wanted - 1]->hash : 0;
	qsort(news->seen, sight->n, sizeof(*news->seen), by_seen_name);
	for (size_t i = 0; i < following->n; i++) {
		if (following->place[i].target != sight->target)
			continue;
		news->place[news->n_places++] = i;
		news->members += is_held(&following->place[i]);
	}
	qsort_r(news->place, news->n_places, sizeof(*news->place), by_place_name, following->place);
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
static struct place *find_place(struct sq_following *following, const struct news *news,
				const char *name)
{
	size_t low = 0, high = news->n_places;

	while (low < high) {
		size_t middle = (low + high) / 2;
		struct place *place = &following->place[news->place[middle]];
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

static int hit(struct sq_following *following, struct place *place, const struct sq_seen *seen,
	       struct sq_error **err)
{
	struct sq_run *run = following->run;
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

/* Why a newcomer stays out although it is drawn, or NULL. */
static const char *no_room(struct sq_following *following, struct news *news,
			   const struct sq_seen *seen)
{
	const struct sq_run *run = following->run;
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	const struct sq_policy *policy = run->plan->policy;
	uint64_t share_ppb = radius->share_ppb, processes = 0;
	size_t held = count_held(following);

	if (policy && policy->limits.share_ppb)
		share_ppb = MIN(share_ppb, policy->limits.share_ppb);
	if (radius->cgroups && held + 1 > radius->cgroups)
		return "the blast radius allows no more cgroups";
	if (news->sight->shared && (news->members + 1) * SQ_SHARE_ONE > share_ppb * news->sight->n)
		return share_ppb == radius->share_ppb ? "the blast radius allows no greater share"
						      : "the host's policy allows no greater share";
	if (sq_cgroup_count(seen->path, &processes, NULL))
		return "its processes cannot be counted";
	if (radius->processes || policy)
		processes += processes_of(following);
	if (radius->processes && processes > radius->processes)
		return "the blast radius allows no more processes";
	/* which is read from files: of thousands not each is asked about, where one had no room */
	if (policy && !news->full)
		news->full = sq_host_use_room(policy, run->plan->run, held + 1, processes);
	return news->full;
}

static void stay_out(struct sq_following *following, const struct sq_sight *sight,
		     const struct sq_seen *seen, const char *why)
{
	const struct place place = {
		.target = sight->target, .name = seen->name, .path = seen->path, .id = seen->id
	};

	if (sq_set_add(&following->refused, seen->name))
		tell(following, "stayed_out", &place, why);
}

/* Neither the policy nor another run may have anything against a path that was not asked about yet. */
static const char *not_free(struct sq_following *following, const char *path, struct sq_error **err)
{
	const struct sq_run *run = following->run;
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

static void welcome(struct sq_following *following, struct news *news, const struct sq_seen *seen)
{
	const struct sq_sight *sight = news->sight;
	_cleanup_error_ struct sq_error *err = NULL;
	const char *why;
	struct place *place;

	if (!is_free(news, seen))
		return;
	why = following->rows < following->most_rows ? no_room(following, news, seen)
						     : "there is no room for more newcomers";
	if (!why)
		why = not_free(following, seen->path, &err);
	if (why) {
		stay_out(following, sight, seen, why);
		return;
	}
	place = sq_append(&following->place, &following->n, sizeof(*place));
	*place = (struct place){ .target = sight->target,
				 .name = sq_strdup(seen->name),
				 .path = sq_strdup(seen->path),
				 .row = following->rows++ };
	if (!hit(following, place, seen, &err)) {
		tell(following, "joined", place, NULL);
		news->members++;
		return;
	}
	stay_out(following, sight, seen, err->message);
	free(place->name);
	free(place->path);
	following->n--;
	following->rows--;
}

/* It has kept its room, or there is some: a container that is made anew has another path besides. */
static const char *may_come_back(struct sq_following *following, struct news *news,
				 const struct place *place, const struct sq_seen *seen,
				 struct sq_error **err)
{
	const char *why = NULL;

	if (!is_held(place))
		why = is_free(news, seen) ? no_room(following, news, seen)
					  : "others are hit in its place";
	return why || !strcmp(place->path, seen->path) ? why : not_free(following, seen->path, err);
}

/* Other targets may have the same cgroup: theirs it stays. */
static void stay_for_others(struct sq_following *following, uint64_t id)
{
	struct sq_run *run = following->run;

	for (size_t i = 0; i < following->n; i++) {
		_cleanup_error_ struct sq_error *err = NULL;
		const struct place *other = &following->place[i];
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

static void leave(struct sq_following *following, struct place *place, const char *why)
{
	uint64_t id = place->id;

	tell(following, "left", place, why);
	sq_injector_leave(following->run->injector, id);
	place->id = 0;
	place->gone_ns = sq_now();
	stay_for_others(following, id);
}

static void come_back(struct sq_following *following, struct news *news, struct place *place,
		      const struct sq_seen *seen)
{
	_cleanup_error_ struct sq_error *err = NULL;
	const char *why;

	if (place->id == seen->id || place->let_go)
		return;
	if (place->id)
		leave(following, place, "it was made anew");
	why = may_come_back(following, news, place, seen, &err);
	if (why) {
		stay_out(following, news->sight, seen, why);
		return;
	}
	news->members += !is_held(place);
	if (!hit(following, place, seen, &err))
		tell(following, "joined", place, "it is back");
	else
		sq_run_note(following->run, err->message);
}

static void look_for_gone(struct sq_following *following, const struct news *news)
{
	for (size_t i = 0; i < news->n_places; i++) {
		struct place *place = &following->place[news->place[i]];

		if (!place->id || is_seen(news, place->name))
			continue;
		leave(following, place, NULL);
	}
}

static void take_news(struct sq_following *following, const struct sq_sight *sight)
{
	struct news news;

	news_begin(&news, following, sight);
	look_for_gone(following, &news);
	for (size_t i = 0; i < sight->n; i++) {
		const struct sq_seen *seen = &sight->item[i];
		struct place *place = find_place(following, &news, seen->name);

		if (place)
			come_back(following, &news, place, seen);
		else
			welcome(following, &news, seen);
	}
	news_end(&news);
}

/* Processes come into a cgroup after it was joined: more of them than it may have are let go. */
static void hold_processes(struct sq_following *following)
{
	const struct sq_plan *plan = following->run->plan;
	uint64_t most = following->run->experiment->blast_radius.processes;
	uint64_t policys = plan->policy ? plan->policy->limits.processes : 0;
	uint64_t processes;
	size_t first = plan->paths.n;

	if (policys && (!most || policys < most))
		most = policys;
	processes = most ? processes_of(following) : 0;
	for (size_t i = following->n; most && processes > most && i > 0; i--) {
		struct place *place = &following->place[i - 1];

		if (place->row < first || !place->id)
			continue;
		leave(following, place,
		      most == policys ? "the host's policy allows no more processes"
				      : "the blast radius allows no more processes");
		place->let_go = true;
		processes -= place->processes;
	}
}

/* What was made in a target may be protected: an ssh login in a slice that is one. */
static void carve(struct sq_following *following)
{
	struct sq_texts paths = { 0 };

	/* those that have joined, and those that are back elsewhere, among them */
	for (size_t i = 0; i < following->n; i++)
		sq_texts_add(&paths, following->place[i].path);
	sq_carving_look(following->carving, &paths);
}

/* What was found is of the scope that was given before; then the next is given. */
static void take_sockets(struct sq_following *following)
{
	_cleanup_(sq_handovers_clear) struct sq_handovers found = { 0 };
	struct sq_run *run = following->run;
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_handover_scope scope;

	sq_follow_take_handovers(following->follow, &found);
	if (sq_handing_take(run, &following->scope, &found) &&
	    sq_injector_refresh(run->injector, &err))
		sq_run_note(run, err->message);
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
	struct sq_run *run = following->run;
	size_t n = run->experiment->targets.n;
	struct sq_sight *sights = sq_follow_take(following->follow);
	_cleanup_free_ char *trouble = sq_follow_take_trouble(following->follow);

	if (trouble)
		tell_trouble(run, trouble);
	sq_follow_take_named(following->follow, &run->plan->named);
	for (size_t i = 0; sights && i < n && run->armed && !run->stopping; i++)
		if (sights[i].known)
			take_news(following, &sights[i]);
	sq_sights_free(sights, n);
	if (sights && run->armed && !run->stopping) {
		hold_processes(following);
		take_sockets(following);
		carve(following);
	}
	return 0;
}

int sq_following_start(struct sq_run *run, struct sq_error **err)
{
	const struct sq_plan *plan = run->plan;
	struct sq_following *following = sq_alloc(sizeof(*following));
	size_t row = plan->paths.n - 1;
	int r = sq_follow_new(&following->follow, run->experiment, plan->policy, &plan->paths,
			      plan->run, err);

	following->run = run;
	following->rows = plan->paths.n;
	following->most_rows = sq_following_rows(plan);
	for (size_t i = 0; i < run->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		for (size_t j = 0; j < target->n && !target->target->rest_of; j++) {
			row = sq_plan_row(plan, target->item[j].cgroup.path, row);
			*(struct place *)sq_append(&following->place, &following->n,
						   sizeof(*following->place)) =
				(struct place){ .target = target->target,
						.name = sq_strdup(target->item[j].name),
						.path = sq_strdup(target->item[j].cgroup.path),
						.id = target->item[j].cgroup.id,
						.row = row,
						.processes = target->item[j].processes };
		}
	}
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
	for (size_t i = 0; following && i < following->n; i++) {
		const struct place *place = &following->place[i];

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

	for (size_t i = 0; following && i < following->n; i++) {
		const struct place *place = &following->place[i];

		if (place->id && wanted(run->experiment, place->target) &&
		    sq_set_add(&seen, place->path))
			sq_texts_add(paths, place->path);
	}
}

void sq_following_look(struct sq_run *run)
{
	struct sq_following *following = run->following;
	_cleanup_error_ struct sq_error *err = NULL;
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
	else if (sq_injector_refresh(run->injector, &err))
		sq_run_note(run, err->message);
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
	sq_carving_free(following->carving);
	sq_follow_free(following->follow);
	for (size_t i = 0; i < following->n; i++) {
		free(following->place[i].name);
		free(following->place[i].path);
	}
	free(following->place);
	sq_handover_scope_clear(&following->scope);
	sq_set_clear(&following->refused);
	free(following);
	return NULL;
}
