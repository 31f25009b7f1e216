/* SPDX-License-Identifier: GPL-2.0-only */
/* Realised delays, in the layout that the kernel side writes too (struct sq_hist). */
#ifndef SQ_INJECT_HIST_H
#define SQ_INJECT_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/* Counts one delay; safe beside other writers. */
void sq_hist_add(struct sq_hist *hist, uint64_t took_ns);

/* The delay below which @share (0 to 1) of them lie, ns; 0 where there are none. */
uint64_t sq_hist_quantile(const struct sq_hist *hist, double share);

/* The same for @n shares in rising order, in one go. */
void sq_hist_quantiles(const struct sq_hist *hist, const double *share, size_t n, uint64_t *ret);

#endif
