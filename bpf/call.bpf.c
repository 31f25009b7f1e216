// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that fail before they begin, each by its own function.
 *
 * Hook: fmod_ret on __x64_sys_NAME (__arm64_sys_NAME); user space loads the program once for each call.
 * Where: kernels with CONFIG_FUNCTION_ERROR_INJECTION, and Debian's 7.x.
 *
 * The kernel lets no task into a program of a trampoline that another one was preempted in on the same
 * processor. So where it has CONFIG_FPROBE, whose programs are not preempted, one decides (sq_call_decided),
 * and what is in the trampoline only hands over the error (sq_call_fails).
 */
#include "call.h"
#include "victims.h"

/* What is decided for the call that a task is in, until its function takes it; error 0: nothing. */
struct sq_due_error {
	__s32 error;
	__u32 fault, cgroup;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sq_due_error);
} sq_errors SEC(".maps");

static __always_inline long sq_call_decide(struct sq_decision *d, const struct pt_regs *regs)
{
	const struct dentry *dentry = NULL;
	struct sq_event scope = {};
	__u32 call;

	if (!sq_scope_of_task(&scope, SQ_HOOK_CALL) || sq_is_kernel_thread())
		return 0;
	call = sq_current_call();
	if (!sq_hook_carries(SQ_HOOK_CALL, call))
		return 0;
	sq_begin(d, &scope, call);
	/* user space gives a fault with paths only those calls whose first argument is a file's */
	if (d->event.faults & sq_path_faults) {
		dentry = sq_dentry_of(sq_file_of(FIRST_ARGUMENT(regs)));
		sq_match_paths(&d->event, dentry);
	}
	sq_decide(d);
	sq_blame(d, dentry);
	return sq_result(d);
}

/* The caller gets a sign-extended 64-bit number: an int would be 0x00000000fffffffb to it. */
SEC("fmod_ret")
long sq_call(unsigned long long *ctx)
{
	struct sq_decision d;

	return sq_call_decide(&d, (const struct pt_regs *)ctx[0]);
}

/* The task's last call was not let in to take its error: it did not fail. */
static __always_inline void sq_call_went_on(struct sq_due_error *due)
{
	struct sq_decision d = { .event.cgroup = due->cgroup };

	due->error = 0;
	sq_take_back(&d, 1ull << (due->fault & (SQ_MAX_FAULTS - 1)), SQ_MISSED_UNCOVERED);
}

/* Comes before the trampoline of the same function. */
SEC("kprobe.multi")
int sq_call_decided(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sq_due_error *due = bpf_task_storage_get(&sq_errors, task, NULL, 0);
	struct sq_decision d;
	long error;

	if (due && due->error)
		sq_call_went_on(due);
	error = sq_call_decide(&d, (const struct pt_regs *)bpf_task_pt_regs(task));
	if (!error)
		return 0;
	if (!due)
		due = bpf_task_storage_get(&sq_errors, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (due)
		*due = (struct sq_due_error){ error, d.fated, d.event.cgroup };
	else
		sq_take_back(&d, 1ull << (d.fated & (SQ_MAX_FAULTS - 1)), SQ_MISSED_UNCOVERED);
	return 0;
}

SEC("fmod_ret")
long sq_call_fails(unsigned long long *ctx)
{
	struct sq_due_error *due =
		bpf_task_storage_get(&sq_errors, bpf_get_current_task_btf(), NULL, 0);
	long error;

	if (!due || !due->error)
		return 0;
	error = due->error;
	due->error = 0;
	return sq_clamp_error(error);
}

char LICENSE[] SEC("license") = "GPL";
