// SPDX-License-Identifier: GPL-2.0-only
/* A game day: experiments one after the other, with a briefing and a question before each. */
#include "cmd/gameday.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/execute.h"
#include "cmd/prompt.h"
#include "engine/day.h"
#include "guard/operator.h"
#include "report/report.h"
#include "util/out.h"
#include "util/process.h"
#include "util/time.h"

#define FLUSH_NS (2 * SQ_S)

enum {
	DRY_RUN,
	OBSERVE,
	REPORT,
	REASON,
	TASK_ID,
	NO_WAIT,
	YES,
};

static const struct sq_option options[] = {
	[DRY_RUN] = { "dry-run", NULL, "show the briefings and the plans; touches nothing" },
	[OBSERVE] = { "observe", NULL, "count what the faults would hit; nothing is injected" },
	[REPORT] = { "report", "FORMAT[:FILE]",
		     "of the whole day: text (default), json, html, junit or markdown; may be repeated" },
	[REASON] = { "reason", "TEXT", "why, for the journals" },
	[TASK_ID] = { "task-id", "ID", "of a ticket, for the journals" },
	[NO_WAIT] = { "no-wait", NULL, "leave the pauses out" },
	[YES] = { "yes", NULL, "do not ask: a rehearsal, or where there is no terminal" },
	{ NULL },
};

struct show {
	struct sq_execution execution;
	struct sq_texts reports;
	bool no_wait;
	const struct sq_gameday *gameday;
	struct sq_texts titles; /* of the steps */
	char *by;
	struct sq_day day;
	bool open; /* the day has begun */
	int signal_fd;
	enum sq_verdict verdict;
	char *reason; /* of the verdict */
	size_t run; /* how many were run, or would have been */
};

static void take(size_t option, const char *value, void *data)
{
	struct show *show = data;

	if (option == NO_WAIT)
		show->no_wait = true;
	else if (option == REPORT)
		sq_texts_add(&show->reports, value);
	else
		sq_take_execution(&show->execution, options[option].name, value);
}

/* What is wrong in an experiment is told with the place that names it. */
static struct sq_experiment *load_step(const struct sq_gameday *gameday, const struct sq_step *step)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *path = sq_step_path(gameday, step);
	struct sq_experiment *experiment = sq_experiment_load(path, &step->set, &diags);
	struct sq_mark mark = sq_schema_mark(&step->object, "file");

	if (!experiment)
		sq_print_error("%s:%d:%d: error: this experiment is not valid:\n", gameday->file,
			       mark.line, mark.column);
	sq_print_diags(&diags);
	return experiment;
}

struct sq_gameday *sq_load_gameday(const char *file, struct sq_experiment ***ret_experiments)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_gameday *gameday = sq_gameday_load(file, &diags);
	struct sq_experiment **experiments;
	bool valid = true;

	sq_print_diags(&diags);
	if (!gameday)
		return NULL;
	experiments = sq_alloc((gameday->steps.n + 1) * sizeof(struct sq_experiment *));
	for (size_t i = 0; i < gameday->steps.n; i++) {
		experiments[i] = load_step(gameday, &sq_steps(gameday)[i]);
		valid &= experiments[i] != NULL;
	}
	if (valid && ret_experiments) {
		*ret_experiments = experiments;
		return gameday;
	}
	for (size_t i = 0; i < gameday->steps.n; i++)
		sq_experiment_free(experiments[i]);
	free(experiments);
	return valid ? gameday : sq_gameday_free(gameday);
}

/* The worst counts, and of several its first reason. */
static void judge(struct show *show, enum sq_verdict verdict, char *reason)
{
	if (verdict > show->verdict) {
		show->verdict = verdict;
		free(show->reason);
		show->reason = reason;
	} else {
		free(reason);
	}
}

static json_t *about(const struct show *show)
{
	const struct sq_gameday *gameday = show->gameday;
	json_t *experiments = json_array(), *argv = json_array();
	struct utsname host = { 0 };

	uname(&host);
	for (size_t i = 0; i < gameday->steps.n; i++) {
		const struct sq_step *step = &sq_steps(gameday)[i];

		json_array_append_new(experiments,
				      sq_json("{s:s, s:s, s:s?}", "title", show->titles.item[i],
					      "file", step->file, "briefing", step->briefing));
	}
	for (char **argument = show->execution.argv; *argument; argument++)
		json_array_append_new(argv, sq_json_string(*argument));
	return sq_json("{s:s, s:s?, s:s, s:{s:s, s:s, s:s}, s:s, s:o, s:s?, s:s?, s:b, s:o}",
		       "title", gameday->title, "briefing", gameday->briefing, "file",
		       gameday->file, "host", "name", host.nodename, "kernel", host.release,
		       "squall", SQ_VERSION, "by", show->by, "argv", argv, "reason_given",
		       show->execution.reason, "task_id", show->execution.task_id, "observe",
		       show->execution.observe, "experiments", experiments);
}

static bool begin(struct show *show)
{
	struct sq_error *err = NULL;

	if (show->open)
		return true;
	show->signal_fd = sq_prompt_open();
	if (show->signal_fd < 0)
		sq_error_errno(&err, -show->signal_fd, "cannot watch for signals");
	else if (!sq_day_open(&show->day, show->gameday, about(show), &err))
		show->open = true;
	if (!err)
		return true;
	judge(show, sq_verdict_of(err), sq_strdup(err->message));
	sq_fail(err);
	return false;
}

static json_t *of(size_t i)
{
	return sq_json("{s:I}", "experiment", (json_int_t)i);
}

static void record(struct show *show, const char *event, size_t i, json_t *members)
{
	json_t *all = of(i);

	if (members)
		json_object_update(all, members);
	json_decref(members);
	sq_day_add(&show->day, event, all);
}

static enum sq_choice stop(struct show *show, size_t i, const char *how)
{
	judge(show, SQ_ABORTED,
	      sq_asprintf("%s stopped the day before '%s'%s%s", show->by, show->titles.item[i],
			  *how ? ": " : "", how));
	return SQ_STOP;
}

static enum sq_choice stop_by_signal(struct show *show, size_t i, int number)
{
	_cleanup_free_ char *how = sq_asprintf("SIG%s", sq_signal_name(number));

	sq_print_error("\n");
	return stop(show, i, how);
}

/* A pause, which a line ends early. */
static enum sq_choice rest(struct show *show, size_t i, uint64_t ns)
{
	char took[SQ_DURATION_SIZE], line[64];
	bool listens = !show->execution.yes;
	int number;

	if (!ns || show->no_wait)
		return SQ_GO_ON;
	if (listens)
		sq_prompt_forget();
	sq_print_error("\nA pause of %s before the next experiment%s.\n",
		       sq_duration_text(ns, took), listens ? "; Enter ends it" : "");
	switch (sq_prompt_wait(show->signal_fd, listens, ns, line, sizeof(line), &number)) {
	case SQ_HEARD_SIGNAL:
		return stop_by_signal(show, i, number);
	case SQ_HEARD_END:
		return stop(show, i, "the input ended");
	default:
		return SQ_GO_ON;
	}
}

/* The answer that a line stands for; false where it is none, or could be two. */
static bool read_answer(const char *line, enum sq_choice *ret)
{
	static const struct {
		const char *word;
		size_t least;
		enum sq_choice answer;
	} words[] = { { "continue", 1, SQ_GO_ON }, { "skip", 2, SQ_SKIP }, { "stop", 2, SQ_STOP } };
	size_t n = strlen(line);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (n >= words[i].least && n <= strlen(words[i].word) &&
		    !strncmp(line, words[i].word, n)) {
			*ret = words[i].answer;
			return true;
		}
	return false;
}

static enum sq_choice ask_person(struct show *show, size_t i)
{
	char host[256] = "", line[64];
	enum sq_choice answer;
	int number;

	gethostname(host, sizeof(host) - 1);
	for (;;) {
		/* what was typed while a run went on is no answer */
		sq_prompt_forget();
		sq_print_error("\n%s on %s? continue, skip or stop: ",
			       show->execution.observe ? "Observe this" : "Inject this", host);
		sq_out_flush(FLUSH_NS);
		switch (sq_prompt_wait(show->signal_fd, true, UINT64_MAX, line, sizeof(line),
				       &number)) {
		case SQ_HEARD_SIGNAL:
			return stop_by_signal(show, i, number);
		case SQ_HEARD_END:
			return stop(show, i, "the input ended");
		default:
			break;
		}
		if (!read_answer(line, &answer))
			sq_print_error("'%s' is none of them, or two; write c, sk or st.", line);
		else if (answer == SQ_STOP)
			return stop(show, i, "");
		else
			return answer;
	}
}

/* A block of the file ends with its line's end, a text in quotes does not. */
static void print_briefing(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n)
		sq_print_error("\n%s%s", text, text[n - 1] == '\n' ? "" : "\n");
}

/* What everybody should hear before it begins. */
static void brief(const struct show *show, size_t i, const struct sq_plan *plan)
{
	const struct sq_step *step = &sq_steps(show->gameday)[i];

	sq_print_error("\nExperiment %zu of %zu: %s\n", i + 1, show->gameday->steps.n,
		       show->titles.item[i]);
	print_briefing(step->briefing);
	sq_print_plan(&show->execution, plan, STDERR_FILENO);
}

static enum sq_choice on_ask(void *data, size_t i, const struct sq_plan *plan)
{
	static const char *const words[] = { "continue", "skip", "stop" };
	struct show *show = data;
	enum sq_choice answer;

	if (!begin(show))
		return SQ_STOP;
	answer = rest(show, i, sq_steps(show->gameday)[i].wait_ns);
	if (answer == SQ_GO_ON) {
		brief(show, i, plan);
		record(show, "asked", i, NULL);
		if (!show->execution.yes)
			answer = ask_person(show, i);
	}
	record(show, "answered", i, sq_json("{s:s}", "answer", words[answer]));
	return answer;
}

static void on_begins(void *data, size_t i, const struct sq_plan *plan)
{
	struct show *show = data;

	record(show, "run", i, sq_json("{s:s}", "run", plan->run));
}

static void on_ended(void *data, size_t i, enum sq_verdict verdict, const char *why,
		     const json_t *journal)
{
	struct show *show = data;
	const char *reason = journal ? sq_json_text(journal, "reason") : why;

	if (!begin(show))
		return;
	reason = reason ? reason : "";
	show->run += journal != NULL;
	record(show, "verdict", i,
	       sq_json("{s:s, s:i, s:s}", "verdict", sq_verdict_name(verdict), "exit",
		       sq_verdict_exit(verdict), "reason", reason));
	judge(show, verdict,
	      sq_asprintf("%s%s%s", show->titles.item[i], *reason ? ": " : "", reason));
	if (journal)
		sq_print_error("%s%s%s\n`squall report %s` shows it.\n", sq_verdict_name(verdict),
			       *reason ? ": " : "", reason, sq_json_text(journal, "run"));
}

/* The end of the day, and its reports. */
static void finish(struct show *show)
{
	_cleanup_json_ json_t *document = NULL;
	struct sq_error *err = NULL;

	if (!show->run)
		judge(show, SQ_ABORTED, sq_strdup("nothing was run: all were skipped"));
	if (show->day.log.failed)
		judge(show, SQ_ERROR,
		      sq_asprintf("the record of the day cannot be written: %s",
				  strerror(show->day.log.failed)));
	sq_day_add(&show->day, "ended",
		   sq_json("{s:s, s:i, s:s?}", "verdict", sq_verdict_name(show->verdict), "exit",
			   sq_verdict_exit(show->verdict), "reason", show->reason));
	if (!show->reports.n)
		sq_texts_add(&show->reports, "text");
	if (!sq_day_load(show->day.name, &document, &err))
		for (size_t i = 0; i < show->reports.n && !err; i++)
			sq_report_write(show->reports.item[i], document, &err);
	if (err) {
		judge(show, SQ_ERROR, sq_strdup(err->message));
		sq_fail(err);
	}
	sq_day_close(&show->day);
}

/* What comes; each has its briefing when its turn comes, or here where nothing is run. */
static void print_agenda(const struct show *show)
{
	for (size_t i = 0; i < show->gameday->steps.n; i++) {
		const char *briefing = sq_steps(show->gameday)[i].briefing;

		sq_print_error("  %zu. %s\n", i + 1, show->titles.item[i]);
		if (show->execution.dry_run && briefing) {
			print_briefing(briefing);
			sq_print_error("\n");
		}
	}
}

static int conduct(struct show *show, struct sq_experiment **experiments)
{
	const struct sq_director director = { on_ask, on_begins, on_ended, show };
	int code;

	for (size_t i = 0; i < show->gameday->steps.n; i++) {
		const char *title = sq_steps(show->gameday)[i].title;

		sq_texts_add(&show->titles, title ? title : experiments[i]->title);
	}
	sq_print_error("%s\n", show->gameday->title);
	print_briefing(show->gameday->briefing);
	sq_print_error("\n");
	print_agenda(show);
	show->execution.director = &director;
	code = sq_execute(&show->execution, experiments, show->gameday->steps.n);
	if (!show->open)
		return show->verdict ? sq_verdict_exit(show->verdict) : code;
	finish(show);
	sq_out_flush(FLUSH_NS);
	return sq_verdict_exit(show->verdict);
}

static enum sq_verdict check_reports(const struct show *show)
{
	struct sq_error *err = NULL;
	enum sq_verdict verdict;

	for (size_t i = 0; i < show->reports.n; i++) {
		if (!sq_report_check_day(show->reports.item[i], &err))
			continue;
		verdict = sq_verdict_of(err);
		sq_fail(err);
		return verdict;
	}
	return SQ_PASSED;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct show show = { .execution = { .command = command, .argv = argv, .keep_going = true },
			     .day = { .lock_fd = -EBADF, .log.fd = -EBADF },
			     .signal_fd = -EBADF };
	_cleanup_(sq_gameday_freep) struct sq_gameday *gameday = NULL;
	_cleanup_free_ struct sq_experiment **experiments = NULL;
	int first = sq_options_parse(command, argc, argv, take, &show);
	int code = sq_verdict_exit(SQ_INVALID);

	sq_operands(command, argc, argv, first, 1, 1);
	if (!show.execution.dry_run && !show.execution.yes && !isatty(STDIN_FILENO))
		sq_usage_error(command, "there is no terminal to ask at: use --yes");
	if (check_reports(&show) == SQ_PASSED)
		gameday = sq_load_gameday(argv[first], &experiments);
	show.gameday = gameday;
	if (gameday && experiments) {
		show.by = sq_operator();
		code = conduct(&show, experiments);
	}
	sq_texts_clear(&show.titles);
	sq_texts_clear(&show.reports);
	sq_close(show.signal_fd);
	free(show.by);
	free(show.reason);
	return code;
}

const struct sq_command sq_command_gameday = {
	.name = "gameday",
	.arguments = "FILE",
	.help = "Runs the experiments of a game day, with a briefing and a question before each",
	.options = options,
	.run = run,
};
