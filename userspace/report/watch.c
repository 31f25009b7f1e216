// SPDX-License-Identifier: GPL-2.0-only
/* What is under way, as a screen that is drawn over the last one. */
#include <string.h>

#include "report/formats.h"
#include "report/report.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

#define NAME_COLUMNS 24
#define BAR_COLUMNS 40
#define KEPT_ROWS 2 /* for the keys */

static const char red[] = "\033[31m", bold[] = "\033[1m", dim[] = "\033[2m", plain[] = "\033[0m";

struct screen {
	const struct sq_watch_view *view;
	struct sq_buffer *out;
	int row;
};

/* One line of it, cut to the screen's width; escape sequences take no room. */
static void add_line(struct screen *screen, const char *text)
{
	int column = 0;

	if (screen->row++ >= screen->view->rows - KEPT_ROWS)
		return;
	while (*text) {
		size_t n = 1;

		if (*text == '\033')
			n = strcspn(text, "m") + 1;
		else
			while (((unsigned char)text[n] & 0xc0) == 0x80)
				n++;
		n = MIN(n, strlen(text));
		if (*text == '\033' || column++ < screen->view->columns)
			sq_buffer_add(screen->out, "%.*s", (int)n, text);
		text += n;
	}
	sq_buffer_add(screen->out, "%s\033[K\n", screen->view->colour ? plain : "");
}

static void add_buffer(struct screen *screen, struct sq_buffer *line)
{
	add_line(screen, sq_buffer_text(line));
	sq_buffer_clear(line);
	*line = (struct sq_buffer){ 0 };
}

static const char *style(const struct screen *screen, const char *sequence)
{
	return screen->view->colour ? sequence : "";
}

static void add_bar(const json_t *status, struct screen *screen)
{
	double elapsed = sq_json_real(status, "elapsed_s"), total = sq_json_real(status, "total_s");
	int done = total > 0 ? (int)(elapsed / total * BAR_COLUMNS) : 0;
	char text[SQ_DURATION_SIZE], left[SQ_DURATION_SIZE];
	_cleanup_buffer_ struct sq_buffer line = { 0 };

	sq_buffer_add(&line, "  [");
	for (int i = 0; i < BAR_COLUMNS; i++)
		sq_buffer_add(&line, "%s", i < done ? "#" : "-");
	sq_buffer_add(&line, "] %s, %s left of %s, %s%s%s", sq_json_text(status, "stage"),
		      sq_report_s((double)(long)MAX(total - elapsed, 0), text),
		      sq_report_s((double)(long)total, left),
		      json_is_true(json_object_get(status, "armed")) ? style(screen, red) : "",
		      json_is_true(json_object_get(status, "armed")) ? "faults armed"
								     : "no fault on",
		      style(screen, plain));
	add_buffer(screen, &line);
}

/* Injections a second since the earlier status; negative where there is none. */
static double rate(const json_t *status, const json_t *before, size_t i, const char *key)
{
	const json_t *now = json_array_get(json_object_get(status, "faults"), i);
	const json_t *then = json_array_get(json_object_get(before, "faults"), i);
	double took = sq_json_real(status, "elapsed_s") - sq_json_real(before, "elapsed_s");

	return then && took > 0 ? (double)(sq_json_int(now, key) - sq_json_int(then, key)) / took
				: -1;
}

static void add_state(const json_t *fault, struct sq_buffer *line)
{
	const char *state = sq_json_text(fault, "state");
	char text[SQ_DURATION_SIZE];
	double until = sq_json_real(fault, "until_s");
	_cleanup_free_ char *words = NULL;

	if (until <= 0)
		words = sq_strdup(state);
	else
		words = sq_asprintf("%s %s",
				    !strcmp(state, "active") ? "active, ends in" : "begins in",
				    sq_report_s((double)(long)(until + 1), text));
	sq_report_column(words, 20, line);
}

static void add_faults(const json_t *status, const json_t *before, struct screen *screen)
{
	_cleanup_buffer_ struct sq_buffer line = { 0 };
	const json_t *fault;
	char n[32], share[32];
	size_t i;

	sq_buffer_add(&line, "%s  %-*s %-20s %11s %9s %9s  of seen", style(screen, dim),
		      NAME_COLUMNS, "faults", "", "injected", "a second", "seen/s");
	add_buffer(screen, &line);
	json_array_foreach(json_object_get(status, "faults"), i, fault) {
		double injected = rate(status, before, i, "injected");
		double seen = rate(status, before, i, "seen");
		bool active = !strcmp(sq_json_text(fault, "state"), "active");

		sq_buffer_add(&line, "  %s", active ? style(screen, bold) : "");
		sq_report_column(sq_json_text(fault, "name"), NAME_COLUMNS, &line);
		sq_buffer_add(&line, " ");
		add_state(fault, &line);
		sq_buffer_add(&line, " %11s",
			      sq_count_text((uint64_t)sq_json_int(fault, "injected"), n));
		if (injected >= 0)
			sq_buffer_add(&line, " %9.1f %9.1f", injected, seen);
		else
			sq_buffer_add(&line, " %9s %9s", "-", "-");
		sq_buffer_add(&line, "  %s",
			      sq_report_share(sq_json_int(fault, "injected"),
					      sq_json_int(fault, "seen"), share));
		add_buffer(screen, &line);
	}
}

/* The last samples, each as high as it took long; the newest at the right. */
static void add_spark(const json_t *recent, struct screen *screen, struct sq_buffer *line)
{
	size_t n = json_array_size(recent), i;
	size_t room = (size_t)MAX(screen->view->columns - NAME_COLUMNS - 42, 10);
	const json_t *sample;
	double most = 0;

	json_array_foreach(recent, i, sample)
		if (i + room >= n)
			most = MAX(most, sq_json_real(sample, "ms"));
	json_array_foreach(recent, i, sample) {
		if (i + room < n)
			continue;
		if (json_is_true(json_object_get(sample, "met")))
			sq_buffer_add(line, "%s",
				      sq_report_step(most > 0 ? (int)(sq_json_real(sample, "ms") /
								      most * 8)
							      : 0));
		else
			sq_buffer_add(line, "%s" SQ_REPORT_FAILED "%s", style(screen, red),
				      style(screen, plain));
	}
}

static void add_probes(const json_t *status, struct screen *screen)
{
	const json_t *probes = json_object_get(status, "probes"), *probe;
	_cleanup_buffer_ struct sq_buffer line = { 0 };
	char p50[SQ_DURATION_SIZE];
	size_t i;

	if (!json_array_size(probes))
		return;
	sq_buffer_add(&line, "%s  %-*s %9s %9s %9s  the last samples", style(screen, dim),
		      NAME_COLUMNS, "probes", "samples", "failed", "p50");
	add_buffer(screen, &line);
	json_array_foreach(probes, i, probe) {
		bool met = json_is_true(json_object_get(probe, "met")) ||
			   !sq_json_int(probe, "samples");

		sq_buffer_add(&line, "  %s", met ? "" : style(screen, red));
		sq_report_column(sq_json_text(probe, "name"), NAME_COLUMNS, &line);
		sq_buffer_add(&line, "%s %9lld %9lld %9s  ", style(screen, plain),
			      (long long)sq_json_int(probe, "samples"),
			      (long long)sq_json_int(probe, "failures"),
			      sq_report_ms(sq_json_real(probe, "p50_ms"), p50));
		add_spark(json_object_get(probe, "recent"), screen, &line);
		add_buffer(screen, &line);
	}
}

static void add_used(const json_t *radius, const char *key, const char *one, const char *many,
		     struct sq_buffer *line)
{
	int64_t limit = sq_json_int(json_object_get(radius, "limits"), key);
	bool single = limit == 1 || (!limit && sq_json_int(radius, key) == 1);
	char n[32];

	sq_buffer_add(line, " %s", sq_count_text((uint64_t)sq_json_int(radius, key), n));
	if (limit)
		sq_buffer_add(line, " of %s", sq_count_text((uint64_t)limit, n));
	sq_buffer_add(line, " %s", single ? one : many);
}

static void add_radius(const json_t *status, struct screen *screen)
{
	const json_t *radius = json_object_get(status, "blast_radius");
	double most = sq_json_real(json_object_get(radius, "limits"), "rate");
	_cleanup_buffer_ struct sq_buffer line = { 0 };

	if (!radius) /* of an older squall */
		return;
	sq_buffer_add(&line, "  blast radius:");
	add_used(radius, "cgroups", "cgroup,", "cgroups,", &line);
	add_used(radius, "processes", "process,", "processes,", &line);
	add_used(radius, "faults", "injection", "injections", &line);
	sq_buffer_add(&line, ", at most %.0f/s", sq_json_real(radius, "peak_rate"));
	if (most > 0)
		sq_buffer_add(&line, " of %.15g/s", most);
	add_buffer(screen, &line);
}

static void add_run(const json_t *run, const json_t *before, bool selected, struct screen *screen)
{
	const json_t *status = json_object_get(run, "status");
	const char *name = sq_json_text(run, "run");
	_cleanup_buffer_ struct sq_buffer line = { 0 };

	sq_buffer_add(&line, "%s%c %s%s: %s", style(screen, bold), selected ? '>' : ' ', name,
		      style(screen, plain), sq_json_text(json_object_get(run, "claim"), "title"));
	add_buffer(screen, &line);
	if (!json_is_true(json_object_get(run, "alive")))
		add_line(screen, "  its controller died; if this stays, use `squall recover`");
	else if (!json_is_object(json_object_get(run, "claim")))
		add_line(screen, "  only root may look at it: use sudo");
	else if (!json_is_object(status))
		add_line(screen, "  starting");
	if (!json_is_object(status))
		return;
	add_bar(status, screen);
	add_faults(status, json_object_get(before, name), screen);
	add_probes(status, screen);
	add_radius(status, screen);
	add_line(screen, "");
}

static void add_latch(const json_t *latch, struct screen *screen)
{
	_cleanup_buffer_ struct sq_buffer line = { 0 };

	if (!json_is_object(latch))
		return;
	sq_buffer_add(&line, "%slatched by %s at %s%s%s: nothing may start", style(screen, red),
		      sq_json_text(latch, "by"), sq_json_text(latch, "when"),
		      *sq_json_text(latch, "reason") ? ": " : "", sq_json_text(latch, "reason"));
	add_buffer(screen, &line);
}

static void add_keys(size_t runs, struct screen *screen)
{
	const struct sq_watch_view *view = screen->view;
	int row = screen->row;

	/* the rows that are kept for them */
	sq_buffer_add(screen->out, "\033[J\033[%d;1H", MAX(view->rows, 1));
	screen->row = 0;
	if (view->question)
		sq_buffer_add(screen->out, "%s%.*s%s", style(screen, red), view->columns,
			      view->question, style(screen, plain));
	else
		sq_buffer_add(screen->out, "%s%.*s%s", style(screen, dim), view->columns,
			      row > view->rows - KEPT_ROWS ? "a abort  Tab next run  q quit  "
							     "(there is more: enlarge the screen)"
			      : runs > 1		   ? "a abort  Tab next run  q quit"
			      : runs			   ? "a abort  q quit"
							   : "q quit",
			      style(screen, plain));
}

void sq_report_watch(const json_t *status, const json_t *before, const struct sq_watch_view *view,
		     struct sq_buffer *out)
{
	const json_t *runs = json_object_get(status, "runs"), *run;
	struct screen screen = { .view = view, .out = out };
	size_t i;

	sq_buffer_add(out, "\033[H");
	add_latch(json_object_get(status, "latch"), &screen);
	if (!json_array_size(runs))
		add_line(&screen, "no run is under way");
	json_array_foreach(runs, i, run)
		add_run(run, before, json_array_size(runs) > 1 && i == view->selected, &screen);
	for (i = 0; i < view->over->n; i++)
		add_line(&screen, view->over->item[i]);
	add_keys(json_array_size(runs), &screen);
}
