/* SPDX-License-Identifier: GPL-2.0-only */
/* Realised delays, in the layout that the kernel side writes too (struct sq_hist). */
#ifndef SQ_INJECT_HIST_H
#define SQ_INJECT_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/* Counts one delay; safe beside other writers. */
void sq_hist_add(struct sq_hist *hist, uint64_t took_ns);

/* The delays below which each of @n shares (0 to 1, rising) of them lie, ns; 0 where there are none. */
void sq_hist_quantiles(const struct sq_hist *hist, const double *share, size_t n, uint64_t *ret);

#endif
