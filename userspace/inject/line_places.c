// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static void poll_place(struct sq_line_places *places, size_t i)
{
	places->fds[i] = (struct pollfd){ .fd = places->space[i].tap_fd, .events = POLLIN };
}

/* One that nobody has, or SQ_LINE_PLACES. */
static size_t find_place(const struct sq_line_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		if (!places->place[i].netns && !places->place[i].busy)
			return i;
	return places->n;
}

int sq_line_places_open(struct sq_line_places *places, struct pollfd *fds, struct sq_error **err)
{
	places->fds = fds;
	for (size_t i = 0; i < SQ_LINE_PLACES; i++) {
		fds[i].fd = -1;
		sq_line_nothing(&places->space[i], &places->pair[i]);
	}
	return sq_line_maker_start(&places->maker, err);
}

/* The one of this network namespace, or places->n. */
static size_t place_of(const struct sq_line_places *places, ino_t netns)
{
	size_t i = 0;

	while (i < places->n && places->place[i].netns != netns)
		i++;
	return i;
}

/* While the device is the maker's. */
static int remake(struct sq_line_places *places, size_t i, uint32_t number)
{
	struct sq_line_space *space = &places->space[i];
	struct sq_line_work *work = sq_line_work_new(SQ_LINE_REMAKE, i);

	work->netns_fd = sq_line_space_netns(space);
	if (work->netns_fd < 0) {
		sq_line_work_free(work);
		return -ENOENT;
	}
	work->space = *space;
	space->tap_fd = space->back_fd = -EBADF;
	places->fds[i].fd = -1;
	places->place[i].busy = true;
	places->place[i].number = number;
	sq_line_maker_do(&places->maker, work);
	return 0;
}

static int make(struct sq_line_places *places, ino_t netns, int netns_fd, uint32_t number,
		struct sq_error **err)
{
	size_t i = find_place(places);
	struct sq_line_work *work;

	if (i == SQ_LINE_PLACES)
		return sq_error_set(err, SQ_FAIL_ERROR, ENOSPC,
				    "the delay line serves no more "
				    "than %d network namespaces",
				    SQ_LINE_PLACES);
	work = sq_line_work_new(SQ_LINE_MAKE, i);
	work->netns_fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 0);
	places->place[i] = (struct sq_line_place){ .netns = netns, .busy = true, .number = number };
	places->n = MAX(places->n, i + 1);
	sq_line_maker_do(&places->maker, work);
	return 0;
}

int sq_line_places_add(struct sq_line_places *places, int netns_fd, uint32_t number,
		       struct sq_error **err)
{
	struct stat st;
	size_t i;
	int r = 0;

	if (fstat(netns_fd, &st) < 0)
		return sq_error_errno(err, errno, "cannot look at a network namespace");
	i = place_of(places, st.st_ino);
	if (i == places->n) {
		r = make(places, st.st_ino, netns_fd, number, err);
	} else if (places->place[i].busy) {
		places->place[i].unwanted = false;
		places->place[i].number = number;
	} else {
		r = remake(places, i, number);
	}
	return r ? r : -EINPROGRESS;
}

/* What the place has is the maker's from now on, to be unmade. */
static void drop(struct sq_line_places *places, size_t i, uint32_t number)
{
	struct sq_line_work *work = sq_line_work_new(SQ_LINE_UNMAKE, i);

	places->place[i] = (struct sq_line_place){ .busy = true, .number = number };
	places->dropped += sq_line_space_dropped(&places->space[i]);
	places->fds[i].fd = -1;
	work->space = places->space[i];
	work->pair = places->pair[i];
	sq_line_nothing(&places->space[i], &places->pair[i]);
	sq_line_maker_do(&places->maker, work);
}

int sq_line_places_drop(struct sq_line_places *places, int netns_fd, uint32_t number,
			struct sq_error **err)
{
	struct stat st;
	size_t i;

	if (fstat(netns_fd, &st) < 0)
		return sq_error_errno(err, errno, "cannot look at a network namespace");
	i = place_of(places, st.st_ino);
	if (i == places->n)
		return 0;
	if (places->place[i].busy) {
		places->place[i].unwanted = true;
		places->place[i].number = number;
	} else {
		drop(places, i, number);
	}
	return -EINPROGRESS;
}

bool sq_line_places_remake(struct sq_line_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->place[i].netns && !places->place[i].busy && places->fds[i].fd < 0 &&
		    remake(places, i, 0))
			return false;
	return true;
}

/* Takes over what was made. */
static void install(struct sq_line_places *places, const struct sq_line_work *work)
{
	struct sq_line_space *space = &places->space[work->place];

	if (work->kind == SQ_LINE_MAKE) {
		*space = work->space;
		places->pair[work->place] = work->pair;
	} else {
		space->tap_fd = work->space.tap_fd;
		space->back_fd = work->space.back_fd;
	}
	poll_place(places, work->place);
}

/* The maker is done. Returns the number of the request to be answered, or 0. */
static uint32_t settle(struct sq_line_places *places, const struct sq_line_work *work)
{
	struct sq_line_place *place = &places->place[work->place];
	const struct sq_line_place asked = *place;

	*place = (struct sq_line_place){ .netns = work->result ? 0 : asked.netns };
	if (work->kind != SQ_LINE_UNMAKE && !work->result)
		install(places, work);
	if (!asked.unwanted || work->result)
		return asked.number;
	drop(places, work->place, asked.number);
	return 0;
}

int sq_line_places_take(struct sq_line_places *places, struct sq_line_reply *reply,
			uint64_t *remade)
{
	struct sq_line_work *work = sq_line_maker_take(&places->maker);
	int r = 1;

	if (!work)
		return 0;
	*reply = (struct sq_line_reply){ .result = work->result };
	reply->number = settle(places, work);
	if (work->err)
		snprintf(reply->message, sizeof(reply->message), "%s", work->err->message);
	if (work->kind == SQ_LINE_REMAKE && work->result)
		r = work->result;
	*remade += work->remade;
	sq_line_work_free(work);
	return r;
}

uint64_t sq_line_places_dropped(const struct sq_line_places *places)
{
	uint64_t dropped = places->dropped;

	if (places->held)
		dropped += places->held->lost + places->held->delayed;
	for (size_t i = 0; i < places->n; i++)
		dropped += sq_line_space_dropped(&places->space[i]);
	return dropped;
}

void sq_line_places_close(struct sq_line_places *places)
{
	sq_line_maker_end(&places->maker);
	for (size_t i = 0; i < places->n; i++)
		sq_line_pair_close(&places->pair[i]);
}
