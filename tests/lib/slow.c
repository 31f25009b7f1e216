// SPDX-License-Identifier: GPL-2.0-only
/*
 * To be preloaded: a disk on which a run's journal takes SLOW_MKDIR_MS to begin, and a directory of
 * users that does not answer for SLOW_USERS_MS.
 */
#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void hold_up(const char *variable)
{
	const char *ms = getenv(variable);

	if (ms)
		usleep((useconds_t)atoi(ms) * 1000);
}

int mkdir(const char *path, mode_t mode)
{
	int (*next)(const char *, mode_t) =
		(int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");

	if (!strncmp(path, "/var/lib/squall/runs/", 21))
		hold_up("SLOW_MKDIR_MS");
	return next(path, mode);
}

struct passwd *getpwuid(uid_t uid)
{
	hold_up("SLOW_USERS_MS");
	return NULL;
}

int getpwuid_r(uid_t uid, struct passwd *user, char *text, size_t n, struct passwd **ret)
{
	hold_up("SLOW_USERS_MS");
	*ret = NULL;
	return 0;
}
