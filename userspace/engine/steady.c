// SPDX-License-Identifier: GPL-2.0-only
#include "engine/steady.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/judge.h"
#include "util/json.h"
#include "util/time.h"
#include "util/units.h"

/* A timer of the event loop that fires later than this has missed slots. */
#define ACCURACY_US 500
#define GRACE_NS (500 * SQ_MS) /* for a sample to end after its timeout */

#define RECENT 60 /* samples of a probe that `status` tells of */

struct recent {
	bool met;
	uint64_t took_ns;
};

struct watch {
	struct sq_steady *steady;
	const struct sq_probe *probe;
	sd_event_source *timer;
	uint64_t next_ns; /* the next slot */
	struct sq_series series[SQ_PHASES];
	uint64_t in_a_row; /* failures */
	uint64_t taken, cpu_ns; /* samples, and what the programs for them took */
	uint64_t recovered_ns; /* since the faults ended; UINT64_MAX: not yet */
	bool last_met;
	struct recent recent[RECENT]; /* a ring, for whoever watches */
	size_t n_recent;
};

struct sq_steady {
	struct sq_steady_setup setup;
	struct watch *watch;
	size_t n;
	enum sq_phase phase;
	uint64_t phase_ns; /* when it began */
	unsigned int epoch; /* counts phases begun and ended */
	bool active, gave_up;
	struct trial *trials;
};

/* A sample under way. */
struct trial {
	struct trial *next, **link;
	struct watch *watch;
	enum sq_phase phase;
	unsigned int epoch;
	uint64_t at_ns, phase_ns; /* its slot, and when its phase began */
};

static void record(struct watch *watch, const struct trial *trial, const struct sq_sample *sample,
		   bool judged)
{
	struct sq_steady *steady = watch->steady;
	json_t *json = sq_json("{s:s, s:s, s:f, s:f, s:b}", "probe", watch->probe->name, "phase",
			       sq_phase_names[trial->phase], "at_s",
			       (double)(trial->at_ns - trial->phase_ns) / SQ_S, "took_ms",
			       (double)sample->took_ns / SQ_MS, "met", sample->met);

	if (!sample->met)
		json_object_set_new(json, "why", sq_json_string(sample->why));
	if (sample->has_value && isfinite(sample->value))
		json_object_set_new(json, "value", json_real(sample->value));
	if (!judged)
		json_object_set_new(json, "judged", json_false());
	steady->setup.sampled(steady->setup.data, json);
}

/* A failure more, or the end of a row of them. */
static void count_row(struct watch *watch, bool met, uint64_t took_ns, const char *why)
{
	struct sq_steady *steady = watch->steady;
	const struct sq_probe *probe = watch->probe;

	watch->last_met = met;
	watch->recent[watch->n_recent++ % RECENT] = (struct recent){ met, took_ns };
	watch->in_a_row = met ? 0 : watch->in_a_row + 1;
	if (steady->phase != SQ_DURING || steady->gave_up || !probe->abort_after ||
	    watch->in_a_row < probe->abort_after)
		return;
	steady->gave_up = true;
	steady->setup.gave_up(steady->setup.data, probe, why);
}

static void add(struct watch *watch, enum sq_phase phase, const struct sq_sample *sample)
{
	sq_series_add(&watch->series[phase], sample->met, sample->took_ns, sample->why);
	if (sample->has_value && isfinite(sample->value))
		sq_series_add_value(&watch->series[phase], sample->value);
}

static void count(struct watch *watch, const struct trial *trial, const struct sq_sample *sample)
{
	struct sq_steady *steady = watch->steady;
	/* one that fails slowly tells of before the recovery, though it ends later */
	bool recovering = trial->phase == SQ_AFTER && watch->probe->recovers_within_ns &&
			  !sample->met &&
			  (watch->recovered_ns == UINT64_MAX ||
			   trial->at_ns < steady->phase_ns + watch->recovered_ns);

	if (trial->phase == SQ_AFTER && sample->met && watch->recovered_ns == UINT64_MAX)
		watch->recovered_ns = trial->at_ns - steady->phase_ns;
	if (!recovering)
		add(watch, trial->phase, sample);
	record(watch, trial, sample, !recovering);
	count_row(watch, sample->met, sample->took_ns, sample->why);
}

static void forget(struct trial *trial)
{
	*trial->link = trial->next;
	if (trial->next)
		trial->next->link = trial->link;
	free(trial);
}

static void on_done(void *data, const struct sq_sample *sample)
{
	struct trial *trial = data;
	struct watch *watch = trial->watch;

	watch->taken++;
	watch->cpu_ns += sample->cpu_ns;
	if (watch->steady->epoch == trial->epoch) {
		count(watch, trial, sample);
	} else {
		bool judged = trial->phase == SQ_DURING && !sample->met;

		/* begun under a fault and failed: that the fault ended meanwhile is no excuse */
		if (judged)
			add(watch, SQ_DURING, sample);
		record(watch, trial, sample, judged);
	}
	forget(trial);
}

static void start_sample(struct watch *watch, uint64_t slot_ns)
{
	struct sq_steady *steady = watch->steady;
	const struct sq_probe *probe = watch->probe;
	struct trial *trial = sq_alloc(sizeof(*trial));

	*trial = (struct trial){ .next = steady->trials,
				 .link = &steady->trials,
				 .watch = watch,
				 .phase = steady->phase,
				 .epoch = steady->epoch,
				 .at_ns = slot_ns,
				 .phase_ns = steady->phase_ns };
	if (trial->next)
		trial->next->link = &trial->next;
	steady->trials = trial;
	sq_prober_sample(steady->setup.prober, &probe->source, &probe->expect, on_done, trial);
}

static int arm_timer(struct watch *watch);

static int on_slot(sd_event_source *source, uint64_t usec, void *data)
{
	struct watch *watch = data;
	struct sq_steady *steady = watch->steady;
	uint64_t every = watch->probe->every_ns, slot = watch->next_ns, now = sq_now();

	if (!steady->active)
		return 0;
	/* slots that went by while the loop was held up: nobody knows what they would have shown */
	for (; slot + every <= now; slot += every)
		watch->series[steady->phase].missed++;
	watch->next_ns = slot + every;
	start_sample(watch, slot);
	return steady->active ? arm_timer(watch) : 0;
}

static int arm_timer(struct watch *watch)
{
	int r;

	if (!watch->timer) {
		r = sd_event_add_time(watch->steady->setup.event, &watch->timer, CLOCK_BOOTTIME,
				      watch->next_ns / SQ_US, ACCURACY_US, on_slot, watch);
		return r;
	}
	r = sd_event_source_set_time(watch->timer, watch->next_ns / SQ_US);
	return r < 0 ? r : sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

int sq_steady_new(struct sq_steady **ret, const struct sq_steady_setup *setup,
		  struct sq_error **err)
{
	struct sq_steady *steady = sq_alloc(sizeof(*steady));

	steady->setup = *setup;
	steady->n = setup->experiment->probes.n;
	steady->watch = sq_alloc((steady->n + 1) * sizeof(*steady->watch));
	for (size_t i = 0; i < steady->n; i++)
		steady->watch[i] = (struct watch){ .steady = steady,
						   .recovered_ns = UINT64_MAX,
						   .probe = &sq_probes(setup->experiment)[i] };
	*ret = steady;
	return 0;
}

struct sq_steady *sq_steady_free(struct sq_steady *steady)
{
	if (!steady)
		return NULL;
	for (size_t i = 0; i < steady->n; i++) {
		sd_event_source_disable_unref(steady->watch[i].timer);
		for (size_t phase = 0; phase < SQ_PHASES; phase++)
			sq_series_clear(&steady->watch[i].series[phase]);
	}
	for (struct trial *trial = steady->trials, *next; trial; trial = next) {
		next = trial->next;
		free(trial);
	}
	free(steady->watch);
	free(steady);
	return NULL;
}

int sq_steady_begin(struct sq_steady *steady, enum sq_phase phase, struct sq_error **err)
{
	steady->phase = phase;
	steady->phase_ns = sq_now();
	steady->active = true;
	steady->epoch++;
	for (size_t i = 0; i < steady->n; i++) {
		struct watch *watch = &steady->watch[i];
		int r;

		watch->in_a_row = 0;
		watch->next_ns = steady->phase_ns;
		r = arm_timer(watch);
		if (r < 0)
			return sq_error_errno(err, -r, "cannot set a probe's timer");
	}
	return 0;
}

void sq_steady_end(struct sq_steady *steady)
{
	steady->active = false;
	steady->epoch++;
	for (size_t i = 0; i < steady->n; i++)
		if (steady->watch[i].timer)
			sd_event_source_set_enabled(steady->watch[i].timer, SD_EVENT_OFF);
}

uint64_t sq_steady_during_until(const struct sq_steady *steady)
{
	uint64_t until = 0;

	for (const struct trial *trial = steady->trials; trial; trial = trial->next) {
		uint64_t timeout = sq_source_timeout(&trial->watch->probe->source);

		if (trial->phase == SQ_DURING)
			until = MAX(until, trial->at_ns + timeout + GRACE_NS);
	}
	return until;
}

uint64_t sq_steady_after_until(const struct sq_steady *steady, uint64_t after_ns)
{
	uint64_t until = steady->phase_ns + after_ns, now = sq_now();

	for (size_t i = 0; i < steady->n; i++) {
		const struct watch *watch = &steady->watch[i];
		uint64_t within = watch->probe->recovers_within_ns;

		if (within && watch->recovered_ns != UINT64_MAX)
			until = MAX(until, steady->phase_ns + watch->recovered_ns + after_ns);
		else if (within && now < steady->phase_ns + within)
			until = MAX(until, steady->phase_ns + within);
	}
	return until;
}

static char *judge_recovery(const struct watch *watch)
{
	uint64_t within = watch->probe->recovers_within_ns;
	char took[SQ_DURATION_SIZE], allowed[SQ_DURATION_SIZE];

	if (!within || watch->recovered_ns <= within)
		return NULL;
	if (watch->recovered_ns == UINT64_MAX)
		return sq_asprintf("did not recover within %s", sq_duration_text(within, allowed));
	return sq_asprintf("recovered after %s, allowed %s",
			   sq_duration_text(watch->recovered_ns, took),
			   sq_duration_text(within, allowed));
}

/* A phase that the file does not name is watched, not judged; before is, if only for failures. */
static char *judge_one(struct watch *watch, enum sq_phase phase, bool *ret_judged)
{
	const struct sq_judge *judge = &watch->probe->judge;
	char *why = phase == SQ_AFTER ? judge_recovery(watch) : NULL;

	*ret_judged = why || !judge->object.node || judge->phase[phase].object.node ||
		      phase == SQ_BEFORE;
	if (why || !*ret_judged)
		return why;
	return sq_series_judge(&watch->series[phase], &judge->phase[phase],
			       &watch->series[SQ_BEFORE]);
}

/* What during is held against: the same probe before, or another one at the same time. */
static const struct sq_series *compared_with(const struct watch *watch)
{
	const struct sq_steady *steady = watch->steady;
	const char *with = watch->probe->versus.with;

	for (size_t i = 0; i < steady->n; i++)
		if (strcmp(with, "before") != 0 && !strcmp(steady->watch[i].probe->name, with))
			return &steady->watch[i].series[SQ_DURING];
	return &watch->series[SQ_BEFORE];
}

/* In the unit of the journal: latencies in ms. */
static json_t *comparison_json(const struct sq_versus *versus, const struct sq_comparison *found,
			       const char *why)
{
	double unit = versus->metric == SQ_METRIC_LATENCY ? SQ_MS : 1;
	json_t *result = sq_json("{s:s, s:s, s:I, s:I, s:s, s:s?}", "metric",
				 sq_metric_names[versus->metric], "with", versus->with, "n",
				 (json_int_t)found->n, "n_other", (json_int_t)found->n_other,
				 "verdict",
				 !why		 ? "not worse"
				 : found->enough ? "worse"
						 : "insufficient data",
				 "why", why);

	if (!found->enough)
		return result;
	json_object_set_new(result, "median", json_real(found->median / unit));
	json_object_set_new(result, "median_other", json_real(found->median_other / unit));
	json_object_set_new(result, "shift", json_real(found->shift.estimate / unit));
	json_object_set_new(result, "low", json_real(found->shift.low / unit));
	json_object_set_new(result, "high", json_real(found->shift.high / unit));
	json_object_set_new(result, "confidence",
			    json_real((double)versus->confidence_ppb / SQ_SHARE_ONE));
	json_object_set_new(result, "tolerance",
			    json_real((double)versus->tolerance_ppb / SQ_SHARE_ONE));
	json_object_set_new(result, "min_effect",
			    json_real((double)versus->min_effect_ppb / SQ_SHARE_ONE));
	json_object_set_new(result, "effect", json_real(found->shift.chance));
	json_object_set_new(result, "p", json_real(found->shift.p));
	return result;
}

/* Judges `compare`, where the probe has it: *ret_json is what was found. */
static char *judge_versus(const struct watch *watch, json_t **ret_json)
{
	const struct sq_versus *versus = &watch->probe->versus;
	struct sq_comparison found;
	char *why;

	if (!versus->object.node)
		return NULL;
	why = sq_series_compare(&watch->series[SQ_DURING], compared_with(watch), versus, &found);
	*ret_json = comparison_json(versus, &found, why);
	return why;
}

static json_t *result_json(struct watch *watch, enum sq_phase phase, const char *verdict,
			   const char *why)
{
	struct sq_series *series = &watch->series[phase];
	json_t *result = sq_json("{s:I, s:I, s:s, s:s?}", "samples", (json_int_t)series->samples,
				 "failures", (json_int_t)series->failures, "verdict", verdict,
				 "why", why);
	static const struct {
		const char *key;
		double share;
	} quantiles[] = { { "p50_ms", 0.5 },
			  { "p90_ms", 0.9 },
			  { "p95_ms", 0.95 },
			  { "p99_ms", 0.99 },
			  { "max_ms", 1 } };

	if (series->missed)
		json_object_set_new(result, "missed", json_integer((json_int_t)series->missed));
	for (size_t i = 0; series->n_met && i < ARRAY_SIZE(quantiles); i++)
		json_object_set_new(
			result, quantiles[i].key,
			json_real((double)sq_series_quantile(series, quantiles[i].share) / SQ_MS));
	return result;
}

/* What the samples so far have cost; the programs among them, squall itself is told elsewhere. */
static json_t *cost_json(const struct watch *watch)
{
	return sq_json("{s:I, s:f}", "samples", (json_int_t)watch->taken, "program_cpu_ms",
		       (double)watch->cpu_ns / SQ_MS);
}

/* A threshold that does not hold says more than a comparison, and comes first. */
static char *judge_all(struct watch *watch, enum sq_phase phase, bool *ret_judged,
		       json_t **ret_compared)
{
	char *why = judge_one(watch, phase, ret_judged), *worse = NULL;

	if (phase == SQ_DURING)
		worse = judge_versus(watch, ret_compared);
	*ret_judged |= *ret_compared != NULL;
	if (!why)
		return worse;
	free(worse);
	return why;
}

char *sq_steady_judge(struct sq_steady *steady, enum sq_phase phase, json_t *results)
{
	char *first = NULL;

	for (size_t i = 0; i < steady->n; i++) {
		struct watch *watch = &steady->watch[i];
		json_t *compared = NULL;
		bool judged;
		_cleanup_free_ char *why = judge_all(watch, phase, &judged, &compared);
		const char *verdict = why ? "not met" : judged ? "met" : "not judged";
		json_t *result = sq_json(
			"{s:s, s:o, s:o}", "name", watch->probe->name, sq_phase_names[phase],
			result_json(watch, phase, verdict, why), "cost", cost_json(watch));

		if (compared)
			json_object_set_new(result, "compare", compared);
		if (phase == SQ_AFTER && watch->probe->recovers_within_ns &&
		    watch->recovered_ns != UINT64_MAX)
			json_object_set_new(result, "recovered_s",
					    json_real((double)watch->recovered_ns / SQ_S));
		json_array_append_new(results, result);
		if (why && !first)
			first = sq_asprintf("%s, %s: %s", watch->probe->name, sq_phase_names[phase],
					    why);
	}
	return first;
}

/* The last samples, the oldest first: {met, ms} each. */
static json_t *recent_json(const struct watch *watch)
{
	json_t *list = json_array();

	for (size_t i = watch->n_recent > RECENT ? watch->n_recent - RECENT : 0;
	     i < watch->n_recent; i++) {
		const struct recent *recent = &watch->recent[i % RECENT];

		json_array_append_new(list, sq_json("{s:b, s:f}", "met", recent->met, "ms",
						    (double)recent->took_ns / SQ_MS));
	}
	return list;
}

json_t *sq_steady_status(const struct sq_steady *steady)
{
	json_t *probes = json_array();

	for (size_t i = 0; i < steady->n; i++) {
		struct watch *watch = &steady->watch[i];
		struct sq_series *series = &watch->series[steady->phase];

		json_array_append_new(probes,
				      sq_json("{s:s, s:b, s:I, s:I, s:f, s:o}", "name",
					      watch->probe->name, "met", watch->last_met, "samples",
					      (json_int_t)series->samples, "failures",
					      (json_int_t)series->failures, "p50_ms",
					      (double)sq_series_quantile(series, 0.5) / SQ_MS,
					      "recent", recent_json(watch)));
	}
	return probes;
}
