// SPDX-License-Identifier: GPL-2.0-only
#include "engine/net_traps.h"

#include <string.h>
#include <unistd.h>

#include "inject/devices.h"
#include "inject/line.h"
#include "inject/rules.h"
#include "util/time.h"
#include "util/units.h"

#define PLENTY_BPS 10000000000ull /* more than a target is likely to send */
#define LINE_BITS (8.0 * SQ_LINE_BYTES)
#define MOST_PAIRS 100000 /* of peers that are held against each other */
#define ON_PACKETS (BIT(SQ_HOOK_EGRESS) | BIT(SQ_HOOK_INGRESS) | BIT(SQ_HOOK_TC_INGRESS))

/* The line holds so many bytes: with a long delay that is a rate. */
static void tell_room(struct sq_plan *plan, const struct sq_fault *fault)
{
	uint64_t delay_ns = fault->delay_ns + fault->jitter_ns;
	char delay[SQ_DURATION_SIZE], rate[32];
	uint64_t bps;

	if (!delay_ns)
		return;
	bps = (uint64_t)(LINE_BITS * SQ_S / (double)delay_ns) / 1000000 * 1000000;
	if (bps >= PLENTY_BPS)
		return;
	sq_plan_warn(plan,
		     "fault '%s': the delay line holds %u MiB, that is %s/s at %s; what is "
		     "beyond passes undelayed, is counted as without room, and the run "
		     "cannot pass",
		     fault->name, SQ_LINE_BYTES >> 20, sq_bitrate_text(bps, rate),
		     sq_duration_text(delay_ns, delay));
}

/* The queue of a limited rate holds a second, and lies in the line. */
static void tell_queue(struct sq_plan *plan, const struct sq_fault *fault)
{
	char time[SQ_DURATION_SIZE];

	if ((double)fault->rate_bps <= LINE_BITS)
		return;
	sq_plan_warn(
		plan,
		"fault '%s': the delay line holds %u MiB, %s of its rate and not a second; "
		"what is beyond passes at once, is counted as without room, and the run "
		"cannot pass",
		fault->name, SQ_LINE_BYTES >> 20,
		sq_duration_text((uint64_t)(LINE_BITS * SQ_S / (double)fault->rate_bps), time));
}

static bool same_time(const struct sq_fault *a, const struct sq_fault *b)
{
	return a->at_ns < b->at_ns + b->for_ns && b->at_ns < a->at_ns + a->for_ns;
}

static bool same_target(const struct sq_fault *a, const struct sq_fault *b)
{
	for (size_t i = 0; i < a->targets.n; i++)
		if (sq_texts_have(&b->targets, a->targets.item[i]))
			return true;
	return false;
}

static bool overlap(const struct sq_port_range *a, const struct sq_port_range *b)
{
	return a->low <= b->high && b->low <= a->high;
}

/* A host name may be anybody, unless it is the same. */
static bool meet(const struct sq_peer *a, const struct sq_peer *b)
{
	unsigned int bits = MIN(a->prefix_len, b->prefix_len);

	if (a->has_ports && b->has_ports && !overlap(&a->ports, &b->ports))
		return false;
	if (a->host || b->host)
		return true;
	if (memcmp(a->address, b->address, bits / 8) != 0)
		return false;
	return bits % 8 == 0 ||
	       (a->address[bits / 8] ^ b->address[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool same_peer(const struct sq_fault *a, const struct sq_fault *b)
{
	if (!a->to.n || !b->to.n || a->to.n * b->to.n > MOST_PAIRS)
		return true;
	for (size_t i = 0; i < a->to.n; i++)
		for (size_t j = 0; j < b->to.n; j++)
			if (meet(&a->to.item[i], &b->to.item[j]))
				return true;
	return false;
}

static bool same_way(const struct sq_fault *a, const struct sq_fault *b)
{
	return a->direction == b->direction || a->direction == SQ_BOTH || b->direction == SQ_BOTH;
}

static bool delays(const struct sq_fault *fault)
{
	return fault->kind->id == SQ_FAULT_LATENCY || fault->kind->id == SQ_FAULT_RATE;
}

static bool loses_all(const struct sq_fault *fault)
{
	return sq_fault_loses(fault) && fault->probability_ppb == SQ_SHARE_ONE &&
	       fault->kind->id != SQ_FAULT_DNS;
}

/* None: all of them. */
static bool ports_meet(const struct sq_port_ranges *a, const struct sq_port_ranges *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (overlap(&a->item[i], &b->item[j]))
				return true;
	return !a->n || !b->n;
}

/* Is there a packet that is for both? */
static bool meets(const struct sq_fault *a, const struct sq_fault *b)
{
	return a != b && same_target(a, b) && same_time(a, b) && same_peer(a, b) &&
	       (!a->protocols || !b->protocols || a->protocols & b->protocols) &&
	       (a->to.n || b->to.n || ports_meet(&a->ports, &b->ports)) &&
	       ports_meet(&a->local_ports, &b->local_ports);
}

bool sq_net_delays_add(const struct sq_experiment *experiment, const struct sq_fault *fault)
{
	for (size_t i = 0; i < experiment->faults.n && delays(fault); i++) {
		const struct sq_fault *other = &sq_faults(experiment)[i];

		if (delays(other) && meets(fault, other) && same_way(fault, other))
			return true;
	}
	return false;
}

bool sq_net_needs_socket(const struct sq_fault *fault, uint64_t hooks)
{
	return fault->protocols == SQ_PROTO_ICMP && hooks == BIT(SQ_HOOK_TC_INGRESS);
}

/* What @other leaves of what @fault would hit; all of it: nothing is told. */
static void tell_overlap(struct sq_plan *plan, const struct sq_fault *fault,
			 const struct sq_fault *other, bool earlier)
{
	static const char both[] =
		"faults '%s' and '%s' act on the same target at the same time: where both are for a "
		"peer, ";
	_cleanup_free_ char *start = sq_asprintf(both, fault->name, other->name);

	if (fault->kind->id == SQ_FAULT_REFUSE) {
		if (other->kind->id == SQ_FAULT_REFUSE && other->error != fault->error && earlier)
			sq_plan_warn(plan, "%sthe first in the file decides on the error", start);
		return;
	}
	if (other->kind->id == SQ_FAULT_REFUSE)
		sq_plan_warn(plan, "%s'%s' sees only connections that stand already, and UDP",
			     start, fault->name);
	else if (!same_way(fault, other))
		return;
	else if (loses_all(other) && !(earlier && loses_all(fault)))
		sq_plan_warn(plan,
			     "%snothing is left for '%s', which counts it as lost by another "
			     "fault",
			     start, fault->name);
	else if (delays(fault) && delays(other) && earlier)
		sq_plan_warn(plan, "%stheir delays add up", start);
	else if (fault->kind->id == SQ_FAULT_DNS && other->kind->id == SQ_FAULT_DNS && earlier)
		sq_plan_warn(plan, "%sthe first in the file decides on the names of both", start);
}

static bool covers_port(const struct sq_fault *fault, uint16_t port)
{
	bool any = !fault->to.n && !fault->ports.n;

	for (size_t i = 0; i < fault->to.n; i++)
		if (fault->to.item[i].has_ports ? fault->to.item[i].ports.low <= port &&
							  port <= fault->to.item[i].ports.high
						: !fault->ports.n)
			any = true;
	for (size_t i = 0; i < fault->ports.n; i++)
		any |= fault->ports.item[i].low <= port && port <= fault->ports.item[i].high;
	return any;
}

/* The target asks a service of the host, and that asks the DNS in its own name. */
static void tell_names(struct sq_plan *plan, const struct sq_fault *fault)
{
	if (covers_port(fault, 53) &&
	    (access("/run/systemd/resolve/io.systemd.Resolve", F_OK) == 0 ||
	     access("/run/nscd/socket", F_OK) == 0))
		sq_plan_warn(plan,
			     "fault '%s': names are resolved by a service of this host "
			     "(systemd-resolved or nscd), so the target's DNS is not hit",
			     fault->name);
}

/* What one fault on packets cannot do, or not as one may think. */
static void tell_alone(struct sq_plan *plan, size_t i)
{
	const struct sq_fault *fault = &sq_faults(plan->experiment)[i];

	if (plan->support[i].line)
		tell_room(plan, fault);
	if (sq_net_needs_socket(fault, plan->support[i].hooks))
		sq_plan_warn(
			plan,
			"fault '%s' will hit nothing: what comes in is found by the socket that "
			"gets it, and ICMP has none",
			fault->name);
	if (fault->kind->id == SQ_FAULT_LATENCY && fault->delay_ns > fault->for_ns)
		sq_plan_warn(
			plan,
			"fault '%s': the delay is longer than the fault: what is held when the "
			"run ends is let go then",
			fault->name);
	if (fault->kind->id == SQ_FAULT_RATE)
		tell_queue(plan, fault);
}

void sq_net_traps(struct sq_plan *plan, size_t i)
{
	const struct sq_experiment *experiment = plan->experiment;
	const struct sq_fault *fault = &sq_faults(experiment)[i];

	if (!sq_fault_kind_is_call(fault->kind))
		tell_names(plan, fault);
	if (plan->support[i].hooks & ON_PACKETS)
		tell_alone(plan, i);
	else if (fault->kind->id != SQ_FAULT_REFUSE)
		return;
	for (size_t j = 0; j < experiment->faults.n; j++) {
		const struct sq_fault *other = &sq_faults(experiment)[j];

		if (meets(fault, other))
			tell_overlap(plan, fault, other, i < j);
	}
}

void sq_device_traps(struct sq_plan *plan)
{
	_cleanup_texts_ struct sq_texts behind = { 0 };
	uint64_t hooks = 0;

	for (size_t i = 0; i < plan->experiment->faults.n; i++)
		hooks |= plan->support[i].hooks;
	if (!(hooks & ON_PACKETS) || sq_backend_tcx())
		return;
	/* qdisc_graft() deactivates the device, net/sched/sch_api.c */
	sq_plan_warn(plan,
		     "without tcx (Linux 6.6) squall adds clsact to a device that has none, and "
		     "removes it at the end: each time the kernel drops all that leaves by the "
		     "device for some ms, of others too");
	if (hooks & BIT(SQ_HOOK_EGRESS))
		sq_devices_behind(&plan->paths, false, &behind);
	if (hooks & BIT(SQ_HOOK_TC_INGRESS))
		sq_devices_behind(&plan->paths, true, &behind);
	for (size_t i = 0; i < behind.n; i++)
		sq_plan_warn(
			plan,
			"%s: a filter of somebody else's comes before squall's, which without "
			"tcx (Linux 6.6) cannot be first there: a packet that it decides on is "
			"neither hit nor counted",
			behind.item[i]);
}
