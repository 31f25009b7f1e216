/* SPDX-License-Identifier: GPL-2.0-only */
/* Which hook carries each system call of a fault on this kernel, and why some call has none. */
#ifndef SQ_INJECT_CALL_SUPPORT_H
#define SQ_INJECT_CALL_SUPPORT_H

#include "inject/backend.h"

/* NULL: the hook works here, else why not. */
typedef const struct sq_error *(*sq_hook_problem_t)(uint32_t hook, enum sq_look look);

/* Fills in hooks, by_hook and, where a call has no hook, ok, why and hint; adds names to @text. */
void sq_call_support(const struct sq_fault *fault, enum sq_look look, sq_hook_problem_t problem,
		     struct sq_support *ret, struct sq_buffer *text);

#endif
