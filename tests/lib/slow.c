// SPDX-License-Identifier: GPL-2.0-only
/*
 * To be preloaded: a disk on which a run's journal takes SLOW_MKDIR_MS to begin, an entry that takes
 * SLOW_LOCK_MS to lock, a directory of users that does not answer for SLOW_USERS_MS, and processors on
 * which a helper's new thread waits for SLOW_THREAD_MS.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
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

/* Of a run's own entry; the lock of the folder of all is waited for. */
int flock(int fd, int operation)
{
	int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");

	if (operation == (LOCK_EX | LOCK_NB))
		hold_up("SLOW_LOCK_MS");
	return next(fd, operation);
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

struct begin {
	void *(*function)(void *);
	void *data;
};

static void *begin_late(void *data)
{
	struct begin begin = *(struct begin *)data;

	free(data);
	hold_up("SLOW_THREAD_MS");
	return begin.function(begin.data);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *),
		   void *data)
{
	int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		(int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
			RTLD_NEXT, "pthread_create");
	struct begin *begin = malloc(sizeof(*begin));
	char name[16];

	prctl(PR_GET_NAME, name);
	if (!begin || strncmp(name, "squall-", 7)) {
		free(begin);
		return next(thread, attr, function, data);
	}
	*begin = (struct begin){ function, data };
	return next(thread, attr, begin_late, begin);
}
