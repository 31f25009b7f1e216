// SPDX-License-Identifier: GPL-2.0-only
#include "inject/injector_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "gen/squall.skel.h"
#include "inject/calls.h"
#include "inject/inodes.h"
#include "inject/nap.h"
#include "inject/object.h"
#include "inject/quantiles.h"
#include "inject/rules.h"
#include "util/time.h"

#define MAX_ROWS (1u << 20)
#define MAX_CARVES 4096 /* room for what turns out to be protected later */
#define GUARD_BITS 8 /* of each direction */
#define HELPERS_NS (2 * SQ_S) /* the lease has ended: they let everything go at once */
#define PRIVATE_LATE_NS SQ_S /* so late the line in the kernel may be */
#define PRIVATE_STILL_NS (50 * SQ_MS) /* where nothing comes out so long nothing is left */
#define FEW_FOLLOW 256 /* packets that are in it only on their way */
#define LINE_NS (10 * SQ_S) /* that may be a million packets */
#define RATE_BURST_NS (100 * SQ_MS)

static int find_backends(struct sq_injector *injector, struct sq_error **err)
{
	injector->support = sq_alloc((injector->n_faults + 1) * sizeof(*injector->support));
	for (size_t i = 0; i < injector->n_faults; i++) {
		const struct sq_fault *fault = sq_injector_fault(injector, i);
		struct sq_support *support = &injector->support[i];
		int r = sq_fault_support(fault, SQ_LOOK_LOAD, support, err);

		if (r)
			return r;
		if (!support->ok) {
			sq_error_set(err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP, "fault '%s': %s",
				     fault->name, support->why);
			return support->hint ? sq_error_hint(err, "%s", support->hint)
					     : -EOPNOTSUPP;
		}
		injector->hooks |= support->hooks;
		injector->needs_line |= support->line;
	}
	return 0;
}

/* The lengths of all prefixes there are and may be, the longest first. A name's addresses are whole. */
static void set_prefixes(struct sq_injector *injector)
{
	typeof(injector->object->rodata) constants = injector->object->rodata;
	bool there[SQ_PREFIX_LENGTHS] = { [SQ_PREFIX_LENGTHS - 1] = true };

	for (size_t i = 0; i < injector->peers.n; i++)
		there[injector->peers.item[i].key.prefix_len - 32] = true;
	for (uint32_t length = SQ_PREFIX_LENGTHS; length-- > 0;)
		if (there[length])
			constants->sq_prefixes[constants->sq_n_prefixes++] = (uint8_t)length;
}

/* Which hooks and which filters fault @i has: what no fault has is not even looked for. */
static void set_fault(struct sq_injector *injector, size_t i)
{
	typeof(injector->object->rodata) constants = injector->object->rodata;
	const struct sq_support *support = &injector->support[i];
	const struct sq_fault *fault = sq_injector_fault(injector, i);

	for (uint32_t hook = 0; hook < SQ_HOOKS; hook++) {
		if (support->hooks & BIT(hook))
			constants->sq_hook_faults[hook] |= BIT(i);
		for (size_t j = 0; j < SQ_CALLS_WORDS; j++)
			constants->sq_hook_calls[hook][j] |= support->by_hook[hook].bit[j];
	}
	if (sq_fault_hits_by_dice(fault))
		constants->sq_dice_faults |= BIT(i);
	if (sq_fault_loses(fault) || fault->kind->id == SQ_FAULT_RATE)
		constants->sq_loss_faults |= BIT(i);
	if (sq_fault_hits_wire_packets(fault))
		constants->sq_wire_faults |= BIT(i);
	if (fault->names.n)
		constants->sq_name_faults |= BIT(i);
	if (fault->paths.n)
		constants->sq_path_faults |= BIT(i);
	if (fault->to.n || fault->except.n || fault->ports.n)
		constants->sq_peer_faults |= BIT(i);
	constants->sq_n_patterns += (uint32_t)fault->paths.n;
}

/* What is fixed for the run. */
static void set_constants(struct sq_injector *injector)
{
	const struct sq_experiment *experiment = injector->setup.experiment;
	const struct sq_lease *lease = injector->setup.lease;
	typeof(injector->object->rodata) constants = injector->object->rodata;

	constants->sq_seed = experiment->seed;
	constants->sq_epoch = lease->epoch;
	constants->sq_generation = lease->generation;
	constants->sq_slot = lease->slot;
	constants->sq_observe = injector->setup.observe;
	constants->sq_has_control = injector->setup.control && injector->setup.control->n;
	constants->sq_n_faults = (uint32_t)injector->n_faults;
	constants->sq_n_cgroups = (uint32_t)injector->setup.n_cgroups;
	constants->sq_faults_limit = experiment->blast_radius.faults;
	constants->sq_guard = (uint16_t)(1u << (lease->slot % GUARD_BITS));
	constants->sq_guard_in = (uint16_t)(constants->sq_guard << GUARD_BITS);
	constants->sq_line_ifindex = injector->needs_line ? sq_line_ifindex(lease) : 0;
	constants->sq_private_ifindex = injector->private_line ? sq_line_private_ifindex(lease) : 0;
	constants->sq_nap_base = SQ_NAP_BASE;
	constants->sq_nr_connect = (uint32_t)sq_call_number("connect");
	constants->sq_nr_bind = (uint32_t)sq_call_number("bind");
	constants->sq_nr_sendto = (uint32_t)sq_call_number("sendto");
	constants->sq_nr_sendmsg = (uint32_t)sq_call_number("sendmsg");
	sq_quantiles_fill((int32_t *)constants->sq_quantiles);
	if (experiment->blast_radius.rate) {
		constants->sq_rate_interval_ns = 1000 * SQ_S / experiment->blast_radius.rate;
		constants->sq_rate_burst_ns = RATE_BURST_NS;
	}
	for (size_t i = 0; i < injector->n_faults; i++)
		set_fault(injector, i);
}

static int size_maps(struct sq_injector *injector, size_t n_peers, struct sq_error **err)
{
	struct squall_bpf *object = injector->object;
	size_t rows = injector->n_faults * injector->setup.n_cgroups;

	if (rows > MAX_ROWS)
		return sq_error_set(err, SQ_FAIL_INVALID, E2BIG,
				    "%zu faults on %zu cgroups are "
				    "more than squall can count (%u pairs)",
				    injector->n_faults, injector->setup.n_cgroups, MAX_ROWS);
	bpf_map__set_max_entries(
		object->maps.sq_scopes,
		(uint32_t)(injector->setup.n_cgroups + injector->setup.n_carved + MAX_CARVES));
	bpf_map__set_max_entries(object->maps.sq_counters, (uint32_t)rows);
	bpf_map__set_max_entries(object->maps.sq_sequence, (uint32_t)rows);
	bpf_map__set_max_entries(object->maps.sq_wires, (uint32_t)rows * 2);
	bpf_map__set_max_entries(object->maps.sq_hist, (uint32_t)injector->n_faults);
	bpf_map__set_max_entries(object->maps.sq_inodes, SQ_MAX_INODES);
	bpf_map__set_max_entries(object->maps.sq_peers, (uint32_t)MAX(n_peers, 1));
	bpf_map__set_max_entries(object->maps.sq_peer_table, (uint32_t)MAX(n_peers, 1));
	bpf_map__set_max_entries(object->maps.sq_names, (uint32_t)MAX(injector->names.n, 1));
	if (bpf_map__reuse_fd(object->maps.sq_switch, injector->setup.switch_fd) ||
	    bpf_map__reuse_fd(object->maps.sq_control, injector->setup.lease->control_fd))
		return sq_error_errno(err, errno, "cannot share the kill switch");
	return 0;
}

/* Both tables have the same entries; the second is there where programs need it. */
static int write_peers(const struct sq_injector *injector, const struct sq_peer_entries *peers,
		       struct sq_error **err)
{
	const int fds[] = { bpf_map__fd(injector->object->maps.sq_peers),
			    bpf_map__fd(injector->object->maps.sq_peer_table) };

	for (size_t i = 0; i < peers->n; i++)
		for (size_t j = 0; j < ARRAY_SIZE(fds); j++)
			if (fds[j] >= 0 && bpf_map_update_elem(fds[j], &peers->item[i].key,
							       &peers->item[i].ports, BPF_ANY))
				return sq_error_errno(err, errno,
						      "cannot enter the addresses of 'to' and "
						      "'except' in the kernel's table");
	return 0;
}

/* Takes those out that are in @these and not in @others. */
static void remove_peers(const struct sq_injector *injector, const struct sq_peer_entries *these,
			 const struct sq_peer_entries *others)
{
	int fd = bpf_map__fd(injector->object->maps.sq_peers);
	int table_fd = bpf_map__fd(injector->object->maps.sq_peer_table);

	for (size_t i = 0; i < these->n; i++) {
		if (sq_peer_entries_have(others, &these->item[i].key))
			continue;
		bpf_map_delete_elem(fd, &these->item[i].key);
		if (table_fd >= 0)
			bpf_map_delete_elem(table_fd, &these->item[i].key);
	}
}

/* First what is new, then what is no more: never a moment in which a peer that stays is missing. */
int sq_injector_set_names(struct sq_injector *injector, const struct sq_names *names,
			  struct sq_error **err)
{
	struct sq_peer_entries fresh;
	int r = sq_peer_entries_make(injector->setup.experiment, names, injector->setup.control,
				     &fresh, err);

	if (r)
		return r;
	r = write_peers(injector, &fresh, err);
	if (r) {
		remove_peers(injector, &fresh, &injector->peers);
		free(fresh.item);
		return r;
	}
	remove_peers(injector, &injector->peers, &fresh);
	free(injector->peers.item);
	injector->peers = fresh;
	return 0;
}

static int fill_names(struct sq_injector *injector, struct sq_error **err)
{
	int fd = bpf_map__fd(injector->object->maps.sq_names);
	const uint32_t value = 1;

	for (size_t i = 0; i < injector->names.n; i++)
		if (bpf_map_update_elem(fd, &injector->names.item[i], &value, BPF_ANY))
			return sq_error_errno(
				err, errno,
				"cannot enter the names of dns faults in the kernel's table");
	return 0;
}

/* The calls that a hook carries, of all faults. */
struct sq_calls sq_injector_calls(const struct sq_injector *injector, enum sq_hook hook)
{
	struct sq_calls calls = { 0 };

	for (size_t i = 0; i < injector->n_faults; i++)
		for (size_t j = 0; j < SQ_CALLS_WORDS; j++)
			calls.bit[j] |= injector->support[i].by_hook[hook].bit[j];
	return calls;
}

/* Whose calls are met in their own functions: they fail there, or are counted beside the C library. */
static const enum sq_hook own_functions[] = { SQ_HOOK_CALL, SQ_HOOK_WRAPPER };

/* The object's own program is for the first call of each such hook. */
static int aim_calls(struct sq_injector *injector, struct sq_error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_functions); i++) {
		struct sq_calls calls = sq_injector_calls(injector, own_functions[i]);
		unsigned int number = 0;
		int r = 0;

		while (number < 64 * SQ_CALLS_WORDS && !sq_calls_have(&calls, number))
			number++;
		if (number < 64 * SQ_CALLS_WORDS)
			r = sq_object_aim_call(injector->object, own_functions[i],
					       sq_call_name(number));
		if (r)
			return sq_error_errno(err, -r, "cannot aim at the system call %s",
					      sq_call_name(number));
	}
	return 0;
}

static int load_calls(struct sq_injector *injector, enum sq_hook hook, struct sq_error **err)
{
	struct sq_calls calls = sq_injector_calls(injector, hook);
	bool first = true;

	for (unsigned int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		struct sq_call_program program = { .copied = !first, .call = number };

		if (!sq_calls_have(&calls, number))
			continue;
		program.fd = first ? bpf_program__fd(sq_object_call_program(injector->object, hook))
				   : sq_object_copy_call(injector->object, hook,
							 sq_call_name(number), err);
		if (program.fd < 0)
			return program.fd;
		first = false;
		*(struct sq_call_program *)sq_append(&injector->call, &injector->n_calls,
						     sizeof(program)) = program;
	}
	return 0;
}

static int load(struct sq_injector *injector, struct sq_error **err)
{
	const struct sq_experiment *experiment = injector->setup.experiment;
	int r = find_backends(injector, err);

	if (!r)
		r = sq_peer_entries_make(experiment, NULL, injector->setup.control,
					 &injector->peers, err);
	if (r)
		return r;
	injector->object = sq_object_open(err);
	if (!injector->object)
		return -EIO;
	sq_object_choose(injector->object, injector->hooks);
	injector->private_line = injector->needs_line &&
				 sq_faults_are_brief(injector->setup.experiment) &&
				 sq_backend_private_line();
	sq_object_choose_private_line(injector->object, injector->private_line);
	if (injector->needs_line)
		bpf_map__set_max_entries(injector->object->maps.sq_line_ring, SQ_RING_BYTES);
	sq_object_choose_arrivals(injector->object, injector->hooks & ON_DEVICES);
	sq_name_entries_make(injector->setup.experiment, &injector->names);
	set_constants(injector);
	set_prefixes(injector);
	r = size_maps(injector, sq_peer_entries_most(experiment, injector->peers.n), err);
	if (!r)
		r = aim_calls(injector, err);
	if (!r)
		r = sq_object_load(injector->object, "does not take squall's programs", err);
	if (!r)
		r = write_peers(injector, &injector->peers, err);
	if (!r)
		r = fill_names(injector, err);
	for (size_t i = 0; i < ARRAY_SIZE(own_functions) && !r; i++)
		r = load_calls(injector, own_functions[i], err);
	return r;
}

int sq_injector_load(struct sq_injector **ret, const struct sq_injector_setup *setup,
		     struct sq_error **err)
{
	struct sq_injector *injector = sq_alloc(sizeof(*injector));
	int r;

	injector->setup = *setup;
	injector->n_faults = setup->experiment->faults.n;
	injector->line.socket = -EBADF;
	injector->spaces.links_fd = -EBADF;
	r = load(injector, err);
	if (r)
		injector = sq_injector_free(injector);
	*ret = injector;
	return r;
}

static int set_napper(struct sq_injector *injector, struct sq_error **err)
{
	int32_t pid = sq_nap_pid(injector->setup.helpers);
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &pid, .ctx_size_in = sizeof(pid));
	int r = bpf_prog_test_run_opts(bpf_program__fd(injector->object->progs.sq_set_napper),
				       &options);

	if (!r && options.retval)
		r = -ESRCH;
	return r ? sq_error_errno(err, -r, "cannot hand the napper to the kernel") : 0;
}

static int start_line(struct sq_injector *injector, struct sq_error **err)
{
	const struct squall_bpf *object = injector->object;
	const bool ingress = injector->hooks & BIT(SQ_HOOK_TC_INGRESS);
	const bool private = injector->private_line;
	const struct sq_line_setup line = {
		.helpers = injector->setup.helpers,
		.lease = injector->setup.lease,
		.switch_fd = injector->setup.switch_fd,
		.slots_fd = bpf_map__fd(object->maps.sq_line),
		.hist_fd = bpf_map__fd(object->maps.sq_hist),
		.shared_fd = bpf_map__fd(object->maps.sq_line_shared),
		.ring_fd = bpf_map__fd(object->maps.sq_line_ring),
		.backs_fd = ingress ? bpf_map__fd(object->maps.sq_line_back) : -EBADF,
		.back_program_fd = ingress ? bpf_program__fd(object->progs.sq_tc_back) : -EBADF,
		.held_total_fd = private ? bpf_map__fd(object->maps.sq_held_total) : -EBADF,
		.turn_program_fd = private ? bpf_program__fd(object->progs.sq_tc_turn) : -EBADF,
		.release_program_fd = private ? bpf_program__fd(object->progs.sq_tc_release)
					      : -EBADF,
		.n_faults = (uint32_t)injector->n_faults,
	};

	return sq_line_start(&injector->line, &line, err);
}

int sq_injector_start_helpers(struct sq_injector *injector, struct sq_error **err)
{
	const struct sq_injector_setup *setup = &injector->setup;
	int r = 0;

	if (injector->needs_line)
		r = start_line(injector, err);
	if (!r && sq_hooks_nap(injector->hooks)) {
		r = sq_nap_start(setup->helpers, setup->lease, setup->switch_fd,
				 bpf_map__fd(injector->object->maps.sq_nap_requests), err);
		if (!r)
			r = set_napper(injector, err);
	}
	return r;
}

int sq_injector_arm(struct sq_injector *injector, uint64_t start_ns, struct sq_error **err)
{
	int fd = bpf_map__fd(injector->object->maps.sq_rules);

	for (uint32_t i = 0; i < injector->n_faults; i++) {
		struct sq_rule rule;

		sq_rule_make(sq_injector_fault(injector, i), start_ns, &rule);
		if (bpf_map_update_elem(fd, &i, &rule, BPF_ANY))
			return sq_error_errno(err, errno, "cannot arm the fault '%s'",
					      sq_injector_fault(injector, i)->name);
	}
	return 0;
}

void sq_injector_let_out(const struct sq_injector *injector)
{
	const struct timespec pause = { .tv_nsec = SQ_MS };
	const uint64_t begin = sq_now();
	uint64_t seen = 0, changed_ns = begin, now;
	struct sq_held_total total;
	uint32_t zero = 0;
	int fd;

	if (!injector->private_line || injector->line.socket < 0)
		return;
	fd = bpf_map__fd(injector->object->maps.sq_held_total);
	while ((now = sq_now()) < begin + SQ_BRIEF_NS + PRIVATE_LATE_NS &&
	       !bpf_map_lookup_elem(fd, &zero, &total) &&
	       (total.delayed || total.packets > FEW_FOLLOW)) {
		if (total.packets != seen)
			changed_ns = now;
		else if (now > MAX(changed_ns, begin + SQ_BRIEF_NS) + PRIVATE_STILL_NS)
			return; /* the rest was lost on its way */
		seen = total.packets;
		nanosleep(&pause, NULL);
	}
}

void sq_injector_disarm(struct sq_injector *injector, struct sq_texts *left)
{
	/* egress first, then drain, and the ways back last */
	injector->net_follower =
		sq_net_follower_free(injector->net_follower, left, &injector->notes);
	sq_netspaces_close(&injector->spaces, left);
	/* before its link is released, which waits for the naps, without end if nobody wakes them */
	sq_helper_wait(injector->setup.helpers, SQ_HELPER_NAP, HELPERS_NS);
	injector->follower = sq_follower_free(injector->follower);
	sq_links_close(&injector->links);
	sq_line_stop(&injector->line);
	sq_helper_wait(injector->setup.helpers, SQ_HELPER_LINE, LINE_NS);
	sq_line_stats(&injector->line, &injector->line_stats);
}

struct sq_injector *sq_injector_free(struct sq_injector *injector)
{
	_cleanup_texts_ struct sq_texts left = { 0 };

	if (!injector)
		return NULL;
	sq_injector_disarm(injector, &left);
	for (size_t i = 0; i < injector->n_calls; i++)
		if (injector->call[i].copied)
			sq_close(injector->call[i].fd);
	free(injector->call);
	if (injector->object)
		squall_bpf__destroy(injector->object);
	for (size_t i = 0; injector->support && i < injector->n_faults; i++)
		sq_support_clear(&injector->support[i]);
	free(injector->support);
	free(injector->above);
	free(injector->counters);
	free(injector->faults);
	free(injector->names.item);
	free(injector->peers.item);
	sq_texts_clear(&injector->paths);
	sq_texts_clear(&injector->notes);
	free(injector);
	return NULL;
}
