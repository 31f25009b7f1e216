/* SPDX-License-Identifier: GPL-2.0-only */
/* ${NAME}: values declared in the file, changed with --set or from the environment. */
#ifndef SQ_EXPERIMENT_VARIABLES_H
#define SQ_EXPERIMENT_VARIABLES_H

#include "experiment/experiment.h"

/*
 * Replaces the variables in every scalar of experiment->root but those of `variables` itself, and
 * fills experiment->settings and ->secrets. @settings are "NAME=VALUE"; mistakes go to @diags.
 */
void sq_variables_apply(struct sq_experiment *experiment, const struct sq_texts *settings,
			struct sq_diags *diags);

#endif
