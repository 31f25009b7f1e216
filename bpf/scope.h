/* SPDX-License-Identifier: GPL-2.0-only */
/* Whom an event concerns: the cgroup's scope, or one above it. A part of gate.h. */
#ifndef SQ_SCOPE_H
#define SQ_SCOPE_H

#include "act.h"

static __always_inline struct sq_control *sq_control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sq_control, &zero);
}

/*
 * Folds one ancestor into the event. @own is the id of the cgroup itself, which may be protected
 * without its descendants.
 */
static __always_inline void sq_scope_add(struct sq_event *event, __u64 id, __u64 own)
{
	struct sq_scope *scope = id ? bpf_map_lookup_elem(&sq_scopes, &id) : NULL;

	if (!scope)
		return;
	if (scope->faults) {
		event->faults |= scope->faults;
		event->cgroup = scope->index;
	}
	if (scope->flags & SQ_SCOPE_EXACT) {
		if (own == id)
			event->scope_flags |= SQ_SCOPE_PROTECTED;
	} else {
		event->scope_flags |= scope->flags;
	}
}

/*
 * All ancestors at the levels where a target lives, of the running task or of an skb's socket.
 * @of_task is a constant: no program may contain a helper that is not for its type.
 */
static __always_inline void sq_scope_resolve(struct sq_event *event, struct sq_control *control,
					     struct __sk_buff *skb, bool of_task, __u64 own)
{
	for (__u32 i = 0; i < SQ_MAX_LEVELS && i < control->n_levels; i++)
		sq_scope_add(event,
			     of_task ? bpf_get_current_ancestor_cgroup_id(control->levels[i])
				     : bpf_skb_ancestor_cgroup_id(skb, control->levels[i]),
			     own);
}

/* Odd factors lose nothing: of two entries that are mixed up only what both have in common passes. */
static __always_inline __u64 sq_scope_check(__u64 key, __u64 faults, __u64 rest)
{
	return key ^ faults * 0xbf58476d1ce4e5b9ull ^ (rest + 1) * 0x94d049bb133111ebull;
}

/*
 * The scopes of a cgroup, remembered: a cgroup never gets other ancestors and its id is never used again,
 * so the answer holds until the scopes change, which moves the generation. The words of an entry are
 * written by whoever comes, on any CPU and preempted anywhere, so a fourth tells whether three belong
 * together (Hyatt, Mann: A lockless transposition table implementation for parallel search, 2002).
 */
static __always_inline struct sq_scope_memory *sq_scope_entry(__u64 own)
{
	__u32 slot = own & (SQ_SCOPE_MEMORY - 1);

	return bpf_map_lookup_elem(&sq_scope_memory, &slot);
}

static __always_inline __u64 sq_scope_key(const struct sq_control *control, __u64 own)
{
	return own ^ READ_ONCE(control->generation) * 0x9e3779b97f4a7c15ull;
}

/* False: it is not remembered. */
static __always_inline bool sq_scope_recall(struct sq_event *event, struct sq_scope_memory *memory,
					    __u64 key)
{
	__u64 faults = READ_ONCE(memory->faults), rest = READ_ONCE(memory->rest);

	if (READ_ONCE(memory->key) == key &&
	    READ_ONCE(memory->check) == sq_scope_check(key, faults, rest)) {
		event->faults = faults;
		event->cgroup = rest;
		event->scope_flags = rest >> 32;
		return true;
	}
	/* an atomic operation is a barrier: the generation was read before the scopes are */
	faults = __sync_fetch_and_add(&memory->misses, 1);
	barrier_var(faults);
	return false;
}

static __always_inline void sq_scope_keep(const struct sq_event *event,
					  struct sq_scope_memory *memory, __u64 key)
{
	__u64 faults = event->faults, rest = (__u64)event->scope_flags << 32 | event->cgroup;

	WRITE_ONCE(memory->key, key);
	WRITE_ONCE(memory->faults, faults);
	WRITE_ONCE(memory->rest, rest);
	WRITE_ONCE(memory->check, sq_scope_check(key, faults, rest));
}

/* The scopes of the cgroup @own, which is the running task's or an skb's. */
static __always_inline void sq_scope_of(struct sq_event *event, struct sq_control *control,
					struct __sk_buff *skb, bool of_task, __u64 own)
{
	__u64 key = sq_scope_key(control, own);
	struct sq_scope_memory *memory = sq_scope_entry(own);

	if (!memory || sq_scope_recall(event, memory, key))
		return;
	sq_scope_resolve(event, control, skb, of_task, own);
	sq_scope_keep(event, memory, key);
}

/* The same of a cgroup that is neither: its ancestors as the kernel keeps them (6.1). */
static __always_inline void sq_scope_of_cgroup(struct sq_event *event, struct sq_control *control,
					       struct cgroup *cgroup, __u64 own)
{
	__u64 key = sq_scope_key(control, own);
	struct sq_scope_memory *memory = sq_scope_entry(own);
	struct cgroup **ancestors =
		(void *)cgroup + bpf_core_field_offset(struct cgroup, ancestors);
	__u32 deepest;

	if (!memory || sq_scope_recall(event, memory, key))
		return;
	deepest = BPF_CORE_READ(cgroup, level);
	for (__u32 i = 0; i < SQ_MAX_LEVELS && i < control->n_levels; i++) {
		__u32 level = control->levels[i];
		struct cgroup *ancestor = NULL;

		if (level > deepest ||
		    bpf_probe_read_kernel(&ancestor, sizeof(ancestor), ancestors + level))
			continue;
		sq_scope_add(event, BPF_CORE_READ(ancestor, kn, id), own);
	}
	sq_scope_keep(event, memory, key);
}

/* The running task's scope. False: no fault of @hook concerns it. */
static __always_inline bool sq_scope_of_task(struct sq_event *event, enum sq_hook hook)
{
	struct sq_control *control = sq_control_get();

	if (!control)
		return false;
	sq_scope_of(event, control, NULL, true, bpf_get_current_cgroup_id());
	event->faults &= sq_hook_faults[hook];
	return event->faults && !(event->scope_flags & SQ_SCOPE_SELF);
}

/* The scope that a socket was handed over with; false: it goes by its cgroup. */
static __always_inline bool sq_scope_of_handed(struct sq_event *event, struct bpf_sock *sk)
{
	struct sq_scope *scope = bpf_sk_storage_get(&sq_handed, sk, NULL, 0);

	if (!scope)
		return false;
	event->faults = scope->faults;
	event->cgroup = scope->index;
	return true;
}

/* 1: the packet's socket was handed over, and @event has its scope. The answer to a SYN is its listener's. */
__weak __noinline int sq_is_handed(struct __sk_buff *skb, struct sq_event *event)
{
	struct bpf_sock *sk = skb->sk, *whole;

	if (!sk || !event)
		return 0;
	whole = bpf_sk_fullsock(sk);
	if (whole)
		return sq_scope_of_handed(event, whole);
	whole = bpf_get_listener_sock(sk);
	return whole && sq_scope_of_handed(event, whole);
}

/* The scope of the socket that owns a packet, as the cgroup that made it; without one it has none. */
static __always_inline bool sq_scope_of_skb(struct sq_event *event, struct __sk_buff *skb,
					    enum sq_hook hook)
{
	struct sq_control *control = sq_control_get();

	if (!control)
		return false;
	sq_scope_of(event, control, skb, false, bpf_skb_cgroup_id(skb));
	event->faults &= sq_hook_faults[hook];
	return event->faults && !(event->scope_flags & SQ_SCOPE_SELF);
}

/* The same, but of one that was handed over as whoever holds it. */
static __always_inline bool sq_scope_of_packet(struct sq_event *event, struct __sk_buff *skb,
					       enum sq_hook hook)
{
	struct sq_control *control = sq_control_get();

	if (!control || !READ_ONCE(control->handed) || !sq_is_handed(skb, event))
		return sq_scope_of_skb(event, skb, hook);
	event->faults &= sq_hook_faults[hook];
	return event->faults;
}

#endif
