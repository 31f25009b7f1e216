/* SPDX-License-Identifier: GPL-2.0-only */
/* Which system call the running task is in, and whether a hook carries it. */
#ifndef SQ_CALL_H
#define SQ_CALL_H

#include "gate.h"

#if defined(__TARGET_ARCH_x86)
#define FIRST_REGISTER di
#define SECOND_REGISTER si
#define FIFTH_REGISTER r8
#elif defined(__TARGET_ARCH_arm64)
#define FIRST_REGISTER regs[0]
#define SECOND_REGISTER regs[1]
#define FIFTH_REGISTER regs[4]
#endif
#define FIRST_ARGUMENT(regs) BPF_CORE_READ(regs, FIRST_REGISTER)
#define SECOND_ARGUMENT(regs) BPF_CORE_READ(regs, SECOND_REGISTER)
#define FIFTH_ARGUMENT(regs) BPF_CORE_READ(regs, FIFTH_REGISTER)

/* Is it a 32-bit call, whose numbers mean something else? */
static __always_inline bool sq_is_compat(const struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	/* a helper's pointer is followed as it is: a tenth of what bpf_probe_read costs */
	return task->thread_info.status & TS_COMPAT;
#elif defined(__TARGET_ARCH_arm64)
	return task->thread_info.flags & TIF_32BIT;
#endif
}

/* The number, or SQ_NO_CALL for a 32-bit call. */
static __always_inline __u32 sq_current_call(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (sq_is_compat(task))
		return SQ_NO_CALL;
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#endif
}

/* Threads of the kernel's own have no system call; those of io_uring have somebody's old registers. */
static __always_inline bool sq_is_kernel_thread(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER);
}

/*
 * A file system that stands on another (overlayfs) works on that one's files with the rights of whom
 * mounted it, within the same call: the call was decided when it came to the upper one.
 */
static __always_inline bool sq_is_nested(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred);
}

/* Some system calls pass several hooks: each is decided in one of them. */
static __always_inline bool sq_hook_carries(enum sq_hook hook, __u32 call)
{
	return call < 64 * SQ_CALL_WORDS &&
	       sq_hook_calls[hook][(call >> 6) & (SQ_CALL_WORDS - 1)] >> (call & 63) & 1;
}

/*
 * Begins a decision with who is in question and the call. Not before that is known: to clear it costs
 * whoever is not concerned as much as to find out.
 */
static __always_inline void sq_begin(struct sq_decision *d, const struct sq_event *scope,
				     __u32 call)
{
	*d = (struct sq_decision){};
	d->event.faults = scope->faults;
	d->event.cgroup = scope->cgroup;
	d->event.scope_flags = scope->scope_flags;
	d->event.call = call;
}

/* False: nothing of @hook, one that other things than calls come by too, concerns this call. */
static __always_inline bool sq_call_concerns(struct sq_decision *d, enum sq_hook hook)
{
	struct sq_event scope = {};
	__u32 call;

	if (!sq_scope_of_task(&scope, hook) || sq_is_kernel_thread() || sq_is_nested())
		return false;
	call = sq_current_call();
	if (!sq_hook_carries(hook, call))
		return false;
	sq_begin(d, &scope, call);
	return true;
}

#endif
