// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/execute.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/plan.h"
#include "engine/run.h"
#include "report/report.h"
#include "util/json.h"
#include "util/out.h"
#include "util/time.h"

#define COLUMNS 100
#define FLUSH_NS (2 * SQ_S)

struct screen {
	bool terminal;
	bool drawn; /* a line of progress stands there */
	char *line; /* the last one, so that a plain log is not repeated */
};

/* A line that is wider would be broken, and its first part could not be taken back. */
static int screen_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 79;
	return MIN(size.ws_col - 1, COLUMNS);
}

/* One line that changes on a terminal; elsewhere a line for each change of stage or fault. */
static void show_progress(void *data, const json_t *status)
{
	struct screen *screen = data;
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_free_ char *key = sq_asprintf("%s", sq_json_text(status, "stage"));
	const json_t *fault;
	size_t i;

	sq_report_progress(status, &text);
	if (screen->terminal) {
		sq_print_error("\r\033[K%.*s", screen_columns(), sq_buffer_text(&text));
		screen->drawn = true;
		return;
	}
	json_array_foreach(json_object_get(status, "faults"), i, fault) {
		char *longer = sq_asprintf("%s %s", key, sq_json_text(fault, "state"));

		free(key);
		key = longer;
	}
	if (screen->line && !strcmp(screen->line, key))
		return;
	free(screen->line);
	screen->line = TAKE_PTR(key);
	sq_print_error("%s\n", sq_buffer_text(&text));
}

static void end_progress(struct screen *screen)
{
	if (screen->drawn)
		sq_print_error("\r\033[K");
	free(screen->line);
}

/* What this host says to all of the experiments. */
struct host {
	struct sq_policy *policy; /* or NULL */
	struct sq_request *request; /* one for each */
};

static enum sq_verdict open_host(const struct sq_execution *execution, struct host *host,
				 struct sq_experiment **experiments, size_t n)
{
	struct sq_error *err = NULL;
	enum sq_verdict verdict;

	host->request = sq_alloc((n + 1) * sizeof(*host->request));
	for (size_t i = 0; i < n; i++)
		host->request[i] = (struct sq_request){ .file = experiments[i]->file,
							.reason = execution->reason,
							.task_id = execution->task_id,
							.planned = execution->dry_run };
	if (!sq_load_policy(&host->policy, &err))
		return SQ_PASSED;
	verdict = sq_verdict_of(err);
	sq_fail(err);
	return verdict;
}

void sq_take_execution(struct sq_execution *execution, const char *option, const char *value)
{
	const struct {
		const char *name;
		bool *given;
	} flags[] = {
		{ "dry-run", &execution->dry_run },
		{ "observe", &execution->observe },
		{ "keep-going", &execution->keep_going },
		{ "json", &execution->json },
		{ "yes", &execution->yes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].name, option))
			*flags[i].given = true;
	if (!strcmp(option, "report"))
		sq_texts_add(&execution->reports, value);
	else if (!strcmp(option, "reason"))
		execution->reason = value;
	else if (!strcmp(option, "task-id"))
		execution->task_id = value;
}

void sq_print_plan(const struct sq_execution *execution, const struct sq_plan *plan, int fd)
{
	_cleanup_json_ json_t *json = sq_plan_json(plan);
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	if (execution->json) {
		_cleanup_free_ char *dump = sq_json_dump(json, JSON_INDENT(1));

		sq_buffer_add(&text, "%s\n", dump);
	} else {
		sq_report_plan(json, &text);
	}
	sq_out_text(fd, sq_buffer_text(&text));
}

/* At a terminal a person decides; elsewhere --yes has decided. */
static bool confirm(const struct sq_execution *execution, const struct sq_plan *plans, size_t n)
{
	char host[256] = "", answer[16];

	if (execution->yes || execution->director)
		return true;
	gethostname(host, sizeof(host) - 1);
	for (size_t i = 0; i < n; i++)
		sq_print_plan(execution, &plans[i], STDERR_FILENO);
	sq_print_error(execution->observe ? "\nCount on %s what these faults would hit? [y/N] "
					  : "\nInject these faults on %s? [y/N] ",
		       host);
	return fgets(answer, sizeof(answer), stdin) &&
	       (!strcmp(answer, "y\n") || !strcmp(answer, "yes\n"));
}

static enum sq_verdict report(const struct sq_execution *execution, const json_t *document)
{
	enum sq_verdict verdict = SQ_PASSED;

	for (size_t i = 0; i < execution->reports.n; i++) {
		struct sq_error *err = NULL;

		if (sq_report_write(execution->reports.item[i], document, &err)) {
			verdict = SQ_ERROR;
			sq_fail(err);
		}
	}
	return verdict;
}

/* Keeps what is wrong, for a director, and tells it. */
static void tell_error(struct sq_execution *execution, struct sq_error *err)
{
	free(execution->why);
	execution->why = sq_strdup(err->message);
	sq_fail(err);
}

static enum sq_verdict run_one(struct sq_execution *execution, struct sq_plan *plan,
			       json_t **ret_document)
{
	struct screen screen = { .terminal = sq_out_colour(STDERR_FILENO) };
	struct sq_run_request request = { .plan = plan,
					  .argv = execution->argv,
					  .reason = execution->reason,
					  .task_id = execution->task_id,
					  .observe = execution->observe,
					  .tell = show_progress,
					  .data = &screen };
	json_t *document = NULL;
	struct sq_error *err = NULL;
	enum sq_verdict verdict, reported;

	sq_print_error("squall: run %s: %s\n", plan->run, plan->experiment->title);
	for (size_t i = 0; i < plan->warnings.n; i++)
		sq_print_error("squall: note: %s\n", plan->warnings.item[i]);
	verdict = sq_run(&request, &document, &err);
	end_progress(&screen);
	if (err)
		tell_error(execution, err);
	*ret_document = document;
	if (!document || execution->director)
		return verdict;
	reported = report(execution, document);
	return MAX(verdict, reported);
}

/*
 * A run that was refused has no journal, but a CI job wants its report all the same: those in files
 * are written, but for the journal itself.
 */
static void report_refusal(const struct sq_execution *execution,
			   const struct sq_experiment *experiment, enum sq_verdict verdict,
			   const char *reason)
{
	_cleanup_json_ json_t *document = NULL;
	char now[SQ_RFC3339_SIZE];

	sq_rfc3339(sq_wall(), now);
	document = sq_json("{s:{s:s, s:s, s:I}, s:{s:s}, s:s?, s:s?, s:s, s:i, s:s, s:s, s:s}",
			   "experiment", "title", experiment->title, "file", experiment->file,
			   "seed", (json_int_t)experiment->seed, "host", "squall", SQ_VERSION,
			   "reason_given", execution->reason, "task_id", execution->task_id,
			   "verdict", sq_verdict_name(verdict), "exit", sq_verdict_exit(verdict),
			   "reason", reason, "started", now, "ended", now);
	for (size_t i = 0; i < execution->reports.n; i++) {
		const char *report = execution->reports.item[i];
		struct sq_error *err = NULL;

		if (strchr(report, ':') && strncmp(report, "json:", 5) != 0 &&
		    sq_report_write(report, document, &err))
			sq_fail(err);
	}
}

static enum sq_verdict make_plan(struct sq_execution *execution, struct sq_plan *plan,
				 struct sq_experiment *experiment, const struct sq_policy *policy,
				 const struct sq_request *request)
{
	struct sq_error *err = NULL;
	enum sq_verdict verdict;

	if (!sq_plan_make(plan, experiment, policy, request, &err))
		return SQ_PASSED;
	verdict = sq_verdict_of(err);
	if (!execution->dry_run)
		report_refusal(execution, experiment, verdict, err->message);
	tell_error(execution, err);
	return verdict;
}

static enum sq_verdict make_plans(struct sq_execution *execution, const struct host *host,
				  struct sq_plan *plans, struct sq_experiment **experiments,
				  size_t n)
{
	enum sq_verdict worst = SQ_PASSED, verdict;

	for (size_t i = 0; i < n; i++) {
		verdict = make_plan(execution, &plans[i], experiments[i], host->policy,
				    &host->request[i]);
		worst = MAX(worst, verdict);
	}
	return worst;
}

/* The host may have changed since: while somebody read the plan, or an earlier file ran. */
static enum sq_verdict renew_plan(struct sq_execution *execution, struct sq_plan *plan)
{
	struct sq_experiment *experiment = plan->experiment;
	const struct sq_policy *policy = plan->policy;
	const struct sq_request *request = plan->request;

	sq_plan_clear(plan);
	return make_plan(execution, plan, experiment, policy, request);
}

/* One of several: it is planned anew where time has gone by, asked about, planned anew again, and run. */
static enum sq_verdict direct(struct sq_execution *execution, struct sq_plan *plan, size_t i,
			      enum sq_choice *ret_answer)
{
	const struct sq_director *director = execution->director;
	_cleanup_json_ json_t *document = NULL;
	enum sq_verdict verdict = i ? renew_plan(execution, plan) : SQ_PASSED;

	*ret_answer = SQ_GO_ON;
	if (verdict == SQ_PASSED)
		*ret_answer = director->ask(director->data, i, plan);
	if (*ret_answer != SQ_GO_ON)
		return *ret_answer == SQ_STOP ? SQ_ABORTED : SQ_PASSED;
	if (verdict == SQ_PASSED)
		verdict = renew_plan(execution, plan);
	if (verdict == SQ_PASSED) {
		director->begins(director->data, i, plan);
		verdict = run_one(execution, plan, &document);
	}
	director->ended(director->data, i, verdict, execution->why, document);
	free(execution->why);
	execution->why = NULL;
	return verdict;
}

/* The next one, where nobody directs. */
static enum sq_verdict run_next(struct sq_execution *execution, struct sq_plan *plan, size_t i)
{
	_cleanup_json_ json_t *document = NULL;
	enum sq_verdict verdict = SQ_PASSED;

	if (i || !execution->yes)
		verdict = renew_plan(execution, plan);
	return verdict == SQ_PASSED ? run_one(execution, plan, &document) : verdict;
}

static enum sq_verdict execute(struct sq_execution *execution, const struct host *host,
			       struct sq_experiment **experiments, struct sq_plan *plans, size_t n)
{
	enum sq_verdict worst = make_plans(execution, host, plans, experiments, n), verdict;

	if (worst != SQ_PASSED)
		return worst;
	if (execution->dry_run) {
		for (size_t i = 0; i < n; i++)
			sq_print_plan(execution, &plans[i], STDOUT_FILENO);
		return SQ_PASSED;
	}
	if (!confirm(execution, plans, n)) {
		sq_print_error("Nothing was started.\n");
		return SQ_ABORTED;
	}
	if (!execution->reports.n && !execution->director)
		sq_texts_add(&execution->reports, "text");
	sq_out_start();
	for (size_t i = 0; i < n; i++) {
		enum sq_choice answer = SQ_GO_ON;

		verdict = execution->director ? direct(execution, &plans[i], i, &answer)
					      : run_next(execution, &plans[i], i);
		worst = MAX(worst, verdict);
		if (answer == SQ_STOP || verdict == SQ_ABORTED || verdict == SQ_UNCLEAN ||
		    (verdict != SQ_PASSED && !execution->keep_going))
			break;
	}
	return worst;
}

/* What cannot be written is known before anything runs. */
static enum sq_verdict check_report(const char *report, bool several)
{
	struct sq_error *err = NULL;
	enum sq_verdict verdict;

	if (!sq_report_check(report, &err) && several && !sq_report_holds_several(report)) {
		sq_error_set(&err, SQ_FAIL_INVALID, EINVAL,
			     "the report '%s' of one run would replace that of another", report);
		sq_error_hint(&err, "put '{run}' into its name: report-{run}.xml");
	}
	if (!err)
		return SQ_PASSED;
	verdict = sq_verdict_of(err);
	sq_fail(err);
	return verdict;
}

static enum sq_verdict check_reports(const struct sq_execution *execution, size_t n)
{
	enum sq_verdict worst = SQ_PASSED, verdict;

	for (size_t i = 0; i < execution->reports.n; i++) {
		verdict = check_report(execution->reports.item[i], n > 1);
		worst = MAX(worst, verdict);
	}
	return worst;
}

int sq_execute(struct sq_execution *execution, struct sq_experiment **experiments, size_t n)
{
	_cleanup_free_ struct sq_plan *plans = sq_alloc((n + 1) * sizeof(*plans));
	struct host host = { 0 };
	enum sq_verdict verdict;

	if (!execution->dry_run && !execution->yes && !isatty(STDIN_FILENO))
		sq_usage_error(execution->command, "there is no terminal to ask at: use --yes");
	verdict = check_reports(execution, n);
	if (verdict == SQ_PASSED)
		verdict = open_host(execution, &host, experiments, n);
	if (verdict == SQ_PASSED)
		verdict = execute(execution, &host, experiments, plans, n);
	sq_policy_free(host.policy);
	free(host.request);
	for (size_t i = 0; i < n; i++) {
		sq_plan_clear(&plans[i]);
		sq_experiment_free(experiments[i]);
	}
	sq_texts_clear(&execution->reports);
	free(execution->why);
	execution->why = NULL;
	sq_out_flush(FLUSH_NS);
	return sq_verdict_exit(verdict);
}
