/* SPDX-License-Identifier: GPL-2.0-only */
/* Who runs this program, whatever became of him by sudo or su. */
#ifndef SQ_GUARD_OPERATOR_H
#define SQ_GUARD_OPERATOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/user.h"

#define SQ_NO_LOGIN ((uid_t)-1)

/* Who logged in, whatever became of him since; SQ_NO_LOGIN: nobody, as in a service or a timer. */
uid_t sq_login_uid(void);

/*
 * The login user, the user of sudo, or the uid's name. To be freed. May take a second where users
 * are looked up on the network: not before what must be fast.
 */
char *sq_operator(void);

/* The same as a user; errors as those of sq_user_find(). */
int sq_operator_find(struct sq_user *ret);

/* A person logged in, sits at a terminal, and has become root: a CI runner's sudo is none of that. */
bool sq_operator_is_person(void);

#endif
