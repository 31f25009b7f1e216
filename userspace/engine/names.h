/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host names of a run's faults: resolved as the targets' processes would, at the start, every 30 s and a second
 * after one comes who may know other addresses, by processes of their own, so that a server that does not answer never
 * holds up the lease.
 */
#ifndef SQ_ENGINE_NAMES_H
#define SQ_ENGINE_NAMES_H

#include "util/error.h"

struct sq_run;
struct sq_resolver;

/*
 * Resolves all names and tells the injector, while the event loop runs; from then on again every 30 s.
 * SQ_FAIL_NOT_NOW where one does not resolve. Nothing happens where there are no names.
 */
int sq_resolver_start(struct sq_run *run, struct sq_error **err);

/* Somebody may have come to the targets. NULL is fine. */
void sq_resolver_look(struct sq_resolver *resolver);

/* Ends what is under way. NULL is fine; returns NULL. */
struct sq_resolver *sq_resolver_free(struct sq_resolver *resolver);

#endif
