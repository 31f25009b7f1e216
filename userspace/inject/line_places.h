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

#include "inject/line_maker.h"
#include "inject/line_protocol.h"

#define SQ_LINE_PLACES 256

struct sq_line_place {
	ino_t netns; /* 0: it was dropped */
	bool busy; /* the maker is at it */
	bool unwanted; /* it is to be dropped as soon as it is made */
	uint32_t number; /* of the request that is answered when that is done, or 0 */
};

struct sq_line_places {
	struct sq_line_maker maker;
	struct pollfd *fds; /* the server's: one for the device of each */
	struct sq_line_backs backs;
	const volatile struct sq_held_total
		*held; /* what the line in the kernel holds; NULL: there is none */
	struct sq_line_space space[SQ_LINE_PLACES];
	struct sq_line_pair pair[SQ_LINE_PLACES]; /* where there is a line in the kernel */
	struct sq_line_place place[SQ_LINE_PLACES];
	size_t n;
	uint64_t dropped; /* packets, by the kernel, in those that were dropped */
};

/* @fds has room for SQ_LINE_PLACES. Starts the maker, which has been set up. */
int sq_line_places_open(struct sq_line_places *places, struct pollfd *fds, struct sq_error **err);

/*
 * Makes the line's device in the network namespace, and all else that it takes, or the device alone where that is gone.
 * -EINPROGRESS: sq_line_places_take() answers the request @number; or another negative errno.
 */
int sq_line_places_add(struct sq_line_places *places, int netns_fd, uint32_t number,
		       struct sq_error **err);

/* Removes it, likewise. What is held for that namespace has nowhere to go. */
int sq_line_places_drop(struct sq_line_places *places, int netns_fd, uint32_t number,
			struct sq_error **err);

/*
 * Has the devices made again that somebody has removed, whose descriptors are negative in the server's list. False: one
 * cannot be. Its network namespace is there as long as it has sockets of ours.
 */
bool sq_line_places_remake(struct sq_line_places *places);

/*
 * Takes one that the maker is done with. 1: so it did, with an answer in @reply if that has a number; 0: there is none;
 * negative errno: a device cannot be made again. Adds to @remade.
 */
int sq_line_places_take(struct sq_line_places *places, struct sq_line_reply *reply,
			uint64_t *remade);

/*
 * How many packets the kernel dropped, as of the run's end: what the line in the kernel should have let go by then is
 * lost too.
 */
uint64_t sq_line_places_dropped(const struct sq_line_places *places);

/* The pairs at once: with their network namespace they would go when the kernel has time for it. */
void sq_line_places_close(struct sq_line_places *places);

#endif
