/* SPDX-License-Identifier: GPL-2.0-only */
/* A run's events, folded into the one document that every report is a view of. */
#ifndef SQ_ENGINE_FOLD_H
#define SQ_ENGINE_FOLD_H

#include <jansson.h>

/* The document of the run with these events, in the order they were written. New. */
json_t *sq_journal_fold(const json_t *events);

#endif
