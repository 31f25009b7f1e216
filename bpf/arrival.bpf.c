// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells user space when to look at the targets' processes again: one was moved into a target, or runs
 * another program and lives in a network namespace that squall has not been to. It only counts.
 *
 * Hooks: the tracepoints cgroup_attach_task and sched_process_exec. Least kernel: 6.1.
 */
#include "gate.h"

#include <bpf/bpf_tracing.h>

/* The network namespaces that programs hang in, by their inodes' numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SQ_MAX_SPACES);
	__type(key, __u32);
	__type(value, __u32);
} sq_spaces SEC(".maps");

static __always_inline int sq_tell_arrival(struct sq_control *control, const struct sq_event *event)
{
	if (event->faults && !(event->scope_flags & (SQ_SCOPE_SELF | SQ_SCOPE_PROTECTED)))
		__sync_fetch_and_add(&control->arrivals, 1);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(sq_moved, struct cgroup *to)
{
	struct sq_control *control = sq_control_get();
	struct sq_event event = {};

	if (!control)
		return 0;
	sq_scope_of_cgroup(&event, control, to, to->kn->id);
	return sq_tell_arrival(control, &event);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sq_entered, struct task_struct *task)
{
	struct sq_control *control = sq_control_get();
	__u32 space = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	struct sq_event event = {};

	if (!control)
		return 0;
	sq_scope_of(&event, control, NULL, true, bpf_get_current_cgroup_id());
	if (!event.faults || bpf_map_lookup_elem(&sq_spaces, &space))
		return 0;
	return sq_tell_arrival(control, &event);
}

char LICENSE[] SEC("license") = "GPL";
