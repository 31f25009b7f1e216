// SPDX-License-Identifier: GPL-2.0-only
#include "engine/stops.h"

#include <stdlib.h>

#include "guard/health.h"
#include "util/event.h"
#include "util/time.h"
#include "util/units.h"

#define ACCURACY_US 1000

/* The host is about to fall over by itself: nobody wants more of that. */
static const struct sq_stop_if of_squall[] = {
	{ .name = (char *)"the host's memory",
	  .memory_free_ppb = SQ_SHARE_ONE / 50,
	  .every_ns = SQ_S },
	{ .name = (char *)"the pressure on the host's memory",
	  .psi.most_ppb[SQ_PRESSURE_MEMORY] = (uint64_t)SQ_SHARE_ONE / 10 * 9,
	  .every_ns = SQ_S,
	  .for_ns = 10 * SQ_S },
};

struct watch {
	struct sq_stops *stops;
	const struct sq_stop_if *stop_if;
	const char *whose; /* NULL: squall's own */
	struct sq_health health;
	sd_event_source *timer;
	bool looked, under_way, told;
};

struct sq_stops {
	struct sq_stops_setup setup;
	struct watch **watch;
	size_t n;
};

static void tell(struct watch *watch, const char *why)
{
	const struct sq_stops_setup *setup = &watch->stops->setup;
	_cleanup_free_ char *what =
		watch->whose
			? sq_asprintf("stop_if '%s' of the %s", watch->stop_if->name, watch->whose)
			: sq_asprintf("the guard of %s", watch->stop_if->name);

	if (watch->told)
		return;
	watch->told = true;
	setup->fulfilled(setup->data, what, why);
}

/* A probe that is not met, for whatever reason: no answer is no good sign. */
static void on_sampled(void *data, const struct sq_sample *sample)
{
	struct watch *watch = data;
	uint64_t now = sq_now();

	watch->under_way = false;
	if (sample->met)
		watch->health.since_ns = 0;
	else if (!watch->health.since_ns)
		watch->health.since_ns = sample->started_ns;
	if (!sample->met && now - watch->health.since_ns >= watch->stop_if->for_ns)
		tell(watch, sample->why ? sample->why : "not met");
	watch->looked = true;
}

static void look(struct watch *watch)
{
	const struct sq_stops_setup *setup = &watch->stops->setup;
	_cleanup_free_ char *why = NULL;

	if (!sq_stop_if_is_host(watch->stop_if)) {
		/* an answer that takes longer than from one look to the next is waited for */
		if (watch->under_way)
			return;
		watch->under_way = true;
		sq_prober_sample(setup->prober, &watch->stop_if->source, &watch->stop_if->expect,
				 on_sampled, watch);
		return;
	}
	why = sq_health_look(watch->stop_if, &watch->health, setup->journal_fd, sq_now());
	/* a kernel without PSI is no reason to stop, as long as nobody has asked for it */
	if (why && (watch->whose || !watch->health.unknown))
		tell(watch, why);
	watch->looked = true;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct watch *watch = data;

	look(watch);
	return sq_event_again(source, watch->stop_if->every_ns);
}

static int add(struct sq_stops *stops, const struct sq_stop_if *stop_if, const char *whose,
	       struct sq_error **err)
{
	struct watch *watch = sq_alloc(sizeof(*watch));
	int r;

	*(struct watch **)sq_append(&stops->watch, &stops->n, sizeof(*stops->watch)) = watch;
	*watch = (struct watch){ .stops = stops, .stop_if = stop_if, .whose = whose };
	r = sd_event_add_time_relative(stops->setup.event, &watch->timer, CLOCK_BOOTTIME, 0,
				       ACCURACY_US, on_time, watch);
	return r < 0 ? sq_error_errno(err, -r, "cannot set a timer") : 0;
}

static int add_all(struct sq_stops *stops, const struct sq_objects *list, const char *whose,
		   struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < list->n && !r; i++)
		r = add(stops, &sq_stop_ifs(list)[i], whose, err);
	return r;
}

int sq_stops_new(struct sq_stops **ret, const struct sq_stops_setup *setup, struct sq_error **err)
{
	struct sq_stops *stops = sq_alloc(sizeof(*stops));
	int r = 0;

	stops->setup = *setup;
	*ret = stops;
	for (size_t i = 0; i < ARRAY_SIZE(of_squall) && !r; i++)
		r = add(stops, &of_squall[i], NULL, err);
	if (!r)
		r = add_all(stops, &setup->experiment->stop_if, "experiment", err);
	if (!r && setup->policy)
		r = add_all(stops, &setup->policy->stop_if, "policy", err);
	return r;
}

bool sq_stops_looked(const struct sq_stops *stops)
{
	bool all = true;

	for (size_t i = 0; i < stops->n; i++)
		all &= stops->watch[i]->looked;
	return all;
}

struct sq_stops *sq_stops_free(struct sq_stops *stops)
{
	if (!stops)
		return NULL;
	for (size_t i = 0; i < stops->n; i++) {
		sd_event_source_disable_unref(stops->watch[i]->timer);
		free(stops->watch[i]);
	}
	free(stops->watch);
	free(stops);
	return NULL;
}
