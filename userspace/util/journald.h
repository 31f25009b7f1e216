/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's journal: entries with fields, which never hold up who writes them. */
#ifndef SQ_UTIL_JOURNALD_H
#define SQ_UTIL_JOURNALD_H

#include <stddef.h>

#define SQ_JOURNALD_SOCKET "/run/systemd/journal/socket"
#define SQ_JOURNALD_FIELDS 24

/* An entry that is being made; fields without a value are left out. */
struct sq_journald_entry {
	struct {
		const char *name, *value; /* the caller's, until it is sent */
	} field[SQ_JOURNALD_FIELDS];
	size_t n;
};

void sq_journald_add(struct sq_journald_entry *entry, const char *name, const char *value);

/*
 * Sends an entry to the socket @path by journald's native protocol (systemd's JOURNAL_NATIVE_PROTOCOL.md).
 * sd_journal_send() would wait for a journald that is stopped, or whose disk is: here the entry is lost
 * then, as it is where there is no journald. 0, or a negative errno for those who want to know.
 */
int sq_journald_send(const char *path, const struct sq_journald_entry *entry);

#endif
