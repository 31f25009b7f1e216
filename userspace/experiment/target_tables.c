// SPDX-License-Identifier: GPL-2.0-only
/* What a target of an experiment file may hold. */
#include "experiment/experiment.h"

static const char *const process_kinds[] = { "executable", "name", "pid_file", NULL };

#define AT(member) offsetof(struct sq_process_target, member)
static const struct sq_field process_fields[] = {
	{ .key = "executable",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(executable),
	  .help = "the program's file, as the process sees it: /usr/sbin/nginx; or a glob" },
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .help = "its name, as ps shows it; or a glob" },
	{ .key = "pid_file",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(pid_file),
	  .help = "a file that begins with its number: /run/nginx.pid" },
};
#undef AT

static const struct sq_schema process_schema = {
	.what = "process",
	.size = sizeof(struct sq_process_target),
	.part = { SQ_PART(process_fields) },
	.one_of = process_kinds,
};

static const char *const target_kinds[] = { "systemd", "container", "pod",     "process",
					    "cgroup",  "command",   "rest_of", NULL };

#define AT(member) offsetof(struct sq_target, member)
static const struct sq_field target_fields[] = {
	{ .key = "systemd",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(systemd),
	  .help = "units by name or glob: nginx.service, \"web@*.service\", batch.slice" },
	{ .key = "container",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(container),
	  .help = "running containers of podman, docker or containerd by name, glob, or ID or 8 or "
		  "more of its first digits" },
	{ .key = "pod",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(pod),
	  .help = "pods of this node: NAMESPACE/NAME, or a glob such as \"shop/cart-*\"" },
	{ .key = "process",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(process),
	  .object = &process_schema,
	  .help = "the cgroups of processes: {executable: /usr/sbin/nginx}" },
	{ .key = "cgroup",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(cgroup),
	  .help = "a path below the cgroup2 root, such as /system.slice/nginx.service; or a "
		  "glob, in which ** stands for any number of folders" },
	{ .key = "command",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(command),
	  .help = "a program and its arguments, run in a cgroup of its own while the run lasts" },
	{ .key = "rest_of",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(rest_of),
	  .help = "what another target matches and does not select: to compare with, never hit" },
	{ .key = "not",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(not ),
	  .help = "leave these out, with what is in them: names or globs as above, or cgroups" },
	{ .key = "labels",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(labels),
	  .help = "container, pod: only those with all of these: [app=cart, tier=web]" },
	{ .key = "only_containers",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(only_containers),
	  .help = "pod: of each only the containers of these names or globs; left out: all of it" },
	{ .key = "select",
	  .type = SQ_TYPE_SELECT,
	  .offset = AT(select),
	  .fallback = "all",
	  .help = "how many of those that match; drawn by the seed" },
	{ .key = "whole_cgroup",
	  .type = SQ_TYPE_BOOL,
	  .offset = AT(whole_cgroup),
	  .fallback = "false",
	  .help = "process: hit its cgroup even where others are in it too" },
	{ .key = "user",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(user),
	  .help = "systemd, container: those of this user, \"*\" for everybody's; command: whom "
		  "it runs as" },
	{ .key = "directory",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(directory),
	  .help = "command: its working folder" },
	{ .key = "environment",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(environment),
	  .help = "command: NAME=VALUE, besides squall's own" },
	{ .key = "ready",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(ready),
	  .object = &sq_ready_schema,
	  .help = "command: when it counts as started" },
};
#undef AT

const struct sq_schema sq_target_schema = {
	.what = "a target",
	.size = sizeof(struct sq_target),
	.part = { SQ_PART(target_fields) },
	.one_of = target_kinds,
};
