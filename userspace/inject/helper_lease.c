// SPDX-License-Identifier: GPL-2.0-only
#include "inject/helper_lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void sq_lease_arguments(const struct sq_lease *lease, struct sq_lease_arguments *ret)
{
	uint64_t values[] = { lease->epoch, lease->slot, lease->generation };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(ret->text[i], sizeof(ret->text[i]), "%" PRIu64, values[i]);
		ret->argv[i] = ret->text[i];
	}
	ret->argv[ARRAY_SIZE(values)] = NULL;
}

int sq_lease_from_arguments(struct sq_lease *lease, int argc, char **argv, struct sq_error **err)
{
	if (argc < 4)
		return sq_error_set(err, SQ_FAIL_INVALID, EINVAL,
				    "this is a part of squall, not meant to be run by hand");
	return sq_lease_view(lease, SQ_HELPER_FD_CONTROL, SQ_HELPER_FD_SWITCH,
			     strtoull(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10),
			     strtoull(argv[3], NULL, 10), err);
}
