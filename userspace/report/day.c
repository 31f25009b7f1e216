// SPDX-License-Identifier: GPL-2.0-only
/* A game day for people: who found out what, and how soon; then what each experiment showed. */
#include <stdio.h>
#include <string.h>

#include "report/formats.h"
#include "report/html.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

#define TITLE_COLUMNS 36
#define MARKS 4

static const char *const marks[MARKS] = { "detected", "acknowledged", "diagnosed", "mitigated" };

static const char *time_text(const json_t *experiment, size_t mark, char text[SQ_DURATION_SIZE])
{
	_cleanup_free_ char *key = sq_asprintf("%s_s", marks[mark]);
	const json_t *times = json_object_get(experiment, "times");

	return json_object_get(times, key) ? sq_report_s(sq_json_real(times, key), text) : "-";
}

const char *sq_report_day_outcome(const json_t *experiment)
{
	const char *answer = sq_json_text(experiment, "answer");

	if (*sq_json_text(experiment, "verdict"))
		return sq_json_text(experiment, "verdict");
	if (!strcmp(answer, "skip"))
		return "skipped";
	return strcmp(answer, "continue") ? "not run" : "not over";
}

double sq_report_day_seconds(const json_t *day)
{
	uint64_t from = sq_rfc3339_parse(sq_json_text(day, "started"));
	uint64_t until = sq_rfc3339_parse(sq_json_text(day, "ended"));

	return until > from ? (double)(until - from) / SQ_S : 0;
}

/* "09:30:12, 1st experiment, 12 s after its first fault: detected: the pager rang (alice)" */
static void add_note(const json_t *note, struct sq_buffer *out)
{
	char after[SQ_DURATION_SIZE];

	sq_buffer_add(out, "%.8s",
		      strlen(sq_json_text(note, "t")) > 19
			      ? sq_json_text(note, "t") + strlen("2026-11-26T")
			      : "");
	if (json_object_get(note, "after_s"))
		sq_buffer_add(out, ", %s after the first fault of %lld",
			      sq_report_s(sq_json_real(note, "after_s"), after),
			      (long long)sq_json_int(note, "experiment") + 1);
	sq_buffer_add(out, "%s%s: %s (%s)", *sq_json_text(note, "mark") ? ", " : "",
		      sq_json_text(note, "mark"), sq_json_text(note, "text"),
		      sq_json_text(note, "by"));
}

static void text_head(const json_t *day, bool colour, struct sq_buffer *text)
{
	char took[SQ_DURATION_SIZE];

	sq_buffer_add(text, "\n%s\n", sq_json_text(day, "title"));
	sq_buffer_add(text, "game day %s on %s, by %s, took %s\n", sq_json_text(day, "gameday"),
		      sq_json_text(json_object_get(day, "host"), "name"), sq_json_text(day, "by"),
		      sq_report_s(sq_report_day_seconds(day), took));
	sq_report_given(day, text);
	sq_report_verdict(day, colour, text);
}

static void text_table(const json_t *experiments, struct sq_buffer *text)
{
	const json_t *experiment;
	char time[SQ_DURATION_SIZE];
	size_t i;

	sq_buffer_add(text, "\n%-*s %-11s", TITLE_COLUMNS + 6, "experiments", "verdict");
	for (i = 0; i < MARKS; i++)
		sq_buffer_add(text, " %*s", i == 1 ? 12 : 9, marks[i]);
	sq_buffer_add(text, "\n");
	json_array_foreach(experiments, i, experiment) {
		sq_buffer_add(text, "  %2zu. ", i + 1);
		sq_report_column(sq_json_text(experiment, "title"), TITLE_COLUMNS, text);
		sq_buffer_add(text, " %-11s", sq_report_day_outcome(experiment));
		for (size_t j = 0; j < MARKS; j++)
			sq_buffer_add(text, " %*s", j == 1 ? 12 : 9,
				      time_text(experiment, j, time));
		sq_buffer_add(text, "\n");
	}
}

static void text_faults(const json_t *journal, struct sq_buffer *text)
{
	char why[SQ_REPORT_WHY];
	const json_t *fault;
	const char *none;
	size_t i;

	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		none = sq_report_no_effect(fault, why);
		sq_buffer_add(text, "  %s (%s): injected ", sq_json_text(fault, "name"),
			      sq_json_text(fault, "fault"));
		sq_report_injected(json_object_get(fault, "counters"), text);
		sq_buffer_add(text, "%s%s\n", none ? "; " : "",
			      !none   ? ""
			      : *none ? none
				      : "not armed");
	}
}

static void text_experiment(const json_t *experiment, size_t i, bool colour, struct sq_buffer *text)
{
	const json_t *journal = json_object_get(experiment, "journal");
	const char *reason = sq_json_text(experiment, "reason");

	sq_buffer_add(text, "\n%zu. %s\n  %s%s%s\n", i + 1, sq_json_text(experiment, "title"),
		      sq_report_day_outcome(experiment), *reason ? ": " : "", reason);
	if (!*sq_json_text(experiment, "run"))
		return;
	if (journal) {
		sq_report_deviations(journal, text);
		sq_report_chart(journal, colour, text);
		text_faults(journal, text);
	}
	sq_buffer_add(text, "  run %s%s\n", sq_json_text(experiment, "run"),
		      journal ? "" : ", whose journal is gone");
}

void sq_report_day_text(const json_t *day, bool colour, struct sq_buffer *text)
{
	const json_t *experiments = json_object_get(day, "experiments");
	const json_t *notes = json_object_get(day, "notes"), *item;
	_cleanup_buffer_ struct sq_buffer wide = { 0 };
	size_t i;

	text_head(day, colour, &wide);
	text_table(experiments, &wide);
	json_array_foreach(experiments, i, item)
		text_experiment(item, i, colour, &wide);
	if (json_array_size(notes))
		sq_buffer_add(&wide, "\nnotes\n");
	json_array_foreach(notes, i, item) {
		sq_buffer_add(&wide, "  - ");
		add_note(item, &wide);
		sq_buffer_add(&wide, "\n");
	}
	sq_buffer_add(&wide, "\nverdict of the day: %s, exit %lld\n", sq_json_text(day, "verdict"),
		      (long long)sq_json_int(day, "exit"));
	sq_report_wrap(&wide, text);
}

static void md_line(struct sq_buffer *out, const char *before, const char *text, const char *after)
{
	sq_buffer_add(out, "%s", before);
	sq_report_md(out, text);
	sq_buffer_add(out, "%s", after);
}

static void md_deviation(void *data, const char *probe, const char *phase, const char *why)
{
	md_line(data, "  - ", probe, ", ");
	sq_buffer_add(data, "%s: ", phase);
	md_line(data, "", why, "\n");
}

static void md_experiment(const json_t *experiment, size_t i, struct sq_buffer *out)
{
	char time[SQ_DURATION_SIZE];
	const char *verdict = sq_report_day_outcome(experiment);

	sq_buffer_add(out, "| %zu. ", i + 1);
	sq_report_md(out, sq_json_text(experiment, "title"));
	sq_buffer_add(out, " | %s%s |",
		      !strcmp(verdict, "passed")	     ? "✅ "
		      : *sq_json_text(experiment, "verdict") ? "❌ "
							     : "",
		      verdict);
	for (size_t j = 0; j < MARKS; j++)
		sq_buffer_add(out, " %s |", time_text(experiment, j, time));
	sq_buffer_add(out, "%s%s%s |\n", *sq_json_text(experiment, "run") ? " `" : " ",
		      sq_json_text(experiment, "run"), *sq_json_text(experiment, "run") ? "`" : "");
}

void sq_report_day_markdown(const json_t *day, bool colour, struct sq_buffer *out)
{
	const json_t *experiments = json_object_get(day, "experiments"), *item;
	const char *verdict = sq_json_text(day, "verdict");
	char took[SQ_DURATION_SIZE];
	size_t i;

	md_line(out, "### ", sq_json_text(day, "title"), "\n\n");
	sq_buffer_add(out, "%s **%s**", !strcmp(verdict, "passed") ? "✅" : "❌", verdict);
	if (*sq_json_text(day, "reason"))
		md_line(out, ": ", sq_json_text(day, "reason"), "");
	sq_buffer_add(out, "\n\nGame day `%s` on ", sq_json_text(day, "gameday"));
	md_line(out, "", sq_json_text(json_object_get(day, "host"), "name"), ", by ");
	md_line(out, "", sq_json_text(day, "by"), "");
	sq_buffer_add(out, ", took %s", sq_report_s(sq_report_day_seconds(day), took));
	if (*sq_json_text(day, "task_id"))
		md_line(out, ", for ", sq_json_text(day, "task_id"), "");
	if (*sq_json_text(day, "reason_given"))
		md_line(out, ", because: ", sq_json_text(day, "reason_given"), "");
	sq_buffer_add(out, "\n\n| experiment | verdict | detected | acknowledged | diagnosed | "
			   "mitigated | run |\n"
			   "| --- | --- | ---: | ---: | ---: | ---: | --- |\n");
	json_array_foreach(experiments, i, item)
		md_experiment(item, i, out);
	sq_buffer_add(out, "\n");
	json_array_foreach(experiments, i, item) {
		if (!*sq_json_text(item, "reason"))
			continue;
		md_line(out, "- ", sq_json_text(item, "title"), ": ");
		md_line(out, "", sq_json_text(item, "reason"), "\n");
		if (json_object_get(item, "journal"))
			sq_report_each_deviation(json_object_get(item, "journal"), md_deviation,
						 out);
	}
	json_array_foreach(json_object_get(day, "notes"), i, item) {
		_cleanup_buffer_ struct sq_buffer note = { 0 };

		add_note(item, &note);
		md_line(out, "- note: ", sq_buffer_text(&note), "\n");
	}
}

static void html_text(const char *before, const char *text, const char *after,
		      struct sq_buffer *out)
{
	sq_buffer_add(out, "%s", before);
	sq_report_xml(out, text);
	sq_buffer_add(out, "%s", after);
}

static void html_head(const json_t *day, struct sq_buffer *out)
{
	char took[SQ_DURATION_SIZE];

	html_text("<h1>", sq_json_text(day, "title"), "</h1>\n", out);
	html_text("<p class=\"dim\">game day ", sq_json_text(day, "gameday"), "", out);
	sq_html_fact(out, "", sq_json_text(day, "started"));
	sq_html_fact(out, "on ", sq_json_text(json_object_get(day, "host"), "name"));
	sq_html_fact(out, "by ", sq_json_text(day, "by"));
	sq_html_fact(out, "for ", sq_json_text(day, "task_id"));
	sq_html_fact(out, "because: ", sq_json_text(day, "reason_given"));
	sq_html_fact(out, "took ", sq_report_s(sq_report_day_seconds(day), took));
	sq_buffer_add(out, "</p>\n");
	sq_html_verdict(day, out);
}

static void html_table(const json_t *experiments, struct sq_buffer *out)
{
	const json_t *experiment;
	char time[SQ_DURATION_SIZE];
	size_t i;

	sq_buffer_add(out, "<div class=\"wide\"><table><tr><th>experiment</th><th></th>");
	for (i = 0; i < MARKS; i++)
		sq_buffer_add(out, "<th class=\"n\">%s</th>", marks[i]);
	sq_buffer_add(out, "</tr>\n");
	json_array_foreach(experiments, i, experiment) {
		bool bad = *sq_json_text(experiment, "verdict") &&
			   strcmp(sq_json_text(experiment, "verdict"), "passed") != 0;

		sq_buffer_add(out, "<tr><td><a href=\"#e%zu\">%zu. ", i + 1, i + 1);
		html_text("", sq_json_text(experiment, "title"), "</a></td>", out);
		html_text(bad ? "<td class=\"bad\">" : "<td>", sq_report_day_outcome(experiment),
			  "</td>", out);
		for (size_t j = 0; j < MARKS; j++)
			sq_buffer_add(out, "<td class=\"n\">%s</td>",
				      time_text(experiment, j, time));
		sq_buffer_add(out, "</tr>\n");
	}
	sq_buffer_add(out, "</table></div>\n<p class=\"dim\">times since the first fault of each "
			   "experiment, from the marks of those who took part</p>\n");
}

static void html_experiment(const json_t *experiment, size_t i, struct sq_buffer *out)
{
	const json_t *journal = json_object_get(experiment, "journal");

	sq_buffer_add(out, "<h1 id=\"e%zu\">%zu. ", i + 1, i + 1);
	html_text("", sq_json_text(experiment, "title"), "</h1>\n", out);
	if (*sq_json_text(experiment, "briefing"))
		html_text("<p>", sq_json_text(experiment, "briefing"), "</p>\n", out);
	if (!journal) {
		html_text("<p>", sq_report_day_outcome(experiment), "", out);
		if (*sq_json_text(experiment, "reason"))
			html_text(": ", sq_json_text(experiment, "reason"), "", out);
		sq_buffer_add(out, "</p>\n");
		return;
	}
	html_text("<p class=\"dim\">run ", sq_json_text(experiment, "run"), "</p>\n", out);
	sq_html_verdict(journal, out);
	sq_html_findings(journal, out);
}

void sq_report_day_html(const json_t *day, bool colour, struct sq_buffer *out)
{
	const json_t *experiments = json_object_get(day, "experiments");
	const json_t *notes = json_object_get(day, "notes"), *item;
	size_t i;

	sq_html_begin(sq_json_text(day, "title"), out);
	html_head(day, out);
	html_table(experiments, out);
	if (json_array_size(notes))
		sq_buffer_add(out, "<h2>Notes</h2>\n<ul>\n");
	json_array_foreach(notes, i, item) {
		_cleanup_buffer_ struct sq_buffer note = { 0 };

		add_note(item, &note);
		html_text("<li>", sq_buffer_text(&note), "</li>\n", out);
	}
	if (json_array_size(notes))
		sq_buffer_add(out, "</ul>\n");
	json_array_foreach(experiments, i, item)
		html_experiment(item, i, out);
	sq_buffer_add(out, "</body></html>\n");
}
