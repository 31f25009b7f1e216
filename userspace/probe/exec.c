// SPDX-License-Identifier: GPL-2.0-only
/* exec probes: a program, its exit code and what it writes. No shell. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/sample.h"
#include "util/event.h"
#include "util/process.h"
#include "util/time.h"

#define DIE_NS (500 * SQ_MS) /* for what was killed to be gone */
#define PATIENCE_NS (50 * SQ_MS)
#define REAP_WAIT_US 1000
#define REAP_TRIES 20

/*
 * Reads what is there, at most what one sample keeps: a program that writes without end must not
 * hold up the event loop, which has a lease to renew.
 */
static void read_output(struct sq_pending *pending)
{
	size_t left = pending->most;
	char text[4096];
	ssize_t n;

	while ((n = read(pending->output_fd, text, MIN(left, sizeof(text)))) > 0) {
		sq_pending_add(pending, text, (size_t)n);
		left -= (size_t)n;
		if (!left)
			return;
	}
	if (n == 0)
		pending->output = sd_event_source_disable_unref(pending->output);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *data)
{
	read_output(data);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_pending *pending = data;

	if (pending->timed_out) {
		/* it hangs in the kernel, where nothing ends it: its sample is over all the same */
		sq_pending_finish(pending, "timed out");
		return 0;
	}
	pending->timed_out = true;
	kill(-pending->pid, SIGKILL); /* its session, so with what it started */
	sq_event_again(source, DIE_NS);
	return 0;
}

/* The zombie still tells what it and its children took: sd-event reaps it afterwards. */
static uint64_t cpu_of(pid_t pid)
{
	struct rusage usage = { 0 };
	siginfo_t info;

	if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, &usage) < 0)
		return 0;
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * SQ_S +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * SQ_US;
}

static int on_ended(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct sq_pending *pending = data;
	struct sq_prober *prober = pending->prober;
	uint64_t begun = sq_work_begin();

	pending->cpu_ns = cpu_of(pending->pid);
	pending->pid = 0; /* reaped by the event loop */
	read_output(pending);
	pending->exited(pending, info);
	sq_work_end(prober, begun);
	return 0;
}

static int start(struct sq_pending *pending, const char *program, const char *const *argv,
		 uint64_t timeout_ns, struct sq_error **err)
{
	struct sq_event_program watched = { .on_ended = on_ended,
					    .on_output = on_output,
					    .data = pending };
	_cleanup_close_ int writer = -EBADF;
	int r = sq_event_pipe(&pending->output_fd, &writer, err);

	if (r)
		return r;
	r = sq_spawn(&(struct sq_spawn){ .argv = argv,
					 .program = program,
					 .cgroup_fd = pending->prober->cgroup_fd,
					 .stdin_fd = -EBADF,
					 .stdout_fd = writer,
					 .stderr_fd = -EBADF,
					 /* a helper of ours looks at what the user may not see */
					 .user = program ? NULL : pending->prober->user,
					 .patience_ns = PATIENCE_NS },
		     &pending->pid, &watched.pidfd, err);
	if (r)
		return r;
	watched.output_fd = pending->output_fd;
	r = sq_event_watch(pending->prober->event, &watched, &pending->child, &pending->output);
	if (r >= 0)
		r = sq_pending_limit(pending, timeout_ns, on_timeout);
	return r < 0 ? sq_error_errno(err, -r, "cannot watch a probe's program") : 0;
}

void sq_program_start(struct sq_pending *pending, const char *program, const char *const *argv,
		      uint64_t timeout_ns)
{
	_cleanup_error_ struct sq_error *err = NULL;

	if (start(pending, program, argv, timeout_ns, &err))
		sq_pending_finish(pending, err->message);
}

static void judge(struct sq_pending *pending, const siginfo_t *info)
{
	const char *why = NULL;
	char text[SQ_WHY_SIZE];

	if (pending->timed_out) {
		why = "timed out";
	} else if (info->si_code != CLD_EXITED) {
		snprintf(text, sizeof(text), "killed by SIG%s", sq_signal_name(info->si_status));
		why = text;
	} else if (!pending->expect) {
		why = info->si_status ? "failed" : NULL;
	} else {
		why = sq_expect_check(&pending->expect->exit, "exit code",
				      (unsigned int)info->si_status, &pending->expect->output,
				      pending->text, text);
	}
	sq_pending_finish(pending, why);
}

void sq_exec_start(struct sq_pending *pending)
{
	const struct sq_exec *exec = &pending->source->exec;

	pending->exited = judge;
	sq_program_start(pending, NULL, (const char *const *)exec->command.item, exec->timeout_ns);
}

void sq_program_release(struct sq_pending *pending)
{
	pending->child = sd_event_source_disable_unref(pending->child);
	pending->output = sd_event_source_disable_unref(pending->output);
	pending->timer = sd_event_source_disable_unref(pending->timer);
	pending->output_fd = sq_close(pending->output_fd);
	if (pending->pid > 0) {
		kill(-pending->pid, SIGKILL);
		for (int i = 0; i < REAP_TRIES && !waitpid(pending->pid, NULL, WNOHANG); i++)
			usleep(REAP_WAIT_US);
		pending->pid = 0;
	}
}
