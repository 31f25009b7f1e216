/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets and the cgroups they belong to. A socket belongs to the cgroup that made it, whoever holds
 * it now: one that systemd has listened on and handed over is systemd's.
 */
#ifndef SQ_TARGET_SOCKETS_H
#define SQ_TARGET_SOCKETS_H

#include <stdint.h>
#include <sys/types.h>

#include "target/target.h"
#include "util/error.h"
#include "util/text.h"

struct sq_socket {
	uint64_t cgroup, inode; /* inode 0: nobody holds it any more */
	uint64_t sent, received; /* bytes of a TCP connection that were acknowledged, and got */
	uint16_t port, peer_port;
	uint8_t protocol; /* IPPROTO_* */
};

struct sq_sockets {
	struct sq_socket *item;
	size_t n;
};

/*
 * The TCP and UDP sockets of the calling thread's network namespace (sock_diag(7); the cgroup's id
 * since 5.9).
 */
int sq_sockets_list(struct sq_sockets *ret, struct sq_error **err);

/*
 * Those of each network namespace that one of the processes @pids lives in, and of squall's own: what a
 * process gave away may be there though none is left.
 */
int sq_sockets_list_of(const pid_t *pids, size_t n_pids, struct sq_sockets *ret,
		       struct sq_error **err);
void sq_sockets_clear(struct sq_sockets *sockets);

/* What a cgroup and all below it come to. */
struct sq_traffic {
	uint64_t sockets, sent, received;
};

/* Adds up the sockets that belong to @path or below it. */
void sq_sockets_sum(const struct sq_sockets *sockets, const char *path, struct sq_traffic *ret);

#endif
