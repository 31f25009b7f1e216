// SPDX-License-Identifier: GPL-2.0-only
/* What an experiment file may hold, but for the faults: those are in the catalogue. */
#include "experiment/experiment.h"
#include "util/time.h"
#include "util/units.h"

#define AT(member) offsetof(struct sq_load, member)
static const struct sq_field load_fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .required = true,
	  .help = "its name in the report" },
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(command),
	  .required = true,
	  .help = "a program and its arguments; no shell" },
};
#undef AT

static const struct sq_schema load_schema = {
	.what = "a load",
	.size = sizeof(struct sq_load),
	.part = { SQ_PART(load_fields) },
};

static const struct sq_field protect_fields[] = {
	{ .key = "cgroup",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, cgroup),
	  .help = "with all that is in it: a path or a glob" },
	{ .key = "systemd",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, systemd),
	  .help = "with all that is in it: a unit or a glob, \"checkout@*.service\"" },
	{ .key = "container",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, container),
	  .help = "running containers by name, glob or ID, as a target's" },
	{ .key = "pod",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, pod),
	  .help = "pods of this node: NAMESPACE/NAME, or a glob such as \"payments/*\"" },
	{ .key = "labels",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_protect, labels),
	  .help = "container, pod: only those with all of these: [app=cart, tier=web]" },
};

const struct sq_schema sq_protect_schema = {
	.what = "protect",
	.size = sizeof(struct sq_protect),
	.part = { SQ_PART(protect_fields) },
};

#define AT(member) offsetof(struct sq_blast_radius, member)
static const struct sq_field blast_radius_fields[] = {
	{ .key = "cgroups",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(cgroups),
	  .min = 1,
	  .help = "at most so many cgroups are targets" },
	{ .key = "share",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(share_ppb),
	  .min = 1,
	  .max = SQ_SHARE_ONE,
	  .fallback = "50%",
	  .help = "at most this share of what a glob matches, where it matches two or more" },
	{ .key = "processes",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(processes),
	  .min = 1,
	  .help = "at most so many processes in them" },
	{ .key = "faults",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(faults),
	  .min = 1,
	  .help = "after so many injections the run ends, aborted" },
	{ .key = "rate",
	  .type = SQ_TYPE_RATE,
	  .offset = AT(rate),
	  .help = "at most so many injections a second; what is above passes" },
	{ .key = "duration",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(duration_ns),
	  .min = SQ_S,
	  .max = 24 * SQ_HOUR,
	  .fallback = "15m",
	  .help = "no fault acts later than this after the first arming" },
	{ .key = "protect",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(protect),
	  .object = &sq_protect_schema,
	  .help = "cgroups that are never hit: [{cgroup: /a}]" },
};
#undef AT

static const struct sq_schema blast_radius_schema = {
	.what = "blast_radius",
	.size = sizeof(struct sq_blast_radius),
	.part = { SQ_PART(blast_radius_fields) },
};

#define AT(member) offsetof(struct sq_variable, member)
static const struct sq_field variable_fields[] = {
	{ .key = "default",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(fallback),
	  .help = "its value when nothing sets it" },
	{ .key = "from_env",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(from_env),
	  .help = "the environment variable that may set it" },
	{ .key = "min", .type = SQ_TYPE_TEXT, .offset = AT(min), .help = "its least value" },
	{ .key = "max", .type = SQ_TYPE_TEXT, .offset = AT(max), .help = "its greatest value" },
	{ .key = "secret",
	  .type = SQ_TYPE_BOOL,
	  .offset = AT(secret),
	  .fallback = "false",
	  .help = "keeps its value out of journals and reports" },
};
#undef AT

static const struct sq_schema variable_schema = {
	.what = "a variable",
	.size = sizeof(struct sq_variable),
	.part = { SQ_PART(variable_fields) },
};

#define AT(member) offsetof(struct sq_experiment, member)
static const struct sq_field phases_fields[] = {
	{ .key = "before",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(phases.before_ns) - AT(phases),
	  .max = SQ_HOUR,
	  .help = "sampled before the first fault; 10s with probes, else 0s" },
	{ .key = "after",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(phases.after_ns) - AT(phases),
	  .max = SQ_HOUR,
	  .help = "sampled after the last fault; 10s with probes, else 0s" },
};

static const struct sq_schema phases_schema = {
	.what = "phases",
	.size = sizeof(((struct sq_experiment *)0)->phases),
	.part = { SQ_PART(phases_fields) },
};

static const struct sq_field experiment_fields[] = {
	{ .key = "version",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(version),
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of the file format: 1" },
	{ .key = "title",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(title),
	  .required = true,
	  .help = "what the experiment is to show, in a sentence" },
	{ .key = "description",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(description),
	  .help = "more about it" },
	{ .key = "environments",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(environments),
	  .help = "the host's policy must say that it is one of these: [staging, test]" },
	{ .key = "tags", .type = SQ_TYPE_TEXTS, .offset = AT(tags), .help = "for the report" },
	{ .key = "seed",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(seed),
	  .help = "the same seed draws the same; left out: drawn, and printed" },
	{ .key = "variables",
	  .type = SQ_TYPE_NAMED,
	  .offset = AT(variables),
	  .object = &variable_schema,
	  .help = "values for ${NAME}, to be changed with --set" },
	{ .key = "phases",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(phases),
	  .object = &phases_schema,
	  .help = "how long to sample without faults" },
	{ .key = "targets",
	  .type = SQ_TYPE_NAMED,
	  .offset = AT(targets),
	  .required = true,
	  .object = &sq_target_schema,
	  .help = "named sets of cgroups" },
	{ .key = "blast_radius",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(blast_radius),
	  .object = &blast_radius_schema,
	  .help = "what the run may not exceed" },
	{ .key = "load",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(load),
	  .object = &load_schema,
	  .help = "programs that squall runs beside the targets from start to end" },
	{ .key = "steady_state",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(probes),
	  .object = &sq_probe_schema,
	  .help = "the probes, and what they must show" },
	{ .key = "stop_if",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(stop_if),
	  .object = &sq_stop_if_schema,
	  .help = "what ends the run, aborted, or keeps it from starting: probes, psi, load" },
	{ .key = "method",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(faults),
	  .required = true,
	  .object = &sq_fault_schema,
	  .help = "the faults, on a timeline" },
};
#undef AT

const struct sq_schema sq_experiment_schema = {
	.what = "an experiment",
	.size = sizeof(struct sq_experiment),
	.part = { SQ_PART(experiment_fields) },
};
