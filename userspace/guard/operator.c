// SPDX-License-Identifier: GPL-2.0-only
#include "guard/operator.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/fs.h"

uid_t sq_login_uid(void)
{
	_cleanup_free_ char *text = NULL;

	if (sq_read_file(AT_FDCWD, "/proc/self/loginuid", 64, &text) > 0)
		return (uid_t)strtoul(text, NULL, 10);
	return SQ_NO_LOGIN;
}

/* The user of sudo, or NULL. The login uid survives sudo and su; this is only what sudo says. */
static const char *by_sudo(uid_t login)
{
	const char *sudo = getenv("SUDO_USER");

	return login == SQ_NO_LOGIN && sudo && *sudo ? sudo : NULL;
}

char *sq_operator(void)
{
	uid_t login = sq_login_uid();
	const char *sudo = by_sudo(login);

	return sudo ? sq_strdup(sudo) : sq_user_name(login == SQ_NO_LOGIN ? getuid() : login);
}

int sq_operator_find(struct sq_user *ret)
{
	uid_t login = sq_login_uid();
	const char *sudo = by_sudo(login);

	return sudo ? sq_user_find(sudo, ret)
		    : sq_user_of(login == SQ_NO_LOGIN ? getuid() : login, ret);
}

bool sq_operator_is_person(void)
{
	return getuid() == 0 && isatty(STDIN_FILENO) && !by_sudo(sq_login_uid());
}
