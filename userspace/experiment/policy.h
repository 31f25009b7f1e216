/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's policy: what root allows runs on this host. The stricter of it and the experiment holds. */
#ifndef SQ_EXPERIMENT_POLICY_H
#define SQ_EXPERIMENT_POLICY_H

#include "experiment/experiment.h"

#define SQ_POLICY_FILE "/etc/squall/policy.yaml"

enum sq_require {
	SQ_REQUIRE_REASON,
	SQ_REQUIRE_TASK_ID,
	SQ_REQUIRE_STEADY_STATE,
	SQ_REQUIRE_STOP_IF,
	SQ_REQUIREMENTS,
};

extern const char *const sq_requirements[SQ_REQUIREMENTS + 1]; /* NULL behind the last */

/* Who may do what, as groups; empty: everybody who has the rights for it. */
struct sq_roles {
	struct sq_object object;
	struct sq_texts start, abort, unlatch;
};

struct sq_policy_targets {
	struct sq_object object;
	struct sq_objects allow, protect; /* struct sq_protect */
};

struct sq_policy_faults {
	struct sq_object object;
	struct sq_texts deny; /* FAULT or FAULT:CALLS, FAULT with * */
	uint32_t include; /* as a fault's: what it may say */
};

/* For all runs of the host together; 0: no limit. */
struct sq_policy_limits {
	struct sq_object object;
	uint64_t cgroups, processes, faults, runs, per_target;
	uint64_t share_ppb;
	uint64_t rate; /* per 1000 s */
	uint64_t duration_ns; /* of each run */
};

/* Runs must lie in one of these. */
struct sq_window {
	struct sq_object object;
	uint32_t days; /* bit 0: Monday; 0: every day */
	char *from, *to, *zone;
	unsigned int from_minute, to_minute; /* of the day; to <= from: ends the day after */
};

struct sq_date {
	int year, month, day, minute; /* of the day */
};

/* And in none of these. */
struct sq_blackout {
	struct sq_object object;
	char *from, *to, *zone, *why;
	struct sq_date first, last; /* the end itself is not in it */
};

struct sq_policy_journal {
	struct sq_object object;
	char *keep, *total, *per_run;
	uint64_t keep_ns, total_bytes, per_run_bytes; /* 0: no limit */
};

struct sq_policy {
	struct sq_object object;
	struct sq_node *root;
	char *file, *source;
	size_t source_size;
	uint64_t version;
	char *environment;
	struct sq_texts experiments; /* folders */
	struct sq_roles roles;
	char *exec_user;
	uint32_t require; /* bit N for sq_requirements[N] */
	struct sq_policy_targets targets;
	struct sq_policy_faults faults;
	struct sq_policy_limits limits;
	struct sq_objects windows; /* struct sq_window */
	struct sq_objects blackouts; /* struct sq_blackout */
	struct sq_objects stop_if; /* struct sq_stop_if */
	struct sq_policy_journal journal;
	char *notify; /* a folder of programs */
};

#define sq_windows(p) ((const struct sq_window *)(p)->windows.item)
#define sq_blackouts(p) ((const struct sq_blackout *)(p)->blackouts.item)

extern const struct sq_schema sq_policy_schema;

/*
 * Reads and checks the policy file @file, which is followed nowhere if it is a symlink. Returns it,
 * to be freed, or NULL with what is wrong in @diags. Who may write the file is not looked at.
 */
struct sq_policy *sq_policy_load(const char *file, struct sq_diags *diags);

/* The same for a text that stands in no file; @name takes the file's place in messages. */
struct sq_policy *sq_policy_parse(const char *name, const char *text, size_t n,
				  struct sq_diags *diags);

struct sq_policy *sq_policy_free(struct sq_policy *policy);
void sq_policy_freep(struct sq_policy **policy);

/* The entry of faults.deny that forbids @fault, or NULL. */
const char *sq_policy_denies(const struct sq_policy *policy, const struct sq_fault *fault);

#endif
