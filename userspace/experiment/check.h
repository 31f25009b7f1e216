/* SPDX-License-Identifier: GPL-2.0-only */
/* Mistakes that only show when parts of a file are held against each other. */
#ifndef SQ_EXPERIMENT_CHECK_H
#define SQ_EXPERIMENT_CHECK_H

#include "experiment/experiment.h"

/* Adds to @diags what is wrong between the parts of a file whose parts have been read. */
void sq_experiment_check(const struct sq_experiment *experiment, struct sq_diags *diags);

/* The parts of it: the probes, what they look at, and what goes into tables and metric labels. */
void sq_check_probes(const struct sq_experiment *experiment, struct sq_diags *diags);
void sq_check_source(const struct sq_source *source, struct sq_diags *diags);
void sq_check_name(struct sq_mark mark, const char *name, struct sq_diags *diags);

/*
 * Is there a control character in @text, of ASCII or of C1 (0xc2 0x80 to 0xc2 0x9f in UTF-8), but for
 * those of @allowed?
 */
bool sq_has_control(const char *text, const char *allowed);

/* The targets, and a list of paths of cgroups or of globs over them under @key. */
void sq_check_targets(const struct sq_experiment *experiment, struct sq_diags *diags);
void sq_check_cgroups(const struct sq_object *object, const char *key,
		      const struct sq_texts *cgroups, struct sq_diags *diags);

/* Labels, each NAME=VALUE, under "labels", and pods, each NAMESPACE/NAME, under "pod". */
void sq_check_labels(const struct sq_object *object, const struct sq_texts *labels,
		     struct sq_diags *diags);
void sq_check_pods(const struct sq_object *object, const struct sq_texts *pods,
		   struct sq_diags *diags);

/*
 * What selects must not have a variable in it that is empty: "/${PREFIX}" would be "/", the whole host. The
 * values under @keys, NULL behind the last.
 */
void sq_check_not_empty(const struct sq_object *object, const char *const *keys,
			struct sq_diags *diags);

/* The place of item @i of the list under @key, which has been read into @texts. */
struct sq_mark sq_check_item_mark(const struct sq_object *object, const char *key,
				  const struct sq_texts *texts, size_t i);

/* The paths of a list of struct sq_protect. */
void sq_protects_check(const struct sq_objects *protects, struct sq_diags *diags);

#endif
