/* SPDX-License-Identifier: GPL-2.0-only */
/* Which hooks of the kernel can carry a system call, whatever this kernel has of them. */
#ifndef SQ_INJECT_CALLS_H
#define SQ_INJECT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "experiment/names.h"

/* A hook that system calls pass, and what can be told there. */
struct sq_call_hook {
	enum sq_hook hook;
	const char *name; /* "lsm/file_open" */
	const char *program; /* of squall's object; NULL where attaching chooses it */
	const char *lsm; /* the security hook's name, or NULL */
	const char *calls; /* separated by spaces */
	bool paths, peers; /* the hook sees the file, the peer */
	bool nap; /* it may sleep: for latency, not for errors */
};

extern const struct sq_call_hook sq_call_hooks[];
extern const size_t sq_call_hooks_n;

/* The entry of a hook, or NULL. */
const struct sq_call_hook *sq_call_hook_find(enum sq_hook hook);

/* What a hook is called in plans and reports. */
const char *sq_hook_name(enum sq_hook hook);

/* Does one of these hooks (bit per enum sq_hook) hold calls back? */
bool sq_hooks_nap(uint64_t hooks);

/* Does this entry carry the call? */
bool sq_call_hook_has(const struct sq_call_hook *hook, const char *call);

/* Is the call's first argument a file's descriptor? */
bool sq_call_takes_file(const char *call);

/* Is it, or may it be, a socket's, so that there is a peer? */
bool sq_call_takes_socket(const char *call);

#endif
