/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the BPF object. With injector.c and backend.c the only users of its skeleton. */
#ifndef SQ_INJECT_OBJECT_H
#define SQ_INJECT_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "util/error.h"

struct bpf_program;
struct squall_bpf;

#define SQ_UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, since 6.6 */

/* Opens the object with no program chosen and no map of the naps or the line to be made. */
struct squall_bpf *sq_object_open(struct sq_error **err);

/* Chooses the programs of the hooks in @hooks (bit per enum sq_hook) and their maps. */
void sq_object_choose(struct squall_bpf *object, uint64_t hooks);

/* Leaves those out again that differ from a chosen one in a constant only: for a proof one will do. */
void sq_object_drop_twins(struct squall_bpf *object);

/* Chooses, or not, the programs and the room of the line in the kernel. */
void sq_object_choose_private_line(struct squall_bpf *object, bool wanted);

/* Chooses what counts processes that come to a target; with @devices by their network namespaces, too. */
void sq_object_choose_arrivals(struct squall_bpf *object, bool devices);

/* The program in the trampolines of system calls' own functions: of SQ_HOOK_CALL, or the witness of SQ_HOOK_WRAPPER. */
struct bpf_program *sq_object_call_program(const struct squall_bpf *object, enum sq_hook hook);

/* Aims it, before the object is loaded, at the function of a system call, and chooses it. 0 or negative. */
int sq_object_aim_call(struct squall_bpf *object, enum sq_hook hook, const char *call);

/* Loads it once more, after the object, for another call: the caller's descriptor, or a negative errno. */
int sq_object_copy_call(const struct squall_bpf *object, enum sq_hook hook, const char *call,
			struct sq_error **err);

/*
 * Can a program be loaded for a security hook, or for a system call's own function? Tried with one
 * that does nothing; with @asleep one that may sleep. 0, or why not.
 */
int sq_object_try_lsm(const char *hook, bool asleep, struct sq_error **err);
int sq_object_try_call(const char *call, struct sq_error **err);

/* Is a call met where every call is, by its function or by the tracepoint? 0, or why not. */
int sq_object_meets_call(const char *call, struct sq_error **err);

/* Loads it. The kernel's refusal becomes a sentence; @what completes "this kernel ...". */
int sq_object_load(struct squall_bpf *object, const char *what, struct sq_error **err);

/* Has this kernel bpf_task_work, by either of its names? */
bool sq_object_task_work(void);

/*
 * Does it run programs where functions begin, by kprobe_multi (CONFIG_FPROBE)? Then it is there that the gate
 * is asked about a call; otherwise at the tracepoint that every call of the host passes, for a delay, and in
 * the trampoline of its function, for an error.
 */
bool sq_object_kprobes(void);

/* Are functions traced at this moment? 0, or why what is attached to them would do nothing. */
int sq_object_check_ftrace(struct sq_error **err);

/* The kernel's function of a system call, or NULL: it has none. The caller's. */
char *sq_object_function_of(const char *call);

/* Has this kernel what a program needs to keep the napper's task (6.2)? */
bool sq_object_can_nap(void);

/* Can it look for the napper in another PID namespace than the host's (6.14)? */
bool sq_object_any_pid_namespace(void);

#endif
