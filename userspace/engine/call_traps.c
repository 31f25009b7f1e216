// SPDX-License-Identifier: GPL-2.0-only
#include "engine/call_traps.h"

#include <string.h>

#include "abi.h"
#include "util/fs.h"
#include "util/mem.h"

#define MOST_NAMES 5
#define LARGEST_THREADS (1 << 22)

/* Of so many that sleep at once a few find no slot near where they look; of 3000 one in a hundred. */
#define ROOM (SQ_NAP_SLOTS / 2)

/* On Linux 6.18, as `make bench` has it: 108 ns of them are the kernel's own slow way into a call. */
#define EVERY_CALL_NS 110

/* The calls whose manual page does not know the error: programs may not be ready for it. */
static void look_at_error(struct sq_plan *plan, const struct sq_fault *fault)
{
	_cleanup_buffer_ struct sq_buffer names = { 0 };
	size_t n = 0;

	for (unsigned int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		const char *call = sq_call_name(number);

		if (!sq_calls_have(&fault->calls, number) || sq_call_may_return(call, fault->error))
			continue;
		if (n++ < MOST_NAMES)
			sq_buffer_add(&names, "%s%s", n > 1 ? ", " : "", call);
	}
	if (n > MOST_NAMES)
		sq_buffer_add(&names, " and %zu more", n - MOST_NAMES);
	if (n)
		sq_plan_warn(plan,
			     "fault '%s': by their manual pages these never return %s, so what "
			     "is seen may never happen in production: %s",
			     fault->name, sq_errno_name(fault->error), sq_buffer_text(&names));
}

/* Programs get most of these answers without a call. */
static void look_at_vdso(struct sq_plan *plan, const struct sq_fault *fault)
{
	for (unsigned int number = 0; number < 64 * SQ_CALLS_WORDS; number++)
		if (sq_calls_have(&fault->calls, number) &&
		    sq_call_is_answered_by_vdso(sq_call_name(number)))
			sq_plan_warn(plan,
				     "fault '%s': the C library mostly answers %s without a system "
				     "call (vDSO), and then it is not hit",
				     fault->name, sq_call_name(number));
}

static int count_threads(const char *path, int fd, void *data)
{
	_cleanup_free_ char *text = NULL;
	uint64_t *n = data;

	if (sq_read_file(fd, "cgroup.threads", LARGEST_THREADS, &text) > 0)
		for (const char *p = text; (p = strchr(p, '\n')); p++)
			(*n)++;
	return 0;
}

/* How many threads may sleep at once: all that the fault's targets have now. */
static uint64_t threads_of(const struct sq_plan *plan, const struct sq_fault *fault)
{
	uint64_t n = 0;

	for (size_t i = 0; i < plan->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		if (!sq_texts_have(&fault->targets, target->target->object.key))
			continue;
		for (size_t j = 0; j < target->n; j++)
			if (target->item[j].cgroup.id)
				sq_cgroup_walk(target->item[j].cgroup.path, count_threads, &n,
					       NULL);
	}
	return n;
}

static void look_at_room(struct sq_plan *plan, const struct sq_fault *fault)
{
	uint64_t threads = threads_of(plan, fault);

	if (threads > ROOM)
		sq_plan_warn(plan,
			     "fault '%s': its targets have %llu threads, and of more than %d "
			     "that sleep at once some find no room (%d in all): those are not "
			     "delayed, and counted as missed for want of room",
			     fault->name, (unsigned long long)threads, ROOM, SQ_NAP_SLOTS);
}

void sq_call_traps(struct sq_plan *plan, size_t i)
{
	const struct sq_fault *fault = &sq_faults(plan->experiment)[i];

	look_at_vdso(plan, fault);
	if (fault->kind->id == SQ_FAULT_SYSCALL_ERROR) {
		look_at_error(plan, fault);
		if (plan->support[i].hooks & BIT(SQ_HOOK_SENDMSG))
			sq_plan_warn(
				plan,
				"fault '%s': sendto and sendmsg fail on unconnected UDP "
				"sockets only; what goes over TCP or a connected socket is not "
				"hit",
				fault->name);
	}
	if (fault->kind->id == SQ_FAULT_SYSCALL_LATENCY)
		look_at_room(plan, fault);
	if (sq_backend_taxes_every_call(plan->support[i].hooks))
		sq_plan_warn(plan,
			     "fault '%s': while it is attached every system call of this "
			     "host takes longer, by about %d ns, in whatever cgroup: "
			     "the tracepoint sees them all",
			     fault->name, EVERY_CALL_NS);
}
