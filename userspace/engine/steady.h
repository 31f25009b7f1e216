/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steady state: every probe sampled at its own pace through the phases, and judged at the end.
 * Sampling is open loop: a slow answer holds up nobody, and a slot that was missed is a failure.
 */
#ifndef SQ_ENGINE_STEADY_H
#define SQ_ENGINE_STEADY_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "experiment/experiment.h"
#include "probe/probe.h"
#include "util/error.h"

struct sq_steady;

struct sq_steady_setup {
	const struct sq_experiment *experiment;
	sd_event *event;
	struct sq_prober *prober;
	/* Called with every sample, as the journal wants it; takes over @sample. */
	void (*sampled)(void *data, json_t *sample);
	/* Called once when a probe has failed `abort_after` times in a row. */
	void (*gave_up)(void *data, const struct sq_probe *probe, const char *why);
	void *data;
};

int sq_steady_new(struct sq_steady **ret, const struct sq_steady_setup *setup,
		  struct sq_error **err);
struct sq_steady *sq_steady_free(struct sq_steady *steady);

/* Begins a phase: the first sample of each probe starts now. */
int sq_steady_begin(struct sq_steady *steady, enum sq_phase phase, struct sq_error **err);

/*
 * Ends it: no further samples. Those under way are recorded, not judged, but for one of the phase
 * during that fails: that is a failure of during.
 */
void sq_steady_end(struct sq_steady *steady);

/* Until when samples of the phase during may still end, ns; 0 where none is under way. */
uint64_t sq_steady_during_until(const struct sq_steady *steady);

/*
 * Until when the phase after has to be sampled, ns: @after_ns from the last recovery, or as long
 * as a probe may still recover.
 */
uint64_t sq_steady_after_until(const struct sq_steady *steady, uint64_t after_ns);

/*
 * Judges a phase. NULL where every probe holds, else what does not hold, to be freed. Adds each
 * probe's result to @results: {name, PHASE: {samples, failures, p50_ms, ..., verdict, why}}.
 */
char *sq_steady_judge(struct sq_steady *steady, enum sq_phase phase, json_t *results);

/* What `status` shows of the probes. */
json_t *sq_steady_status(const struct sq_steady *steady);

#endif
