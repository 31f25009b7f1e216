// SPDX-License-Identifier: GPL-2.0-only
/* Where an injector's programs hang on network devices: in the namespaces that the targets' processes live in. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "gen/squall.skel.h"
#include "inject/injector_state.h"
#include "inject/rules.h"
#include "util/time.h"

#define LEFT_NS (5 * SQ_S) /* without a process so long nobody is expected back */
#define MOST_DELAY_NS (60 * SQ_S)

static void find_device_programs(struct sq_injector *injector)
{
	const struct squall_bpf *object = injector->object;
	struct sq_devices *devices = &injector->spaces.devices;
	struct bpf_program *const programs[2][2] = {
		{ object->progs.sq_tc_egress, object->progs.sq_tc_egress_l3 },
		{ object->progs.sq_tc_ingress, object->progs.sq_tc_ingress_l3 },
	};

	for (int ingress = 0; ingress < 2; ingress++) {
		const bool wanted = !ingress || injector->hooks & BIT(SQ_HOOK_TC_INGRESS);

		for (int l3 = 0; l3 < 2; l3++)
			devices->program_fd[ingress][l3] =
				wanted ? bpf_program__fd(programs[ingress][l3]) : -EBADF;
	}
	devices->egress_of_lo = !(injector->hooks & BIT(SQ_HOOK_EGRESS));
	devices->tcx = sq_backend_tcx();
	devices->handle = injector->setup.lease->slot;
	devices->log = injector->setup.log;
}

/* What those who have left have sent may still be held: delays add up. */
static uint64_t longest_wait(const struct sq_injector *injector)
{
	uint64_t wait = 0;

	for (size_t i = 0; i < injector->n_faults; i++)
		wait += MIN(sq_fault_longest_ns(sq_injector_fault(injector, i)), MOST_DELAY_NS);
	return wait;
}

static void set_up(struct sq_injector *injector)
{
	struct sq_netspaces *spaces = &injector->spaces;

	find_device_programs(injector);
	for (size_t i = 0; i < injector->paths.n; i++)
		sq_texts_add(&spaces->paths, injector->paths.item[i]);
	spaces->line = injector->needs_line ? &injector->line : NULL;
	spaces->lease = injector->setup.lease;
	spaces->known_fd = bpf_map__fd(injector->object->maps.sq_spaces);
	spaces->stay_ns = LEFT_NS + longest_wait(injector);
	spaces->enters = injector->setup.enters;
	spaces->leaves = injector->setup.leaves;
	spaces->data = injector->setup.data;
}

int sq_injector_attach_spaces(struct sq_injector *injector, struct sq_error **err)
{
	struct sq_netspaces *spaces = &injector->spaces;
	int r;

	if (!(injector->hooks & ON_DEVICES))
		return 0;
	set_up(injector);
	r = sq_netspaces_open(spaces, err);
	if (!r)
		r = sq_netspaces_find(spaces, true, err);
	while (!r && sq_netspaces_has_changed(spaces))
		r = sq_netspaces_attach_next(spaces, err);
	return r;
}

int sq_injector_follow_spaces(struct sq_injector *injector, struct sq_error **err)
{
	return injector->hooks & ON_DEVICES
		       ? sq_net_follower_start(&injector->net_follower, &injector->spaces, err)
		       : 0;
}

int sq_injector_spaces_fd(const struct sq_injector *injector)
{
	return injector->net_follower ? sq_net_follower_fd(injector->net_follower) : -EBADF;
}

void sq_injector_take_notes(struct sq_injector *injector, struct sq_texts *notes)
{
	if (injector->net_follower)
		sq_net_follower_take(injector->net_follower, notes);
}

void sq_injector_keep_space(struct sq_injector *injector, int fd)
{
	if (injector->net_follower)
		sq_net_follower_keep(injector->net_follower, fd);
	else
		sq_netns_list_keep(&injector->spaces.netns, fd);
}
