/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds a BPF object. Reads the descriptors of all processes: only for what is in question. */
#ifndef SQ_GUARD_HOST_HOLDERS_H
#define SQ_GUARD_HOST_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard/host_state.h"

struct sq_holder {
	enum sq_part part; /* programs, maps, links */
	uint32_t id;
	pid_t pid; /* 0: the journal of another run says so */
};

struct sq_holders {
	struct sq_holder *item;
	size_t n;
};

/*
 * Fills @ret, to be cleared. A program that a link holds is held by the link's holder, too; and what the
 * journal of another run than @run says it has loaded is that run's, even if it has died.
 */
void sq_holders_find(struct sq_holders *ret, const char *run);

/* Adds to @ret, to be cleared, what processes hold, and nothing else. */
void sq_holders_of_processes(struct sq_holders *ret);

/* Who but this process holds it, or NULL. Owned by @holders. */
const struct sq_holder *sq_holders_other(const struct sq_holders *holders, enum sq_part part,
					 uint32_t id);

void sq_holders_clear(struct sq_holders *holders);

#endif
