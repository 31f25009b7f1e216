// SPDX-License-Identifier: GPL-2.0-only
/* What comes to the targets' processes while faults act: network namespaces, devices in them, views of names. */
#include "engine/state.h"

static int on_notes(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	_cleanup_texts_ struct sq_texts notes = { 0 };
	struct sq_run *run = data;

	sq_injector_take_notes(run->injector, &notes);
	for (size_t i = 0; i < notes.n; i++)
		sq_run_note(run, notes.item[i]);
	return 0;
}

int sq_spaces_start(struct sq_run *run, struct sq_error **err)
{
	int r = sq_injector_follow_spaces(run->injector, err), fd;

	if (r)
		return r;
	fd = sq_injector_spaces_fd(run->injector);
	if (fd >= 0)
		r = sd_event_add_io(run->event, &run->spaces, fd, EPOLLIN, on_notes, run);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch the network devices") : 0;
}

void sq_spaces_look(struct sq_run *run)
{
	sq_injector_refresh(run->injector);
	sq_resolver_look(run->resolver);
}

void sq_spaces_end(struct sq_run *run)
{
	run->spaces = sd_event_source_disable_unref(run->spaces);
}
