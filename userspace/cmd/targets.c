// SPDX-License-Identifier: GPL-2.0-only
/* What a target matches on this host: before a fault is written, and when a plan says less than one wants. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/selector.h"
#include "engine/plan.h"
#include "engine/verdict.h"
#include "target/sockets.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/out.h"

#define MOST_DIGITS 32

enum {
	SYSTEMD,
	CONTAINER,
	POD,
	LABEL,
	PROCESS,
	CGROUP,
	JSON,
	SET,
};

static const struct sq_option options[] = {
	[SYSTEMD] = { "systemd", "UNIT", "units by name or glob; may be repeated" },
	[CONTAINER] = { "container", "NAME", "containers by name, glob or ID; may be repeated" },
	[POD] = { "pod", "NAMESPACE/NAME", "pods of this node, or a glob; may be repeated" },
	[LABEL] = { "label", "NAME=VALUE", "only containers or pods with it; may be repeated" },
	[PROCESS] = { "process", "NAME", "a process by name, or by program: /usr/sbin/nginx" },
	[CGROUP] = { "cgroup", "PATH", "cgroups by path or glob; may be repeated" },
	[JSON] = { "json", NULL, "for programs" },
	[SET] = { "set", "NAME=VALUE", "give a variable a value; may be repeated" },
	{ NULL },
};

struct given {
	struct sq_texts selectors, settings;
	bool json;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;
	_cleanup_free_ char *selector = NULL;

	if (option == JSON) {
		given->json = true;
	} else if (option == SET) {
		sq_texts_add(&given->settings, value);
	} else {
		selector = sq_asprintf("%s:%s", options[option].name, value);
		sq_texts_add(&given->selectors, selector);
	}
}

/* A target needs a fault to be an experiment; this one is never begun. */
static struct sq_experiment *from_selectors(const struct given *given)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment;

	sq_buffer_add(&text,
		      "version: 1\ntitle: targets\ntargets:\n  target:\n    select: all\n    ");
	sq_add_selector(&text, &given->selectors);
	sq_buffer_add(&text, "method: [{fault: network.partition, target: target, for: 1s}]\n");
	experiment = sq_experiment_parse("targets", sq_buffer_text(&text),
					 strlen(sq_buffer_text(&text)), NULL, &diags);
	sq_print_diags(&diags);
	return experiment;
}

static void add_resident(pid_t pid, void *data)
{
	_cleanup_free_ char *file = sq_asprintf("/proc/%d/statm", (int)pid);
	_cleanup_free_ char *text = NULL;
	uint64_t *sum = data;
	unsigned long long pages;

	if (sq_read_file(AT_FDCWD, file, 256, &text) > 0 && sscanf(text, "%*u %llu", &pages) == 1)
		*sum += pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the kernel charges to the cgroup, or without the controller what its processes have resident. */
static uint64_t memory_of(const char *path)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, NULL);
	_cleanup_free_ char *text = NULL;
	uint64_t sum = 0;

	if (fd >= 0 && sq_read_file(fd, "memory.current", MOST_DIGITS, &text) > 0)
		return strtoull(text, NULL, 10);
	sq_cgroup_each_process(path, add_resident, &sum, NULL);
	return sum;
}

static int by_path(const void *path, const void *member)
{
	return strcmp(path, ((const struct sq_member *)member)->cgroup.path);
}

/* They are sorted. */
static bool is_selected(const struct sq_resolved *target, const char *path, const char **ret_name)
{
	const struct sq_member *member =
		target->n ? bsearch(path, target->item, target->n, sizeof(*member), by_path) : NULL;

	if (member)
		*ret_name = member->name;
	return member;
}

static json_t *cgroup_json(const struct sq_plan *plan, const struct sq_resolved *target,
			   const char *path, const struct sq_sockets *sockets)
{
	const char *name = path, *why = sq_protection_of(&plan->protection, path);
	bool selected = is_selected(target, path, &name);
	struct sq_traffic traffic;
	uint64_t processes = 0;
	json_t *carved = json_array();

	if (!why && plan->policy && !sq_admission_allows(plan->policy, &plan->named.allow, path))
		why = "the policy's targets.allow does not name it";
	sq_cgroup_count(path, &processes, NULL);
	sq_sockets_sum(sockets, path, &traffic);
	for (size_t i = sq_protection_first(&plan->protection, path);
	     i < plan->protection.n && !why &&
	     sq_cgroup_within(plan->protection.item[i].cgroup.path, path);
	     i++) {
		const struct sq_protected *item = &plan->protection.item[i];

		json_array_append_new(
			carved, sq_json("{s:s, s:s}", "path", item->cgroup.path, "why", item->why));
	}
	return sq_json("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:s?, s:o}", "path", path, "name",
		       name, "selected", selected, "processes", (json_int_t)processes,
		       "memory_bytes", (json_int_t)memory_of(path), "sockets",
		       (json_int_t)traffic.sockets, "sent_bytes", (json_int_t)traffic.sent,
		       "received_bytes", (json_int_t)traffic.received, "protected", why, "without",
		       carved);
}

static json_t *target_json(const struct sq_plan *plan, const struct sq_resolved *target,
			   const struct sq_sockets *sockets)
{
	json_t *cgroups = json_array();

	for (size_t i = 0; i < target->all.n && !target->target->command.n; i++)
		json_array_append_new(cgroups,
				      cgroup_json(plan, target, target->all.item[i], sockets));
	return sq_json("{s:s, s:b, s:o, s:o}", "name", target->target->object.key,
		       "started_by_squall", sq_target_is_started(target->target), "cgroups",
		       cgroups, "warnings", sq_json_texts(&target->warnings));
}

static const char *size_text(const json_t *cgroup, const char *key, char text[MOST_DIGITS])
{
	static const char units[] = " KMGT";
	double size = (double)sq_json_int(cgroup, key);
	size_t unit = 0;

	for (; size >= 1024 && unit < 4; unit++)
		size /= 1024;
	snprintf(text, MOST_DIGITS, "%.*f%.1s", unit && size < 10 ? 1 : 0, size,
		 unit ? units + unit : "");
	return text;
}

/* What it is called, where its path does not tell. */
static void add_name(const json_t *cgroup, struct sq_buffer *text)
{
	const char *name = sq_json_text(cgroup, "name"), *path = sq_json_text(cgroup, "path");

	if (strcmp(name, path) != 0 && strcmp(name, sq_base_name(path)) != 0)
		sq_buffer_add(text, "  %54s is %s\n", "", name);
}

static void add_cgroup(const json_t *cgroup, struct sq_buffer *text)
{
	char memory[MOST_DIGITS], sent[MOST_DIGITS], received[MOST_DIGITS];
	const char *why = json_string_value(json_object_get(cgroup, "protected"));
	const json_t *carved;
	size_t i;

	sq_buffer_add(text, "  %-9s %9lld %7s %7lld %7s %8s  %s%s%s\n",
		      why						  ? "protected"
		      : json_is_true(json_object_get(cgroup, "selected")) ? "hit"
									  : "not drawn",
		      (long long)sq_json_int(cgroup, "processes"),
		      size_text(cgroup, "memory_bytes", memory),
		      (long long)sq_json_int(cgroup, "sockets"),
		      size_text(cgroup, "sent_bytes", sent),
		      size_text(cgroup, "received_bytes", received), sq_json_text(cgroup, "path"),
		      why ? ": " : "", why ? why : "");
	add_name(cgroup, text);
	json_array_foreach(json_object_get(cgroup, "without"), i, carved)
		sq_buffer_add(text, "  %54s without %s: %s\n", "", sq_json_text(carved, "path"),
			      sq_json_text(carved, "why"));
}

static void add_target(const json_t *target, struct sq_buffer *text)
{
	const json_t *cgroup, *warning;
	size_t i;

	sq_buffer_add(text, "%s%s\n", sq_json_text(target, "name"),
		      json_is_true(json_object_get(target, "started_by_squall"))
			      ? ": squall starts it when it runs"
			      : "");
	if (json_array_size(json_object_get(target, "cgroups")))
		sq_buffer_add(text, "  %-9s %9s %7s %7s %7s %8s  %s\n", "", "processes", "memory",
			      "sockets", "sent", "received", "cgroup");
	json_array_foreach(json_object_get(target, "cgroups"), i, cgroup)
		add_cgroup(cgroup, text);
	json_array_foreach(json_object_get(target, "warnings"), i, warning)
		sq_buffer_add(text, "  - %s\n", json_string_value(warning));
}

/* One that is not to be trusted says nothing of who is protected, and that is said. */
static struct sq_policy *policy_of_host(void)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_policy *policy = NULL;

	if (sq_policy_of_host(&policy, &diags, &err))
		sq_print_error("squall: what the policy protects is not shown: %s\n", err->message);
	return policy;
}

struct pids {
	pid_t *item;
	size_t n;
};

static void add_pid(pid_t pid, void *data)
{
	struct pids *pids = data;

	*(pid_t *)sq_append(&pids->item, &pids->n, sizeof(*pids->item)) = pid;
}

/* In all the network namespaces that their processes live in. */
static int list_sockets(const struct sq_plan *plan, struct sq_sockets *sockets,
			struct sq_error **err)
{
	struct pids pids = { 0 };
	int r;

	for (size_t i = 0; i < plan->paths.n; i++)
		sq_cgroup_each_process(plan->paths.item[i], add_pid, &pids, NULL);
	r = sq_sockets_list_of(pids.item, pids.n, sockets, err);
	free(pids.item);
	return r;
}

static int show(struct sq_experiment *experiment, bool json, struct sq_error **err)
{
	_cleanup_(sq_policy_freep) struct sq_policy *policy = policy_of_host();
	_cleanup_(sq_plan_clear) struct sq_plan plan = { 0 };
	_cleanup_(sq_sockets_clear) struct sq_sockets sockets = { 0 };
	_cleanup_json_ json_t *targets = json_array();
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_free_ char *shown = NULL;
	json_t *target;
	size_t i;
	int r = sq_plan_look(&plan, experiment, policy, err);

	if (!r)
		r = list_sockets(&plan, &sockets, err);
	if (r)
		return r;
	for (i = 0; i < experiment->targets.n; i++)
		json_array_append_new(targets, target_json(&plan, &plan.target[i], &sockets));
	if (json) {
		shown = sq_json_dump(targets, JSON_INDENT(2));
		sq_print("{\"targets\": %s}\n", shown);
		return 0;
	}
	json_array_foreach(targets, i, target)
		add_target(target, &text);
	/* whoever makes cgroups calls them as he likes */
	shown = sq_text_printable(sq_buffer_take(&text));
	sq_out_text(STDOUT_FILENO, shown);
	return 0;
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { 0 };
	int first = sq_options_parse(command, argc, argv, take, &given);
	struct sq_experiment *experiment;
	struct sq_error *err = NULL;

	sq_operands(command, argc, argv, first, given.selectors.n ? 0 : 1,
		    given.selectors.n ? 0 : 1);
	if (given.selectors.n)
		sq_check_selector(command, &given.selectors);
	experiment = given.selectors.n ? from_selectors(&given)
				       : sq_load(argv[first], &given.settings);
	sq_texts_clear(&given.selectors);
	sq_texts_clear(&given.settings);
	if (!experiment)
		return sq_verdict_exit(SQ_INVALID);
	if (show(experiment, given.json, &err)) {
		sq_experiment_free(experiment);
		return sq_fail(err);
	}
	sq_experiment_free(experiment);
	return sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_targets = {
	.name = "targets",
	.arguments = "[EXPERIMENT]",
	.help = "Shows what targets match on this host, what is drawn, what is protected and why",
	.options = options,
	.run = run,
};
