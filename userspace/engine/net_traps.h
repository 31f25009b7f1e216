/* SPDX-License-Identifier: GPL-2.0-only */
/* The traps of network faults that a plan can see. */
#ifndef SQ_ENGINE_NET_TRAPS_H
#define SQ_ENGINE_NET_TRAPS_H

#include "engine/plan.h"

/* Adds to the plan's warnings what fault @i of its experiment has of them; its support is known. */
void sq_net_traps(struct sq_plan *plan, size_t i);

/* Is a packet that @fault delays delayed by another fault too? Then what is measured is both. */
bool sq_net_delays_add(const struct sq_experiment *experiment, const struct sq_fault *fault);

/* Is @fault for packets without a socket alone, where @hooks, which carry it, find packets by theirs? */
bool sq_net_needs_socket(const struct sq_fault *fault, uint64_t hooks);

/* Adds what the devices of the targets' network namespaces have of them: look once, for all faults. */
void sq_device_traps(struct sq_plan *plan);

#endif
