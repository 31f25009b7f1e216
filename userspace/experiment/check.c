// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/check.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "util/time.h"

#define MAX_FAULTS 64
#define MAX_PORT_RANGES 8

/* A name goes into tables, file names and metric labels. */
static void check_name(const struct sq_object *object, const char *key, const char *name,
		       struct sq_diags *diags)
{
	if (strlen(name) > 64)
		sq_diag_error(diags, sq_schema_mark(object, key), NULL,
			      "the name is longer than 64 bytes");
	for (const char *p = name; *p; p++) {
		if (!iscntrl((unsigned char)*p))
			continue;
		sq_diag_error(diags, sq_schema_mark(object, key), NULL,
			      "the name has a control character in it");
		return;
	}
}

static void check_targets_of(const struct sq_experiment *experiment, const struct sq_fault *fault,
			     struct sq_diags *diags)
{
	for (size_t i = 0; i < fault->targets.n; i++) {
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
		sq_diag_error(diags, sq_schema_mark(&fault->object, "target"), hint,
			      "there is no target '%s'", fault->targets.item[i]);
	}
}

static void check_timeline(const struct sq_experiment *experiment, const struct sq_fault *fault,
			   struct sq_diags *diags)
{
	const struct sq_object *object = &fault->object;
	char end[SQ_DURATION_SIZE], limit[SQ_DURATION_SIZE];

	if (fault->at_ns + fault->for_ns > experiment->blast_radius.duration_ns)
		sq_diag_error(diags, sq_schema_mark(object, "for"), "raise blast_radius.duration, "
			      "or let the fault end earlier",
			      "the fault ends at %s, later than the blast radius allows: %s",
			      sq_duration_text(fault->at_ns + fault->for_ns, end),
			      sq_duration_text(experiment->blast_radius.duration_ns, limit));
	if (fault->ramp_ns > fault->for_ns)
		sq_diag_error(diags, sq_schema_mark(object, "ramp"), NULL,
			      "the ramp takes longer than the fault lasts");
	if (fault->jitter_ns > fault->delay_ns)
		sq_diag_error(diags, sq_schema_mark(object, "jitter"), NULL,
			      "the jitter is more than the delay: no packet can come before it was sent");
}

static void check_peers(const struct sq_fault *fault, struct sq_diags *diags)
{
	const struct sq_object *object = &fault->object;

	if (fault->ports.n > MAX_PORT_RANGES)
		sq_diag_error(diags, sq_schema_mark(object, "ports"), NULL,
			      "more than %d ranges of ports", MAX_PORT_RANGES);
	if (fault->local_ports.n > MAX_PORT_RANGES)
		sq_diag_error(diags, sq_schema_mark(object, "local_ports"), NULL,
			      "more than %d ranges of ports", MAX_PORT_RANGES);
	if ((fault->ports.n || fault->local_ports.n) && fault->protocols &&
	    !(fault->protocols & 3))
		sq_diag_error(diags, sq_schema_mark(object, "proto"), NULL, "icmp has no ports");
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
		      "ENETUNREACH, not %s", sq_errno_name((int)fault->error));
}

static void check_faults(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	if (experiment->faults.n > MAX_FAULTS)
		sq_diag_error(diags, sq_schema_mark(&experiment->object, "method"), NULL,
			      "the method has %zu faults; %d is the most", experiment->faults.n,
			      MAX_FAULTS);
	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (!fault->kind || !fault->name)
			continue;	/* has been told already */
		check_name(&fault->object, "name", fault->name, diags);
		for (size_t j = 0; j < i; j++)
			if (sq_faults(experiment)[j].name &&
			    !strcmp(sq_faults(experiment)[j].name, fault->name))
				sq_diag_error(diags, sq_schema_mark(&fault->object, "name"),
					      "give each fault a 'name' of its own",
					      "two faults are named '%s'", fault->name);
		check_targets_of(experiment, fault, diags);
		check_timeline(experiment, fault, diags);
		check_peers(fault, diags);
		check_error(fault, diags);
	}
}

static void check_expect(const struct sq_probe *probe, struct sq_diags *diags)
{
	static const struct {
		const char *key;
		bool http, exec;
	} keys[] = { { "status", true, false }, { "body", true, false },
		     { "exit", false, true }, { "output", false, true } };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct sq_object *expect = &probe->expect.object;

		if (!sq_schema_has(expect, keys[i].key) ||
		    (probe->http.object.node && keys[i].http) ||
		    (probe->exec.object.node && keys[i].exec))
			continue;
		sq_diag_error(diags, sq_schema_mark(expect, keys[i].key), NULL,
			      "'%s' is for %s probes", keys[i].key, keys[i].http ? "http" : "exec");
	}
}

static void check_http(const struct sq_http *http, struct sq_diags *diags)
{
	if (http->url && strncmp(http->url, "http://", 7) != 0 &&
	    strncmp(http->url, "https://", 8) != 0)
		sq_diag_error(diags, sq_schema_mark(&http->object, "url"), NULL,
			      "url: '%.200s' does not begin with http:// or https://", http->url);
}

static void check_tcp(const struct sq_tcp *tcp, struct sq_diags *diags)
{
	const char *colon = tcp->address ? strrchr(tcp->address, ':') : NULL;
	struct sq_port_range port;
	const char *why;

	if (tcp->address && (!colon || colon == tcp->address ||
			     sq_parse_port_range(colon + 1, &port, &why) || port.low != port.high))
		sq_diag_error(diags, sq_schema_mark(&tcp->object, "address"), NULL,
			      "address: '%.200s' is not HOST:PORT", tcp->address);
}

static void check_probes(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	for (size_t i = 0; i < experiment->probes.n; i++) {
		const struct sq_probe *probe = &sq_probes(experiment)[i];

		if (!probe->name)
			continue;
		check_name(&probe->object, "name", probe->name, diags);
		for (size_t j = 0; j < i; j++)
			if (sq_probes(experiment)[j].name &&
			    !strcmp(sq_probes(experiment)[j].name, probe->name))
				sq_diag_error(diags, sq_schema_mark(&probe->object, "name"), NULL,
					      "two probes are named '%s'", probe->name);
		check_expect(probe, diags);
		check_http(&probe->http, diags);
		check_tcp(&probe->tcp, diags);
		if (probe->recovers_within_ns > experiment->phases.after_ns)
			sq_diag_error(diags, sq_schema_mark(&probe->object, "recovers_within"),
				      "raise phases.after",
				      "recovers_within is longer than the phase 'after'");
	}
}

static void check_targets(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	for (size_t i = 0; i < experiment->targets.n; i++) {
		const struct sq_target *target = &sq_targets(experiment)[i];
		bool used = false;

		check_name(&target->object, NULL, target->object.key, diags);
		if (strchr(target->object.key, '/') || !*target->object.key ||
		    target->object.key[0] == '.')
			sq_diag_error(diags, sq_schema_mark(&target->object, NULL), NULL,
				      "'%s' is no name for a target: it names a cgroup's folder",
				      target->object.key);
		for (size_t j = 0; j < experiment->faults.n; j++)
			used |= sq_fault_hits(&sq_faults(experiment)[j], target);
		if (!used && experiment->faults.n && target->cgroup.n)
			sq_diag_warning(diags, sq_schema_mark(&target->object, NULL), NULL,
					"no fault hits the target '%s'", target->object.key);
		if (target->command.n && sq_schema_has(&target->object, "select"))
			sq_diag_error(diags, sq_schema_mark(&target->object, "select"), NULL,
				      "'select' is for targets that match cgroups");
		if (target->cgroup.n && target->ready.object.node)
			sq_diag_error(diags, sq_schema_mark(&target->object, "ready"), NULL,
				      "'ready' is for command targets");
		check_http(&target->ready.http, diags);
		check_tcp(&target->ready.tcp, diags);
		for (size_t j = 0; j < target->cgroup.n; j++)
			if (target->cgroup.item[j][0] != '/')
				sq_diag_error(diags, sq_schema_mark(&target->object, "cgroup"),
					      "begin at the cgroup2 root, as in "
					      "/system.slice/nginx.service",
					      "cgroup: '%s' does not begin with '/'",
					      target->cgroup.item[j]);
	}
}

void sq_experiment_check(const struct sq_experiment *experiment, struct sq_diags *diags)
{
	check_targets(experiment, diags);
	check_faults(experiment, diags);
	check_probes(experiment, diags);
}
