/* SPDX-License-Identifier: GPL-2.0-only */
/* Network devices of squall's own. */
#ifndef SQ_UTIL_DEVICE_H
#define SQ_UTIL_DEVICE_H

#include <stdbool.h>

/*
 * Raises a device in the calling thread's network namespace, so that it keeps silent: without an address of IPv6,
 * router solicitations and neighbours. 0 or a negative errno.
 */
int sq_device_raise(const char *name);

/* Is there a device with this number in the calling thread's network namespace, and is it up? */
bool sq_device_is_up(unsigned int ifindex);

#endif
