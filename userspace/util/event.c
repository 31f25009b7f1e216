// SPDX-License-Identifier: GPL-2.0-only
#include "util/event.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/time.h"

int sq_event_again(sd_event_source *source, uint64_t ns)
{
	int r = sd_event_source_set_time_relative(source, ns / SQ_US);

	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void sq_event_signal(int fd)
{
	uint64_t one = 1;

	/* a counter that is full is readable already */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

int sq_event_pipe(int *ret_reader, int *ret_writer, struct sq_error **err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return sq_error_errno(err, errno, "cannot make a pipe");
	*ret_reader = ends[0];
	*ret_writer = ends[1];
	/* not of both: the program does not expect it */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

int sq_event_watch(sd_event *event, const struct sq_event_program *program,
		   sd_event_source **ret_child, sd_event_source **ret_output)
{
	int r = sd_event_add_child_pidfd(event, ret_child, program->pidfd, WEXITED,
					 program->on_ended, program->data);

	if (r < 0) {
		sq_close(program->pidfd);
		return r;
	}
	sd_event_source_set_child_pidfd_own(*ret_child, 1);
	return sd_event_add_io(event, ret_output, program->output_fd, EPOLLIN, program->on_output,
			       program->data);
}
