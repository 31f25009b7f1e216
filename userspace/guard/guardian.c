// SPDX-License-Identifier: GPL-2.0-only
#include "guard/guardian.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "util/fs.h"
#include "util/process.h"
#include "util/time.h"

#define TICK_MS 50
#define SILENCE_NS (400 * SQ_MS)

int sq_guardian_abort_connection(uint32_t connection)
{
	_cleanup_close_ int fusectl = sq_detached_mount("fusectl", NULL, 0);
	char path[32];

	if (fusectl < 0)
		return fusectl;
	snprintf(path, sizeof(path), "%u/abort", connection);
	return sq_write_existing(fusectl, path, "1", 1);
}

void sq_guardian_wake_sleepers(const struct sq_helper_page *page)
{
	const struct sq_helper_state *nap = &page->helper[SQ_HELPER_NAP];
	uint64_t beat = __atomic_load_n(&nap->beat_ns, __ATOMIC_RELAXED), now = sq_now();

	if (!__atomic_load_n(&nap->ready, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&nap->ended, __ATOMIC_ACQUIRE) || now < beat + SILENCE_NS)
		return;
	/* a dead one's connection is gone, and its number may be another file system's by now */
	if (sq_process_alive(nap->pid, nap->start_time))
		sq_guardian_abort_connection(nap->value[0]);
}

int sq_guardian_watch(struct sq_helper *helper, struct sq_error **err)
{
	struct pollfd fds[] = {
		{ .fd = helper->orphaned_fd, .events = POLLIN },
		{ .fd = SQ_GUARDIAN_FD_CONTROLLER, .events = POLLIN },
	};
	bool orphaned = false;

	/*
	 * First the controller lets go of the mutex, then it is dead: in between it may wait for
	 * naps, which must not be left sleeping.
	 */
	for (;;) {
		int n = poll(fds, ARRAY_SIZE(fds), TICK_MS);

		if (n < 0 && errno != EINTR)
			return sq_error_errno(err, errno, "cannot wait for the controller");
		sq_helper_beat(helper);
		sq_guardian_wake_sleepers(helper->page);
		if (n > 0 && fds[0].revents) {
			orphaned = true;
			fds[0].fd = -1;
		}
		if (orphaned && __atomic_load_n(&helper->page->finished, __ATOMIC_SEQ_CST))
			return 0;
		if (n > 0 && fds[1].revents)
			return 1;
	}
}
