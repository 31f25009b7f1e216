// SPDX-License-Identifier: GPL-2.0-only
#include "report/html.h"
#include "report/view.h"
#include "util/json.h"
#include "util/units.h"

#define LEFT 84.0
#define WIDTH 720.0
#define TOP 14.0
#define HEIGHT 110.0
#define AXIS 24.0
#define BASE 17.0 /* of the words below the axis */
#define ROW 36.0 /* of a fault: its name, and its bar below */
#define WORD 46.0 /* the widest of them; on a phone they are nearly twice as large */
#define BARS 56.0 /* where bars of delays begin */
#define LONGEST 560.0
#define MOST_DOTS 4000 /* a page stays light */

struct frame {
	double end_s; /* of the time axis */
	double most; /* of the other */
};

static double x_of(const struct frame *frame, double at_s)
{
	double share = frame->end_s > 0 ? at_s / frame->end_s : 0;

	return LEFT + MAX(0, MIN(share, 1)) * (WIDTH - LEFT - 10);
}

static double y_of(const struct frame *frame, double value)
{
	double share = frame->most > 0 ? value / frame->most : 0;

	return TOP + (1 - MAX(0, MIN(share, 1))) * HEIGHT;
}

static void add_windows(const json_t *journal, const struct sq_report_times *times,
			const struct frame *frame, const json_t *only, struct sq_buffer *out)
{
	const json_t *fault;
	double from, until;
	size_t i;

	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		if ((only && only != fault) ||
		    !sq_report_window(journal, times, fault, &from, &until))
			continue;
		sq_buffer_add(out,
			      "<rect class=\"window\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
			      "height=\"%.0f\"><title>",
			      x_of(frame, from), TOP,
			      MAX(x_of(frame, until) - x_of(frame, from), 1), HEIGHT);
		sq_report_xml(out, sq_json_text(fault, "name"));
		sq_buffer_add(out, "</title></rect>\n");
	}
}

/* The word of a phase, where there is room for it up to @until. */
static void add_phase_word(const char *word, double x, double until, double y,
			   struct sq_buffer *out)
{
	if (until - x >= WORD)
		sq_buffer_add(out, "<text%s x=\"%.1f\" y=\"%.0f\">%s</text>\n",
			      until - x < 2 * WORD ? " class=\"tight\"" : "", x + 3, y, word);
}

/* The phases and the end on the time axis, below a chart that is @height high. */
static void add_axis(const struct sq_report_times *times, const struct frame *frame, double height,
		     struct sq_buffer *out)
{
	double until = WIDTH - WORD, y = TOP + height;
	char end[SQ_DURATION_SIZE];

	for (size_t i = SQ_REPORT_PHASES; i-- > 0;) {
		double x = x_of(frame, times->phase_s[i]);

		if (times->phase_s[i] < 0)
			continue;
		sq_buffer_add(
			out,
			"<line class=\"edge\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>\n",
			x, x, TOP, y + AXIS - 4);
		add_phase_word(sq_report_phases[i], x, until, y + BASE, out);
		until = x;
	}
	sq_buffer_add(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", WIDTH - 4,
		      y + BASE, sq_report_s(frame->end_s, end));
}

static void open_svg(const char *label, double height, struct sq_buffer *out)
{
	sq_buffer_add(out,
		      "<div class=\"wide\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
		      "aria-label=\"",
		      WIDTH, height);
	sq_report_xml(out, label);
	sq_buffer_add(out, "\">\n");
}

/* The frame, the greatest value, and the time axis. */
static void open_chart(const json_t *journal, const struct frame *frame, const char *label,
		       const char *most, struct sq_buffer *out)
{
	struct sq_report_times times;

	sq_report_times(journal, &times);
	open_svg(label, TOP + HEIGHT + AXIS, out);
	sq_buffer_add(out,
		      "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>"
		      "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">0</text>\n",
		      LEFT - 5, TOP + 9, most, LEFT - 5, TOP + HEIGHT);
	add_axis(&times, frame, HEIGHT, out);
}

/* A name above a bar, to its left or to its right: where there is more room. */
static void add_bar(const char *name, double from, double until, double y, struct sq_buffer *out)
{
	bool right = from > (LEFT + WIDTH) / 2;

	sq_buffer_add(out, "<text x=\"%.1f\" y=\"%.0f\"%s>", right ? until : from, y + 16,
		      right ? " text-anchor=\"end\"" : "");
	sq_report_xml(out, name);
	sq_buffer_add(out,
		      "</text><rect class=\"on\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
		      "height=\"10\"/>\n",
		      from, y + 21, MAX(until - from, 2));
}

void sq_html_timeline(const json_t *journal, struct sq_buffer *out)
{
	const json_t *faults = json_object_get(journal, "faults"), *fault;
	struct sq_report_times times;
	struct frame frame = { 0 };
	double from, until, y = TOP;
	size_t i, n = 0;

	sq_report_times(journal, &times);
	frame.end_s = times.end_s;
	json_array_foreach(faults, i, fault)
		n += sq_report_window(journal, &times, fault, &from, &until);
	if (!n || frame.end_s <= 0)
		return;
	sq_buffer_add(out, "<h2>Timeline</h2>\n");
	open_svg("when each fault was on", TOP + ROW * (double)n + AXIS, out);
	add_axis(&times, &frame, ROW * (double)n, out);
	json_array_foreach(faults, i, fault) {
		if (!sq_report_window(journal, &times, fault, &from, &until))
			continue;
		add_bar(sq_json_text(fault, "name"), x_of(&frame, from), x_of(&frame, until), y,
			out);
		y += ROW;
	}
	sq_buffer_add(out, "</svg></div>\n");
}

void sq_html_probe_chart(const json_t *journal, const json_t *probe, struct sq_buffer *out)
{
	const json_t *series = json_object_get(probe, "series"), *sample;
	size_t i, every = json_array_size(series) / MOST_DOTS + 1;
	struct sq_report_times times;
	struct frame frame = { 0 };
	char most[SQ_DURATION_SIZE];

	sq_report_times(journal, &times);
	frame.end_s = times.end_s;
	json_array_foreach(series, i, sample)
		if (sq_report_sample_tells(probe, sample))
			frame.most = MAX(frame.most, sq_json_real(sample, "took_ms"));
	if (!json_array_size(series) || frame.end_s <= 0)
		return;
	open_chart(journal, &frame, sq_json_text(probe, "name"), sq_report_ms(frame.most, most),
		   out);
	add_windows(journal, &times, &frame, NULL, out);
	json_array_foreach(series, i, sample) {
		double x = x_of(&frame, sq_report_sample_at(&times, sample));
		bool met = json_is_true(json_object_get(sample, "met"));

		if (!sq_report_sample_tells(probe, sample) || (met && i % every))
			continue;
		if (met)
			sq_buffer_add(out,
				      "<circle class=\"met\" cx=\"%.1f\" cy=\"%.1f\" r=\"1.6\"/>\n",
				      x, y_of(&frame, sq_json_real(sample, "took_ms")));
		else
			sq_buffer_add(out,
				      "<line class=\"failed\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
				      "y2=\"%.0f\"/>\n",
				      x, x, TOP, TOP + HEIGHT);
	}
	sq_buffer_add(out, "</svg></div>\n");
}

/* Calls for each stretch between two looks at the counters: from when to when, and the rate. */
static void each_rate(const json_t *journal, const json_t *fault,
		      void (*call)(void *data, double from_s, double until_s, double rate),
		      void *data)
{
	double last_s = sq_report_at(journal, fault, "started");
	int64_t last = 0;
	const json_t *point;
	size_t i;

	json_array_foreach(json_object_get(fault, "series"), i, point) {
		double at_s = sq_report_at(journal, point, "t");
		int64_t injected = sq_json_int(point, "injected");

		/* two looks at nearly the same time say nothing of a rate */
		if (last_s < 0 || at_s < last_s + 0.2)
			continue;
		call(data, last_s, at_s, (double)(injected - last) / (at_s - last_s));
		last_s = at_s;
		last = injected;
	}
}

static void find_most(void *data, double from_s, double until_s, double rate)
{
	double *most = data;

	*most = MAX(*most, rate);
}

struct line {
	const struct frame *frame;
	struct sq_buffer *out;
};

static void add_step(void *data, double from_s, double until_s, double rate)
{
	const struct line *line = data;
	double y = y_of(line->frame, rate);

	sq_buffer_add(line->out, "%.1f,%.1f %.1f,%.1f ", x_of(line->frame, from_s), y,
		      x_of(line->frame, until_s), y);
}

void sq_html_rate_chart(const json_t *journal, const json_t *fault, struct sq_buffer *out)
{
	struct sq_report_times times;
	struct frame frame = { 0 };
	char most[48];

	sq_report_times(journal, &times);
	frame.end_s = times.end_s;
	each_rate(journal, fault, find_most, &frame.most);
	if (frame.most <= 0 || frame.end_s <= 0)
		return;
	snprintf(most, sizeof(most), "%.0f/s", frame.most);
	open_chart(journal, &frame, "injected a second", most, out);
	add_windows(journal, &times, &frame, fault, out);
	sq_buffer_add(out, "<polyline class=\"rate\" points=\"");
	each_rate(journal, fault, add_step, &(struct line){ &frame, out });
	sq_buffer_add(out, "\"><title>injected a second</title></polyline></svg></div>\n");
}

/* What was asked, in ms; 0 where the journal does not say. */
static double asked_ms(const json_t *fault)
{
	const json_t *asked = json_object_get(json_object_get(fault, "effect"), "asked");
	const char *text = sq_json_text(json_object_get(fault, "asked"), "delay"), *why;
	uint64_t ns = 0;

	if (json_object_get(asked, "delay_ms"))
		return sq_json_real(asked, "delay_ms");
	return sq_parse_duration(text, &ns, &why) ? 0 : (double)ns / SQ_MS;
}

void sq_html_delay_chart(const json_t *fault, struct sq_buffer *out)
{
	static const struct {
		const char *key, *name;
	} rows[] = {
		{ "p50_us", "p50" }, { "p90_us", "p90" }, { "p99_us", "p99" }, { "max_us", "max" }
	};
	const json_t *got = json_object_get(fault, "got");
	double asked = asked_ms(fault), most = MAX(asked, sq_json_real(got, "max_us") / 1000);
	char text[SQ_DURATION_SIZE];

	if (!got || most <= 0)
		return;
	sq_buffer_add(out,
		      "<p class=\"dim\">delayed by, and asked (%s):</p>\n<div class=\"wide\">"
		      "<svg viewBox=\"0 0 720 100\" role=\"img\" aria-label=\"delay\">\n",
		      asked > 0 ? sq_report_ms(asked, text) : "-");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double ms = sq_json_real(got, rows[i].key) / 1000, y = 4 + 24 * (double)i;

		sq_buffer_add(
			out,
			"<text x=\"50\" y=\"%.0f\" text-anchor=\"end\">%s</text>"
			"<rect class=\"bar\" x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" height=\"16\"/>"
			"<text x=\"%.1f\" y=\"%.0f\">%s</text>\n",
			y + 13, rows[i].name, BARS, y, ms / most * LONGEST,
			BARS + 5 + ms / most * LONGEST, y + 13, sq_report_ms(ms, text));
	}
	if (asked > 0)
		sq_buffer_add(
			out,
			"<line class=\"asked\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"100\"/>\n",
			BARS + asked / most * LONGEST, BARS + asked / most * LONGEST);
	sq_buffer_add(out, "</svg></div>\n");
}
