// SPDX-License-Identifier: GPL-2.0-only
/* What each fault has done, held against what was asked for; and if that is nothing, why. */
#include <math.h>

#include "engine/net_traps.h"
#include "engine/state.h"
#include "inject/rules.h"
#include "util/time.h"
#include "util/units.h"

#define SIGMAS 4 /* so far off is no chance */
#define EARLY_SHARE 0.01 /* clocks are read in microseconds, and not by the one who waits */
#define LATE_SHARE 0.25 /* a median delay may be so much above what was asked, */
#define LATE_NS (5 * SQ_MS) /* and as much more as a busy machine takes to wake somebody */

#define ASTRAY "translated by the host's NAT, or not IP: held back they would not find their way"

/* A fault's counters, and what follows from them. */
struct effect {
	const struct sq_fault *fault;
	struct sq_counters counters;
	struct sq_delays delays;
	uint64_t undone; /* it passed: for want of room, or nothing could be made of it */
	uint64_t astray; /* so did what nothing could bring back to lo */
	uint64_t thrown; /* the dice decided on them */
	uint64_t eligible; /* passed every filter: for the dice to decide */
};

/* More than 1 % of what would have been injected. */
static bool weakens(uint64_t cut, uint64_t injected)
{
	return cut * 99 > injected;
}

/* Why nothing was even seen. */
static const char *why_unseen(const struct sq_run *run, const struct effect *effect)
{
	if (run->plan->processes == 0)
		for (size_t i = 0; i < run->experiment->targets.n; i++)
			if (sq_fault_hits(effect->fault, &sq_targets(run->experiment)[i]) &&
			    !sq_target_is_started(&sq_targets(run->experiment)[i]))
				return "the target had no processes";
	if (sq_fault_kind_is_call(effect->fault->kind))
		return "the target made no such call while the fault was active";
	if (effect->fault->kind->id == SQ_FAULT_REFUSE)
		return "the target opened no new connection while the fault was active";
	if (sq_net_needs_socket(
		    effect->fault,
		    run->plan->support[effect->fault - sq_faults(run->experiment)].hooks))
		return "what comes in is found by the socket that gets it, and ICMP has none";
	return "no packet of the target passed while the fault was active: is it idle, does it live "
	       "in a network namespace of its own, or are its sockets another cgroup's?";
}

static const char *why_filtered(const struct sq_fault *fault)
{
	if (fault->paths.n)
		return "none of the files lies on its 'paths'";
	if (fault->to.n || fault->ports.n)
		return "nothing went to or came from the peers of 'to' and 'ports'";
	if (fault->local_ports.n)
		return "nothing used its 'local_ports'";
	if (fault->except.n)
		return "all of it was with peers of 'except'";
	return "nothing matched the filter";
}

static bool makes_packets(const struct sq_fault *fault)
{
	return fault->kind->id == SQ_FAULT_RESET || fault->kind->id == SQ_FAULT_DNS;
}

static const char *why_undone(const struct sq_fault *fault)
{
	if (sq_fault_kind_is_call(fault->kind))
		return "all were naps without a slot";
	return makes_packets(fault) ? "of none of them could a reset or an answer be made"
				    : "the delay line had no room for them";
}

/* The reason that has cost most, in words that say where to look. */
static const char *why_nothing(const struct sq_run *run, const struct effect *effect)
{
	const __u64 *missed = effect->counters.missed;
	const struct sq_fault *fault = effect->fault;
	const struct {
		uint64_t n;
		const char *why;
	} reasons[] = {
		{ missed[SQ_MISSED_FILTER], why_filtered(fault) },
		{ missed[SQ_MISSED_DICE], fault->skip
						  ? "'skip' let them pass"
						  : "the dice spared them: raise 'probability'" },
		{ missed[SQ_MISSED_BUDGET], "the limit was used up" },
		{ missed[SQ_MISSED_RATE], "the blast radius's rate let them pass" },
		{ missed[SQ_MISSED_PROTECTED], "they came from what is protected" },
		{ missed[SQ_MISSED_LEASE], "they came when the lease had ended" },
		{ missed[SQ_MISSED_KILLED], "they came after the kill switch" },
		{ effect->undone, why_undone(fault) },
		{ effect->astray, "they were on lo, and " ASTRAY },
		{ missed[SQ_MISSED_LOST], "another fault lost those packets" },
	};
	size_t most = 0;

	if (!effect->counters.seen)
		return why_unseen(run, effect);
	for (size_t i = 1; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].n > reasons[most].n)
			most = i;
	return reasons[most].n ? reasons[most].why : "what it saw was too little";
}

/* NULL, or by how much the share that was hit is another than asked: more than chance explains. */
static char *share_off(const struct effect *effect)
{
	const struct sq_fault *fault = effect->fault;
	double asked = (double)fault->probability_ppb / SQ_SHARE_ONE, got, off;
	uint64_t thrown = effect->thrown;
	char is[32], was[32];

	/* where connections are drawn the packets of one hang together */
	if (!thrown || fault->skip || fault->ramp_ns || asked <= 0 ||
	    (sq_fault_kind_has(fault->kind, "per") && fault->per == SQ_PER_CONNECTION))
		return NULL;
	got = (double)effect->counters.injected / (double)thrown;
	off = SIGMAS * sqrt(asked * (1 - asked) / (double)thrown) + 1.0 / (double)thrown;
	if (fabs(got - asked) <= off)
		return NULL;
	return sq_asprintf("%s of %llu were hit, asked %s",
			   sq_share_text((uint64_t)(got * SQ_SHARE_ONE), is),
			   (unsigned long long)thrown, sq_share_text(fault->probability_ppb, was));
}

/* May the median well be later than asked? Another fault delays the same packets, or there is no order to keep. */
static bool may_be_later(const struct sq_run *run, const struct sq_fault *fault)
{
	return sq_net_delays_add(run->experiment, fault) ||
	       (fault->jitter_ns && (fault->reorder || sq_fault_kind_is_call(fault->kind)));
}

static char *delay_off(const struct sq_run *run, const struct effect *effect)
{
	static const char order[] =
		": packets of a connection keep their order, so that a late one holds up those "
		"behind it; 'reorder: true' lets them pass";
	const struct sq_fault *fault = effect->fault;
	uint64_t asked = sq_fault_median_ns(fault), got = effect->delays.p50_ns;
	char is[SQ_DURATION_SIZE], was[SQ_DURATION_SIZE];
	bool early, late;

	if (!effect->delays.count || !asked || fault->ramp_ns)
		return NULL;
	early = !fault->jitter_ns && got + (uint64_t)((double)asked * EARLY_SHARE) < asked;
	late = !may_be_later(run, fault) &&
	       got > asked + (uint64_t)((double)asked * LATE_SHARE) + LATE_NS;
	if (!early && !late)
		return NULL;
	return sq_asprintf("the median delay is %s, asked %s%s", sq_duration_text(got, is),
			   sq_duration_text(asked, was), fault->jitter_ns ? order : "");
}

static json_t *effect_json(const struct effect *effect, const char *verdict, const char *why)
{
	const struct sq_fault *fault = effect->fault;
	json_t *asked = json_object(), *got = json_object();

	if (fault->probability_ppb)
		json_object_set_new(asked, "share",
				    json_real((double)fault->probability_ppb / SQ_SHARE_ONE));
	if (effect->thrown)
		json_object_set_new(
			got, "share",
			json_real((double)effect->counters.injected / (double)effect->thrown));
	if (fault->delay_ns)
		json_object_set_new(asked, "delay_ms", json_real((double)fault->delay_ns / SQ_MS));
	if (effect->delays.count)
		json_object_set_new(got, "delay_ms",
				    json_real((double)effect->delays.p50_ns / SQ_MS));
	return sq_json("{s:{s:s, s:s?, s:I, s:o, s:o}}", "effect", "verdict", verdict, "why", why,
		       "eligible", (json_int_t)effect->eligible, "asked", asked, "got", got);
}

static void measure(const struct sq_run *run, size_t i, struct effect *ret)
{
	const __u64 *missed = ret->counters.missed;

	*ret = (struct effect){ .fault = &sq_faults(run->experiment)[i],
				.counters = sq_injector_counters(run->injector, i, -1) };
	sq_injector_delays(run->injector, i, &ret->delays);
	ret->undone = missed[SQ_MISSED_ROOM];
	if (!sq_fault_kind_is_call(ret->fault->kind))
		ret->astray = missed[SQ_MISSED_UNCOVERED];
	ret->thrown = ret->counters.injected + missed[SQ_MISSED_DICE];
	ret->eligible = ret->thrown + ret->undone + ret->astray + missed[SQ_MISSED_BUDGET] +
			missed[SQ_MISSED_RATE] + missed[SQ_MISSED_LOST];
}

/* NULL: it had the effect that was asked for, or more than enough; else the run proves nothing. */
static char *why_ineffective(const struct sq_run *run, const struct effect *effect,
			     const char **ret_verdict)
{
	const char *would = run->request->observe ? "would hit" : "hit";
	const char *name = effect->fault->name;
	unsigned long long injected = effect->counters.injected, undone = effect->undone;
	unsigned long long rate = effect->counters.missed[SQ_MISSED_RATE];

	*ret_verdict = "no effect";
	if (injected < effect->fault->min_effect)
		return sq_asprintf(
			"fault '%s' %s %llu times of the %llu that it takes to prove "
			"something: it saw %llu; %s",
			name, would, injected, (unsigned long long)effect->fault->min_effect,
			(unsigned long long)effect->counters.seen, why_nothing(run, effect));
	*ret_verdict = "weakened";
	if (weakens(rate, injected))
		return sq_asprintf("fault '%s' is weakened: the blast radius's rate let %llu of "
				   "%llu pass",
				   name, rate, rate + injected);
	if (weakens(effect->astray, injected))
		return sq_asprintf("fault '%s' is weakened: %llu of %llu were on lo, and " ASTRAY,
				   name, (unsigned long long)effect->astray,
				   (unsigned long long)effect->astray + injected);
	if (weakens(undone, injected))
		return sq_asprintf("fault '%s' is weakened: %s %llu of %llu", name,
				   makes_packets(effect->fault)
					   ? "no reset or answer could be made of"
					   : "there was no room to hold back",
				   undone, undone + injected);
	return NULL;
}

/* Was anything hit, and was it what was asked for? Returns the journal's view of it. */
static json_t *judge_fault(struct sq_run *run, size_t i)
{
	_cleanup_free_ char *why = NULL, *note = NULL;
	const char *verdict;
	struct effect effect;

	measure(run, i, &effect);
	why = why_ineffective(run, &effect, &verdict);
	if (why) {
		sq_run_judge(run, SQ_NO_EFFECT, "%s", why);
		return effect_json(&effect, verdict, why);
	}
	why = delay_off(run, &effect);
	if (!why)
		why = share_off(&effect);
	if (!why)
		return effect_json(&effect, "as asked", NULL);
	note = sq_asprintf("fault '%s': %s", effect.fault->name, why);
	sq_run_note(run, note);
	return effect_json(&effect, "other than asked", why);
}

void sq_run_judge_effect(struct sq_run *run)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < run->experiment->faults.n; i++)
		json_array_append_new(faults, judge_fault(run, i));
	sq_journal_add(&run->journal, "effect", sq_json("{s:o}", "faults", faults));
}
