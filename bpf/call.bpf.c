// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that fail before they begin, each by its own function.
 *
 * Hook: fmod_ret on __x64_sys_NAME (__arm64_sys_NAME); user space loads this program once for each
 * call. Where: kernels with CONFIG_FUNCTION_ERROR_INJECTION, and Debian's 7.x.
 */
#include "call.h"
#include "victims.h"

/* The caller gets a sign-extended 64-bit number: an int would be 0x00000000fffffffb to it. */
SEC("fmod_ret")
long sq_call(unsigned long long *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx[0];
	const struct dentry *dentry = NULL;
	struct sq_event scope = {};
	struct sq_decision d;
	__u32 call;

	if (!sq_scope_of_task(&scope, SQ_HOOK_CALL) || sq_is_kernel_thread())
		return 0;
	call = sq_current_call();
	if (!sq_hook_carries(SQ_HOOK_CALL, call))
		return 0;
	sq_begin(&d, &scope, call);
	/* user space gives a fault with paths only those calls whose first argument is a file's */
	if (d.event.faults & sq_path_faults) {
		dentry = sq_dentry_of(sq_file_of(FIRST_ARGUMENT(regs)));
		sq_match_paths(&d.event, dentry);
	}
	sq_decide(&d);
	sq_blame(&d, dentry);
	return sq_result(&d);
}

char LICENSE[] SEC("license") = "GPL";
