/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to systemd. */
#ifndef SQ_UTIL_SYSTEMD_H
#define SQ_UTIL_SYSTEMD_H

#include <systemd/sd-bus.h>

/*
 * Straight to systemd by its own socket, which needs no dbus-daemon and lets root in, or else by the
 * system's bus; DBUS_SYSTEM_BUS_ADDRESS overrules both. With @uid, text, to that user's manager, which
 * has no other way: the user's bus would not let root in. Negative errno.
 */
int sq_systemd_connect(const char *uid, sd_bus **ret);

#endif
