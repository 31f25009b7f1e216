/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The delay line: what holds packets back. The gate sends a packet to a TAP device of squall's own
 * in the same network namespace; the line server holds it and sends it on when its time has come:
 * by a packet socket to the device that it left, and by a raw socket where that was lo, because a
 * packet on lo needs the route that only the way through the IP stack gives it. Nobody's qdisc is
 * touched, no setting is changed.
 *
 * Where the kernel has fq and all faults of a run are short delays, packets on other devices than lo stay
 * in the kernel (line_private.h).
 */
#ifndef SQ_INJECT_LINE_H
#define SQ_INJECT_LINE_H

#include "abi.h"
#include "guard/lease.h"
#include "util/helper.h"

/* The line's device has the same number in every network namespace: a constant of the program. */
uint32_t sq_line_ifindex(const struct sq_lease *lease);

/* Its name, "squallN". @name holds IFNAMSIZ bytes. */
void sq_line_name(const struct sq_lease *lease, char *name);

/* The same of the near end of the line in the kernel: the name is the other's and "-fq" behind it. */
uint32_t sq_line_private_ifindex(const struct sq_lease *lease);
void sq_line_private_name(const struct sq_lease *lease, char *name);

struct sq_line {
	const struct sq_lease *lease;
	int socket; /* to the line server */
	uint32_t asked; /* how many requests there were */
};

/* What the line server counts, beside the delays themselves. */
struct sq_line_stats {
	uint64_t no_room, failed;
	uint64_t unmade; /* went on: nothing could be made to send in their place */
	uint64_t undone[SQ_MAX_FAULTS]; /* of no_room and unmade, by the faults whose they were */
	uint64_t reused; /* lost: read when the packet's slot was another's already */
	uint64_t remade; /* devices that somebody had removed */
	uint64_t dropped; /* lost: by the kernel, for want of room between it and the line server */
};

struct sq_line_setup {
	struct sq_helpers *helpers;
	const struct sq_lease *lease;
	int switch_fd;
	int slots_fd, hist_fd, shared_fd, ring_fd; /* the maps that it shares with the gate */
	int backs_fd, back_program_fd; /* for packets that come in, or -EBADF */
	/* for the line in the kernel, or -EBADF */
	int held_total_fd, turn_program_fd, release_program_fd;
	uint32_t n_faults;
};

/* Starts the line server. */
int sq_line_start(struct sq_line *line, const struct sq_line_setup *setup, struct sq_error **err);

/* Makes the line's device in a network namespace, or makes it again where it is not there or not up. */
int sq_line_add(struct sq_line *line, int netns_fd, struct sq_error **err);

/* Removes it, and with it what is held for that namespace, in which nobody is left. It is gone on return. */
int sq_line_drop(struct sq_line *line, int netns_fd, struct sq_error **err);

/* Lets the line server send what it holds, and end. */
void sq_line_stop(struct sq_line *line);

/* When it has ended: what it has counted. Where it was not started, or has not told, @ret stays as it is. */
void sq_line_stats(struct sq_line *line, struct sq_line_stats *ret);

/* The line server's own main function. */
int sq_line_main(int argc, char **argv);

/* Can a TAP device be had? Tried in a network namespace of its own. 0, or why not. */
int sq_line_probe(struct sq_error **err);

#endif
