// SPDX-License-Identifier: GPL-2.0-only
#include "util/netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

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
