/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The delay line in the kernel: for each network namespace a pair of devices, one end there, whose fq holds
 * packets until their time, the other in a network namespace of the line server's own. That namespace lives
 * as long as the line server, and the pairs with it.
 */
#ifndef SQ_INJECT_LINE_PRIVATE_H
#define SQ_INJECT_LINE_PRIVATE_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* One pair. */
struct sq_line_pair {
	int netlink_fd; /* in the namespace of the near end; -EBADF: there is no pair */
	int turn_fd, release_fd; /* the links of the programs on both ends, or -EBADF */
	uint32_t ifindex; /* of the near end; 0: it was not made */
};

struct sq_line_pair_setup {
	int netns_fd; /* where the far ends live */
	int sysfs_fd; /* that one's, or -EBADF */
	uint32_t ifindex; /* of the near end */
	char name[IFNAMSIZ];
	char far_name[IFNAMSIZ];
	int turn_program_fd, release_program_fd; /* -EBADF: none are attached */
};

/* Where the far ends live: a network namespace in which nobody is, and a mount of its sysfs (-EBADF: none). */
struct sq_line_private {
	int netns_fd, sysfs_fd;
};

/* Makes it, for as long as its descriptors are open. Before the rights for it are given up. */
int sq_line_private_make(struct sq_line_private *private, struct sq_error **err);

/*
 * Makes a pair, its near end in the calling thread's network namespace, to which it comes back; exits
 * where it cannot.
 */
int sq_line_pair_open(struct sq_line_pair *pair, const struct sq_line_pair_setup *setup,
		      struct sq_error **err);

/* Removes it at once; that it went with its namespace is no error. */
void sq_line_pair_close(struct sq_line_pair *pair);

/* Does this kernel have all that it takes? Tried in network namespaces of its own. 0, or why not. */
int sq_line_private_probe(struct sq_error **err);

#endif
