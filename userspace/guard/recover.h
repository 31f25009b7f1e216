/* SPDX-License-Identifier: GPL-2.0-only */
/* Removing what a dead run left, by its journal, and only that. */
#ifndef SQ_GUARD_RECOVER_H
#define SQ_GUARD_RECOVER_H

#include <jansson.h>
#include <stdint.h>

#include "util/text.h"

/*
 * Undoes what a run's @events announce and checks that the BPF objects they name are gone. Adds a
 * sentence to @left for everything that is still there. Safe to be called twice, and while other
 * runs are active.
 */
void sq_recover_run(const json_t *events, struct sq_texts *left);

/*
 * Waits up to @timeout_ns until the BPF objects with the ids that @events name are gone, and less where
 * another process holds one; adds those that stay to @left.
 */
void sq_recover_check_bpf(const json_t *events, uint64_t timeout_ns, struct sq_texts *left);

#endif
