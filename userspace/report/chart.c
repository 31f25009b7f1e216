// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run's timeline as text: a row for each probe, a bar for each fault, the phases above them.
 * In block characters where the locale has UTF-8, else in ASCII.
 */
#include <stdlib.h>
#include <string.h>

#include "report/formats.h"
#include "report/view.h"
#include "util/json.h"

#define NAME_COLUMNS 24
#define COLUMNS 56

struct bucket {
	double most_ms;
	bool sampled, failed;
};

struct style {
	const char *bar, *failed, *on, *off;
};

/* Can the terminal's locale show more than ASCII? */
static bool shows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

const char *sq_report_step(int step)
{
	static const char *const ascii[] = { "_", ".", ",", "-", "~", "+", "*", "#" };
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

	step = MAX(0, MIN(step, 7));
	return shows_utf8() ? blocks[step] : ascii[step];
}

static struct style style_of(bool colour)
{
	struct style style = { shows_utf8() ? "━" : "=", SQ_REPORT_FAILED, "", "" };

	if (colour) {
		style.on = "\033[31m";
		style.off = "\033[0m";
	}
	return style;
}

static int column_of(double at_s, double end_s)
{
	int column = (int)(at_s / end_s * COLUMNS);

	return MAX(0, MIN(column, COLUMNS - 1));
}

static void add_name(const char *name, struct sq_buffer *text)
{
	sq_buffer_add(text, "  ");
	sq_report_column(name, NAME_COLUMNS, text);
	sq_buffer_add(text, " ");
}

/* "|before    |during            |after  ", each where it began. */
static void add_phases(const struct sq_report_times *times, struct sq_buffer *text)
{
	char row[COLUMNS + 1], took[SQ_DURATION_SIZE];

	memset(row, ' ', COLUMNS);
	row[COLUMNS] = '\0';
	for (size_t i = 0; i < SQ_REPORT_PHASES; i++) {
		int from = column_of(times->phase_s[i], times->end_s);
		size_t n = MIN(strlen(sq_report_phases[i]), (size_t)(COLUMNS - from - 1));

		if (times->phase_s[i] < 0)
			continue;
		memset(row + from, ' ', (size_t)(COLUMNS - from));
		row[from] = '|';
		memcpy(row + from + 1, sq_report_phases[i], n);
	}
	sq_buffer_add(text, "\n%-*s%s|%s\n", NAME_COLUMNS + 3, "timeline", row,
		      sq_report_s(times->end_s, took));
}

static void add_probe(const json_t *probe, const struct sq_report_times *times,
		      const struct style *style, struct sq_buffer *text)
{
	struct bucket buckets[COLUMNS] = { 0 };
	char peak[SQ_DURATION_SIZE];
	size_t i, failures = 0;
	double most_ms = 0;
	const json_t *sample;

	json_array_foreach(json_object_get(probe, "series"), i, sample) {
		double at_s = sq_report_sample_at(times, sample);
		struct bucket *bucket = &buckets[column_of(at_s, times->end_s)];

		if (!sq_report_sample_tells(probe, sample))
			continue;
		bucket->sampled = true;
		if (!json_is_true(json_object_get(sample, "met"))) {
			bucket->failed = true;
			failures++;
			continue;
		}
		bucket->most_ms = MAX(bucket->most_ms, sq_json_real(sample, "took_ms"));
		most_ms = MAX(most_ms, bucket->most_ms);
	}
	if (!i)
		return;
	add_name(sq_json_text(probe, "name"), text);
	for (i = 0; i < COLUMNS; i++) {
		int step = most_ms > 0 ? (int)(buckets[i].most_ms / most_ms * 8) : 0;

		if (buckets[i].failed)
			sq_buffer_add(text, "%s%s%s", style->on, style->failed, style->off);
		else
			sq_buffer_add(text, "%s", buckets[i].sampled ? sq_report_step(step) : " ");
	}
	if (most_ms > 0)
		sq_buffer_add(text, "|max %s\n", sq_report_ms(most_ms, peak));
	else
		sq_buffer_add(text, "|%zu failed\n", failures);
}

static void add_fault(const json_t *journal, const json_t *fault,
		      const struct sq_report_times *times, const struct style *style,
		      struct sq_buffer *text)
{
	double from_s, until_s;
	int from, until;

	if (!sq_report_window(journal, times, fault, &from_s, &until_s))
		return;
	from = column_of(from_s, times->end_s);
	until = MAX(column_of(until_s, times->end_s), from + 1);
	add_name(sq_json_text(fault, "name"), text);
	sq_buffer_add(text, "%*s", from, "");
	for (int i = from; i < until; i++)
		sq_buffer_add(text, "%s", style->bar);
	sq_buffer_add(text, "%*s|\n", COLUMNS - until, "");
}

void sq_report_chart(const json_t *journal, bool colour, struct sq_buffer *text)
{
	const struct style style = style_of(colour);
	struct sq_report_times times;
	const json_t *item;
	size_t i;

	sq_report_times(journal, &times);
	if (times.end_s <= 0 || times.phase_s[1] < 0)
		return;
	add_phases(&times, text);
	json_array_foreach(json_object_get(journal, "probes"), i, item)
		add_probe(item, &times, &style, text);
	json_array_foreach(json_object_get(journal, "faults"), i, item)
		add_fault(journal, item, &times, &style, text);
}
