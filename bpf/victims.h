/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose calls were hit, for the report. Only what happens in a process is told so: a packet has a socket
 * and a cgroup, but may be sent by whoever the kernel finds at work.
 */
#ifndef SQ_VICTIMS_H
#define SQ_VICTIMS_H

#include "path_match.h"

/* What is full forgets whom it has not seen for long, and so the few that are hit most stay. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SQ_VICTIMS);
	__type(key, struct sq_victim);
	__type(value, __u64);
} sq_victims __weak SEC(".maps");

static __always_inline void sq_name_of(char name[SQ_VICTIM_NAME], const struct dentry *dentry)
{
	bpf_probe_read_kernel_str(name, SQ_VICTIM_NAME, BPF_CORE_READ(dentry, d_name.name));
}

/*
 * Counts the running task for each fault in @faults, on the file that @path (a struct dentry *) is, or 0.
 * Verified by itself, for the reasons that sq_consider() and sq_glob_fits() give.
 */
__weak __noinline int sq_blame_task(__u64 faults, __u64 path)
{
	const struct dentry *dentry = (const struct dentry *)path;
	const struct task_struct *task = bpf_get_current_task_btf();
	struct sq_victim victim = {};
	__u64 one = 1, *count;

	BPF_CORE_READ_STR_INTO(&victim.process, task, group_leader, comm);
	if (dentry) {
		sq_name_of(victim.file, dentry);
		sq_name_of(victim.folder, BPF_CORE_READ(dentry, d_parent));
	}
	for (__u64 fault = 0; fault < SQ_MAX_FAULTS && fault < sq_n_faults; fault++) {
		if (!(faults >> fault & 1))
			continue;
		victim.fault = fault;
		count = bpf_map_lookup_elem(&sq_victims, &victim);
		if (count)
			__sync_fetch_and_add(count, 1);
		else
			bpf_map_update_elem(&sq_victims, &victim, &one, BPF_NOEXIST);
	}
	return 0;
}

/* Whom the decision hits, on @dentry or NULL. */
static __always_inline void sq_blame(const struct sq_decision *d, const struct dentry *dentry)
{
	__u64 faults = d->delayed;

	if (d->error)
		faults |= 1ull << (d->fated & (SQ_MAX_FAULTS - 1));
	if (faults)
		sq_blame_task(faults, dentry ? sq_number_of(dentry) : 0);
}

#endif
