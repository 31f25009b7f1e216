/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each of squall's processes gives up once it has set up what it needs: capabilities, for good,
 * and of those that parse or serve what comes from others all system calls but a few. One table says
 * what each keeps. Where the host forbids or lacks it, one goes on without.
 */
#ifndef SQ_UTIL_PRIVILEGES_H
#define SQ_UTIL_PRIVILEGES_H

enum sq_role {
	SQ_ROLE_NOTHING, /* threads that only print, wait, or ask who somebody is */
	SQ_ROLE_CONTROLLER, /* from the arming on; what it starts has all of its user's */
	SQ_ROLE_GUARD,
	SQ_ROLE_NAP,
	SQ_ROLE_NAPPER,
	SQ_ROLE_LINE,
	SQ_ROLE_LINE_STARTING, /* the same, while it may still start a thread */
	SQ_ROLE_RESOLVER,
	SQ_ROLES,
};

/*
 * Drops all else: the calling thread's capabilities; and the bounding set and system calls, of all
 * threads, where the role has no program to start. 0 or a negative errno.
 */
int sq_privileges_drop(enum sq_role role);

#endif
