// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on the reader of the host's policy: whatever the bytes, a policy or a mistake, and what a
 * policy says can be asked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sq_fault fault = { .kind = n ? &sq_catalogue[data[0] % sq_catalogue_n] : NULL };
	_cleanup_(sq_policy_freep) struct sq_policy *policy = NULL;
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *text = sq_alloc(n + 1);

	if (n)
		memcpy(text, data, n);
	policy = sq_policy_parse("policy.yaml", text, n, &diags);
	if (!policy != (diags.errors > 0))
		abort();
	if (!policy || !fault.kind)
		return 0;
	sq_policy_denies(policy, &fault);
	for (size_t i = 0; i < policy->stop_if.n; i++)
		if (!sq_stop_ifs(&policy->stop_if)[i].name)
			abort();
	for (size_t i = 0; i < policy->windows.n; i++)
		if (sq_windows(policy)[i].to_minute > 1440 || sq_windows(policy)[i].days > 127)
			abort();
	return 0;
}
