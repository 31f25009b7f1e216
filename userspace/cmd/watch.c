// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/command.h"
#include "engine/journal.h"
#include "engine/verdict.h"
#include "guard/registry.h"
#include "report/report.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/out.h"

#define STEP_MS 500
#define MOST_OVER 5
#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };

/* How the terminal was, for whatever ends the program. */
static struct {
	struct termios modes;
	bool changed;
} saved;

struct watch {
	const char *only; /* runs whose name begins so, or NULL */
	int signal_fd;
	json_t *status, *before; /* before: by the run's name */
	struct sq_watch_view view;
	struct sq_texts over;
	char selected[SQ_RUN_NAME_SIZE]; /* by name: others come and go */
	bool asks;
	bool done;
	int code;
};

static void leave(void)
{
	if (!saved.changed)
		return;
	saved.changed = false;
	sq_write_all(STDOUT_FILENO, LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved.modes);
}

static int enter(struct sq_error **err)
{
	struct termios modes;

	if (!saved.changed && tcgetattr(STDIN_FILENO, &saved.modes) < 0)
		return sq_error_errno(err, errno, "cannot read the terminal's modes");
	modes = saved.modes;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	modes.c_cc[VMIN] = 1;
	modes.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &modes) < 0)
		return sq_error_errno(err, errno, "cannot set the terminal's modes");
	saved.changed = true;
	sq_write_all(STDOUT_FILENO, ENTER, strlen(ENTER));
	return 0;
}

static sigset_t watched_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		sigaddset(&set, watched[i]);
	return set;
}

static int watch_signals(void)
{
	const sigset_t set = watched_set();

	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* As if it had never been blocked. */
static void take_signal(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL); /* SIGTSTP, and somebody went on with it */
}

static const json_t *run_of(const json_t *status, const char *name)
{
	const json_t *run;
	size_t i;

	json_array_foreach(json_object_get(status, "runs"), i, run)
		if (!strcmp(sq_json_text(run, "run"), name))
			return run;
	return NULL;
}

/* What became of a run that was there a moment ago. */
static void tell_over(struct watch *watch, const char *name)
{
	_cleanup_json_ json_t *journal = NULL;
	_cleanup_free_ char *line = NULL;
	const char *reason;

	if (sq_journal_load(name, &journal, NULL)) {
		line = sq_asprintf("%s is over", name);
	} else {
		reason = sq_json_text(journal, "reason");
		line = sq_asprintf("%s is over: %s%s%s", name, sq_json_text(journal, "verdict"),
				   *reason ? ": " : "", reason);
	}
	if (watch->over.n == MOST_OVER) {
		free(watch->over.item[0]);
		memmove(watch->over.item, watch->over.item + 1,
			watch->over.n-- * sizeof(*watch->over.item));
	}
	sq_texts_add(&watch->over, line);
}

static int look(struct watch *watch, struct sq_error **err)
{
	_cleanup_json_ json_t *former = watch->status;
	const json_t *run, *now;
	size_t i;
	int r;

	watch->status = NULL;
	r = sq_status_json(watch->only, &watch->status, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(former, "runs"), i, run) {
		const char *name = sq_json_text(run, "run");
		json_t *then = json_object_get(run, "status");

		now = run_of(watch->status, name);
		if (!now) {
			tell_over(watch, name);
			json_object_del(watch->before, name);
		} else if (then && !json_equal(then, json_object_get(now, "status"))) {
			json_object_set(watch->before, name, then);
		}
	}
	return 0;
}

static size_t n_runs(const struct watch *watch)
{
	return json_array_size(json_object_get(watch->status, "runs"));
}

/* The first one where nobody has chosen, or where the chosen one is over. */
static void select_run(struct watch *watch, size_t step)
{
	const json_t *runs = json_object_get(watch->status, "runs"), *run;
	size_t n = json_array_size(runs), at = 0, i;

	json_array_foreach(runs, i, run)
		if (!strcmp(sq_json_text(run, "run"), watch->selected))
			at = n ? (i + step) % n : 0;
	watch->view.selected = at;
	snprintf(watch->selected, sizeof(watch->selected), "%s",
		 sq_json_text(json_array_get(runs, at), "run"));
}

static void draw(struct watch *watch)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_free_ char *question = NULL;
	struct winsize size;
	const char *ready;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	watch->view.columns = size.ws_col;
	watch->view.rows = size.ws_row;
	watch->view.colour = sq_out_colour(STDOUT_FILENO);
	watch->view.over = &watch->over;
	/* a question is about the run that it names, and about none where that is over */
	watch->asks &= run_of(watch->status, watch->selected) != NULL;
	select_run(watch, 0);
	if (watch->asks)
		question = sq_asprintf("Abort? y: %s; e: everything, and nothing starts until "
				       "unlatch; any other key: no",
				       watch->selected);
	watch->view.question = question;
	sq_report_watch(watch->status, watch->before, &watch->view, &text);
	ready = sq_buffer_text(&text);
	sq_write_all(STDOUT_FILENO, ready, strlen(ready));
}

/* `squall abort` itself, on the screen that was there before: it tells what it has done. */
static void stop(struct watch *watch, bool everything)
{
	char name[] = "abort", option[] = "--reason", reason[] = "a key of status --watch";
	const sigset_t set = watched_set();
	char *argv[] = { name, option, reason, everything ? NULL : watch->selected, NULL };

	leave();
	/* it waits for the runs: Ctrl-C ends that, as it does of the command */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	watch->code = sq_command_abort.run(&sq_command_abort, everything ? 3 : 4, argv);
	watch->done = true;
}

static void on_key(struct watch *watch, char key)
{
	bool asks = watch->asks;

	watch->asks = false;
	if (asks && (key == 'y' || key == 'e'))
		stop(watch, key == 'e');
	else if (asks)
		return;
	else if (key == 'q' || key == 4) /* Ctrl-D */
		watch->done = true;
	else if (key == 'a')
		watch->asks = n_runs(watch) > 0;
	else if (key == '\t')
		select_run(watch, 1);
}

static int on_signal(struct watch *watch, int number, struct sq_error **err)
{
	if (number == SIGWINCH)
		return 0;
	if (number == SIGCONT)
		return enter(err);
	leave();
	take_signal(number);
	return enter(err);
}

static int wait_for_news(struct watch *watch, struct sq_error **err)
{
	struct pollfd fds[] = { { .fd = watch->signal_fd, .events = POLLIN },
				{ .fd = STDIN_FILENO, .events = POLLIN } };
	struct signalfd_siginfo info;
	char key;
	ssize_t n;

	if (poll(fds, ARRAY_SIZE(fds), STEP_MS) <= 0)
		return 0;
	if (fds[0].revents && read(watch->signal_fd, &info, sizeof(info)) == sizeof(info))
		return on_signal(watch, (int)info.ssi_signo, err);
	if (!fds[1].revents)
		return 0;
	n = read(STDIN_FILENO, &key, 1);
	if (n == 1)
		on_key(watch, key);
	else if (n == 0 || errno != EINTR)
		watch->done = true; /* the terminal is gone */
	return 0;
}

bool sq_watch_can(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal && *terminal &&
	       strcmp(terminal, "dumb") != 0;
}

int sq_watch(const char *only)
{
	struct watch watch = { .only = only,
			       .before = json_object(),
			       .code = sq_verdict_exit(SQ_PASSED) };
	struct sq_error *err = NULL;
	int r = look(&watch, &err);

	watch.signal_fd = watch_signals();
	if (!r && watch.signal_fd < 0)
		r = sq_error_errno(&err, errno, "cannot watch for signals");
	if (!r) {
		atexit(leave);
		sq_oom_handler(leave);
		r = enter(&err);
	}
	while (!r && !watch.done) {
		draw(&watch);
		r = wait_for_news(&watch, &err);
		if (!r && !watch.done)
			r = look(&watch, &err);
	}
	leave();
	sq_close(watch.signal_fd);
	json_decref(watch.status);
	json_decref(watch.before);
	sq_texts_clear(&watch.over);
	return r ? sq_fail(err) : watch.code;
}
