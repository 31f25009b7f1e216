// SPDX-License-Identifier: GPL-2.0-only
#include "engine/net_traps.h"

#include "inject/line.h"
#include "util/time.h"
#include "util/units.h"

#define PLENTY_BPS 10000000000ull /* more than a target is likely to send */

/* The line holds so many bytes: with a long delay that is a rate. */
static void tell_room(struct sq_plan *plan, const struct sq_fault *fault)
{
	uint64_t delay_ns = fault->delay_ns + fault->jitter_ns;
	char delay[SQ_DURATION_SIZE], rate[32];
	uint64_t bps;

	if (!delay_ns)
		return;
	bps = (uint64_t)(8.0 * SQ_LINE_BYTES * SQ_S / (double)delay_ns) / 1000000 * 1000000;
	if (bps >= PLENTY_BPS)
		return;
	sq_plan_warn(plan,
		     "fault '%s': the delay line holds %u MiB, that is %s/s at %s; what is "
		     "beyond passes undelayed, is counted as without room, and the run "
		     "cannot pass",
		     fault->name, SQ_LINE_BYTES >> 20, sq_bitrate_text(bps, rate),
		     sq_duration_text(delay_ns, delay));
}

/* One that makes connect() fail leaves the others of its target only what is connected already. */
static void tell_refusal(struct sq_plan *plan, const struct sq_fault *fault)
{
	const struct sq_experiment *experiment = plan->experiment;

	for (size_t j = 0; j < experiment->faults.n; j++) {
		const struct sq_fault *other = &sq_faults(experiment)[j];
		bool together = false;

		for (size_t k = 0; k < fault->targets.n; k++)
			together |= sq_texts_have(&other->targets, fault->targets.item[k]);
		if (other->kind->id != SQ_FAULT_REFUSE || other == fault || !together ||
		    fault->at_ns >= other->at_ns + other->for_ns ||
		    other->at_ns >= fault->at_ns + fault->for_ns)
			continue;
		sq_plan_warn(plan,
			     "faults '%s' and '%s' act on the same target at the same time: "
			     "where both are for a peer, '%s' sees only connections that "
			     "stand already, and UDP",
			     fault->name, other->name, fault->name);
	}
}

void sq_net_traps(struct sq_plan *plan, size_t i)
{
	const struct sq_fault *fault = &sq_faults(plan->experiment)[i];

	if (!plan->support[i].line && !(plan->support[i].hooks >> SQ_HOOK_EGRESS & 1))
		return;
	if (plan->support[i].line)
		tell_room(plan, fault);
	tell_refusal(plan, fault);
}
