/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The own addresses of IPv6 in a network namespace. What goes to one of them takes lo, by a route that belongs to the
 * device that has the address: bound to lo it would not be found, and one that is link-local not without that device.
 */
#ifndef SQ_INJECT_LINE_HOMES_H
#define SQ_INJECT_LINE_HOMES_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct sq_line_home {
	struct in6_addr address;
	uint32_t ifindex;
};

struct sq_line_homes {
	int fd; /* /proc/net/if_inet6 of the namespace; -EBADF: it has no IPv6 */
	struct sq_line_home *item;
	size_t n;
	uint64_t read_ns;
};

/* In the calling thread's network namespace. */
void sq_line_homes_open(struct sq_line_homes *homes);

void sq_line_homes_close(struct sq_line_homes *homes);

/* The index of the device that has @address, which was so a moment ago; 0: none has. */
uint32_t sq_line_home_of(struct sq_line_homes *homes, const struct in6_addr *address);

#endif
