/* SPDX-License-Identifier: GPL-2.0-only */
/* Mistakes that only show when parts of a file are held against each other. */
#ifndef SQ_EXPERIMENT_CHECK_H
#define SQ_EXPERIMENT_CHECK_H

#include "experiment/experiment.h"

/* Adds to @diags what is wrong between the parts of a file whose parts have been read. */
void sq_experiment_check(const struct sq_experiment *experiment, struct sq_diags *diags);

#endif
