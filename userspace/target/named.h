/* SPDX-License-Identifier: GPL-2.0-only */
/* What lists of who may be hit, and who never is, mean by the names of containers and pods. */
#ifndef SQ_TARGET_NAMED_H
#define SQ_TARGET_NAMED_H

#include "experiment/policy.h"
#include "util/error.h"
#include "util/text.h"

/* Patterns that the cgroups of those named match now. */
struct sq_named {
	struct sq_texts protect; /* by the experiment's blast radius */
	struct sq_texts of_host; /* by the policy's targets.protect */
	struct sq_texts allow; /* by the policy's targets.allow */
	struct sq_texts missing; /* what of the experiment's matched none, in words */
};

/* Is there anything to be found? @policy may be NULL, here and below. */
bool sq_named_any(const struct sq_experiment *experiment, const struct sq_policy *policy);

/*
 * Finds them as targets are found. Nothing of a name is nothing to protect and nothing allowed; where it
 * cannot be known what runs here the result is an error, since it might be protected. To be cleared.
 */
int sq_named_find(const struct sq_experiment *experiment, const struct sq_policy *policy,
		  struct sq_named *ret, struct sq_error **err);

/* Adds a sentence for each that blast_radius.protect has and that nothing on this host is. */
void sq_named_missing(const struct sq_experiment *experiment, const struct sq_named *named,
		      struct sq_texts *ret);
void sq_named_clear(struct sq_named *named);

#endif
