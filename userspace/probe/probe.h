/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking samples. Every sample runs beside the others in one event loop: a slow one delays nobody.
 */
#ifndef SQ_PROBE_PROBE_H
#define SQ_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "experiment/experiment.h"
#include "util/error.h"

struct sq_prober;

/* What one sample showed. */
struct sq_sample {
	uint64_t started_ns, took_ns;
	bool met;
	const char *why; /* not met: in a few words */
};

/* Called once when the sample is over, from the event loop. */
typedef void (*sq_sample_done)(void *data, const struct sq_sample *sample);

/* @cgroup_fd: where exec probes are born, or -EBADF. */
int sq_prober_new(struct sq_prober **ret, sd_event *event, int cgroup_fd, struct sq_error **err);

/* Ends samples under way without calling anybody. */
struct sq_prober *sq_prober_free(struct sq_prober *prober);

/* Starts a sample of a probe, or of a condition with the same parts. */
void sq_prober_sample(struct sq_prober *prober, const struct sq_http *http,
		      const struct sq_tcp *tcp, const struct sq_exec *exec,
		      const struct sq_expect *expect, sq_sample_done done, void *data);

#endif
