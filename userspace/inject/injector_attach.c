// SPDX-License-Identifier: GPL-2.0-only
/* Where an injector's programs hang: on cgroups, calls, the C library's functions. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "gen/squall.skel.h"
#include "inject/calls.h"
#include "inject/injector_state.h"
#include "util/process.h"
#include "util/set.h"

#define MOST_ALONE 256 /* cgroups that get links of their own */
#define OTHER_FILES \
	16384 /* descriptors that are no links to cgroups: of namespaces, their devices */
#define ON_CGROUPS                                                                                \
	(BIT(SQ_HOOK_INGRESS) | BIT(SQ_HOOK_CONNECT) | BIT(SQ_HOOK_BIND) | BIT(SQ_HOOK_SENDMSG) | \
	 BIT(SQ_HOOK_GETSOCKOPT) | BIT(SQ_HOOK_SETSOCKOPT))

/* The hooks on cgroups of the faults that hit target @i. */
static uint64_t cgroup_hooks(const struct sq_injector *injector, size_t i)
{
	uint64_t found = 0;

	for (size_t fault = 0; fault < injector->n_faults; fault++)
		if (injector->faults[i] >> fault & 1)
			found |= injector->support[fault].hooks & ON_CGROUPS;
	return found;
}

/* A program above runs for what is below too: attached twice it would decide twice. */
static uint64_t hooks_above(const struct sq_injector *injector, size_t i)
{
	uint64_t found = 0;

	if (injector->above && sq_cgroup_within(injector->paths.item[i], injector->above))
		found |= injector->above_hooks;
	for (size_t j = 0; j < injector->paths.n; j++)
		if (j != i && sq_cgroup_within(injector->paths.item[i], injector->paths.item[j]) &&
		    (strcmp(injector->paths.item[i], injector->paths.item[j]) != 0 || j < i))
			found |= cgroup_hooks(injector, j);
	return found;
}

static int attach_at(struct sq_injector *injector, const char *path, uint64_t hooks,
		     struct sq_error **err)
{
	_cleanup_close_ int fd = hooks ? sq_cgroup_open(path, err) : -EBADF;
	int r;

	if (!hooks)
		return 0;
	if (fd < 0)
		return fd;
	r = sq_attach_cgroup(injector->object, hooks, fd, &injector->links, err);
	return r ? sq_error_wrap(err, "cgroup '%s'", path) : 0;
}

int sq_injector_attach_cgroup(struct sq_injector *injector, size_t row, struct sq_error **err)
{
	return attach_at(injector, injector->paths.item[row],
			 cgroup_hooks(injector, row) & ~hooks_above(injector, row), err);
}

/*
 * Thousands of cgroups would take as many links, and their kernel a second to make them: the programs
 * hang once above all of them, and the gate finds whom they concern, as it does in any case.
 */
static int attach_above(struct sq_injector *injector, struct sq_error **err)
{
	for (size_t i = 0; i < injector->paths.n; i++) {
		uint64_t hooks = cgroup_hooks(injector, i);

		injector->above_hooks |= hooks;
		if (hooks && !injector->above)
			injector->above = sq_strdup(injector->paths.item[i]);
		while (hooks && !sq_cgroup_within(injector->paths.item[i], injector->above)) {
			char *last = strrchr(injector->above, '/');

			last[last == injector->above] = '\0'; /* the root keeps its name */
		}
	}
	return injector->above ? attach_at(injector, injector->above, injector->above_hooks, err)
			       : 0;
}

static int attach_cgroups(struct sq_injector *injector, struct sq_error **err)
{
	size_t programs = 2 * (size_t)__builtin_popcountll(injector->hooks & ON_CGROUPS);
	_cleanup_set_ struct sq_set all = { 0 }, seen = { 0 };
	int r = 0;

	/* a link for each program on each cgroup, two of them where there is IPv6 */
	sq_process_want_files(MIN(injector->paths.n, MOST_ALONE) * programs + OTHER_FILES);
	if (injector->paths.n > MOST_ALONE)
		return attach_above(injector, err);
	for (size_t i = 0; i < injector->paths.n; i++)
		sq_set_add(&all, injector->paths.item[i]);
	for (size_t i = 0; i < injector->paths.n && !r; i++) {
		/* a look at all the others only where there is something to be found */
		bool look = !sq_set_add(&seen, injector->paths.item[i]) ||
			    sq_set_has_above(&all, injector->paths.item[i]);

		r = attach_at(injector, injector->paths.item[i],
			      cgroup_hooks(injector, i) & ~(look ? hooks_above(injector, i) : 0),
			      err);
	}
	return r;
}

static int attach_calls(struct sq_injector *injector, struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < injector->n_calls && !r; i++)
		r = sq_attach_trampoline(injector->call[i].fd, sq_call_name(injector->call[i].call),
					 &injector->links, err);
	if (!r && (injector->hooks & BIT(SQ_HOOK_CALL))) {
		struct sq_calls calls = sq_injector_calls(injector, SQ_HOOK_CALL);

		r = sq_attach_deciding(injector->object, &calls, &injector->links, err);
	}
	for (size_t i = 0; i < sq_call_hooks_n && !r; i++) {
		const struct sq_call_hook *hook = &sq_call_hooks[i];

		if (hook->program && injector->hooks & BIT(hook->hook))
			r = sq_attach_trampoline(bpf_program__fd(bpf_object__find_program_by_name(
							 injector->object->obj, hook->program)),
						 hook->name, &injector->links, err);
	}
	return r;
}

/* Births are told from before the look at who is there: nobody is missed in between. */
static int attach_wrappers(struct sq_injector *injector, struct sq_error **err)
{
	const struct squall_bpf *object = injector->object;
	const struct sq_follow_setup setup = {
		.program_fd = bpf_program__fd(object->progs.sq_wrapper),
		.births_fd = bpf_map__fd(object->maps.sq_births),
		.calls = sq_injector_calls(injector, SQ_HOOK_WRAPPER),
		.cgroups = &injector->paths,
		.arrivals = &injector->setup.lease->control->arrivals,
	};
	int r = sq_attach_trampoline(bpf_program__fd(object->progs.sq_born),
				     "the tracepoint sched_process_fork", &injector->links, err);

	if (!r)
		r = sq_attach_trampoline(bpf_program__fd(object->progs.sq_executed),
					 "the tracepoint sched_process_exec", &injector->links,
					 err);
	return r ? r : sq_follower_start(&injector->follower, &setup, err);
}

int sq_injector_attach(struct sq_injector *injector, struct sq_error **err)
{
	int r = attach_cgroups(injector, err);

	if (!r)
		r = sq_injector_attach_arrivals(injector, err);
	if (!r)
		r = sq_injector_attach_spaces(injector, err);
	if (!r && (injector->hooks & BIT(SQ_HOOK_SYSENTER))) {
		struct sq_calls calls = sq_injector_calls(injector, SQ_HOOK_SYSENTER);

		r = sq_attach_calls(injector->object, &calls, &injector->links, err);
	}
	if (!r)
		r = attach_calls(injector, err);
	if (!r && (injector->hooks & BIT(SQ_HOOK_WRAPPER)))
		r = attach_wrappers(injector, err);
	return r;
}
