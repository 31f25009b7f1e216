/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of system calls and of errors, as this machine's headers have them. */
#ifndef SQ_EXPERIMENT_NAMES_H
#define SQ_EXPERIMENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQ_CALLS_WORDS 8

/* A set of system calls, one bit for each number. */
struct sq_calls {
	uint64_t bit[SQ_CALLS_WORDS];
};

/* Numbers beyond all calls are in no set, and adding one is nothing. */
bool sq_calls_have(const struct sq_calls *set, unsigned int number);
void sq_calls_add(struct sq_calls *set, unsigned int number);

/* The number of a system call, or -1. */
int sq_call_number(const char *name);

/* The machine that has this call where ours has not, or NULL. */
const char *sq_call_elsewhere(const char *name);

/* The name of a system call, or "call N" (static). */
const char *sq_call_name(unsigned int number);

/* The name nearest to @name, or NULL. */
const char *sq_call_nearest(const char *name);

/* The calls of a group such as "@file-read", as far as this machine has them; false: no such group. */
bool sq_call_group(const char *name, struct sq_calls *ret);

/* What no fault hits, and why. */
struct sq_gap {
	const char *what, *why;
};

extern const struct sq_gap sq_calls_never[]; /* calls that must never be touched */
extern const size_t sq_calls_never_n;
extern const struct sq_gap sq_calls_unseen[]; /* what looks like a call and is seen by no hook */
extern const size_t sq_calls_unseen_n;

/* Why a call must never be touched, or NULL. */
const char *sq_call_untouchable(const char *name);

/* Does the C library mostly answer it without a call? */
bool sq_call_is_answered_by_vdso(const char *name);

/* Does the call's manual page know this error? True where nothing is known of the call. */
bool sq_call_may_return(const char *name, int error);

/* The number of an error such as "EIO", or -1; 1 to 133 only: others confuse the kernel's callers. */
int sq_errno_number(const char *name);
const char *sq_errno_name(int number);
const char *sq_errno_nearest(const char *name);

#endif
