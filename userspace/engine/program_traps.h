/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs among the targets whose system calls no hook sees. */
#ifndef SQ_ENGINE_PROGRAM_TRAPS_H
#define SQ_ENGINE_PROGRAM_TRAPS_H

#include "engine/plan.h"

/*
 * Warns of 32-bit programs, of users of io_uring and, where calls are held back in the C library, of
 * programs without one, among the processes that the targets of syscall faults have now. Looks at the
 * first some hundred of them.
 */
void sq_program_traps(struct sq_plan *plan);

#endif
