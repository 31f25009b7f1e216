// SPDX-License-Identifier: GPL-2.0-only
#include "util/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct call {
	int netns_fd; /* negative: a new one */
	int (*function)(void *argument, struct sq_error **err);
	void *argument;
	struct sq_error **err;
	int result;
};

static void *thread(void *data)
{
	struct call *call = data;
	int r = call->netns_fd < 0 ? unshare(CLONE_NEWNET) : setns(call->netns_fd, CLONE_NEWNET);

	if (r < 0)
		call->result = sq_error_errno(call->err, errno, "cannot enter a network namespace");
	else
		call->result = call->function(call->argument, call->err);
	return NULL;
}

static int run(struct call *call)
{
	pthread_t id;
	int r = pthread_create(&id, NULL, thread, call);

	if (r)
		return sq_error_errno(call->err, r, "cannot start a thread");
	pthread_join(id, NULL);
	return call->result;
}

int sq_netns_call(int netns_fd, int (*function)(void *argument, struct sq_error **err),
		  void *argument, struct sq_error **err)
{
	struct call call = {
		.netns_fd = netns_fd, .function = function, .argument = argument, .err = err
	};

	return run(&call);
}

int sq_netns_call_new(int (*function)(void *argument, struct sq_error **err), void *argument,
		      struct sq_error **err)
{
	struct call call = {
		.netns_fd = -EBADF, .function = function, .argument = argument, .err = err
	};

	return run(&call);
}

/*
 * Notes in *found the descriptor of @path if it is the namespace with this inode. What is gone is
 * not it, nor is what this process may not open: it never could. Of what cannot be opened for
 * another reason nobody knows, and *found keeps the reason.
 */
static void try_netns(const char *path, uint64_t inode, int *found)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno != ENOENT && errno != ESRCH && errno != EACCES)
		*found = -errno;
	else if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode)
		*found = TAKE_FD(fd);
}

static void find_in_processes(uint64_t inode, int *found)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		*found = -errno;
	while (proc && *found < 0 && (entry = readdir(proc))) {
		_cleanup_free_ char *path = NULL;

		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
			continue;
		path = sq_asprintf("/proc/%s/ns/net", entry->d_name);
		try_netns(path, inode, found);
	}
	if (proc)
		closedir(proc);
}

/* `ip netns` and container runtimes keep one without processes by a mount. */
static void find_mounted(uint64_t inode, int *found)
{
	_cleanup_free_ char *wanted = sq_asprintf("net:[%llu]", (unsigned long long)inode),
			    *line = NULL;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	size_t size = 0;

	if (!mounts)
		*found = -errno;
	while (mounts && *found < 0 && getline(&line, &size, mounts) > 0) {
		_cleanup_free_ char *root = NULL, *point = NULL;

		if (sscanf(line, "%*s %*s %*s %ms %ms", &root, &point) == 2 &&
		    !strcmp(root, wanted))
			try_netns(point, inode, found);
	}
	if (mounts)
		fclose(mounts);
}

int sq_netns_find(uint64_t inode)
{
	int found = -ENOENT;

	find_in_processes(inode, &found);
	if (found < 0)
		find_mounted(inode, &found);
	return found;
}
