/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of one run, in a folder of its own: events.jsonl, appended as the run goes; the
 * experiment as it was; journal.json, written from the events at the end, by whoever is there.
 */
#ifndef SQ_ENGINE_JOURNAL_H
#define SQ_ENGINE_JOURNAL_H

#include <jansson.h>

#include "experiment/policy.h"
#include "guard/registry.h"
#include "util/error.h"
#include "util/eventlog.h"

#define SQ_JOURNAL_SCHEMA "squall/journal/1"

struct sq_journal {
	int dir_fd;
	struct sq_eventlog log;
	const struct sq_texts *secrets; /* never written down */
	char run[SQ_RUN_NAME_SIZE]; /* "": journald is told of nothing */
	const char *title; /* of the experiment, or NULL */
	char *read_title; /* the same, where somebody else has begun the journal */
	json_t *unwritten; /* events for which there was no room on the disk */
};

/* Makes the folder of the run named @run, with a copy of the experiment. */
int sq_journal_create(struct sq_journal *journal, const char *run,
		      const struct sq_experiment *experiment, struct sq_error **err);

/* Keeps a copy of the host's policy, and to what it allows a journal. */
void sq_journal_keep_policy(struct sq_journal *journal, const struct sq_policy *policy);

/* The folder of the run named @run: a descriptor, to be closed, or a negative errno. */
int sq_journal_open_dir(const char *run);

/* Opens the journal of a run, for adding to it. */
int sq_journal_open(struct sq_journal *journal, const char *run, struct sq_error **err);

/* The same of the run named @run from a descriptor of the folder, which is taken over. */
int sq_journal_open_at(struct sq_journal *journal, int dir_fd, const char *run,
		       struct sq_error **err);

/*
 * The same of a run that has died, to write its end. What it has to undo can be read even where
 * nothing can be written any more, as on a disk that has become read-only: log.failed says so.
 */
void sq_journal_take_over(struct sq_journal *journal, int dir_fd, const char *run);

void sq_journal_close(struct sq_journal *journal);

/* Adds an event; takes over @members. A failure stays in journal->log.failed. */
void sq_journal_add(struct sq_journal *journal, const char *event, json_t *members);

/* The same for what may be left out of a journal that has grown long. */
void sq_journal_add_detail(struct sq_journal *journal, const char *event, json_t *members);

/* Writes what is there to the disk, so that it survives a crash of the host. */
void sq_journal_sync(struct sq_journal *journal);

/* All events so far, those without room on the disk too. */
int sq_journal_events(struct sq_journal *journal, json_t **ret, struct sq_error **err);

/* All events of the run named @run that are on the disk; nothing is opened for writing. */
int sq_journal_read(const char *run, json_t **ret, struct sq_error **err);

/* Writes journal.json, from the events; *ret, where given, is the document. */
int sq_journal_finish(struct sq_journal *journal, json_t **ret, struct sq_error **err);

/* Reads the document of an earlier run. */
int sq_journal_load(const char *run, json_t **ret, struct sq_error **err);

/* A text without passwords in URLs and without secrets; to be freed. */
char *sq_redact(const char *text, const struct sq_texts *secrets);

#endif
