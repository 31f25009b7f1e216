/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a game day: events.jsonl in a folder of its own, appended as the day goes. What
 * happened in its runs stands in their journals; the document of the day holds both.
 */
#ifndef SQ_ENGINE_DAY_H
#define SQ_ENGINE_DAY_H

#include <jansson.h>

#include "experiment/gameday.h"
#include "util/error.h"
#include "util/eventlog.h"

#define SQ_DAY_SCHEMA "squall/gameday/1"
#define SQ_DAY_PREFIX "day-"
#define SQ_DAY_NAME_SIZE 40

struct sq_day {
	char name[SQ_DAY_NAME_SIZE]; /* "day-20261126-093000-kqzt" */
	int lock_fd; /* held for as long as the day lasts */
	struct sq_eventlog log;
};

/*
 * Begins the record of @gameday; one at a time on a host, another is SQ_FAIL_NOT_NOW. @about is the
 * document's beginning, taken over.
 */
int sq_day_open(struct sq_day *day, const struct sq_gameday *gameday, json_t *about,
		struct sq_error **err);

/* Adds an event; takes over @members. A failure stays in day->log.failed. */
void sq_day_add(struct sq_day *day, const char *event, json_t *members);

void sq_day_close(struct sq_day *day);

/* Is a day under way on this host? Then its name is in @name, which may be "" for a moment. */
bool sq_day_under_way(char name[SQ_DAY_NAME_SIZE]);

/* All days that have a record, the oldest first. */
int sq_days_list(struct sq_texts *names, struct sq_error **err);

/*
 * Puts a note, which is taken over, on the record of the day under way. 1 and its name in @name; 0
 * where there is none, or where its name does not begin with @only, unless that is NULL.
 */
int sq_day_note(json_t *note, const char *only, char name[SQ_DAY_NAME_SIZE], struct sq_error **err);

/*
 * The document of the day that @name stands for: itself, what no other begins with, or "day-last". New,
 * with the journals of its runs in it, as far as they are still there. A day that has not ended is "not over".
 */
int sq_day_load(const char *name, json_t **ret, struct sq_error **err);

/* The same from its events, and from what @load says of a run's name: a new journal, or NULL. */
json_t *sq_day_fold(const json_t *events, json_t *(*load)(const char *run));

#endif
