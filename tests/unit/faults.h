/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of what is made of an experiment. */
#ifndef SQ_TESTS_UNIT_FAULTS_H
#define SQ_TESTS_UNIT_FAULTS_H

#include "experiment/experiment.h"
#include "tests/unit/unit.h"
#include "util/text.h"

/* The experiment of @text; where it is none the test fails and says @what. To be freed. */
static inline struct sq_experiment *parsed(const char *text, const char *what)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment =
		sq_experiment_parse("x.yaml", text, strlen(text), NULL, &diags);

	if (!experiment)
		fail_msg("%s: %s", what, diags.item[0].message);
	return experiment;
}

/* An experiment of these, on the target "web". To be freed. */
static inline struct sq_experiment *with_faults(const char *faults)
{
	_cleanup_free_ char *text =
		sq_asprintf("version: 1\ntitle: t\ntargets: {web: {cgroup: /web}}\n"
			    "method: [%s]\n",
			    faults);

	return parsed(text, faults);
}

#endif
