// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that take longer, by the functions of the C library that make them: the nap comes
 * before the call. And a witness at the calls' own entries, that counts what did not come that way.
 *
 * Hooks: sleepable uprobes (uprobe_multi, 6.6), attached to single processes; fentry on
 * __x64_sys_NAME (__arm64_sys_NAME), loaded once for each call; sched_process_fork and
 * sched_process_exec, that tell user space which processes to attach to. Least kernel: 6.12.
 */
#include "nap.h"
#include "victims.h"

#include <bpf/bpf_tracing.h>

/* How many calls a task is about to make that were decided at their wrapper. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} sq_expected SEC(".maps");

/* Processes of the targets that were born, or have another program now. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SQ_BIRTHS_BYTES);
} sq_births SEC(".maps");

SEC("uprobe.s")
int sq_wrapper(struct pt_regs *regs)
{
	const struct dentry *dentry = NULL;
	struct sq_event scope = {};
	struct sq_decision d;
	__u32 *expected;
	__u64 call = bpf_get_attach_cookie(regs);

	if (!sq_hook_carries(SQ_HOOK_WRAPPER, call) || !sq_scope_of_task(&scope, SQ_HOOK_WRAPPER))
		return 0;
	expected = bpf_task_storage_get(&sq_expected, bpf_get_current_task_btf(), NULL,
					BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (expected)
		*expected = 1;
	sq_begin(&d, &scope, call);
	/* user space gives a fault with paths only those calls whose first argument is a file's */
	if (d.event.faults & sq_path_faults) {
		dentry = sq_dentry_of(sq_file_of(regs->FIRST_REGISTER));
		sq_match_paths(&d.event, dentry);
	}
	sq_decide_call(&d);
	sq_blame(&d, dentry);
	if (d.delay_ns)
		sq_nap_now(&d);
	return 0;
}

SEC("fentry")
int sq_witness(unsigned long long *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx[0];
	struct sq_event scope = {};
	struct sq_decision d;
	__u32 *expected, call;

	if (!sq_scope_of_task(&scope, SQ_HOOK_WRAPPER) || sq_is_kernel_thread())
		return 0;
	call = sq_current_call();
	if (!sq_hook_carries(SQ_HOOK_WRAPPER, call))
		return 0;
	expected = bpf_task_storage_get(&sq_expected, bpf_get_current_task_btf(), NULL, 0);
	if (expected && *expected) {
		*expected = 0;
		return 0;
	}
	sq_begin(&d, &scope, call);
	d.event.uncovered = 1;
	if (d.event.faults & sq_path_faults)
		sq_match_paths(&d.event, sq_dentry_of(sq_file_of(FIRST_ARGUMENT(regs))));
	sq_decide_call(&d);
	return 0;
}

static __always_inline void sq_tell_birth(__u32 pid, __u32 executed)
{
	struct sq_birth birth = { .pid = pid, .executed = executed };
	struct sq_event event = {};

	if (sq_scope_of_task(&event, SQ_HOOK_WRAPPER))
		bpf_ringbuf_output(&sq_births, &birth, sizeof(birth), 0);
}

/* Runs in the parent, whose cgroup is the child's, but where it is born in another: that one execs. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sq_born, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid == child->tgid)
		sq_tell_birth(child->tgid, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sq_executed, struct task_struct *task)
{
	sq_tell_birth(task->tgid, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
