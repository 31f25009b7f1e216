/* SPDX-License-Identifier: GPL-2.0-only */
/* An experiment: checked, complete with its defaults, independent of the host. */
#ifndef SQ_EXPERIMENT_EXPERIMENT_H
#define SQ_EXPERIMENT_EXPERIMENT_H

#include "experiment/catalogue.h"
#include "experiment/probe.h"
#include "experiment/schema.h"
#include "experiment/stop_if.h"
#include "util/error.h"

/* A process by what it runs, or by a file with its number: one of these. */
struct sq_process_target {
	struct sq_object object;
	char *executable, *name, *pid_file;
};

struct sq_target {
	struct sq_object object; /* its key is the target's name */
	/* the kinds: one of these */
	struct sq_texts systemd, container, pod, cgroup, command;
	struct sq_process_target process;
	char *rest_of;
	/* which of them */
	struct sq_texts not, labels, only_containers;
	struct sq_select select;
	bool whole_cgroup;
	/* how a command is started; with systemd: whose manager's units */
	char *user, *directory;
	struct sq_texts environment;
	struct sq_ready ready;
};

struct sq_load {
	struct sq_object object;
	char *name;
	struct sq_texts command;
};

struct sq_protect {
	struct sq_object object;
	struct sq_texts cgroup; /* once checked: with a pattern for each unit */
	struct sq_texts systemd;
	struct sq_texts container, pod, labels; /* as a target's */
};

struct sq_blast_radius {
	struct sq_object object;
	uint64_t cgroups, processes, faults; /* 0: no limit */
	uint64_t share_ppb;
	uint64_t rate; /* per 1000 s, 0: no limit */
	uint64_t duration_ns;
	struct sq_objects protect; /* struct sq_protect */
	struct {
		bool faults, rate, duration;
	} by_policy; /* the host's policy has lowered it */
};

struct sq_variable {
	struct sq_object object;
	char *fallback;
	char *from_env;
	char *min, *max;
	bool secret;
};

struct sq_experiment {
	struct sq_object object;
	struct sq_node *root;
	char *file; /* as given */
	char *source; /* its text */
	size_t source_size;
	uint64_t version;
	char *title, *description;
	struct sq_texts tags, environments;
	uint64_t seed;
	struct sq_objects variables; /* struct sq_variable */
	struct sq_texts secrets; /* the values of secret variables, to be kept out of reports */
	struct sq_texts settings; /* "name=value" of each variable, secrets hidden */
	struct {
		struct sq_object object;
		uint64_t before_ns, after_ns;
	} phases;
	struct sq_objects targets; /* struct sq_target */
	struct sq_blast_radius blast_radius;
	struct sq_objects load; /* struct sq_load */
	struct sq_objects probes; /* struct sq_probe */
	struct sq_objects stop_if; /* struct sq_stop_if */
	struct sq_objects faults; /* struct sq_fault */
};

#define sq_targets(e) ((struct sq_target *)(e)->targets.item)
#define sq_probes(e) ((struct sq_probe *)(e)->probes.item)
#define sq_faults(e) ((struct sq_fault *)(e)->faults.item)
#define sq_stop_ifs(list) ((const struct sq_stop_if *)(list)->item)
#define sq_loads(e) ((struct sq_load *)(e)->load.item)

extern const struct sq_schema sq_experiment_schema, sq_protect_schema, sq_target_schema;

/*
 * Reads and checks @file. @settings are "NAME=VALUE" of --set. Returns the experiment, to be freed,
 * or NULL with what is wrong in @diags, which may hold warnings in either case.
 */
struct sq_experiment *sq_experiment_load(const char *file, const struct sq_texts *settings,
					 struct sq_diags *diags);

/* The same for a text that stands in no file; @name takes the file's place in messages. */
struct sq_experiment *sq_experiment_parse(const char *name, const char *text, size_t n,
					  const struct sq_texts *settings, struct sq_diags *diags);

struct sq_experiment *sq_experiment_free(struct sq_experiment *experiment);

/* The target that @target is the rest of, or NULL. */
const struct sq_target *sq_experiment_rest_of(const struct sq_experiment *experiment,
					      const struct sq_target *target);

/* The index of the target @name, or -1. */
int sq_experiment_target(const struct sq_experiment *experiment, const char *name);

/* From the first arming to the last fault's end, ns. */
uint64_t sq_experiment_method_ns(const struct sq_experiment *experiment);

/* Is any of its faults on packets, and not on calls? */
bool sq_experiment_hits_packets(const struct sq_experiment *experiment);

/* How long a run takes in all: before, method and after, ns. */
uint64_t sq_experiment_total_ns(const struct sq_experiment *experiment);

/* Does @target take part in @fault? */
bool sq_fault_hits(const struct sq_fault *fault, const struct sq_target *target);

#endif
