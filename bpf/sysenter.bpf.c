// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that take longer: the gate decides when the call is entered, the task naps when it
 * is about to return, so the delay comes after the call's effect and changes no errno.
 *
 * Hook: tracepoint sys_enter, raw (perf's way to it costs every call on the host half as much again),
 * and bpf_task_work in its resume mode (the signal mode makes epoll_wait and recv return EINTR). Least
 * kernel: 6.18.
 *
 * No helper sleeps. But bpf_copy_from_user_task() waits for a page of the napper's, a helper
 * process of squall's that maps a file whose server answers when the nap is over.
 */
#include "call.h"
#include "path_match.h"

const volatile __u64 sq_nap_base; /* where the napper has mapped its file */

struct sq_nap {
	struct bpf_task_work work;
	struct sq_decision decision;
	__u32 busy;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_NAP_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_nap);
} sq_naps SEC(".maps");

/* What the nap server reads: until when each page's reader sleeps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_NAP_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_nap_request);
} sq_nap_requests SEC(".maps");

struct sq_napper {
	struct task_struct __kptr *task;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_napper);
} sq_napper SEC(".maps");

typedef int (*sq_task_work_t)(struct bpf_map *map, void *key, void *value);

extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
					      void *map__map, sq_task_work_t callback,
					      void *aux__prog) __ksym __weak;
/* The same since 7.0, where the verifier supplies the last argument. */
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work,
					 void *map__map, sq_task_work_t callback) __ksym __weak;
extern struct task_struct *bpf_task_from_vpid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

static __always_inline void sq_hist_add(__u64 faults, __u64 took_ns)
{
	__u64 us = took_ns / 1000, value = us;
	__u32 bucket, octave = 0;

	for (int i = 0; i < 32 && value >= 2 * SQ_HIST_SUB; i++) {
		value >>= 1;
		octave++;
	}
	bucket = octave * SQ_HIST_SUB + (octave ? value : us);
	for (__u64 fault = 0; fault < SQ_MAX_FAULTS && fault < sq_n_faults; fault++) {
		__u32 key = fault;
		struct sq_hist *hist;

		if (!(faults >> fault & 1))
			continue;
		hist = bpf_map_lookup_elem(&sq_hist, &key);
		if (!hist || bucket >= SQ_HIST_BUCKETS)
			continue;
		__sync_fetch_and_add(&hist->bucket[bucket], 1);
		__sync_fetch_and_add(&hist->count, 1);
		if (took_ns > READ_ONCE(hist->max_ns))
			WRITE_ONCE(hist->max_ns, took_ns);
		if (~took_ns > READ_ONCE(hist->min_below))
			WRITE_ONCE(hist->min_below, ~took_ns);
	}
}

/*
 * The napper, or NULL. Programs of this type may take no reference to a task, and do without: this
 * map holds one for as long as they live, and a pointer that is walked to by way of the napper's
 * memory, which is its own alone, may be used outside of RCU too.
 */
static __always_inline struct task_struct *sq_napper_get(void)
{
	__u32 zero = 0;
	struct sq_napper *napper = bpf_map_lookup_elem(&sq_napper, &zero);
	struct task_struct *task = NULL;
	struct mm_struct *mm;

	if (!napper)
		return NULL;
	bpf_rcu_read_lock();
	task = napper->task;
	if (task) {
		mm = task->mm;
		task = mm ? mm->owner : NULL;
	}
	bpf_rcu_read_unlock();
	return task;
}

/* Runs in the task itself, on its way back to user space; may sleep. */
static int sq_nap(struct bpf_map *map, void *key, void *value)
{
	struct sq_nap *nap = value;
	__u32 slot = *(__u32 *)key;
	struct sq_nap_request *request = bpf_map_lookup_elem(&sq_nap_requests, &slot);
	struct task_struct *task = request ? sq_napper_get() : NULL;
	__u64 begun = bpf_ktime_get_boot_ns(), page = slot, took;
	char byte;

	/* from here on and not from the entry: a call that waits by itself takes longer too */
	if (request)
		request->until_ns = begun + nap->decision.delay_ns;
	if (task)
		bpf_copy_from_user_task(&byte, 1, (void *)(sq_nap_base + page * 4096), task, 0);
	took = bpf_ktime_get_boot_ns() - begun;
	if (task)
		sq_hist_add(nap->decision.delayed, took);
	else
		sq_take_back(&nap->decision, nap->decision.delayed, SQ_MISSED_ROOM);
	__sync_lock_test_and_set(&nap->busy, 0);
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
	__u32 pid = bpf_get_current_pid_tgid();
	__u32 start = sq_mix(pid);

	for (int i = 0; i < SQ_NAP_PROBES; i++) {
		__u32 slot = (start + i) & (SQ_NAP_SLOTS - 1);
		struct sq_nap_request *request = bpf_map_lookup_elem(&sq_nap_requests, &slot);
		struct sq_nap *nap = bpf_map_lookup_elem(&sq_naps, &slot);

		if (!nap || !request)
			return false;
		if (__sync_val_compare_and_swap(&nap->busy, 0, 1))
			continue;
		nap->decision = *d;
		request->pid = pid;
		if (!sq_schedule(nap))
			return true;
		/* EBUSY: whoever had it has gone on, but the kernel has not yet tidied up behind him */
		__sync_lock_test_and_set(&nap->busy, 0);
	}
	return false;
}

SEC("raw_tp/sys_enter")
int sq_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx->args[0];
	struct sq_decision d = {};
	__u64 call = ctx->args[1];

	/* Every call on the host comes by: leave at once unless some fault names it. */
	if (!sq_hook_carries(SQ_HOOK_SYSENTER, call))
		return 0;
	if (!sq_scope_of_task(&d.event, SQ_HOOK_SYSENTER))
		return 0;
	if (sq_is_compat(bpf_get_current_task_btf()))
		return 0;
	d.event.call = call;
	/* user space gives a fault with paths only those calls whose first argument is a file's */
	if (d.event.faults & sq_path_faults)
		sq_match_file(&d.event, sq_file_of(FIRST_ARGUMENT(regs)));
	sq_decide(&d);
	if (d.delay_ns && !sq_nap_start(&d))
		sq_take_back(&d, d.delayed, SQ_MISSED_ROOM);
	return 0;
}

/* Run once by the controller: keeps the napper's task, so that a reused pid means nothing. */
SEC("syscall")
int sq_set_napper(__s32 *pid)
{
	__u32 zero = 0;
	struct sq_napper *napper = bpf_map_lookup_elem(&sq_napper, &zero);
	struct task_struct *task, *old;

	if (!napper)
		return 1;
	task = bpf_task_from_vpid(*pid);
	if (!task)
		return 2;
	old = bpf_kptr_xchg(&napper->task, task);
	if (old)
		bpf_task_release(old);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
