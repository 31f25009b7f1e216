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
#include "util/user.h"

struct sq_prober;

/* What one sample showed. */
struct sq_sample {
	uint64_t started_ns, took_ns;
	uint64_t cpu_ns; /* of the program that it took, where it took one */
	bool met;
	const char *why; /* not met: in a few words */
	bool has_value;
	double value; /* prometheus: the number; log: the lines */
};

/* Called once when the sample is over, from the event loop. */
typedef void (*sq_sample_done)(void *data, const struct sq_sample *sample);

/* @cgroup_fd: where exec probes are born, or -EBADF. */
int sq_prober_new(struct sq_prober **ret, sd_event *event, int cgroup_fd, struct sq_error **err);

/* The programs of exec probes run as @user, which must outlive the prober. */
void sq_prober_run_as(struct sq_prober *prober, const struct sq_user *user);

/* Ends samples under way without calling anybody. */
struct sq_prober *sq_prober_free(struct sq_prober *prober);

/*
 * Starts a sample. @source must outlive the prober: a log is read on from where the sample before
 * ended. @expect may be NULL: then it is met by any answer.
 */
void sq_prober_sample(struct sq_prober *prober, const struct sq_source *source,
		      const struct sq_expect *expect, sq_sample_done done, void *data);

/* How long this process has computed for the samples so far, ns; programs are told with each sample. */
uint64_t sq_prober_cost(const struct sq_prober *prober);

/* How a program of ours that looks at files, logs and units for a prober is called. */
#define SQ_LOOK_NAME "squall-look"

/* What is said of a unit in another state than expected begins so, and goes on with "failed (oom-kill)". */
#define SQ_UNIT_IS "the unit is "

/*
 * Its main function: what may hang (a network's file system, a journal, systemd) is looked at in a
 * process of its own, which prints what it has seen as JSON.
 */
int sq_look_main(int argc, char **argv);

#endif
