/* SPDX-License-Identifier: GPL-2.0-only */
/* The quantile functions of the distributions that a delay may have, for the kernel side. */
#ifndef SQ_INJECT_QUANTILES_H
#define SQ_INJECT_QUANTILES_H

#include <stdint.h>

#include "sample.h"

/*
 * Fills @tables, of the normal and then of the Pareto distribution, each of mean 0 and standard
 * deviation 1, in units of 1 / SQ_QUANTILE_ONE.
 *
 * Pareto's has the shape 3, as netem's: the least with a mean and a variance of its own.
 */
void sq_quantiles_fill(int32_t tables[2 * SQ_QUANTILES]);

#endif
