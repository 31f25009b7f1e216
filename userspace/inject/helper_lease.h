/* SPDX-License-Identifier: GPL-2.0-only */
/* How the run's lease is handed to a helper process: as arguments and two maps' descriptors. */
#ifndef SQ_INJECT_HELPER_LEASE_H
#define SQ_INJECT_HELPER_LEASE_H

#include "guard/lease.h"

/* Behind the shared page at 3. */
#define SQ_HELPER_FD_CONTROL 4
#define SQ_HELPER_FD_SWITCH 5
#define SQ_HELPER_FD_OWN 6 /* the first of the helper's own */

struct sq_lease_arguments {
	char text[3][24];
	const char *argv[4];
};

void sq_lease_arguments(const struct sq_lease *lease, struct sq_lease_arguments *ret);

/* The helper's side: the lease from its arguments and descriptors. */
int sq_lease_from_arguments(struct sq_lease *lease, int argc, char **argv, struct sq_error **err);

#endif
