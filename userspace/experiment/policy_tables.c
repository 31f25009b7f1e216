// SPDX-License-Identifier: GPL-2.0-only
/* What the host's policy file may hold. */
#include "experiment/policy.h"
#include "util/time.h"
#include "util/units.h"

const char *const sq_requirements[SQ_REQUIREMENTS + 1] = { "reason", "task_id", "steady_state",
							   "stop_if", NULL };
static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL };

#define AT(member) offsetof(struct sq_roles, member)
static const struct sq_field roles_fields[] = {
	{ .key = "start",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(start),
	  .help = "groups whose members may start runs; identity is the login user" },
	{ .key = "abort",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(abort),
	  .help = "groups whose members stop runs: whom to ask, for who may not; never refused to who can" },
	{ .key = "unlatch",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(unlatch),
	  .help = "groups whose members may let runs start again after an abort" },
};
#undef AT

static const struct sq_schema roles_schema = { .what = "roles",
					       .size = sizeof(struct sq_roles),
					       .part = { SQ_PART(roles_fields) } };

#define AT(member) offsetof(struct sq_policy_targets, member)
static const struct sq_field targets_fields[] = {
	{ .key = "allow",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(allow),
	  .object = &sq_protect_schema,
	  .help = "only these may be targets, and what is in them; absent: all but the protected" },
	{ .key = "protect",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(protect),
	  .object = &sq_protect_schema,
	  .help = "never hit, nor anything in it; adds to squall's own list" },
};
#undef AT

static const struct sq_schema targets_schema = { .what = "targets",
						 .size = sizeof(struct sq_policy_targets),
						 .part = { SQ_PART(targets_fields) } };

static const struct sq_field faults_fields[] = {
	{ .key = "deny",
	  .type = SQ_TYPE_TEXTS,
	  .offset = offsetof(struct sq_policy_faults, deny),
	  .help = "faults that no run may inject: network.corrupt, \"syscall.*:@memory\"" },
	{ .key = "include",
	  .type = SQ_TYPE_ENUMS,
	  .offset = offsetof(struct sq_policy_faults, include),
	  .names = sq_fault_includes,
	  .help = "what faults may include, which they may not otherwise: control-path" },
};

static const struct sq_schema faults_schema = { .what = "faults",
						.size = sizeof(struct sq_policy_faults),
						.part = { SQ_PART(faults_fields) } };

#define AT(member) offsetof(struct sq_policy_limits, member)
#define COUNT(key_, text)                                                                       \
	{                                                                                       \
		.key = #key_, .type = SQ_TYPE_COUNT, .offset = AT(key_), .min = 1, .help = text \
	}
static const struct sq_field limits_fields[] = {
	COUNT(cgroups, "at most so many cgroups are targets, of all runs together"),
	{ .key = "share",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(share_ppb),
	  .min = 1,
	  .max = SQ_SHARE_ONE,
	  .help = "at most this share of what a glob matches, all runs together" },
	COUNT(processes, "at most so many processes in them, all runs together"),
	COUNT(faults, "at most so many injections, of all runs under way together"),
	{ .key = "rate",
	  .type = SQ_TYPE_RATE,
	  .offset = AT(rate),
	  .help = "at most so many injections a second, all runs together" },
	{ .key = "duration",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(duration_ns),
	  .min = SQ_S,
	  .max = 24 * SQ_HOUR,
	  .help = "no fault of a run acts later than this after its first arming" },
	{ .key = "runs",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(runs),
	  .min = 1,
	  .max = 200,
	  .help = "at most so many runs at once" },
	{ .key = "per_target",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(per_target),
	  .min = 1,
	  .max = 200,
	  .fallback = "1",
	  .help = "at most so many runs at once on the same cgroup; their faults compose" },
};
#undef COUNT
#undef AT

static const struct sq_schema limits_schema = { .what = "limits",
						.size = sizeof(struct sq_policy_limits),
						.part = { SQ_PART(limits_fields) } };

#define ZONE(type_)                                                                          \
	{                                                                                    \
		.key = "zone", .type = SQ_TYPE_TEXT, .offset = offsetof(struct type_, zone), \
		.help = "a time zone such as Europe/Berlin; left out: the host's"            \
	}

#define AT(member) offsetof(struct sq_window, member)
static const struct sq_field window_fields[] = {
	{ .key = "days",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(days),
	  .names = days,
	  .help = "the days on which it begins; left out: every day" },
	{ .key = "from",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(from),
	  .required = true,
	  .help = "\"09:00\"" },
	{ .key = "to",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(to),
	  .required = true,
	  .help = "\"16:00\"; not later than from: of the day after" },
	ZONE(sq_window),
};
#undef AT

static const struct sq_schema window_schema = { .what = "a window",
						.size = sizeof(struct sq_window),
						.part = { SQ_PART(window_fields) } };

#define AT(member) offsetof(struct sq_blackout, member)
static const struct sq_field blackout_fields[] = {
	{ .key = "from",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(from),
	  .required = true,
	  .help = "\"2026-12-18\", or \"2026-12-18 17:00\"" },
	{ .key = "to",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(to),
	  .required = true,
	  .help = "\"2027-01-04\": that day is the last one; or with a time" },
	ZONE(sq_blackout),
	{ .key = "why", .type = SQ_TYPE_TEXT, .offset = AT(why), .help = "for the message" },
};
#undef AT

static const struct sq_schema blackout_schema = { .what = "a blackout",
						  .size = sizeof(struct sq_blackout),
						  .part = { SQ_PART(blackout_fields) } };

#define AT(member) offsetof(struct sq_policy_journal, member)
static const struct sq_field journal_fields[] = {
	{ .key = "keep",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(keep),
	  .help = "how long `squall prune` keeps journals: 90d" },
	{ .key = "total",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(total),
	  .help = "how much it leaves of all of them: 2G" },
	{ .key = "per_run",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(per_run),
	  .help = "how much one may take: 64M; details are left out above that" },
};
#undef AT

static const struct sq_schema journal_schema = { .what = "journal",
						 .size = sizeof(struct sq_policy_journal),
						 .part = { SQ_PART(journal_fields) } };

#define AT(member) offsetof(struct sq_policy, member)
static const struct sq_field policy_fields[] = {
	{ .key = "version",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(version),
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of the file format: 1" },
	{ .key = "environment",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(environment),
	  .help = "what this host is: staging; experiments may ask for it" },
	{ .key = "experiments",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(experiments),
	  .help = "root's folders that experiments may come from; others only from a terminal" },
	{ .key = "roles",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(roles),
	  .object = &roles_schema,
	  .help = "groups: {start: [sre], unlatch: [sre-leads]}" },
	{ .key = "exec_user",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(exec_user),
	  .help = "who exec probes, load, command targets and notify programs run as; not root" },
	{ .key = "require",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(require),
	  .names = sq_requirements,
	  .help = "what each run must have: [reason, steady_state]" },
	{ .key = "targets",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(targets),
	  .object = &targets_schema,
	  .help = "which cgroups may be targets, and which never" },
	{ .key = "faults",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(faults),
	  .object = &faults_schema,
	  .help = "which faults may not be injected" },
	{ .key = "limits",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(limits),
	  .object = &limits_schema,
	  .help = "for all runs of the host together" },
	{ .key = "windows",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(windows),
	  .object = &window_schema,
	  .help = "a run must lie in one of them from start to end" },
	{ .key = "blackouts",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(blackouts),
	  .object = &blackout_schema,
	  .help = "a run must lie in none of them" },
	{ .key = "stop_if",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(stop_if),
	  .object = &sq_stop_if_schema,
	  .help = "what ends every run, aborted, or keeps it from starting" },
	{ .key = "journal",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(journal),
	  .object = &journal_schema,
	  .help = "how much of the past is kept" },
	{ .key = "notify",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(notify),
	  .help = "a folder of programs that are given each run's events as JSON" },
};
#undef AT

const struct sq_schema sq_policy_schema = { .what = "a policy",
					    .size = sizeof(struct sq_policy),
					    .part = { SQ_PART(policy_fields) } };
