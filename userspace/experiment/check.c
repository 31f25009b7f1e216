// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/check.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/dns_pattern.h"
#include "experiment/path_pattern.h"
#include "util/cgroup.h"
#include "util/time.h"
#include "util/units.h"

#define MAX_FAULTS 64
#define LONGEST_NAME 64
#define MAX_PORT_RANGES 8

bool sq_has_control(const char *text, const char *allowed)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((iscntrl(*p) && !strchr(allowed, *p)) || (*p == 0xc2 && p[1] < 0xa0))
			return true;
	return false;
}

/* A name goes into tables, file names and metric labels. */
void sq_check_name(struct sq_mark mark, const char *name, struct sq_diags *diags)
{
	if (strlen(name) > LONGEST_NAME)
		sq_diag_error(diags, mark, NULL, "the name is longer than %d bytes", LONGEST_NAME);
	if (sq_has_control(name, ""))
		sq_diag_error(diags, mark, NULL, "the name has a control character in it");
}

static void check_targets_of(const struct sq_experiment *experiment, const struct sq_fault *fault,
			     struct sq_diags *diags)
{
	/* without any target in the file that has been told */
	for (size_t i = 0; i < fault->targets.n && experiment->targets.n; i++) {
		const char *names[256], *near;
		_cleanup_free_ char *hint = NULL;
		size_t n = MIN(experiment->targets.n, ARRAY_SIZE(names));

		if (sq_experiment_target(experiment, fault->targets.item[i]) >= 0)
			continue;
		for (size_t j = 0; j < n; j++)
			names[j] = sq_targets(experiment)[j].object.key;
		near = sq_nearest(fault->targets.item[i], names, n);
		if (near)
			hint = sq_asprintf("did you mean '%s'?", near);
		else if (strchr(fault->targets.item[i], '/'))
			hint = sq_strdup("declare it under 'targets' and name it here");
		sq_diag_error(diags,
			      sq_check_item_mark(&fault->object, "target", &fault->targets, i),
			      hint, "there is no target '%.200s'", fault->targets.item[i]);
	}
}

static void check_timeline(const struct sq_experiment *experiment, const struct sq_fault *fault,
			   struct sq_diags *diags)
{
	const struct sq_object *object = &fault->object;
	char end[SQ_DURATION_SIZE], limit[SQ_DURATION_SIZE];

	if (fault->at_ns + fault->for_ns > experiment->blast_radius.duration_ns)
		sq_diag_error(diags, sq_schema_mark(object, "for"),
			      "raise blast_radius.duration, "
			      "or let the fault end earlier",
			      "the fault ends at %s, later than the blast radius allows: %s",
			      sq_duration_text(fault->at_ns + fault->for_ns, end),
			      sq_duration_text(experiment->blast_radius.duration_ns, limit));
	if (fault->for_ns && fault->ramp_ns > fault->for_ns)
		sq_diag_error(diags, sq_schema_mark(object, "ramp"), NULL,
			      "the ramp takes longer than the fault lasts");
	if (fault->delay_ns && fault->jitter_ns > fault->delay_ns)
		sq_diag_error(
			diags, sq_schema_mark(object, "jitter"), NULL,
			"the jitter is more than the delay: nothing can come before its time");
	if (!fault->jitter_ns && sq_schema_has(object, "distribution"))
		sq_diag_error(diags, sq_schema_mark(object, "distribution"),
			      "add 'jitter', or leave 'distribution' out",
			      "a distribution without a jitter: every delay is the same");
	if (fault->pulse.object.node && fault->pulse.active_ns >= fault->for_ns && fault->for_ns)
		sq_diag_error(diags, sq_schema_mark(&fault->pulse.object, "active"), NULL,
			      "the pulse never pauses: the fault is over by then");
}

static void check_after(const struct sq_experiment *experiment, const struct sq_fault *fault,
			struct sq_diags *diags)
{
	struct sq_mark mark = sq_schema_mark(&fault->object, "after");
	const char *names[MAX_FAULTS], *near;
	_cleanup_free_ char *hint = NULL;
	size_t n = 0;

	if (!fault->after)
		return;
	if (fault->in_a_circle)
		sq_diag_error(diags, mark, "let one of them begin by 'at' alone",
			      "after: the faults follow each other in a circle");
	for (size_t i = 0; i < experiment->faults.n && n < MAX_FAULTS; i++) {
		const char *name = sq_faults(experiment)[i].name;

		if (name && !strcmp(name, fault->after))
			return;
		if (name)
			names[n++] = name;
	}
	near = sq_nearest(fault->after, names, n);
	if (near)
		hint = sq_asprintf("did you mean '%s'?", near);
	sq_diag_error(diags, mark, hint, "after: there is no fault '%.200s'", fault->after);
}

static bool names_ports(const struct sq_fault *fault)
{
	for (size_t i = 0; i < fault->to.n; i++)
		if (fault->to.item[i].has_ports)
			return true;
	return false;
}

static void check_peers(const struct sq_fault *fault, struct sq_diags *diags)
{
	const struct sq_object *object = &fault->object;

	if (fault->ports.n > MAX_PORT_RANGES)
		sq_diag_error(diags, sq_schema_mark(object, "ports"), NULL,
			      "ports: here are %zu ranges, %d is the most", fault->ports.n,
			      MAX_PORT_RANGES);
	if (fault->local_ports.n > MAX_PORT_RANGES)
		sq_diag_error(diags, sq_schema_mark(object, "local_ports"), NULL,
			      "local_ports: here are %zu ranges, %d is the most",
			      fault->local_ports.n, MAX_PORT_RANGES);
	if (fault->protocols && !(fault->protocols & 3) &&
	    (fault->ports.n || fault->local_ports.n || names_ports(fault)))
		sq_diag_error(diags, sq_schema_mark(object, "proto"),
			      "leave the ports out, or 'proto'", "icmp has no ports");
}

/* @before: how many the faults before it have. The first one too many is told. */
static void check_paths(const struct sq_fault *fault, size_t before, struct sq_diags *diags)
{
	for (size_t i = 0; i < fault->paths.n; i++) {
		struct sq_path_pattern pattern = { 0 };
		const char *why;

		if (before + i == SQ_PATHS_MAX)
			sq_diag_error(diags,
				      sq_check_item_mark(&fault->object, "paths", &fault->paths, i),
				      "name a folder they share, with ** behind it",
				      "paths: %d are the most, of all faults together",
				      SQ_PATHS_MAX);
		if (sq_path_pattern_parse(fault->paths.item[i], &pattern, &why))
			sq_diag_error(diags,
				      sq_check_item_mark(&fault->object, "paths", &fault->paths, i),
				      NULL, "paths: '%.200s' %s", fault->paths.item[i], why);
		free(pattern.fixed);
	}
}

static void check_names(const struct sq_fault *fault, struct sq_diags *diags)
{
	for (size_t i = 0; i < fault->names.n; i++) {
		const char *why = sq_dns_pattern_problem(fault->names.item[i]);

		if (why)
			sq_diag_error(
				diags,
				sq_check_item_mark(&fault->object, "names", &fault->names, i),
				"api.example.org, *.example.org for all that is below it, or \"*\"",
				"names: '%.200s' %s", fault->names.item[i], why);
	}
}

static void check_reorder(const struct sq_fault *fault, struct sq_diags *diags)
{
	if (fault->kind->id == SQ_FAULT_REORDER && fault->gap <= 1 &&
	    fault->probability_ppb == SQ_SHARE_ONE)
		sq_diag_error(diags, sq_schema_mark(&fault->object, "delay"),
			      "add a 'gap' such as 5, or a 'probability' below 100%",
			      "every packet would be late, and none overtaken");
}

static void check_bursts(const struct sq_fault *fault, struct sq_diags *diags)
{
	if (fault->bursts.object.node && fault->per == SQ_PER_CONNECTION)
		sq_diag_error(diags, sq_schema_mark(&fault->object, "per"),
			      "leave 'per' out, or give a 'probability' instead of 'bursts'",
			      "per: bursts hit all connections together");
}

static void check_enough(const struct sq_fault *fault, struct sq_diags *diags)
{
	if (fault->limit && fault->min_effect > fault->limit)
		sq_diag_error(diags, sq_schema_mark(&fault->object, "min_effect"), NULL,
			      "min_effect: 'limit' lets the fault hit %llu times at the most",
			      (unsigned long long)fault->limit);
}

static void check_error(const struct sq_fault *fault, struct sq_diags *diags)
{
	static const int refusals[] = { ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH };

	if (fault->kind->id != SQ_FAULT_REFUSE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if ((int)fault->error == refusals[i])
			return;
	sq_diag_error(diags, sq_schema_mark(&fault->object, "error"),
		      "any other error: syscall.error with calls: connect",
		      "error: network.refuse takes ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH or "
		      "ENETUNREACH, not %s",
		      sq_errno_name((int)fault->error));
}

static void check_faults(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	size_t paths = 0;

	if (experiment->faults.n > MAX_FAULTS)
		sq_diag_error(diags, sq_schema_mark(&experiment->object, "method"), NULL,
			      "the method has %zu faults; %d is the most", experiment->faults.n,
			      MAX_FAULTS);
	for (size_t i = 0; i < experiment->faults.n; paths += sq_faults(experiment)[i++].paths.n) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (!fault->kind || !fault->name)
			continue; /* has been told already */
		sq_check_name(sq_schema_mark(&fault->object, "name"), fault->name, diags);
		for (size_t j = 0; j < i; j++)
			if (sq_faults(experiment)[j].name &&
			    !strcmp(sq_faults(experiment)[j].name, fault->name))
				sq_diag_error(diags, sq_schema_mark(&fault->object, "name"),
					      "give each fault a 'name' of its own",
					      "two faults are named '%.200s'", fault->name);
		check_targets_of(experiment, fault, diags);
		check_timeline(experiment, fault, diags);
		check_after(experiment, fault, diags);
		check_peers(fault, diags);
		check_paths(fault, paths, diags);
		check_names(fault, diags);
		check_reorder(fault, diags);
		check_bursts(fault, diags);
		check_enough(fault, diags);
		check_error(fault, diags);
	}
}

/* A load that two names stand for would write into one log. */
static void check_load(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	for (size_t i = 0; i < experiment->load.n; i++) {
		const struct sq_load *load = &sq_loads(experiment)[i];
		struct sq_mark mark = sq_schema_mark(&load->object, "name");

		if (!load->name)
			continue;
		sq_check_name(mark, load->name, diags);
		for (size_t j = 0; j < i; j++)
			if (sq_loads(experiment)[j].name &&
			    !strcmp(sq_loads(experiment)[j].name, load->name))
				sq_diag_error(diags, mark, NULL, "two loads are named '%.200s'",
					      load->name);
	}
}

/*
 * A unit's cgroup has its name, wherever in the tree. A backslash, which systemd writes for what a name
 * cannot have in it, would be a glob's.
 */
static void add_unit(struct sq_protect *item, const char *unit)
{
	_cleanup_free_ char *pattern = sq_asprintf(
		"/**/%s%s", unit, strchr(unit, '.') || sq_cgroup_is_glob(unit) ? "" : ".service");

	for (char *p = pattern; *p; p++)
		if (*p == '\\')
			*p = '?';
	sq_texts_add(&item->cgroup, pattern);
}

static void check_units(struct sq_protect *item, struct sq_diags *diags)
{
	for (size_t i = 0; i < item->systemd.n; i++) {
		const char *unit = item->systemd.item[i];

		if (!*unit || strchr(unit, '/'))
			sq_diag_error(diags, sq_schema_mark(&item->object, "systemd"),
				      "name a unit as systemctl does, or a path under 'cgroup'",
				      "systemd: '%.200s' is no unit's name", unit);
		else
			add_unit(item, unit);
	}
}

void sq_protects_check(const struct sq_objects *protects, struct sq_diags *diags)
{
	static const char *const naming[] = { "cgroup", "systemd", "container",
					      "pod",	"labels",  NULL };

	for (size_t i = 0; i < protects->n; i++) {
		struct sq_protect *item = (struct sq_protect *)protects->item + i;

		sq_check_not_empty(&item->object, naming, diags);
		if (!sq_schema_has(&item->object, "cgroup") &&
		    !sq_schema_has(&item->object, "systemd") &&
		    !sq_schema_has(&item->object, "container") &&
		    !sq_schema_has(&item->object, "pod"))
			sq_diag_error(diags, item->object.node->mark,
				      "cgroup: a path or a glob; systemd: a unit; container, pod: "
				      "a name or a glob",
				      "it names nothing: no 'cgroup', 'systemd', 'container' or "
				      "'pod'");
		if (item->labels.n && !item->container.n && !item->pod.n)
			sq_diag_error(diags, sq_schema_mark(&item->object, "labels"), NULL,
				      "'labels' is for containers and pods");
		sq_check_labels(&item->object, &item->labels, diags);
		sq_check_pods(&item->object, &item->pod, diags);
		sq_check_cgroups(&item->object, "cgroup", &item->cgroup, diags);
		check_units(item, diags);
	}
}

void sq_experiment_check(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	if (experiment->title && sq_has_control(experiment->title, ""))
		sq_diag_error(diags, sq_schema_mark(&experiment->object, "title"), NULL,
			      "the title has a control character in it, or a line's end");
	sq_protects_check(&experiment->blast_radius.protect, diags);
	sq_stop_ifs_check(&experiment->stop_if, diags);
	check_load(experiment, diags);
	check_faults(experiment, diags);
	sq_check_probes(experiment, diags);
	sq_check_targets(experiment, diags);
}
