/* SPDX-License-Identifier: GPL-2.0-only */
/* Doing something in another network namespace. */
#ifndef SQ_UTIL_NETNS_H
#define SQ_UTIL_NETNS_H

#include <stdint.h>

#include "util/error.h"

/*
 * Runs @function in the network namespace of @netns_fd and returns what it returns. It runs in a
 * thread of its own that ends there, so the caller can never be left behind in the wrong one.
 */
int sq_netns_call(int netns_fd, int (*function)(void *argument, struct sq_error **err),
		  void *argument, struct sq_error **err);

/* The same in a new network namespace, empty but for lo, which is gone when @function returns. */
int sq_netns_call_new(int (*function)(void *argument, struct sq_error **err), void *argument,
		      struct sq_error **err);

/*
 * A descriptor of the network namespace with this inode, found by its processes or its mount.
 * -ENOENT only where it is sure that there is none.
 */
int sq_netns_find(uint64_t inode);

#endif
