// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inject/line.h"
#include "inject/line_protocol.h"
#include "util/device.h"

/* In the thread's network namespace, as all that makes. */
static int attach_back(const struct sq_line_maker *maker, struct sq_line_work *work)
{
	return maker->backs ? sq_line_space_attach_back(&work->space, sq_line_ifindex(maker->lease),
							SQ_LINE_FD_BACK_PROGRAM, &work->err)
			    : 0;
}

/* The part in the kernel. */
static int add_pair(const struct sq_line_maker *maker, struct sq_line_work *work)
{
	struct sq_line_pair_setup setup = { .netns_fd = maker->private.netns_fd,
					    .sysfs_fd = maker->private.sysfs_fd,
					    .ifindex = sq_line_private_ifindex(maker->lease),
					    .turn_program_fd = SQ_LINE_FD_TURN,
					    .release_program_fd = SQ_LINE_FD_RELEASE };

	if (!maker->pairs)
		return 0;
	sq_line_private_name(maker->lease, setup.name);
	snprintf(setup.far_name, sizeof(setup.far_name), "squall%zu", work->place);
	return sq_line_pair_open(&work->pair, &setup, &work->err);
}

static int make(const struct sq_line_maker *maker, struct sq_line_work *work)
{
	char name[IFNAMSIZ];
	int r;

	sq_line_name(maker->lease, name);
	r = sq_line_space_open(&work->space, sq_line_ifindex(maker->lease), name, &work->err);
	if (r)
		return r;
	r = attach_back(maker, work);
	if (!r)
		r = add_pair(maker, work);
	if (r)
		sq_line_space_close(&work->space);
	return r;
}

static int remake(const struct sq_line_maker *maker, struct sq_line_work *work)
{
	int r;

	if (sq_device_is_up(sq_line_ifindex(maker->lease)))
		return 0;
	work->remade = true;
	r = sq_line_space_make_device(&work->space, sq_line_ifindex(maker->lease), &work->err);
	return r ? r : attach_back(maker, work);
}

static void unmake(struct sq_line_work *work)
{
	sq_line_pair_close(&work->pair);
	sq_line_space_close(&work->space);
}

/* In this process: the sockets are its cgroup's. */
static void perform(struct sq_line_maker *maker, struct sq_line_work *work)
{
	if (__atomic_load_n(&maker->ending, __ATOMIC_RELAXED))
		work->result = sq_error_set(&work->err, SQ_FAIL_ERROR, ECANCELED, "the run ends");
	else if (setns(work->netns_fd, CLONE_NEWNET) < 0)
		work->result =
			sq_error_errno(&work->err, errno, "cannot enter a network namespace");
	else
		work->result = work->kind == SQ_LINE_MAKE ? make(maker, work) : remake(maker, work);
}

static void *run(void *data)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct sq_line_maker *maker = data;
	struct sq_line_work *work;

	while (read(maker->work[0], &work, sizeof(work)) == sizeof(work)) {
		if (work->kind == SQ_LINE_UNMAKE)
			unmake(work);
		else
			perform(maker, work);
		/* a thread would keep the namespace that it is in */
		setns(own, CLONE_NEWNET);
		/* there is room for thousands */
		if (write(maker->done[1], &work, sizeof(work)) != sizeof(work))
			abort();
	}
	return NULL;
}

int sq_line_maker_start(struct sq_line_maker *maker, struct sq_error **err)
{
	int r = pipe2(maker->work, O_CLOEXEC) < 0 || pipe2(maker->done, O_CLOEXEC) < 0 ||
				fcntl(maker->done[0], F_SETFL, O_NONBLOCK) < 0
			? errno
			: pthread_create(&maker->thread, NULL, run, maker);

	return r ? sq_error_errno(err, r, "cannot start the delay line's thread") : 0;
}

void sq_line_nothing(struct sq_line_space *space, struct sq_line_pair *pair)
{
	*space = (struct sq_line_space){ -EBADF, -EBADF, -EBADF, -EBADF };
	space->ip.v4_fd = space->ip.v6_fd = space->ip.v4_in_fd = space->ip.v6_in_fd = -EBADF;
	space->ip.homes.fd = -EBADF;
	*pair = (struct sq_line_pair){ -EBADF, -EBADF, -EBADF, 0 };
}

struct sq_line_work *sq_line_work_new(enum sq_line_work_kind kind, size_t place)
{
	struct sq_line_work *work = sq_alloc(sizeof(*work));

	work->kind = kind;
	work->place = place;
	work->netns_fd = -EBADF;
	sq_line_nothing(&work->space, &work->pair);
	return work;
}

void sq_line_maker_do(struct sq_line_maker *maker, struct sq_line_work *work)
{
	if (write(maker->work[1], &work, sizeof(work)) != sizeof(work))
		abort();
}

int sq_line_maker_fd(const struct sq_line_maker *maker)
{
	return maker->done[0];
}

struct sq_line_work *sq_line_maker_take(struct sq_line_maker *maker)
{
	struct sq_line_work *work;

	return read(maker->done[0], &work, sizeof(work)) == sizeof(work) ? work : NULL;
}

struct sq_line_work *sq_line_work_free(struct sq_line_work *work)
{
	sq_close(work->netns_fd);
	sq_error_free(work->err);
	free(work);
	return NULL;
}

void sq_line_maker_end(struct sq_line_maker *maker)
{
	struct sq_line_work *work;

	__atomic_store_n(&maker->ending, true, __ATOMIC_RELAXED);
	sq_close(maker->work[1]);
	pthread_join(maker->thread, NULL);
	while ((work = sq_line_maker_take(maker))) {
		if (!work->result)
			unmake(work);
		sq_line_work_free(work);
	}
}
