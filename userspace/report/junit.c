// SPDX-License-Identifier: GPL-2.0-only
/*
 * JUnit XML, as Jenkins' junit and xunit plugins and GitLab read it: a suite for the run, a case
 * for each phase of each probe, for each fault's effect, for the clean-up and for the verdict. A
 * case's name is the same in each run of an experiment, so that its history can be followed.
 * A game day has a suite for itself, and one for each experiment.
 */
#include <string.h>

#include "report/cleanup.h"
#include "report/formats.h"
#include "report/view.h"
#include "util/fs.h"
#include "util/json.h"

struct suite {
	const char *class; /* of all cases */
	struct sq_buffer cases, properties;
	size_t tests, failures, errors, skipped;
};

struct suites {
	struct sq_buffer text;
	size_t tests, failures, errors;
};

/* "slow-store" of "/etc/squall/experiments/slow-store.yaml": Jenkins cuts at the last dot. */
static char *name_of(const char *file)
{
	char *name = sq_strdup(sq_base_name(file)), *end = strrchr(name, '.');

	if (end && end > name)
		*end = '\0';
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = '-';
	return name;
}

static void open_case(struct suite *suite, const char *what, const char *name, const char *part,
		      double seconds)
{
	sq_buffer_add(&suite->cases, "    <testcase classname=\"");
	sq_report_xml(&suite->cases, suite->class);
	sq_buffer_add(&suite->cases, "\" name=\"%s", what);
	if (name) {
		sq_buffer_add(&suite->cases, ": ");
		sq_report_xml(&suite->cases, name);
	}
	sq_buffer_add(&suite->cases, "%s%s\" time=\"%.3f\">", part ? ", " : "", part ? part : "",
		      seconds > 0 ? seconds : 0);
	suite->tests++;
}

/* @element is failure, error or skipped, or NULL for a case that is met. */
static void close_case(struct suite *suite, const char *element, const char *type,
		       const char *message)
{
	if (element) {
		sq_buffer_add(&suite->cases, "\n      <%s type=\"%s\" message=\"", element, type);
		sq_report_xml(&suite->cases, message);
		sq_buffer_add(&suite->cases, "\">");
		sq_report_xml(&suite->cases, message);
		sq_buffer_add(&suite->cases, "</%s>\n    ", element);
		suite->failures += !strcmp(element, "failure");
		suite->errors += !strcmp(element, "error");
		suite->skipped += !strcmp(element, "skipped");
	}
	sq_buffer_add(&suite->cases, "</testcase>\n");
}

/* One that is met, and what shows it: shown beside the case by whoever reads the file. */
static void close_met(struct suite *suite, const char *proof)
{
	if (*proof) {
		sq_buffer_add(&suite->cases, "\n      <system-out>");
		sq_report_xml(&suite->cases, proof);
		sq_buffer_add(&suite->cases, "</system-out>\n    ");
	}
	close_case(suite, NULL, NULL, NULL);
}

static double phase_seconds(const struct sq_report_times *times, size_t phase)
{
	double until = times->end_s;

	if (times->phase_s[phase] < 0)
		return 0;
	for (size_t i = phase + 1; i < SQ_REPORT_PHASES; i++)
		if (times->phase_s[i] >= 0) {
			until = times->phase_s[i];
			break;
		}
	return until - times->phase_s[phase];
}

static void add_probe(struct suite *suite, const json_t *probe, const struct sq_report_times *times)
{
	for (size_t i = 0; i < SQ_REPORT_PHASES; i++) {
		const json_t *result = json_object_get(probe, sq_report_phases[i]);
		const char *verdict = sq_json_text(result, "verdict");

		open_case(suite, "steady state", sq_json_text(probe, "name"), sq_report_phases[i],
			  phase_seconds(times, i));
		if (!result)
			close_case(suite, "skipped", "not sampled",
				   "the run did not come to this phase, or it has none");
		else if (!strcmp(verdict, "met"))
			close_case(suite, NULL, NULL, NULL);
		else if (!strcmp(verdict, "not judged"))
			close_case(suite, "skipped", "not judged", "sampled, but not judged");
		else
			close_case(suite, "failure", i ? "deviated" : "not steady",
				   *sq_json_text(result, "why") ? sq_json_text(result, "why")
								: verdict);
	}
}

static void add_fault(struct suite *suite, const json_t *journal, const json_t *fault,
		      const struct sq_report_times *times)
{
	double from = 0, until = 0;
	char words[SQ_REPORT_WHY];
	const char *why = sq_report_no_effect(fault, words);

	sq_report_window(journal, times, fault, &from, &until);
	open_case(suite, "fault", sq_json_text(fault, "name"), "effect", until - from);
	if (!why)
		close_case(suite, NULL, NULL, NULL);
	else if (!*why)
		close_case(suite, "skipped", "not armed", "it was not armed");
	else
		close_case(suite, "failure", "no effect", why);
}

static const char *proof_of(const json_t *journal, struct sq_buffer *proof)
{
	sq_report_state(journal, proof);
	if (json_array_size(sq_report_others(journal))) {
		sq_buffer_add(proof, "; changed by others meanwhile: ");
		sq_report_others_line(journal, proof);
	}
	return sq_buffer_text(proof);
}

static void add_cleanup(struct suite *suite, const json_t *journal)
{
	const json_t *cleanup = json_object_get(journal, "cleanup"), *left;
	_cleanup_buffer_ struct sq_buffer why = { 0 }, proof = { 0 };
	size_t i;

	open_case(suite, "clean-up", NULL, NULL, sq_json_real(cleanup, "took_ms") / 1000);
	json_array_foreach(json_object_get(cleanup, "leftovers"), i, left)
		sq_buffer_add(&why, "%s%s", i ? "; " : "", json_string_value(left));
	if (!cleanup)
		close_case(suite, "skipped", "nothing to do", "nothing was started");
	else if (!json_is_true(json_object_get(cleanup, "clean")))
		close_case(suite, "error", "unclean", sq_buffer_text(&why));
	else
		close_met(suite, proof_of(journal, &proof));
}

/* What neither a probe nor a fault tells: an abort, a guard, a refusal. */
static void add_verdict(struct suite *suite, const json_t *journal)
{
	static const char *const failures[] = { "deviated", "no effect", "not steady" };
	const char *verdict = sq_json_text(journal, "verdict");
	const char *reason = sq_json_text(journal, "reason"), *element = "error";

	open_case(suite, "verdict", NULL, NULL, sq_json_real(journal, "duration_s"));
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (!strcmp(verdict, failures[i]))
			element = "failure";
	if (!strcmp(verdict, "passed"))
		element = NULL;
	close_case(suite, element, *verdict ? verdict : "not over", *reason ? reason : verdict);
}

static void add_property(struct suite *suite, const char *name, const char *value)
{
	if (!*value)
		return;
	sq_buffer_add(&suite->properties, "      <property name=\"%s\" value=\"", name);
	sq_report_xml(&suite->properties, value);
	sq_buffer_add(&suite->properties, "\"/>\n");
}

static void add_number(struct suite *suite, const char *name, const json_t *object)
{
	char number[32];

	snprintf(number, sizeof(number), "%lld", (long long)sq_json_int(object, name));
	add_property(suite, name, number);
}

static void add_properties(struct suite *suite, const json_t *journal)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	const json_t *host = json_object_get(journal, "host");

	add_property(suite, "run", sq_json_text(journal, "run"));
	add_property(suite, "verdict", sq_json_text(journal, "verdict"));
	add_number(suite, "exit", journal);
	add_number(suite, "seed", experiment);
	add_property(suite, "file", sq_json_text(experiment, "file"));
	add_property(suite, "sha256", sq_json_text(experiment, "sha256"));
	add_property(suite, "reason_given", sq_json_text(journal, "reason_given"));
	add_property(suite, "task_id", sq_json_text(journal, "task_id"));
	add_property(suite, "started_by",
		     sq_json_text(json_object_get(journal, "started_by"), "user"));
	add_property(suite, "kernel", sq_json_text(host, "kernel"));
	add_property(suite, "squall", sq_json_text(host, "squall"));
}

/* @about is a run or a game day: its start and its host. */
static void close_suite(struct suites *all, struct suite *suite, const char *name,
			const json_t *about, double seconds)
{
	struct sq_buffer *out = &all->text;

	sq_buffer_add(out, "  <testsuite name=\"");
	sq_report_xml(out, name);
	sq_buffer_add(out,
		      "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" "
		      "time=\"%.3f\" timestamp=\"%.19s\" hostname=\"",
		      suite->tests, suite->failures, suite->errors, suite->skipped, MAX(seconds, 0),
		      sq_json_text(about, "started"));
	sq_report_xml(out, sq_json_text(json_object_get(about, "host"), "name"));
	sq_buffer_add(out, "\">\n    <properties>\n%s    </properties>\n%s  </testsuite>\n",
		      sq_buffer_text(&suite->properties), sq_buffer_text(&suite->cases));
	all->tests += suite->tests;
	all->failures += suite->failures;
	all->errors += suite->errors;
	sq_buffer_clear(&suite->cases);
	sq_buffer_clear(&suite->properties);
}

static void render(struct suites *all, double seconds, struct sq_buffer *out)
{
	sq_buffer_add(out,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<testsuites name=\"squall\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		      "time=\"%.3f\">\n%s</testsuites>\n",
		      all->tests, all->failures, all->errors, MAX(seconds, 0),
		      sq_buffer_text(&all->text));
	sq_buffer_clear(&all->text);
}

/* All cases of a run, and how long it took. */
static double add_run(struct suite *suite, const json_t *journal)
{
	struct sq_report_times times;
	const json_t *item;
	size_t i;

	sq_report_times(journal, &times);
	add_properties(suite, journal);
	add_verdict(suite, journal);
	json_array_foreach(json_object_get(journal, "probes"), i, item)
		add_probe(suite, item, &times);
	json_array_foreach(json_object_get(journal, "faults"), i, item)
		add_fault(suite, journal, item, &times);
	add_cleanup(suite, journal);
	return times.end_s;
}

void sq_report_junit(const json_t *journal, bool colour, struct sq_buffer *out)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	_cleanup_free_ char *name = name_of(sq_json_text(experiment, "file"));
	_cleanup_free_ char *class = sq_asprintf("squall.%s", name);
	struct suite suite = { .class = class };
	struct suites all = { .tests = 0 };
	double seconds = add_run(&suite, journal);

	close_suite(&all, &suite, sq_json_text(experiment, "title"), journal, seconds);
	render(&all, seconds, out);
}

/* How long after the first fault people had found out what, in seconds: "detected_s". */
static void add_marks(struct suite *suite, const json_t *experiment)
{
	json_t *value;
	const char *key;
	char number[32];

	json_object_foreach(json_object_get(experiment, "times"), key, value) {
		snprintf(number, sizeof(number), "%.3f", json_number_value(value));
		add_property(suite, key, number);
	}
}

/* One file may be there twice, so its number tells the cases apart. */
static void add_experiment(struct suites *all, const json_t *day, const char *day_name,
			   const json_t *experiment, size_t i)
{
	const json_t *journal = json_object_get(experiment, "journal");
	_cleanup_free_ char *name = name_of(sq_json_text(experiment, "file"));
	_cleanup_free_ char *class = sq_asprintf("squall.%s.%zu-%s", day_name, i + 1, name);
	struct suite suite = { .class = class };
	const char *outcome = sq_report_day_outcome(experiment);
	double seconds = 0;

	if (journal) {
		seconds = add_run(&suite, journal);
	} else {
		add_property(&suite, "run", sq_json_text(experiment, "run"));
		add_property(&suite, "verdict", outcome);
		if (*sq_json_text(experiment, "verdict")) {
			add_verdict(&suite, experiment);
		} else {
			open_case(&suite, "verdict", NULL, NULL, 0);
			close_case(&suite, "skipped", outcome, outcome);
		}
	}
	add_marks(&suite, experiment);
	close_suite(all, &suite, sq_json_text(experiment, "title"), journal ? journal : day,
		    seconds);
}

void sq_report_day_junit(const json_t *day, bool colour, struct sq_buffer *out)
{
	_cleanup_free_ char *name = name_of(sq_json_text(day, "file"));
	_cleanup_free_ char *class = sq_asprintf("squall.%s", name);
	double seconds = sq_report_day_seconds(day);
	struct suite suite = { .class = class };
	struct suites all = { .tests = 0 };
	const json_t *item;
	size_t i;

	add_property(&suite, "gameday", sq_json_text(day, "gameday"));
	add_property(&suite, "verdict", sq_json_text(day, "verdict"));
	add_number(&suite, "exit", day);
	add_property(&suite, "file", sq_json_text(day, "file"));
	add_property(&suite, "reason_given", sq_json_text(day, "reason_given"));
	add_property(&suite, "task_id", sq_json_text(day, "task_id"));
	add_property(&suite, "started_by", sq_json_text(day, "by"));
	add_verdict(&suite, day);
	close_suite(&all, &suite, sq_json_text(day, "title"), day, seconds);
	json_array_foreach(json_object_get(day, "experiments"), i, item)
		add_experiment(&all, day, name, item, i);
	render(&all, seconds, out);
}
