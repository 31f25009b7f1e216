// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes to the targets' processes while faults act: network namespaces, and devices in them. One step in one of
 * them is made each time the loop comes round, so that many of them do not hold up the lease.
 */
#include <stdlib.h>

#include "engine/state.h"
#include "util/event.h"
#include "util/time.h"

#define REST_NS \
	(100 * SQ_MS) /* from one look at the devices to the next: some change all the time */
#define LEFT_NS (2 * SQ_S) /* from one look at who has left to the next, at the least */
#define LEFT_FACTOR 20 /* and by what it took: there may be thousands of cgroups */

struct sq_spaces {
	struct sq_run *run;
	sd_event_source *turn, *links, *left;
};

/* The next one, when all else that is due has had its turn. */
static int on_turn(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_spaces *spaces = data;
	struct sq_run *run = spaces->run;
	_cleanup_error_ struct sq_error *err = NULL;

	if (!run->armed || run->stopping)
		return 0;
	if (!sq_injector_has_changed(run->injector))
		return spaces->links ? sd_event_source_set_enabled(spaces->links, SD_EVENT_ON) : 0;
	if (sq_injector_attach_next(run->injector, &err))
		sq_run_note(run, err->message);
	return sq_event_again(source, sq_injector_has_changed(run->injector) ? 0 : REST_NS);
}

static int on_links(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct sq_spaces *spaces = data;

	sq_injector_look_at_links(spaces->run->injector);
	/* what comes meanwhile is read at the next look */
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return sq_event_again(spaces->turn, 0);
}

/* One each time, as well. */
static int on_left(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_spaces *spaces = data;
	struct sq_run *run = spaces->run;
	uint64_t begun = sq_now();
	bool more;

	if (!run->armed || run->stopping)
		return 0;
	more = sq_injector_let_go_next(run->injector, &run->left);
	if (sq_injector_has_changed(run->injector))
		sq_event_again(spaces->turn, 0);
	return sq_event_again(source, more ? 0 : MAX(LEFT_NS, LEFT_FACTOR * (sq_now() - begun)));
}

int sq_spaces_start(struct sq_run *run, struct sq_error **err)
{
	struct sq_spaces *spaces = sq_alloc(sizeof(*spaces));
	int fd = sq_injector_links_fd(run->injector), r;

	run->spaces = spaces;
	spaces->run = run;
	r = sd_event_add_time_relative(run->event, &spaces->turn, CLOCK_MONOTONIC, 0, SQ_MS / SQ_US,
				       on_turn, spaces);
	if (r >= 0 && fd >= 0)
		r = sd_event_add_io(run->event, &spaces->links, fd, EPOLLIN, on_links, spaces);
	if (r >= 0 && fd >= 0)
		r = sd_event_add_time_relative(run->event, &spaces->left, CLOCK_MONOTONIC,
					       LEFT_NS / SQ_US, SQ_MS, on_left, spaces);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch the network devices") : 0;
}

void sq_spaces_look(struct sq_run *run)
{
	_cleanup_error_ struct sq_error *err = NULL;

	if (!run->spaces)
		return;
	if (sq_injector_refresh(run->injector, &err))
		sq_run_note(run, err->message);
	if (sq_injector_has_changed(run->injector))
		sq_event_again(run->spaces->turn, 0);
	sq_resolver_look(run->resolver);
}

struct sq_spaces *sq_spaces_free(struct sq_spaces *spaces)
{
	if (!spaces)
		return NULL;
	sd_event_source_disable_unref(spaces->left);
	sd_event_source_disable_unref(spaces->links);
	sd_event_source_disable_unref(spaces->turn);
	free(spaces);
	return NULL;
}
