/* SPDX-License-Identifier: GPL-2.0-only */
/* Telling when network devices appear, come up or get another name: rtnetlink(7)'s messages about links. */
#ifndef SQ_INJECT_LINK_WATCH_H
#define SQ_INJECT_LINK_WATCH_H

#include <stdbool.h>

#include "util/error.h"

/*
 * Begins to watch the devices of the network namespace @netns_fd. The descriptor is readable when there is news;
 * it keeps the namespace. Or a negative errno.
 */
int sq_link_watch(int netns_fd, struct sq_error **err);

/*
 * Reads what has come by then: what it says does not matter, only that there is something to look for. False: there
 * was nothing.
 */
bool sq_link_watch_drain(int fd);

#endif
