/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do the targets live through it? Their processes are looked at from the faults' beginning on: one
 * that ends, crashes or is killed for want of memory is told. A cgroup that is left without any
 * process, or a unit of systemd that is left failed, has not survived.
 */
#ifndef SQ_ENGINE_VITALS_H
#define SQ_ENGINE_VITALS_H

#include <jansson.h>

#include "engine/plan.h"

struct sq_vitals;

/* Looks at the targets of @plan, which must outlive it. @tell is called for each thing to be told. */
struct sq_vitals *sq_vitals_new(const struct sq_plan *plan,
				void (*tell)(void *data, const char *what), void *data);
struct sq_vitals *sq_vitals_free(struct sq_vitals *vitals);

/* Who is there now: called when the faults begin. */
void sq_vitals_begin(struct sq_vitals *vitals);

/* Looks who has gone, and who has come; about once a second is enough. */
void sq_vitals_look(struct sq_vitals *vitals);

/* A last look. NULL where every target lives; else the first that does not, to be freed. */
char *sq_vitals_judge(struct sq_vitals *vitals);

/* The unit of systemd that a target's cgroup number @i is, or NULL: no such one, or no systemd. */
const char *sq_vitals_unit(const struct sq_vitals *vitals, size_t i);

/* {cgroups: [{path, processes_before, processes_after, ended, crashed, oom_kills}]} */
json_t *sq_vitals_json(const struct sq_vitals *vitals);

#endif
