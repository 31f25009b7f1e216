// SPDX-License-Identifier: GPL-2.0-only
#include "report/view.h"

#include <string.h>

#include "util/json.h"
#include "util/units.h"

const char *const sq_report_phases[SQ_REPORT_PHASES] = { "before", "during", "after" };

const struct sq_report_missed sq_report_missed[SQ_REPORT_MISSED] = {
	{ "filter", "not to the peer" },
	{ "dice", "spared by the dice or by skip" },
	{ "budget", "over the limit" },
	{ "rate", "over the rate" },
	{ "protected", "protected" },
	{ "lease", "after the lease" },
	{ "killed", "after the kill switch" },
	{ "room", "without room" },
	{ "uncovered", "where nothing could hit them" },
	{ "lost", "lost by another fault" },
	{ "idle", "within the burst" },
};

static const char *filtered(const json_t *asked)
{
	static const char *const peers[] = { "to", "except", "ports" };

	if (json_object_get(asked, "paths"))
		return "not on the paths";
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		if (json_object_get(asked, peers[i]))
			return "not to the peer";
	return "not what the fault names";
}

void sq_report_let_pass(const json_t *fault, struct sq_buffer *out)
{
	const json_t *missed = json_object_get(json_object_get(fault, "counters"), "missed");
	const char *kind = sq_json_text(fault, "fault"), *separator = "let pass:";
	const json_t *asked = json_object_get(fault, "asked");
	bool makes = !strcmp(kind, "network.reset") || !strcmp(kind, "network.dns");
	char number[32];

	for (size_t i = 0; i < SQ_REPORT_MISSED; i++) {
		int64_t n = sq_json_int(missed, sq_report_missed[i].key);
		const char *words = sq_report_missed[i].words;

		if (!n)
			continue;
		if (!strcmp(sq_report_missed[i].key, "filter") && asked)
			words = filtered(asked);
		else if (makes && !strcmp(sq_report_missed[i].key, "room"))
			words = "of which nothing could be made";
		sq_buffer_add(out, "%s %s %s", separator, sq_count_text((uint64_t)n, number),
			      words);
		separator = ",";
	}
}

const char *sq_report_ms(double ms, char text[SQ_DURATION_SIZE])
{
	return sq_duration_text(ms > 0 ? (uint64_t)(ms * (double)SQ_MS) : 0, text);
}

const char *sq_report_s(double s, char text[SQ_DURATION_SIZE])
{
	return sq_duration_text(s > 0 ? (uint64_t)(s * (double)SQ_S) : 0, text);
}

const char *sq_report_share(int64_t part, int64_t whole, char text[32])
{
	return whole > 0 && part >= 0
		       ? sq_share_text((uint64_t)((double)part / (double)whole * SQ_SHARE_ONE),
				       text)
		       : "-";
}

void sq_report_injected(const json_t *counters, struct sq_buffer *out)
{
	int64_t injected = sq_json_int(counters, "injected"), seen = sq_json_int(counters, "seen");
	char part[32], whole[32], share[32];

	sq_buffer_add(out, "%s of %s seen (%s)", sq_count_text((uint64_t)injected, part),
		      sq_count_text((uint64_t)seen, whole), sq_report_share(injected, seen, share));
	sq_report_overflowed(counters, ", ", out);
}

void sq_report_overflowed(const json_t *counters, const char *before, struct sq_buffer *out)
{
	int64_t overflowed = sq_json_int(counters, "overflowed");
	char number[32];

	if (overflowed)
		sq_buffer_add(out, "%s%s of them lost in a full queue", before,
			      sq_count_text((uint64_t)overflowed, number));
}

void sq_report_column(const char *text, int columns, struct sq_buffer *out)
{
	int column = 0;

	while (*text && column < columns) {
		do
			sq_buffer_add(out, "%c", *text++);
		while (((unsigned char)*text & 0xc0) == 0x80);
		column++;
	}
	sq_buffer_add(out, "%*s", columns - column, "");
}

void sq_report_xml(struct sq_buffer *out, const char *text)
{
	FILE *stream = sq_buffer_stream(out);

	for (const unsigned char *p = (const unsigned char *)(text ? text : ""); *p; p++) {
		if (*p == '<')
			fputs("&lt;", stream);
		else if (*p == '>')
			fputs("&gt;", stream);
		else if (*p == '&')
			fputs("&amp;", stream);
		else if (*p == '"')
			fputs("&quot;", stream);
		else if (*p == '\'')
			fputs("&#39;", stream);
		else if (*p < ' ' && *p != '\n' && *p != '\t')
			fputc('?', stream);
		/* U+FFFE and U+FFFF are no characters of XML */
		else if (p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf))
			p += 2, fputc('?', stream);
		else
			fputc(*p, stream);
	}
}

void sq_report_md(struct sq_buffer *out, const char *text)
{
	FILE *stream = sq_buffer_stream(out);

	for (const char *p = text ? text : ""; *p; p++) {
		if (*p == '<')
			fputs("&lt;", stream);
		else if (*p == '\n' || *p == '\r')
			fputc(' ', stream);
		else if (strchr("\\`*_[]|#@!~", *p))
			fprintf(stream, "\\%c", *p);
		else
			fputc(*p, stream);
	}
}

/* "EIO", or "connect, bind": whatever the file says. */
static void add_value(const json_t *value, struct sq_buffer *out)
{
	const json_t *item;
	const char *key;
	size_t i;

	if (json_is_string(value))
		sq_buffer_add(out, "%s", json_string_value(value));
	json_array_foreach(value, i, item) {
		sq_buffer_add(out, "%s", i ? ", " : "");
		add_value(item, out);
	}
	i = 0;
	json_object_foreach((json_t *)value, key, item) {
		sq_buffer_add(out, "%s%s ", i++ ? " " : "", key);
		add_value(item, out);
	}
}

void sq_report_parameters(const json_t *asked, bool times, struct sq_buffer *out)
{
	const json_t *value;
	const char *key;
	bool any = false;

	json_object_foreach((json_t *)asked, key, value) {
		if (!times && (!strcmp(key, "at") || !strcmp(key, "for")))
			continue;
		sq_buffer_add(out, "%s%s ", any ? "; " : "", key);
		add_value(value, out);
		any = true;
	}
}

/* More than 1 % of what would have been injected, as the run itself judges. */
static bool weakens(int64_t cut, int64_t injected)
{
	return cut * 99 > injected;
}

const char *sq_report_no_effect(const json_t *fault, char why[SQ_REPORT_WHY])
{
	const json_t *counters = json_object_get(fault, "counters");
	const json_t *missed = json_object_get(counters, "missed");
	const json_t *effect = json_object_get(fault, "effect");
	int64_t injected = sq_json_int(counters, "injected"), enough = 1;
	int64_t rate = sq_json_int(missed, "rate"), room = sq_json_int(missed, "room");

	if (!counters || !json_object_get(fault, "started"))
		return "";
	/* what the run itself has said knows more: the most likely reason */
	if (!strcmp(sq_json_text(effect, "verdict"), "no effect") ||
	    !strcmp(sq_json_text(effect, "verdict"), "weakened")) {
		snprintf(why, SQ_REPORT_WHY, "%s: %s", sq_json_text(effect, "verdict"),
			 sq_json_text(effect, "why"));
		return why;
	}
	if (json_object_get(fault, "min_effect"))
		enough = sq_json_int(fault, "min_effect");
	if (injected < enough)
		snprintf(why, SQ_REPORT_WHY, "hit %lld times, %lld are needed; it saw %lld",
			 (long long)injected, (long long)enough,
			 (long long)sq_json_int(counters, "seen"));
	else if (weakens(rate, injected))
		snprintf(why, SQ_REPORT_WHY,
			 "weakened: the blast radius's rate let %lld of %lld pass", (long long)rate,
			 (long long)rate + (long long)injected);
	else if (weakens(room, injected))
		snprintf(why, SQ_REPORT_WHY,
			 "weakened: there was no room to hold back %lld of %lld", (long long)room,
			 (long long)room + (long long)injected);
	else
		return NULL;
	return why;
}

void sq_report_each_deviation(const json_t *journal,
			      void (*call)(void *data, const char *probe, const char *phase,
					   const char *why),
			      void *data)
{
	const json_t *probe;
	size_t i;

	json_array_foreach(json_object_get(journal, "probes"), i, probe)
		for (size_t j = 0; j < SQ_REPORT_PHASES; j++) {
			const json_t *result = json_object_get(probe, sq_report_phases[j]);

			const char *name = sq_json_text(probe, "name");
			const char *why = sq_json_text(result, "why");
			_cleanup_free_ char *line = NULL;

			if (strcmp(sq_json_text(result, "verdict"), "not met") != 0)
				continue;
			line = sq_asprintf("%s, %s: %s", name, sq_report_phases[j], why);
			if (strcmp(line, sq_json_text(journal, "reason")) != 0)
				call(data, name, sq_report_phases[j], why);
		}
}

void sq_report_each_without_effect(const json_t *journal, void (*call)(void *data, const char *why),
				   void *data)
{
	const char *reason = sq_json_text(journal, "reason"), *why;
	const json_t *fault;
	char words[SQ_REPORT_WHY];
	size_t i;

	/* ended early, it need not have come to anything */
	if (!strcmp(sq_json_text(journal, "verdict"), "aborted"))
		return;
	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		why = sq_report_no_effect(fault, words);
		/* the reason is the same without "no effect: " */
		if (why && *why && !(*reason && strstr(why, reason)))
			call(data, why);
	}
}

double sq_report_at(const json_t *journal, const json_t *object, const char *key)
{
	uint64_t from = sq_rfc3339_parse(sq_json_text(journal, "started"));
	uint64_t at = sq_rfc3339_parse(sq_json_text(object, key));

	return from && at >= from ? (double)(at - from) / SQ_S : -1;
}

void sq_report_times(const json_t *journal, struct sq_report_times *times)
{
	const json_t *event;
	size_t i;

	*times = (struct sq_report_times){ { -1, -1, -1 }, sq_json_real(journal, "duration_s") };
	json_array_foreach(json_object_get(journal, "events"), i, event)
		for (size_t j = 0; j < SQ_REPORT_PHASES; j++)
			if (!strcmp(sq_json_text(event, "event"), "phase") &&
			    !strcmp(sq_json_text(event, "phase"), sq_report_phases[j]))
				times->phase_s[j] = sq_report_at(journal, event, "t");
	if (times->end_s <= 0)
		times->end_s = MAX(sq_report_at(journal, journal, "ended"), 0);
}

double sq_report_sample_at(const struct sq_report_times *times, const json_t *sample)
{
	for (size_t i = 0; i < SQ_REPORT_PHASES; i++)
		if (!strcmp(sq_json_text(sample, "phase"), sq_report_phases[i]))
			return MAX(times->phase_s[i], 0) + sq_json_real(sample, "at_s");
	return sq_json_real(sample, "at_s");
}

bool sq_report_sample_tells(const json_t *probe, const json_t *sample)
{
	const json_t *recovered = json_object_get(probe, "recovered_s");
	const json_t *after = json_object_get(probe, "after");

	if (!json_is_false(json_object_get(sample, "judged")))
		return true;
	if (strcmp(sq_json_text(sample, "phase"), "after") != 0)
		return false;
	/* without a recovery none was asked for, or it did not come */
	return recovered ? sq_json_real(sample, "at_s") < json_number_value(recovered)
			 : !strcmp(sq_json_text(after, "verdict"), "not met");
}

bool sq_report_window(const json_t *journal, const struct sq_report_times *times,
		      const json_t *fault, double *ret_from, double *ret_until)
{
	double from = sq_report_at(journal, fault, "started");
	double until = sq_report_at(journal, fault, "ended");

	if (from < 0)
		return false;
	*ret_from = from;
	*ret_until = until < 0 ? MAX(times->end_s, from) : until;
	return true;
}

/* A note's text; notes have been texts and are objects. */
static const char *note_text(const json_t *note)
{
	return json_is_string(note) ? json_string_value(note) : sq_json_text(note, "text");
}

/* When the first fault began, in seconds since the run's start; negative: none did. */
static double first_fault_at(const json_t *journal)
{
	double first = -1;
	const json_t *fault;
	size_t i;

	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		double at = sq_report_at(journal, fault, "started");

		if (at >= 0 && (first < 0 || at < first))
			first = at;
	}
	return first;
}

void sq_report_note(const json_t *journal, const json_t *note, struct sq_buffer *out)
{
	double first = first_fault_at(journal), at = sq_report_at(journal, note, "t");
	const char *mark = sq_json_text(note, "mark"), *by = sq_json_text(note, "by");
	char after[SQ_DURATION_SIZE];

	if (*mark && first >= 0 && at >= first)
		sq_buffer_add(out, "%s %s after the first fault: ", mark,
			      sq_report_s(at - first, after));
	else if (*mark)
		sq_buffer_add(out, "%s: ", mark);
	sq_buffer_add(out, "%s%s%s%s", note_text(note), *by ? " (" : "", by, *by ? ")" : "");
}

void sq_report_cost(const json_t *journal, struct sq_buffer *out)
{
	double own_ms = sq_json_real(json_object_get(journal, "cost"), "probe_cpu_ms"),
	       programs_ms = 0;
	char all[SQ_DURATION_SIZE], programs[SQ_DURATION_SIZE];
	const json_t *probe;
	size_t i;

	json_array_foreach(json_object_get(journal, "probes"), i, probe)
		programs_ms += sq_json_real(json_object_get(probe, "cost"), "program_cpu_ms");
	if (!json_object_get(journal, "cost") || own_ms + programs_ms <= 0)
		return;
	sq_buffer_add(out, "looking took %s of processor time",
		      sq_report_ms(own_ms + programs_ms, all));
	if (programs_ms > 0)
		sq_buffer_add(out, ", %s of it in programs", sq_report_ms(programs_ms, programs));
}
