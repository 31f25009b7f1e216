/* SPDX-License-Identifier: GPL-2.0-only */
/* A run's events in the host's journal. */
#ifndef SQ_ENGINE_SYSLOG_H
#define SQ_ENGINE_SYSLOG_H

#include <jansson.h>

/*
 * Tells journald of an event of the run @run, whose experiment is called @title (or NULL), where it is one
 * that people look for. What is in @members is without secrets. Where journald is not there, or does
 * not keep up, nobody is told.
 */
void sq_syslog_event(const char *run, const char *title, const char *event, const json_t *members);

/* What stands in MESSAGE, to be freed; NULL: of no interest there. */
char *sq_syslog_message(const char *event, const json_t *members);

#endif
