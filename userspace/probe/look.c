// SPDX-License-Identifier: GPL-2.0-only
/* file, systemd and log probes: what squall-look has seen, held against what is expected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/sample.h"
#include "util/json.h"

#define LOOK_TEXT (6 * SQ_SAMPLE_TEXT + 4096) /* JSON writes some bytes as six */

/* What it has seen; NULL with *why where it could not look. */
static json_t *seen(struct sq_pending *pending, const siginfo_t *info, char *why)
{
	json_t *json = NULL;

	if (pending->timed_out)
		snprintf(why, SQ_WHY_SIZE, "timed out");
	else if (info->si_code != CLD_EXITED)
		snprintf(why, SQ_WHY_SIZE, "squall-look was killed by signal %d", info->si_status);
	else
		json = json_loads(pending->text ? pending->text : "", 0, NULL);
	if (json && *sq_json_text(json, "error")) {
		snprintf(why, SQ_WHY_SIZE, "%.190s", sq_json_text(json, "error"));
		json_decref(json);
		return NULL;
	}
	if (!json && !pending->timed_out && info->si_code == CLD_EXITED)
		snprintf(why, SQ_WHY_SIZE, "squall-look said nothing that is JSON");
	return json;
}

static void look(struct sq_pending *pending, const char *const *arguments, uint64_t timeout_ns)
{
	pending->most = LOOK_TEXT;
	sq_program_start(pending, "/proc/self/exe", arguments, timeout_ns);
}

static const char *judge_file(const struct sq_expect *expect, const json_t *json, char *why)
{
	bool exists = json_is_true(json_object_get(json, "exists"));
	const char *wrong;

	if (exists != expect->exists) {
		snprintf(why, SQ_WHY_SIZE, exists ? "the file exists" : "there is no such file");
		return why;
	}
	if (!exists)
		return NULL;
	wrong = sq_expect_size(&expect->size, "size", (uint64_t)sq_json_int(json, "size"), why);
	if (!wrong)
		wrong = sq_expect_duration(&expect->age, "age",
					   (uint64_t)sq_json_int(json, "age_ns"), why);
	return wrong ? wrong : sq_expect_text(&expect->content, sq_json_text(json, "content"), why);
}

static void on_file(struct sq_pending *pending, const siginfo_t *info)
{
	char why[SQ_WHY_SIZE];
	_cleanup_json_ json_t *json = seen(pending, info, why);
	bool exists = json_is_true(json_object_get(json, "exists"));

	if (json && pending->expect)
		sq_pending_finish(pending, judge_file(pending->expect, json, why));
	else
		sq_pending_finish(pending, !json ? why : exists ? NULL : "there is no such file");
}

void sq_file_start(struct sq_pending *pending)
{
	const struct sq_file *file = &pending->source->file;
	const char *const arguments[] = { SQ_LOOK_NAME, "file", file->path, NULL };

	pending->exited = on_file;
	look(pending, arguments, file->timeout_ns);
}

static const char *judge_unit(const struct sq_expect *expect, const json_t *json, char *why)
{
	const char *state = sq_json_text(json, "state"), *sub = sq_json_text(json, "substate");
	const char *result = sq_json_text(json, "result");

	for (unsigned int i = 0; sq_unit_states[i]; i++) {
		if (!(expect->state >> i & 1) || strcmp(sq_unit_states[i], state) != 0)
			continue;
		if (sq_compare_text(&expect->substate, sub))
			return NULL;
		snprintf(why, SQ_WHY_SIZE, "substate %.50s, expected %.50s", sub,
			 expect->substate.text);
		return why;
	}
	/* why it failed says more than that it did */
	if (!strcmp(state, "failed") && *result)
		sub = result;
	snprintf(why, SQ_WHY_SIZE, SQ_UNIT_IS "%.50s (%.50s)", state, sub);
	return why;
}

static void on_unit(struct sq_pending *pending, const siginfo_t *info)
{
	char why[SQ_WHY_SIZE];
	_cleanup_json_ json_t *json = seen(pending, info, why);
	bool active = !strcmp(sq_json_text(json, "state"), "active");

	if (json && pending->expect)
		sq_pending_finish(pending, judge_unit(pending->expect, json, why));
	else
		sq_pending_finish(pending, !json ? why : active ? NULL : "the unit is not active");
}

void sq_unit_start(struct sq_pending *pending)
{
	const struct sq_unit *unit = &pending->source->systemd;
	const char *const arguments[] = { SQ_LOOK_NAME, "unit", unit->unit, NULL };

	pending->exited = on_unit;
	look(pending, arguments, unit->timeout_ns);
}

static struct sq_log_place *place_of(struct sq_pending *pending)
{
	struct sq_prober *prober = pending->prober;
	struct sq_log_place *place;

	for (place = prober->places; place; place = place->next)
		if (place->source == pending->source)
			return place;
	place = sq_alloc(sizeof(*place));
	*place = (struct sq_log_place){ .next = prober->places, .source = pending->source };
	prober->places = place;
	return place;
}

static void on_log(struct sq_pending *pending, const siginfo_t *info)
{
	char text[SQ_WHY_SIZE], why[SQ_WHY_SIZE + 100];
	_cleanup_json_ json_t *json = seen(pending, info, text);
	const char *wrong = json ? NULL : text;

	if (json) {
		free(pending->place->state);
		pending->place->state = sq_strdup(sq_json_text(json, "state"));
		pending->has_value = true;
		pending->value = (double)sq_json_int(json, "lines");
	}
	if (json && pending->expect)
		wrong = sq_expect_number(&pending->expect->value, "lines", pending->value, text);
	if (json && wrong && *sq_json_text(json, "first")) {
		snprintf(why, sizeof(why), "%.100s: %.180s", text, sq_json_text(json, "first"));
		wrong = why;
	}
	sq_pending_finish(pending, wrong);
}

void sq_log_start(struct sq_pending *pending)
{
	const struct sq_log *log = &pending->source->log;
	struct sq_log_place *place = place_of(pending);
	const char *const file[] = {
		SQ_LOOK_NAME, "log", log->file, log->matches, place->state ? place->state : "", NULL
	};
	const char *const journal[] = { SQ_LOOK_NAME, "journal",
					log->journal, log->directory ? log->directory : "",
					log->matches, place->state ? place->state : "",
					NULL };

	/* two that read the same lines would count them twice */
	if (place->busy) {
		sq_pending_finish(pending, "the sample before is still under way");
		return;
	}
	place->busy = true;
	pending->place = place;
	pending->exited = on_log;
	look(pending, log->file ? file : journal, log->timeout_ns);
}
