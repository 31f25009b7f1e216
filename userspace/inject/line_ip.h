/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways back through the IP stack of a network namespace: to lo, and of packets of squall's own. */
#ifndef SQ_INJECT_LINE_IP_H
#define SQ_INJECT_LINE_IP_H

#include <stdbool.h>
#include <stddef.h>

#include "inject/line_homes.h"
#include "inject/line_outbox.h"
#include "util/error.h"

struct sq_line_ip {
	int v4_fd, v6_fd;
	int v4_in_fd, v6_in_fd; /* of packets that came in by lo, and of squall's own */
	struct sq_line_homes homes;
};

/* In the calling thread's network namespace, which need not have IPv6. To be closed where it fails, too. */
int sq_line_ip_open(struct sq_line_ip *ip, struct sq_error **err);

void sq_line_ip_close(struct sq_line_ip *ip);

/* A socket to send packets with, which never receives: its descriptor, or a negative errno. */
int sq_line_sender_open(int domain, int protocol, struct sq_error **err);

/*
 * Puts what begins with IP's header @skip bytes behind the begin of the packet's frame into @outbox, which takes the
 * packet then. What was on lo goes to lo and nowhere else. @in: it has come in before, or is squall's own; the faults
 * on packets that come in let it pass. 0 or a negative errno.
 */
int sq_line_ip_post(struct sq_line_ip *ip, struct sq_line_outbox *outbox,
		    struct sq_line_packet *packet, size_t skip, bool in);

#endif
