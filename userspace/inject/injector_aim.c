// SPDX-License-Identifier: GPL-2.0-only
/* Whom an injector hits: the cgroups, what is carved out of them, the paths as they see them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "gen/squall.skel.h"
#include "inject/injector_state.h"
#include "inject/inodes.h"

static int add_level(volatile struct sq_control *control, unsigned int level, struct sq_error **err)
{
	for (uint32_t i = 0; i < control->n_levels; i++)
		if (control->levels[i] == level)
			return 0;
	if (control->n_levels == SQ_MAX_LEVELS)
		return sq_error_set(err, SQ_FAIL_REFUSED, E2BIG,
				    "the targets and what is "
				    "protected in them lie at more than %d depths of the cgroup "
				    "tree",
				    SQ_MAX_LEVELS);
	control->levels[control->n_levels] = level;
	__atomic_store_n(&control->n_levels, control->n_levels + 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int add_scope(struct sq_injector *injector, const struct sq_cgroup *cgroup,
		     const struct sq_scope *scope, struct sq_error **err)
{
	int fd = bpf_map__fd(injector->object->maps.sq_scopes);
	volatile struct sq_control *control = injector->setup.lease->control;
	struct sq_scope merged = { 0 };
	int r;

	bpf_map_lookup_elem(fd, &cgroup->id, &merged);
	merged.faults |= scope->faults;
	merged.flags |= scope->flags;
	if (scope->faults)
		merged.index = scope->index;
	if (bpf_map_update_elem(fd, &cgroup->id, &merged, BPF_ANY))
		return sq_error_errno(err, errno, "cannot aim at the cgroup '%s'", cgroup->path);
	r = add_level(control, cgroup->level, err);
	/* last: what was found before means nothing any more */
	__atomic_add_fetch(&control->generation, 1, __ATOMIC_SEQ_CST);
	return r;
}

/* The targets' processes are there by now: paths are as they see them. */
static int enter_paths(struct sq_injector *injector, struct sq_error **err)
{
	const struct sq_inodes inodes = {
		.program_fd = bpf_program__fd(injector->object->progs.sq_inode_of),
		.inodes_fd = bpf_map__fd(injector->object->maps.sq_inodes),
		.patterns_fd = bpf_map__fd(injector->object->maps.sq_patterns),
	};
	uint32_t next = 0;
	int r = 0;

	for (size_t i = 0; i < injector->n_faults && !r; i++) {
		_cleanup_texts_ struct sq_texts paths = { 0 };

		if (!sq_injector_fault(injector, i)->paths.n)
			continue;
		for (size_t j = 0; j < injector->paths.n; j++)
			if (injector->faults[j] >> i & 1)
				sq_texts_add(&paths, injector->paths.item[j]);
		r = sq_inodes_enter(&inodes, sq_injector_fault(injector, i), (unsigned int)i,
				    &paths, &next, err);
	}
	return r;
}

int sq_injector_aim(struct sq_injector *injector, const struct sq_aim *aims, size_t n_aims,
		    const struct sq_carve *carves, size_t n_carves, struct sq_error **err)
{
	int r = 0;

	/* what is protected first: never a moment in which it is not */
	for (size_t i = 0; i < n_carves && !r; i++)
		r = add_scope(injector, carves[i].cgroup,
			      &(struct sq_scope){ .flags = carves[i].flags }, err);
	injector->faults = sq_alloc((n_aims + 1) * sizeof(*injector->faults));
	for (size_t i = 0; i < n_aims && !r; i++) {
		r = add_scope(injector, aims[i].cgroup,
			      &(struct sq_scope){ .faults = aims[i].faults, .index = (uint32_t)i },
			      err);
		sq_texts_add(&injector->paths, aims[i].cgroup->path);
		injector->faults[i] = aims[i].faults;
	}
	return r ? r : enter_paths(injector, err);
}

int sq_injector_carve(struct sq_injector *injector, const struct sq_cgroup *cgroup, uint32_t flags,
		      struct sq_error **err)
{
	return add_scope(injector, cgroup, &(struct sq_scope){ .flags = flags }, err);
}

int sq_injector_join(struct sq_injector *injector, const struct sq_aim *aim, size_t row,
		     struct sq_error **err)
{
	int r;

	if (row >= injector->setup.n_cgroups || row > injector->paths.n)
		return sq_error_set(err, SQ_FAIL_REFUSED, E2BIG, "there is no room for '%s'",
				    aim->cgroup->path);
	if (row == injector->paths.n) {
		injector->faults =
			sq_realloc(injector->faults, (row + 1) * sizeof(*injector->faults));
		sq_texts_add(&injector->paths, aim->cgroup->path);
	} else {
		free(injector->paths.item[row]);
		injector->paths.item[row] = sq_strdup(aim->cgroup->path);
	}
	injector->faults[row] = aim->faults;
	r = add_scope(injector, aim->cgroup,
		      &(struct sq_scope){ .faults = aim->faults, .index = (uint32_t)row }, err);
	if (!r)
		r = sq_injector_attach_cgroup(injector, row, err);
	if (r)
		sq_injector_leave(injector, aim->cgroup->id);
	else if (injector->follower)
		sq_follower_add(injector->follower, aim->cgroup->path);
	return r;
}

void sq_injector_leave(struct sq_injector *injector, uint64_t id)
{
	bpf_map_delete_elem(bpf_map__fd(injector->object->maps.sq_scopes), &id);
	__atomic_add_fetch(&injector->setup.lease->control->generation, 1, __ATOMIC_SEQ_CST);
}

int sq_injector_stay(struct sq_injector *injector, const struct sq_aim *aim, size_t row,
		     struct sq_error **err)
{
	return add_scope(injector, aim->cgroup,
			 &(struct sq_scope){ .faults = aim->faults, .index = (uint32_t)row }, err);
}

void sq_injector_refresh(struct sq_injector *injector)
{
	_cleanup_error_ struct sq_error *missing = NULL;

	/* a path that is not there yet may be later: no reason to end */
	enter_paths(injector, &missing);
	if (injector->net_follower)
		sq_net_follower_look(injector->net_follower, &injector->paths);
}
