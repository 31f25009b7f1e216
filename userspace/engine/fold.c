// SPDX-License-Identifier: GPL-2.0-only
#include "engine/fold.h"

#include <string.h>

#include "engine/journal.h"
#include "util/json.h"

/* What is already in the document under another name, or too much for it. */
static const char *const left_out[] = { "started", "sample",  "counters",
					"effect",  "creates", "loaded" };

/* All members but the time and the event's name. */
static json_t *members_of(const json_t *event)
{
	json_t *copy = json_copy((json_t *)event);

	json_object_del(copy, "t");
	json_object_del(copy, "event");
	return copy;
}

static void on_started(json_t *document, const json_t *event)
{
	json_object_update(document, json_object_get(event, "document"));
	json_object_set(document, "started", json_object_get(event, "t"));
}

static void on_fault(json_t *document, const json_t *event)
{
	json_t *fault =
		sq_json_named(json_object_get(document, "faults"), sq_json_text(event, "name"));

	if (fault)
		json_object_set(fault, sq_json_text(event, "what"), json_object_get(event, "t"));
}

/* What was injected until when, for a chart; times are those of the run's other events. */
static void add_point(json_t *fault, const json_t *event, const json_t *counters)
{
	json_t *series = json_object_get(fault, "series");

	if (!fault)
		return;
	if (!series) {
		series = json_array();
		json_object_set_new(fault, "series", series);
	}
	json_array_append_new(series,
			      sq_json("{s:s, s:I, s:I}", "t", sq_json_text(event, "t"), "seen",
				      (json_int_t)sq_json_int(counters, "seen"), "injected",
				      (json_int_t)sq_json_int(counters, "injected")));
}

static void on_effect(json_t *document, const json_t *event)
{
	json_t *faults = json_object_get(document, "faults"), *one;
	size_t i;

	json_array_foreach(json_object_get(event, "faults"), i, one)
		json_object_update(json_array_get(faults, i), one);
}

static void on_counters(json_t *document, const json_t *event)
{
	json_t *used = json_object_get(json_object_get(document, "blast_radius"), "used");
	json_t *faults = json_object_get(document, "faults"), *one;
	size_t i;

	on_effect(document, event);
	json_array_foreach(json_object_get(event, "faults"), i, one)
		add_point(json_array_get(faults, i), event, json_object_get(one, "counters"));
	json_object_update(used, json_object_get(event, "used"));
}

static void on_sample(json_t *document, const json_t *event)
{
	json_t *probe =
		sq_json_named(json_object_get(document, "probes"), sq_json_text(event, "probe"));
	json_t *series = json_object_get(probe, "series"), *sample = members_of(event);

	json_object_del(sample, "probe");
	json_array_append_new(series, sample);
}

static void on_probe(json_t *document, const json_t *event)
{
	json_t *probe = sq_json_named(json_object_get(document, "probes"),
				      sq_json_text(event, "name")),
	       *members = members_of(event);

	json_object_update(probe, members);
	json_decref(members);
}

static void on_note(json_t *document, const json_t *event)
{
	json_t *note = members_of(event);

	json_object_set(note, "t", json_object_get(event, "t"));
	json_array_append_new(json_object_get(document, "notes"), note);
}

/* What stands in the document under its own name. */
static void on_whole(json_t *document, const json_t *event)
{
	json_object_set_new(document, sq_json_text(event, "event"), members_of(event));
}

static void on_ended(json_t *document, const json_t *event)
{
	json_t *members = members_of(event);

	json_object_update(document, members);
	json_object_set(document, "ended", json_object_get(event, "t"));
	json_decref(members);
}

static const struct {
	const char *event;
	void (*fold)(json_t *document, const json_t *event);
} folds[] = {
	{ "started", on_started }, { "fault", on_fault },    { "counters", on_counters },
	{ "sample", on_sample },   { "probe", on_probe },    { "note", on_note },
	{ "effect", on_effect },   { "survival", on_whole }, { "cost", on_whole },
	{ "abort", on_whole },	   { "cleanup", on_whole },  { "ended", on_ended },
};

json_t *sq_journal_fold(const json_t *events)
{
	json_t *document = sq_json("{s:s, s:[], s:[], s:{s:{}}, s:[], s:[]}", "schema",
				   SQ_JOURNAL_SCHEMA, "faults", "probes", "blast_radius", "used",
				   "notes", "events");
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event) {
		const char *name = sq_json_text(event, "event");
		bool show = true;

		for (size_t j = 0; j < ARRAY_SIZE(folds); j++)
			if (!strcmp(folds[j].event, name))
				folds[j].fold(document, event);
		for (size_t j = 0; j < ARRAY_SIZE(left_out); j++)
			show &= strcmp(left_out[j], name) != 0;
		if (show)
			json_array_append(json_object_get(document, "events"), event);
	}
	return document;
}
