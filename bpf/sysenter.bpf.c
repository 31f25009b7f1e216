// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that take longer: the gate decides when the call is entered, the task naps when it
 * is about to return, so the delay comes after the call's effect and changes no errno.
 *
 * Hook: the call's own function, by one kprobe_multi link for all of them, or, on a kernel without
 * CONFIG_FPROBE, the tracepoint sys_enter, raw (perf's way to it costs every call on the host half as much
 * again); and bpf_task_work in its resume mode (the signal mode makes epoll_wait and recv return EINTR).
 * Least kernel: 6.18.
 */
#include "nap.h"
#include "sock_peer.h"
#include "victims.h"

/* The calls that name a peer, by their numbers. */
const volatile __u32 sq_nr_connect, sq_nr_bind, sq_nr_sendto, sq_nr_sendmsg;

struct sq_nap {
	struct bpf_task_work work;
	struct sq_decision decision;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_NAP_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_nap);
} sq_naps SEC(".maps");

typedef int (*sq_task_work_t)(struct bpf_map *map, void *key, void *value);

extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
					      void *map__map, sq_task_work_t callback,
					      void *aux__prog) __ksym __weak;
/* The same since 7.0, where the verifier supplies the last argument. */
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work,
					 void *map__map, sq_task_work_t callback) __ksym __weak;
extern struct task_struct *bpf_task_from_vpid(__s32 pid) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

/*
 * The napper, or NULL. Programs of these types may take no reference to a task, and do without: this
 * map holds one for as long as they live. signal->curr_target of a process with one thread is that
 * thread for as long as its task_struct is there, and a pointer that is walked to may be used outside
 * of RCU too. A napper that is dead has no memory: copying from it fails at once.
 */
static __always_inline struct task_struct *sq_napper_task(void)
{
	struct sq_napper *napper = sq_napper_get();
	struct task_struct *task = NULL, *held;

	if (!napper)
		return NULL;
	bpf_rcu_read_lock();
	held = napper->task;
	if (held)
		task = held->signal->curr_target;
	bpf_rcu_read_unlock();
	return task;
}

/* Runs in the task itself, on its way back to user space; may sleep. */
static int sq_nap(struct bpf_map *map, void *key, void *value)
{
	struct sq_nap *nap = value;
	__u32 slot = *(__u32 *)key;

	/* from here on and not from the entry: a call that waits by itself takes longer too */
	sq_nap_on(slot, &nap->decision, sq_napper_task());
	return 0;
}

/* For programs that sleep where they are. */
int sq_nap_now(struct sq_decision *d)
{
	__u32 start = sq_mix((__u32)bpf_get_current_pid_tgid());

	if (!d)
		return 0;
	for (int i = 0; i < SQ_NAP_PROBES; i++) {
		__u32 slot = (start + i) & (SQ_NAP_SLOTS - 1);

		if (!sq_nap_take(slot))
			continue;
		sq_nap_on(slot, d, sq_napper_task());
		return 0;
	}
	sq_take_back(d, d->delayed, SQ_MISSED_ROOM);
	return 0;
}

static __always_inline int sq_schedule(struct sq_nap *nap)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (sq_kernel_has(bpf_task_work_schedule_resume))
		return bpf_task_work_schedule_resume(task, &nap->work, &sq_naps, sq_nap);
	return bpf_task_work_schedule_resume_impl(task, &nap->work, &sq_naps, sq_nap, NULL);
}

/* False: no slot was free near where the task looked; it does not wait for one. */
static __always_inline bool sq_nap_start(const struct sq_decision *d)
{
	__u32 start = sq_mix((__u32)bpf_get_current_pid_tgid());

	for (int i = 0; i < SQ_NAP_PROBES; i++) {
		__u32 slot = (start + i) & (SQ_NAP_SLOTS - 1);
		struct sq_nap *nap = bpf_map_lookup_elem(&sq_naps, &slot);

		if (!nap)
			return false;
		if (!sq_nap_take(slot))
			continue;
		nap->decision = *d;
		if (!sq_schedule(nap))
			return true;
		/* EBUSY: whoever had it has gone on, but the kernel has not yet tidied up behind him */
		sq_nap_free(slot);
	}
	return false;
}

/* Whom the call names or, where it names nobody, whom its socket is connected to. */
static __always_inline void sq_match_call_peer(struct sq_event *event, __u32 call,
					       const struct pt_regs *regs)
{
	const struct file *file = sq_file_of(FIRST_ARGUMENT(regs));
	const void *address = NULL;

	if (!file || (BPF_CORE_READ(file, f_path.dentry, d_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	sq_match_socket(event, (const struct socket *)BPF_CORE_READ(file, private_data), NULL);
	if (call == sq_nr_connect || call == sq_nr_bind)
		address = (const void *)SECOND_ARGUMENT(regs);
	else if (call == sq_nr_sendto)
		address = (const void *)FIFTH_ARGUMENT(regs);
	else if (call == sq_nr_sendmsg)
		bpf_probe_read_user(&address, sizeof(address),
				    (const void *)SECOND_ARGUMENT(regs)); /* its msg_name */
	if (!address)
		return;
	sq_peer_of_user(event, address);
	sq_flow(event);
}

/* A call that some fault names. */
static __always_inline void sq_call_entered(const struct pt_regs *regs, __u32 call)
{
	const struct dentry *dentry = NULL;
	struct sq_event scope = {};
	struct sq_decision d;

	if (!sq_scope_of_task(&scope, SQ_HOOK_SYSENTER))
		return;
	sq_begin(&d, &scope, call);
	/* user space gives a fault with paths only those calls whose first argument is a file's */
	if (d.event.faults & sq_path_faults) {
		dentry = sq_dentry_of(sq_file_of(FIRST_ARGUMENT(regs)));
		sq_match_paths(&d.event, dentry);
	}
	if (d.event.faults & sq_peer_faults)
		sq_match_call_peer(&d.event, call, regs);
	sq_decide(&d);
	if (d.delay_ns && !sq_nap_start(&d))
		sq_take_back(&d, d.delayed, SQ_MISSED_ROOM);
	else
		sq_blame(&d, dentry);
}

SEC("raw_tp/sys_enter")
int sq_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	/* Every call on the host comes by: leave at once unless some fault names it. */
	if (sq_hook_carries(SQ_HOOK_SYSENTER, ctx->args[1]) &&
	    !sq_is_compat(bpf_get_current_task_btf()))
		sq_call_entered((const struct pt_regs *)ctx->args[0], ctx->args[1]);
	return 0;
}

/* Runs with preemption off (ftrace_test_recursion_trylock()), so that no task in here keeps others out. */
SEC("kprobe.multi")
int sq_call_begins(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 call = sq_current_call();

	if (sq_hook_carries(SQ_HOOK_SYSENTER, call))
		sq_call_entered((const struct pt_regs *)bpf_task_pt_regs(task), call);
	return 0;
}

/* Run once by the controller: keeps the napper's task, so that a reused pid means nothing. */
SEC("syscall")
int sq_set_napper(__s32 *pid)
{
	struct sq_napper *napper = sq_napper_get();
	struct task_struct *task, *old;

	if (!napper)
		return 1;
	/* before 6.14 a number is the host's; user space has made sure that this one is */
	if (sq_kernel_has(bpf_task_from_vpid))
		task = bpf_task_from_vpid(*pid);
	else
		task = bpf_task_from_pid(*pid);
	if (!task)
		return 2;
	old = bpf_kptr_xchg(&napper->task, task);
	if (old)
		bpf_task_release(old);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
