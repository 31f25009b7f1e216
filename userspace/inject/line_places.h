/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network namespaces that the delay line serves, a place for each: its device and sockets there, and its end of the
 * line in the kernel.
 */
#ifndef SQ_INJECT_LINE_PLACES_H
#define SQ_INJECT_LINE_PLACES_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "guard/lease.h"
#include "inject/line_private.h"
#include "inject/line_space.h"

#define SQ_LINE_PLACES 256

struct sq_line_place {
	ino_t netns; /* 0: it was dropped */
	uint64_t dropped_ns; /* when */
};

struct sq_line_places {
	const struct sq_lease *lease;
	struct pollfd *fds; /* the server's: one for the device of each */
	struct sq_line_backs backs;
	struct sq_line_private private;
	const volatile struct sq_held_total
		*held; /* what the line in the kernel holds; NULL: there is none */
	struct sq_line_space space[SQ_LINE_PLACES];
	struct sq_line_pair pair[SQ_LINE_PLACES]; /* where there is a line in the kernel */
	struct sq_line_place place[SQ_LINE_PLACES];
	size_t n;
	uint64_t dropped; /* packets, by the kernel, in those that were dropped */
};

/* Makes the line's device in the network namespace, and all else that it takes. Negative errno. */
int sq_line_places_add(struct sq_line_places *places, int netns_fd, struct sq_error **err);

/* Removes it. What is held for that namespace has nowhere to go. */
int sq_line_places_drop(struct sq_line_places *places, int netns_fd, struct sq_error **err);

/*
 * Makes the devices again that somebody has removed, whose descriptors are negative in the server's list, and adds to
 * @remade how many. False: one cannot be made. Its network namespace is there as long as it has sockets of ours.
 */
bool sq_line_places_remake(struct sq_line_places *places, uint64_t *remade);

/*
 * How many packets the kernel dropped, as of the run's end: what the line in the kernel should have let go by then is
 * lost too.
 */
uint64_t sq_line_places_dropped(const struct sq_line_places *places);

/* At once: with their network namespace the pairs would go when the kernel has time for it. */
void sq_line_places_close_pairs(struct sq_line_places *places);

#endif
