// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that go by who holds them, and processes that come unannounced. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "gen/squall.skel.h"
#include "inject/injector_state.h"

#define ON_PACKETS (ON_DEVICES | BIT(SQ_HOOK_INGRESS))

/* Once, above all cgroups: a socket's own may be gone, and two of them may lie in each other. */
static int attach_above(struct sq_injector *injector, struct sq_error **err)
{
	int fd;

	if (injector->handed_in || !(injector->hooks & BIT(SQ_HOOK_INGRESS)))
		return 0;
	fd = bpf_link_create(bpf_program__fd(injector->object->progs.sq_handed_in),
			     sq_cgroup_root(NULL), BPF_CGROUP_INET_INGRESS, NULL);
	if (fd < 0)
		return sq_error_errno(err, errno, "cannot attach sq_handed_in to the root cgroup");
	*(int *)sq_append(&injector->links.fd, &injector->links.n, sizeof(*injector->links.fd)) =
		fd;
	injector->handed_in = true;
	return 0;
}

int sq_injector_hand(struct sq_injector *injector, int socket_fd, uint64_t faults, size_t row,
		     struct sq_error **err)
{
	const struct sq_scope scope = { .faults = faults, .index = (uint32_t)row };
	volatile struct sq_control *control = injector->setup.lease->control;
	int r = 0;

	if (!(injector->hooks & ON_PACKETS))
		return 0;
	if (faults && injector->hooks & ON_DEVICES) {
		/* it may be in none of those that the targets' processes live in */
		int space = ioctl(socket_fd, SIOCGSKNS);

		if (space < 0)
			return sq_error_errno(err, errno,
					      "cannot tell a socket's network namespace");
		sq_injector_keep_space(injector, space);
	}
	if (faults)
		r = attach_above(injector, err);
	if (r)
		return r;
	if (bpf_map_update_elem(bpf_map__fd(injector->object->maps.sq_handed), &socket_fd, &scope,
				BPF_ANY))
		return sq_error_errno(err, errno, "cannot mark a socket that was handed over");
	__atomic_store_n(&control->handed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int sq_injector_attach_arrivals(struct sq_injector *injector, struct sq_error **err)
{
	const struct squall_bpf *object = injector->object;
	int r = sq_attach_trampoline(bpf_program__fd(object->progs.sq_moved),
				     "the tracepoint cgroup_attach_task", &injector->links, err);

	if (r || !(injector->hooks & ON_DEVICES))
		return r;
	return sq_attach_trampoline(bpf_program__fd(object->progs.sq_entered),
				    "the tracepoint sched_process_exec", &injector->links, err);
}

uint64_t sq_injector_arrivals(const struct sq_injector *injector)
{
	return __atomic_load_n(&injector->setup.lease->control->arrivals, __ATOMIC_RELAXED);
}
