// SPDX-License-Identifier: GPL-2.0-only
#include "engine/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/event.h"
#include "util/fs.h"
#include "util/process.h"

#define MOST_OUTPUT (256u << 10)

struct child {
	struct child *next;
	struct sq_children *children;
	const char *kind; /* "target", "load" */
	char *name;
	pid_t pid; /* 0: it has ended */
	int output_fd, log_fd;
	size_t written;
	sd_event_source *exit, *output;
};

struct sq_children {
	struct sq_children_setup setup;
	struct child *child;
	bool stopping;
};

struct sq_children *sq_children_new(const struct sq_children_setup *setup)
{
	struct sq_children *children = sq_alloc(sizeof(*children));

	children->setup = *setup;
	return children;
}

/* Keeps the beginning; the rest is read and dropped, so that the program is never held up. */
static int on_output(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct child *child = data;
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		child->output = sd_event_source_disable_unref(child->output);
	if (n <= 0)
		return 0;
	n = MIN(n, (ssize_t)(MOST_OUTPUT - child->written));
	/* a disk without room is noticed by the journal, which ends the run */
	if (n > 0 && !sq_write_all(child->log_fd, text, (size_t)n))
		child->written += (size_t)n;
	return 0;
}

static int on_ended(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct child *child = data;
	const struct sq_children_setup *setup = &child->children->setup;
	_cleanup_free_ char *what = NULL;

	child->pid = 0;
	if (child->children->stopping)
		return 0;
	if (info->si_code == CLD_EXITED)
		what = sq_asprintf("%s '%s' ended by itself: exit code %d", child->kind,
				   child->name, info->si_status);
	else
		what = sq_asprintf("%s '%s' ended: killed by SIG%s", child->kind, child->name,
				   sq_signal_name(info->si_status));
	setup->ended(setup->data, what);
	return 0;
}

/* A name becomes a file's: nothing in it may lead elsewhere. */
static char *log_name(const struct child *child)
{
	char *name = sq_asprintf("%s-%s.log", child->kind, child->name);

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	return name;
}

/* Makes the pipe that the program writes to; its end is the caller's to hand on and close. */
static int open_output(struct child *child, int *ret_writer, struct sq_error **err)
{
	_cleanup_free_ char *name = log_name(child);

	child->log_fd = openat(child->children->setup.journal_fd, name,
			       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (child->log_fd < 0)
		return sq_error_errno(err, errno, "cannot make the log '%s'", name);
	return sq_event_pipe(&child->output_fd, ret_writer, err);
}

static struct child *add(struct sq_children *children, const char *kind, const char *name)
{
	struct child *child = sq_alloc(sizeof(*child));

	*child = (struct child){ .next = children->child,
				 .children = children,
				 .kind = kind,
				 .name = sq_strdup(name),
				 .output_fd = -EBADF,
				 .log_fd = -EBADF };
	children->child = child;
	return child;
}

static int watch(struct child *child, int pidfd, struct sq_error **err)
{
	const struct sq_event_program program = {
		.pidfd = pidfd,
		.output_fd = child->output_fd,
		.on_ended = on_ended,
		.on_output = on_output,
		.data = child,
	};
	int r = sq_event_watch(child->children->setup.event, &program, &child->exit,
			       &child->output);

	return r < 0 ? sq_error_errno(err, -r, "cannot watch %s '%s'", child->kind, child->name)
		     : 0;
}

int sq_children_start_target(struct sq_children *children, const struct sq_target *target,
			     struct sq_member *member, struct sq_error **err)
{
	struct child *child = add(children, "target", target->object.key);
	_cleanup_close_ int writer = -EBADF;
	int pidfd, r = open_output(child, &writer, err);

	if (!r)
		r = sq_target_start(target, member, children->setup.user, writer, &child->pid,
				    &pidfd, err);
	return r ? r : watch(child, pidfd, err);
}

int sq_children_start_load(struct sq_children *children, const struct sq_load *load,
			   struct sq_error **err)
{
	struct child *child = add(children, "load", load->name);
	_cleanup_close_ int writer = -EBADF;
	int pidfd, r = open_output(child, &writer, err);

	if (!r)
		r = sq_spawn(&(struct sq_spawn){ .argv = (const char *const *)load->command.item,
						 .cgroup_fd = children->setup.work_fd,
						 .stdin_fd = -EBADF,
						 .stdout_fd = writer,
						 .stderr_fd = writer,
						 .user = children->setup.user },
			     &child->pid, &pidfd, err);
	if (r)
		return sq_error_wrap(err, "load '%s'", load->name);
	return watch(child, pidfd, err);
}

bool sq_children_has_ended(const struct sq_children *children, const char *name)
{
	for (const struct child *child = children->child; child; child = child->next)
		if (!strcmp(child->name, name) && !child->pid)
			return true;
	return false;
}

void sq_children_stop(struct sq_children *children)
{
	children->stopping = true;
	for (struct child *child = children->child; child; child = child->next)
		if (child->pid)
			sd_event_source_send_child_signal(child->exit, SIGTERM, NULL, 0);
}

size_t sq_children_running(const struct sq_children *children)
{
	size_t n = 0;

	for (const struct child *child = children->child; child; child = child->next)
		n += child->pid > 0;
	return n;
}

struct sq_children *sq_children_free(struct sq_children *children)
{
	struct child *child, *next;

	for (child = children ? children->child : NULL; child; child = next) {
		next = child->next;
		sd_event_source_disable_unref(child->exit);
		sd_event_source_disable_unref(child->output);
		sq_close(child->output_fd);
		sq_close(child->log_fd);
		free(child->name);
		free(child);
	}
	free(children);
	return NULL;
}
