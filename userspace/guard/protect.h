/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What no fault may touch: squall itself and what it was started from, the ways to log in, the
 * parts of the system that everything hangs on, and what the experiment names. The gate carves it
 * out of the targets.
 */
#ifndef SQ_GUARD_PROTECT_H
#define SQ_GUARD_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/cgroup.h"
#include "util/error.h"
#include "util/set.h"
#include "util/text.h"

struct sq_protected {
	struct sq_cgroup cgroup;
	bool exact; /* only the cgroup itself, not what is below it */
	bool self; /* squall's own processes of this run */
	char *why;
};

struct sq_protection {
	struct sq_protected *item; /* as the tree goes: what is below one stands right behind it */
	size_t n;
};

/*
 * Fills @ret with what is protected in, above or at the cgroups @targets. @patterns are the
 * experiment's, @of_host the policy's; @left_out are the paths that 'not' leaves out. @own is the cgroup of
 * this run's helpers, or NULL.
 */
int sq_protection_find(const struct sq_texts *targets, const struct sq_texts *patterns,
		       const struct sq_texts *of_host, const struct sq_set *left_out,
		       const char *own, struct sq_protection *ret, struct sq_error **err);

void sq_protection_clear(struct sq_protection *protection);

/* Why squall's own list protects a cgroup of that path on every host (static), or NULL. */
const char *sq_protection_by_default(const char *path);

/* Why @path as a whole is protected, or NULL. */
const char *sq_protection_of(const struct sq_protection *protection, const char *path);

/* The first that is @path or below it, where any is; sq_cgroup_within() says for how many more that holds. */
size_t sq_protection_first(const struct sq_protection *protection, const char *path);

/* The number of processes below @path that are protected. */
uint64_t sq_protection_processes(const struct sq_protection *protection, const char *path);

#endif
