// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/experiment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/check.h"
#include "experiment/variables.h"
#include "util/time.h"

#define DEFAULT_PHASE (10 * SQ_S)

const struct sq_target *sq_experiment_rest_of(const struct sq_experiment *experiment,
					      const struct sq_target *target)
{
	int index = target->rest_of ? sq_experiment_target(experiment, target->rest_of) : -1;

	return index < 0 ? NULL : &sq_targets(experiment)[index];
}

int sq_experiment_target(const struct sq_experiment *experiment, const char *name)
{
	for (size_t i = 0; i < experiment->targets.n; i++)
		if (!strcmp(sq_targets(experiment)[i].object.key, name))
			return (int)i;
	return -1;
}

bool sq_experiment_hits_packets(const struct sq_experiment *experiment)
{
	for (size_t i = 0; i < experiment->faults.n; i++) {
		enum sq_fault_id id = sq_faults(experiment)[i].kind->id;

		if (id < SQ_FAULT_SYSCALL_LATENCY && id != SQ_FAULT_REFUSE)
			return true;
	}
	return false;
}

uint64_t sq_experiment_method_ns(const struct sq_experiment *experiment)
{
	uint64_t end = 0;

	for (size_t i = 0; i < experiment->faults.n; i++)
		end = MAX(end, sq_faults(experiment)[i].at_ns + sq_faults(experiment)[i].for_ns);
	return end;
}

uint64_t sq_experiment_total_ns(const struct sq_experiment *experiment)
{
	return experiment->phases.before_ns + sq_experiment_method_ns(experiment) +
	       experiment->phases.after_ns;
}

bool sq_fault_hits(const struct sq_fault *fault, const struct sq_target *target)
{
	return sq_texts_have(&fault->targets, target->object.key);
}

static struct sq_fault *find_fault(struct sq_experiment *experiment, const char *name)
{
	for (size_t i = 0; name && i < experiment->faults.n; i++) {
		struct sq_fault *fault = &sq_faults(experiment)[i];

		if (fault->name && !strcmp(fault->name, name))
			return fault;
	}
	return NULL;
}

/* Moves each fault behind the one that it follows. What follows nobody, or itself, is told later. */
static void put_in_order(struct sq_experiment *experiment)
{
	size_t n = experiment->faults.n;
	_cleanup_free_ bool *placed = sq_alloc((n + 1) * sizeof(*placed));
	bool more = true;

	for (size_t i = 0; i < n; i++)
		placed[i] = !sq_faults(experiment)[i].after;
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			struct sq_fault *fault = &sq_faults(experiment)[i];
			struct sq_fault *other = find_fault(experiment, fault->after);

			if (placed[i] || !other || !placed[other - sq_faults(experiment)])
				continue;
			fault->at_ns += other->at_ns + other->for_ns;
			placed[i] = more = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		sq_faults(experiment)[i].in_a_circle =
			!placed[i] && find_fault(experiment, sq_faults(experiment)[i].after);
}

/* What cannot stand in a table: the kind, names, what depends on other parts of the file. */
static void complete(struct sq_experiment *experiment)
{
	for (size_t i = 0; i < experiment->faults.n; i++) {
		struct sq_fault *fault = &sq_faults(experiment)[i];

		fault->kind = fault->kind_name ? sq_fault_kind_find(fault->kind_name) : NULL;
		if (!fault->name && fault->kind)
			fault->name = sq_strdup(fault->kind->name);
	}
	put_in_order(experiment);
	if (!sq_schema_has(&experiment->object, "seed") &&
	    getentropy(&experiment->seed, sizeof(experiment->seed)) == 0)
		experiment->seed >>= 32; /* short enough to be typed */
	if (experiment->probes.n && !sq_schema_has(&experiment->phases.object, "before"))
		experiment->phases.before_ns = DEFAULT_PHASE;
	if (experiment->probes.n && !sq_schema_has(&experiment->phases.object, "after"))
		experiment->phases.after_ns = DEFAULT_PHASE;
}

struct sq_experiment *sq_experiment_parse(const char *name, const char *text, size_t n,
					  const struct sq_texts *settings, struct sq_diags *diags)
{
	struct sq_experiment *experiment = sq_alloc(sizeof(*experiment));

	experiment->file = sq_strdup(name);
	experiment->source = sq_strndup(text, n);
	experiment->source_size = n;
	experiment->root = sq_yaml_parse_file(name, text, n, diags);
	if (!experiment->root)
		return sq_experiment_free(experiment);
	sq_variables_apply(experiment, settings, diags);
	sq_schema_read(&sq_experiment_schema, experiment->root, experiment, diags);
	complete(experiment);
	sq_experiment_check(experiment, diags);
	return diags->errors ? sq_experiment_free(experiment) : experiment;
}

struct sq_experiment *sq_experiment_load(const char *file, const struct sq_texts *settings,
					 struct sq_diags *diags)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_yaml_load(file, &text, diags);

	return n < 0 ? NULL : sq_experiment_parse(file, text, (size_t)n, settings, diags);
}

struct sq_experiment *sq_experiment_free(struct sq_experiment *experiment)
{
	if (!experiment)
		return NULL;
	sq_schema_clear(experiment);
	sq_node_free(experiment->root);
	sq_texts_clear(&experiment->secrets);
	sq_texts_clear(&experiment->settings);
	free(experiment->file);
	free(experiment->source);
	free(experiment);
	return NULL;
}
