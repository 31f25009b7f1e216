/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps and settings that every program shares. Each object file declares them weak and the static
 * linker makes them one. Sizes marked "set at load" are chosen for the run by user space.
 */
#ifndef SQ_MAPS_H
#define SQ_MAPS_H

#include "abi.h"
#include "kernel.h"
#include "sample.h"

/* What is fixed for the run, set between open and load. */
const volatile __weak __u64 sq_hook_faults[SQ_HOOKS]; /* the faults that each hook carries */
const volatile __weak __u64 sq_hook_calls[SQ_HOOKS][SQ_CALL_WORDS]; /* that each hook carries */
const volatile __weak __u64 sq_path_faults; /* the faults that name paths */
const volatile __weak __u64 sq_peer_faults; /* the faults that name peers or ports */
const volatile __weak __u64 sq_loss_faults; /* the faults that lose packets, some by a full queue */
const volatile __weak __u64 sq_wire_faults; /* where each wire packet of a super packet has a turn */
const volatile __weak __u64 sq_dice_faults; /* whose dice may fall before the time is exact */
const volatile __weak __u16 sq_guard; /* this run's bit in tc_index */
const volatile __weak __u16 sq_guard_in; /* this run's bit in tc_index, of packets that come in */
const volatile __weak __u64 sq_seed;
const volatile __weak __u64 sq_epoch; /* of the switch when the run started */
const volatile __weak __u64 sq_generation; /* of the run's slot in the switch */
const volatile __weak __u64 sq_faults_limit; /* 0: none */
const volatile __weak __u64 sq_rate_interval_ns; /* 0: none */
const volatile __weak __u64 sq_rate_burst_ns;
const volatile __weak __s32 sq_quantiles[2 * SQ_QUANTILES];
const volatile __weak __u32 sq_observe; /* count what would be hit, and let everything pass */
const volatile __weak __u32 sq_has_control; /* there are peers of the control path */
const volatile __weak __u8
	sq_prefixes[SQ_PREFIX_LENGTHS]; /* that sq_peer_table has, longest first */
const volatile __weak __u32 sq_n_prefixes;
const volatile __weak __u32 sq_slot;
const volatile __weak __u32 sq_n_patterns;
const volatile __weak __u32 sq_n_faults;
const volatile __weak __u32 sq_n_cgroups; /* rows of the counters, for each fault */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SQ_SWITCH_SLOTS);
	__type(key, __u32);
	__type(value, struct sq_switch);
} sq_switch __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_control);
} sq_control __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u64);
	__type(value, struct sq_scope);
} sq_scopes __weak SEC(".maps");

/*
 * Sockets that were handed over, and go by who holds them: their scope, with no faults where others than
 * a target do. What such a socket accepts inherits it (5.4).
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sq_scope);
} sq_handed __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_SCOPE_MEMORY);
	__type(key, __u32);
	__type(value, struct sq_scope_memory);
} sq_scope_memory __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_MAX_FAULTS);
	__type(key, __u32);
	__type(value, struct sq_rule);
} sq_rules __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct sq_peer_key);
	__type(value, struct sq_ports);
} sq_peers __weak SEC(".maps");

/* The same for programs that may sleep, which may not use a trie. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct sq_peer_key);
	__type(value, struct sq_ports);
} sq_peer_table __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct sq_inode_key);
	__type(value, struct sq_inode_patterns);
} sq_inodes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_MAX_PATTERNS);
	__type(key, __u32);
	__type(value, struct sq_pattern);
} sq_patterns __weak SEC(".maps");

/* What the clock said in the course of a tick. */
struct sq_tick {
	__u64 jiffies;
	__u64 now_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sq_tick);
} sq_ticks __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1); /* set at load: faults x cgroups */
	__type(key, __u32);
	__type(value, struct sq_counters);
} sq_counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load: faults x cgroups */
	__type(key, __u32);
	__type(value, __u64);
} sq_sequence __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load: faults x cgroups x 2 */
	__type(key, __u32);
	__type(value, struct sq_wire);
} sq_wires __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SQ_MAX_FAULTS + 1);
	__type(key, __u32);
	__type(value, struct sq_budget);
} sq_budget __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set at load: faults */
	__type(key, __u32);
	__type(value, struct sq_hist);
} sq_hist __weak SEC(".maps");

#endif
