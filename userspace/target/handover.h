/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that are held in another cgroup than made them: systemd listens for a .socket and hands over,
 * a server passes a connection on. By its cgroup a fault on packets would miss the one and hit the
 * other.
 */
#ifndef SQ_TARGET_HANDOVER_H
#define SQ_TARGET_HANDOVER_H

#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/numbers.h"
#include "util/set.h"
#include "util/text.h"

enum sq_handed_what {
	SQ_HANDED_IN, /* only processes of a target hold it, and another cgroup made it */
	SQ_HANDED_OUT, /* a target made it, and only others hold it */
	SQ_HANDED_SHARED, /* as the first, but others hold it too: nobody knows whose a packet is */
};

struct sq_handed {
	enum sq_handed_what what;
	size_t path; /* of the target: its index in the scope's paths */
	uint64_t inode;
	pid_t pid; /* who holds it, of the others where it is shared or handed out */
	int fd; /* as which descriptor of that process */
	uint16_t port;
	uint8_t protocol; /* IPPROTO_* */
};

struct sq_handovers {
	struct sq_handed *item;
	size_t n;
};

/* Whom to look at. */
struct sq_handover_scope {
	struct sq_texts paths; /* the cgroups that are hit, with all below */
	struct sq_set carved; /* paths of what is protected in them, with all below */
	struct sq_set exact; /* the same, but not what is below */
	struct sq_numbers known; /* inodes that are not to be told of, sorted */
};

void sq_handover_scope_clear(struct sq_handover_scope *scope);

/*
 * Finds the TCP and UDP sockets whose holders and cgroup do not agree, in the network namespaces of the
 * targets' processes and in squall's own; @ret is to be cleared. What a service manager keeps of a
 * socket that it has handed over does not count. Other processes are looked at only where there is
 * something to be told of.
 */
int sq_handovers_find(const struct sq_handover_scope *scope, struct sq_handovers *ret,
		      struct sq_error **err);
void sq_handovers_clear(struct sq_handovers *handovers);

/*
 * A descriptor of our own for such a socket (pidfd_getfd(2), 5.6; wants CAP_SYS_PTRACE). -ESRCH: it is
 * held no more as it was.
 */
int sq_handed_open(const struct sq_handed *handed);

#endif
