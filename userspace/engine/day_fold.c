// SPDX-License-Identifier: GPL-2.0-only
/* A game day's events and the journals of its runs, folded into one document. */
#include <stdlib.h>
#include <string.h>

#include "engine/day.h"
#include "util/time.h"

static json_t *experiment_of(json_t *document, const json_t *event)
{
	return json_array_get(json_object_get(document, "experiments"),
			      (size_t)sq_json_int(event, "experiment"));
}

/* All members but the time, the event's name and the experiment's number. */
static void update(json_t *object, const json_t *event)
{
	json_t *members = json_copy((json_t *)event);

	json_object_del(members, "t");
	json_object_del(members, "event");
	json_object_del(members, "experiment");
	if (object)
		json_object_update(object, members);
	json_decref(members);
}

static void fold_one(json_t *document, const json_t *event)
{
	const char *name = sq_json_text(event, "event");
	json_t *t = json_object_get(event, "t"), *note;

	if (!strcmp(name, "started")) {
		json_object_update(document, json_object_get(event, "document"));
		json_object_set(document, "started", t);
	} else if (!strcmp(name, "asked") || !strcmp(name, "answered")) {
		update(experiment_of(document, event), event);
		json_object_set(experiment_of(document, event), name, t);
	} else if (!strcmp(name, "run") || !strcmp(name, "verdict")) {
		update(experiment_of(document, event), event);
	} else if (!strcmp(name, "note")) {
		note = json_copy((json_t *)event);
		json_object_del(note, "event");
		json_array_append_new(json_object_get(document, "notes"), note);
	} else if (!strcmp(name, "ended")) {
		update(document, event);
		json_object_set(document, "ended", t);
	}
}

/* `squall note` writes to the day and to the runs under way: it is told once. */
static bool is_noted(const json_t *notes, const char *run, const json_t *note)
{
	const json_t *other, *name;
	size_t i, j;

	json_array_foreach(notes, i, other)
		json_array_foreach(json_object_get(other, "runs"), j, name)
			if (!strcmp(json_string_value(name), run) &&
			    !strcmp(sq_json_text(other, "text"), sq_json_text(note, "text")) &&
			    !strcmp(sq_json_text(other, "mark"), sq_json_text(note, "mark")))
				return true;
	return false;
}

/* What a person has noted in one run alone; what squall notes itself stays in the journal. */
static void add_notes(json_t *notes, const json_t *journal)
{
	const char *run = sq_json_text(journal, "run");
	json_t *note;
	size_t i;

	json_array_foreach(json_object_get(journal, "notes"), i, note)
		if (*sq_json_text(note, "by") && !is_noted(notes, run, note))
			json_array_append(notes, note);
}

static int by_time(const void *a, const void *b)
{
	return strcmp(sq_json_text(*(json_t *const *)a, "t"),
		      sq_json_text(*(json_t *const *)b, "t"));
}

static void sort_notes(json_t *notes)
{
	size_t n = json_array_size(notes), i;
	_cleanup_free_ json_t **sorted = sq_alloc((n + 1) * sizeof(json_t *));
	json_t *note;

	json_array_foreach(notes, i, note)
		sorted[i] = json_incref(note);
	if (n)
		qsort(sorted, n, sizeof(json_t *), by_time);
	json_array_clear(notes);
	for (i = 0; i < n; i++)
		json_array_append_new(notes, sorted[i]);
}

/* When the first fault of a run began, or 0. */
static uint64_t first_fault(const json_t *journal)
{
	uint64_t first = 0;
	const json_t *fault;
	size_t i;

	json_array_foreach(json_object_get(journal, "faults"), i, fault) {
		uint64_t t = sq_rfc3339_parse(sq_json_text(fault, "started"));

		if (t && (!first || t < first))
			first = t;
	}
	return first;
}

/* The verdict of a run whose controller was killed stands in its journal alone. */
static void add_journal(json_t *experiment, json_t *journal)
{
	static const char *const keys[] = { "verdict", "exit", "reason" };
	char t[SQ_RFC3339_SIZE];
	uint64_t first = first_fault(journal);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!json_object_get(experiment, keys[i]) && json_object_get(journal, keys[i]))
			json_object_set(experiment, keys[i], json_object_get(journal, keys[i]));
	if (first)
		json_object_set_new(experiment, "first_fault", json_string(sq_rfc3339(first, t)));
	json_object_set_new(experiment, "journal", journal);
}

/* A note belongs to the experiment whose faults began last before it; a mark tells how long after. */
static void place(json_t *experiments, json_t *note)
{
	uint64_t at = sq_rfc3339_parse(sq_json_text(note, "t")), begun = 0;
	_cleanup_free_ char *key = sq_asprintf("%s_s", sq_json_text(note, "mark"));
	json_t *experiment, *times = NULL;
	double after_s;
	size_t i;

	json_array_foreach(experiments, i, experiment) {
		uint64_t first = sq_rfc3339_parse(sq_json_text(experiment, "first_fault"));

		if (!first || first > at)
			continue;
		begun = first;
		times = json_object_get(experiment, "times");
		json_object_set_new(note, "experiment", json_integer((json_int_t)i));
	}
	if (!times)
		return;
	after_s = (double)(at - begun) / SQ_S;
	json_object_set_new(note, "after_s", json_real(after_s));
	if (*sq_json_text(note, "mark") && !json_object_get(times, key))
		json_object_set_new(times, key, json_real(after_s));
}

json_t *sq_day_fold(const json_t *events, json_t *(*load)(const char *run))
{
	json_t *document = sq_json("{s:s, s:s, s:[], s:[]}", "schema", SQ_DAY_SCHEMA, "verdict",
				   "not over", "experiments", "notes");
	json_t *experiments, *notes = json_object_get(document, "notes"), *item;
	size_t i;

	json_array_foreach(events, i, item)
		fold_one(document, item);
	experiments = json_object_get(document, "experiments");
	json_array_foreach(experiments, i, item) {
		json_t *journal = *sq_json_text(item, "run") ? load(sq_json_text(item, "run"))
							     : NULL;

		json_object_set_new(item, "times", json_object());
		if (!json_object_get(item, "answer"))
			json_object_set_new(item, "answer", json_string("not reached"));
		if (!journal)
			continue;
		add_notes(notes, journal);
		add_journal(item, journal);
	}
	sort_notes(notes);
	json_array_foreach(notes, i, item)
		place(experiments, item);
	return document;
}
