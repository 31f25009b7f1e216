/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nap: what holds a system call back. The kernel side reads a page of the napper's memory; the
 * page belongs to a FUSE file; the nap server answers the read, with an error so that nothing is
 * cached, when the nap is over. The file system is mounted nowhere.
 */
#ifndef SQ_INJECT_NAP_H
#define SQ_INJECT_NAP_H

#include "guard/lease.h"
#include "util/helper.h"

/* Where the napper maps its file: a constant of the BPF program. */
#define SQ_NAP_BASE 0x200000000000ull

/*
 * Starts the nap server, in a process that holds no BPF program: its death must not wait for
 * naps to end. @requests_fd is the map of what sleeps until when.
 */
int sq_nap_start(struct sq_helpers *helpers, const struct sq_lease *lease, int switch_fd,
		 int requests_fd, struct sq_error **err);

/* The napper's pid, to be told to the kernel side. */
pid_t sq_nap_pid(const struct sq_helpers *helpers);

/* The nap server's own main function. */
int sq_nap_main(int argc, char **argv);

/* Can FUSE be had? 0, or why not. */
int sq_nap_probe(struct sq_error **err);

#endif
