// SPDX-License-Identifier: GPL-2.0-only
#include "report/cleanup.h"

#include "report/view.h"
#include "util/json.h"

/* The journal's names in the order and the words of a report. */
static const struct {
	const char *key, *one, *several;
} parts[] = {
	{ "programs", "BPF program", "BPF programs" },
	{ "maps", "map", "maps" },
	{ "links", "link", "links" },
	{ "cgroups", "cgroup of squall's", "cgroups of squall's" },
	{ "devices", "network device", "network devices" },
	{ "qdiscs", "qdisc", "qdiscs" },
	{ "filters", "filter", "filters" },
	{ "network_namespaces", "named network namespace", "named network namespaces" },
	{ "mounts", "mount", "mounts" },
	{ "fuse_connections", "FUSE connection", "FUSE connections" },
	{ "processes", "process of squall's", "processes of squall's" },
	{ "files", "file", "files" },
	{ "sysctls", "setting", "settings" },
};

static const json_t *state_of(const json_t *journal)
{
	return json_object_get(json_object_get(journal, "cleanup"), "state");
}

static long long count(const json_t *compared, size_t part)
{
	return (long long)sq_json_int(json_object_get(compared, parts[part].key), "after");
}

long long sq_report_compared(const json_t *journal)
{
	const json_t *compared = json_object_get(state_of(journal), "compared");
	long long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		sum += count(compared, i);
	return sum;
}

void sq_report_state(const json_t *journal, struct sq_buffer *out)
{
	const json_t *state = state_of(journal), *compared = json_object_get(state, "compared");
	char took[SQ_DURATION_SIZE];
	bool first = true;

	if (!state)
		return;
	sq_buffer_add(out, "the host's state before and after compared in %s",
		      sq_report_ms(sq_json_real(state, "took_ms"), took));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		long long n = count(compared, i);

		if (!n)
			continue;
		sq_buffer_add(out, "%s%lld %s", first ? ": " : ", ", n,
			      n == 1 ? parts[i].one : parts[i].several);
		first = false;
	}
}

const json_t *sq_report_others(const json_t *journal)
{
	return json_object_get(state_of(journal), "others");
}

const json_t *sq_report_other_runs(const json_t *journal)
{
	return json_object_get(state_of(journal), "other_runs");
}

void sq_report_others_line(const json_t *journal, struct sq_buffer *out)
{
	const json_t *one;
	size_t i;

	json_array_foreach(sq_report_others(journal), i, one)
		sq_buffer_add(out, "%s%s", i ? "; " : "", json_string_value(one));
}
