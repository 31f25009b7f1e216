/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nap: how a program sleeps. No helper does. But bpf_copy_from_user_task() waits for a page of
 * the napper's, a helper process of squall's that maps a file whose server answers when the nap is
 * over.
 */
#ifndef SQ_NAP_H
#define SQ_NAP_H

#include "call.h"
#include "histogram.h"

const volatile __weak __u64 sq_nap_base; /* where the napper has mapped its file */

/* What the nap server reads: until when each page's reader sleeps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_NAP_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_nap_request);
} sq_nap_requests __weak SEC(".maps");

struct sq_napper {
	struct task_struct __kptr *task;
};

/* Written once, before anything is attached: the task lives until the programs are gone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_napper);
} sq_napper __weak SEC(".maps");

static __always_inline struct sq_napper *sq_napper_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sq_napper, &zero);
}

/* Takes a slot for the running task; false: another has it. */
static __always_inline bool sq_nap_take(__u32 slot)
{
	struct sq_nap_request *request = bpf_map_lookup_elem(&sq_nap_requests, &slot);

	return request && !__sync_val_compare_and_swap(&request->busy, 0, 1);
}

static __always_inline void sq_nap_free(__u32 slot)
{
	struct sq_nap_request *request = bpf_map_lookup_elem(&sq_nap_requests, &slot);

	if (request)
		__sync_lock_test_and_set(&request->busy, 0);
}

/* Sleeps as decided, on the page of a slot that is free again afterwards. No napper: does not. */
static __always_inline void sq_nap_on(__u32 slot, const struct sq_decision *d,
				      struct task_struct *napper)
{
	struct sq_nap_request *request = bpf_map_lookup_elem(&sq_nap_requests, &slot);
	__u64 begun = bpf_ktime_get_boot_ns(), page = slot, ended;
	char byte;

	if (!request || !napper) {
		sq_take_back(d, d->delayed, SQ_MISSED_ROOM);
	} else {
		request->until_ns = begun + d->delay_ns;
		bpf_copy_from_user_task(&byte, 1, (void *)(sq_nap_base + page * 4096), napper, 0);
		ended = bpf_ktime_get_boot_ns();
		sq_hist_add(d->delayed, ended - begun, ended - begun < d->delay_ns ? ended : 0);
	}
	sq_nap_free(slot);
}

/*
 * Sleeps as decided, in a program that may: sysenter.bpf.c has it, because the static linker of
 * libbpf 1.1 takes a function of the kernel's from one file only. Its result means nothing.
 */
extern int sq_nap_now(struct sq_decision *d);

#endif
