/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stop conditions of a run: the experiment's, the policy's, and squall's own on the host's health.
 * They are looked at from the run's start on.
 */
#ifndef SQ_ENGINE_STOPS_H
#define SQ_ENGINE_STOPS_H

#include <systemd/sd-event.h>

#include "experiment/policy.h"
#include "probe/probe.h"
#include "util/error.h"

struct sq_stops;

struct sq_stops_setup {
	const struct sq_experiment *experiment;
	const struct sq_policy *policy; /* or NULL */
	sd_event *event;
	struct sq_prober *prober;
	int journal_fd;
	/* Called when one is fulfilled, or cannot be looked at: "stop_if 'a page fires'", "value is 2". */
	void (*fulfilled)(void *data, const char *what, const char *why);
	void *data;
};

/* Begins to look. */
int sq_stops_new(struct sq_stops **ret, const struct sq_stops_setup *setup, struct sq_error **err);

/* Has each of them been looked at once? */
bool sq_stops_looked(const struct sq_stops *stops);

struct sq_stops *sq_stops_free(struct sq_stops *stops);

#endif
