/* SPDX-License-Identifier: GPL-2.0-only */
/* What the plan has to tell of network faults. */
#ifndef SQ_ENGINE_NET_TRAPS_H
#define SQ_ENGINE_NET_TRAPS_H

#include "engine/plan.h"

/* Adds to the plan's warnings what the experiment's fault @i and the line cannot do together. */
void sq_net_traps(struct sq_plan *plan, size_t i);

#endif
