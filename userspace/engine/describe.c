// SPDX-License-Identifier: GPL-2.0-only
/* A run as JSON: the journal's beginning, the status, the counters. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/state.h"
#include "guard/operator.h"
#include "util/time.h"

static const char *const stage_names[] = { "starting", "before", "during", "after", "cleaning up" };
static const char *const missed_names[SQ_MISSED_REASONS] = {
	[SQ_MISSED_FILTER] = "filter",	     [SQ_MISSED_DICE] = "dice",
	[SQ_MISSED_BUDGET] = "budget",	     [SQ_MISSED_RATE] = "rate",
	[SQ_MISSED_PROTECTED] = "protected", [SQ_MISSED_LEASE] = "lease",
	[SQ_MISSED_KILLED] = "killed",	     [SQ_MISSED_ROOM] = "room",
	[SQ_MISSED_LOST] = "lost",	     [SQ_MISSED_IDLE] = "idle",
	[SQ_MISSED_UNCOVERED] = "uncovered",
};

static void sha256_text(const void *data, size_t n, char text[2 * SHA256_DIGEST_LENGTH + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(data, n, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static json_t *starter_json(const struct sq_run *run)
{
	const char *tty = ttyname(STDIN_FILENO), *from = getenv("SSH_CONNECTION");
	_cleanup_free_ char *address = from ? sq_strndup(from, strcspn(from, " ")) : NULL;
	uid_t login = sq_login_uid();

	return sq_json("{s:s, s:I, s:s?, s:s?}", "user", run->by, "login_uid",
		       login == SQ_NO_LOGIN ? (json_int_t)-1 : (json_int_t)login, "tty", tty,
		       "from", address);
}

static json_t *argv_json(char **argv)
{
	json_t *list = json_array();

	for (; argv && *argv; argv++)
		json_array_append_new(list, sq_json_string(*argv));
	return list;
}

static json_t *probes_json(const struct sq_experiment *experiment)
{
	json_t *probes = json_array();

	for (size_t i = 0; i < experiment->probes.n; i++)
		json_array_append_new(probes, sq_json("{s:s, s:[]}", "name",
						      sq_probes(experiment)[i].name, "series"));
	return probes;
}

/* What the host's policy is, where there is one. */
static void add_policy(json_t *document, const struct sq_policy *policy)
{
	char sha256[2 * SHA256_DIGEST_LENGTH + 1];
	json_t *host = json_object_get(document, "host");

	if (!policy)
		return;
	sha256_text(policy->source, policy->source_size, sha256);
	json_object_set_new(host, "policy_sha256", json_string(sha256));
	if (policy->environment)
		json_object_set_new(host, "environment", sq_json_string(policy->environment));
}

json_t *sq_run_document(const struct sq_run *run)
{
	const struct sq_experiment *experiment = run->experiment;
	char sha256[2 * SHA256_DIGEST_LENGTH + 1];
	_cleanup_json_ json_t *plan = sq_plan_json(run->plan);
	struct utsname host = { 0 };
	json_t *document;

	uname(&host);
	sha256_text(experiment->source, experiment->source_size, sha256);
	document = sq_json(
		"{s:s, s:{s:s, s:s, s:s, s:I, s:o}, s:{s:s, s:s, s:s}, s:o, s:o, s:s?, s:s?,"
		" s:O, s:O, s:O, s:{s:O, s:{s:I, s:I}}, s:o, s:O, s:O, s:b}",
		"run", run->registration.run, "experiment", "title", experiment->title, "file",
		experiment->file, "sha256", sha256, "seed", (json_int_t)experiment->seed,
		"variables", sq_json_texts(&experiment->settings), "host", "name", host.nodename,
		"kernel", host.release, "squall", SQ_VERSION, "started_by", starter_json(run),
		"argv", argv_json(run->request->argv), "reason_given", run->request->reason,
		"task_id", run->request->task_id, "phases", json_object_get(plan, "phases"),
		"targets", json_object_get(plan, "targets"), "faults",
		json_object_get(plan, "faults"), "blast_radius", "limits",
		json_object_get(plan, "limits"), "used", "cgroups", (json_int_t)run->plan->paths.n,
		"processes", (json_int_t)run->plan->processes, "probes", probes_json(experiment),
		"warnings", json_object_get(plan, "warnings"), "exempt",
		json_object_get(plan, "exempt"), "observe", run->request->observe);
	add_policy(document, run->plan->policy);
	return document;
}

static json_t *counters_json(const struct sq_counters *counters)
{
	json_t *missed = json_object();

	for (size_t i = 0; i < SQ_MISSED_REASONS; i++)
		json_object_set_new(missed, missed_names[i],
				    json_integer((json_int_t)counters->missed[i]));
	return sq_json("{s:I, s:I, s:I, s:o}", "seen", (json_int_t)counters->seen, "injected",
		       (json_int_t)counters->injected, "overflowed",
		       (json_int_t)counters->overflowed, "missed", missed);
}

static json_t *delays_json(const struct sq_delays *delays)
{
	return sq_json("{s:I, s:f, s:f, s:f, s:f}", "samples", (json_int_t)delays->count, "p50_us",
		       (double)delays->p50_ns / SQ_US, "p90_us", (double)delays->p90_ns / SQ_US,
		       "p99_us", (double)delays->p99_ns / SQ_US, "max_us",
		       (double)delays->max_ns / SQ_US);
}

/* The counters of each cgroup that a fault has seen something of. */
static json_t *rows_json(struct sq_run *run, size_t fault)
{
	json_t *rows = json_array();
	struct sq_row row;

	for (size_t i = 0; sq_following_row(run, i, fault, &row); i++)
		if (row.path && row.counters.seen)
			json_array_append_new(rows,
					      sq_json("{s:s, s:I, s:I}", "path", row.path, "seen",
						      (json_int_t)row.counters.seen, "injected",
						      (json_int_t)row.counters.injected));
	return rows;
}

json_t *sq_run_counters(struct sq_run *run)
{
	json_t *faults = json_array();
	double taken = run->armed_ns ? (double)(sq_now() - run->armed_ns) / SQ_S : 0;
	uint64_t claimed, woken = 0;
	json_t *told;

	for (size_t i = 0; i < run->experiment->faults.n; i++) {
		struct sq_counters counters = sq_injector_counters(run->injector, i, -1);
		struct sq_delays delays;
		json_t *fault;

		sq_injector_delays(run->injector, i, &delays);
		woken = MAX(woken, delays.cut_ns);
		fault = sq_json("{s:o, s:o}", "counters", counters_json(&counters), "by_cgroup",
				rows_json(run, i));
		if (delays.count)
			json_object_set_new(fault, "got", delays_json(&delays));
		json_array_append_new(faults, fault);
	}
	claimed = sq_injector_claimed(run->injector);
	/* since the last look a second has not passed: so many in one second, at the least */
	told = sq_json("{s:o, s:{s:I, s:I, s:f, s:f}}", "faults", faults, "used", "last_fault_ns",
		       (json_int_t)sq_injector_last_ns(run->injector), "faults",
		       (json_int_t)claimed, "peak_rate",
		       MAX(run->peak_rate, (double)claimed - (double)run->claimed), "duration_s",
		       MIN(taken, (double)run->method_ns / SQ_S));
	if (woken)
		json_object_set_new(json_object_get(told, "used"), "last_woken_ns",
				    json_integer((json_int_t)woken));
	return told;
}

json_t *sq_run_last_counters(struct sq_run *run)
{
	json_t *counters = sq_run_counters(run), *fault, *victims;
	size_t i;

	json_array_foreach(json_object_get(counters, "faults"), i, fault) {
		victims = sq_injector_victims(run->injector, i);
		if (json_array_size(victims))
			json_object_set(fault, "victims", victims);
		json_decref(victims);
	}
	return counters;
}

/* How long until a fault begins, or ends; 0 where it is over, or nothing is armed. */
static double until_s(const struct sq_run *run, size_t i)
{
	const struct sq_fault *fault = &sq_faults(run->experiment)[i];
	uint64_t from = run->armed_ns + fault->at_ns, until = from + fault->for_ns, now = sq_now();

	if (!run->armed || now >= until)
		return 0;
	return (double)((now < from ? from : until) - now) / SQ_S;
}

/* What is used of what is allowed; 0: no limit. */
static json_t *radius_status(const struct sq_run *run)
{
	const struct sq_blast_radius *radius = &run->experiment->blast_radius;
	uint64_t claimed = run->injector && run->armed_ns ? sq_injector_claimed(run->injector) : 0;

	return sq_json("{s:I, s:I, s:I, s:f, s:{s:I, s:I, s:I, s:f}}", "cgroups",
		       (json_int_t)run->plan->paths.n, "processes",
		       (json_int_t)run->plan->processes, "faults", (json_int_t)claimed, "peak_rate",
		       run->peak_rate, "limits", "cgroups", (json_int_t)radius->cgroups,
		       "processes", (json_int_t)radius->processes, "faults",
		       (json_int_t)radius->faults, "rate", (double)radius->rate / 1000);
}

static json_t *fault_status(struct sq_run *run, size_t i)
{
	static const char *const states[] = { "waiting", "active", "over" };
	const struct sq_fault *fault = &sq_faults(run->experiment)[i];
	struct sq_counters counters = { 0 };

	if (run->injector)
		counters = sq_injector_counters(run->injector, i, -1);
	return sq_json("{s:s, s:s, s:s, s:f, s:I, s:I}", "name", fault->name, "fault",
		       fault->kind->name, "state", states[run->fault_state[i]], "until_s",
		       until_s(run, i), "seen", (json_int_t)counters.seen, "injected",
		       (json_int_t)counters.injected);
}

json_t *sq_run_status(struct sq_run *run)
{
	json_t *faults = json_array();
	uint64_t now = sq_now(), total = sq_experiment_total_ns(run->experiment);

	for (size_t i = 0; i < run->experiment->faults.n; i++)
		json_array_append_new(faults, fault_status(run, i));
	return sq_json("{s:s, s:s, s:s, s:f, s:f, s:f, s:b, s:o, s:o, s:o}", "run",
		       run->registration.run, "title", run->experiment->title, "stage",
		       stage_names[run->stage], "stage_s", (double)(now - run->stage_ns) / SQ_S,
		       "elapsed_s", (double)(now - run->started_ns) / SQ_S, "total_s",
		       (double)total / SQ_S, "armed",
		       run->armed && sq_lease_state(&run->lease) == SQ_LEASE_ALIVE, "faults",
		       faults, "probes", run->steady ? sq_steady_status(run->steady) : json_array(),
		       "blast_radius", radius_status(run));
}
