// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/stop_if.h"

#include "experiment/check.h"
#include "util/time.h"
#include "util/units.h"

const char *const sq_pressure_names[SQ_PRESSURES] = { "cpu", "memory", "io" };

#define PRESSURE(key_, index, text)                                                                \
	{                                                                                          \
		.key = key_, .type = SQ_TYPE_SHARE,                                                \
		.offset = offsetof(struct sq_psi, most_ppb[index]), .min = 1, .max = SQ_SHARE_ONE, \
		.help = text                                                                       \
	}
static const struct sq_field psi_fields[] = {
	PRESSURE("cpu", SQ_PRESSURE_CPU, "tasks wait for a processor for more of the time"),
	PRESSURE("memory", SQ_PRESSURE_MEMORY, "tasks wait for memory for more of the time"),
	PRESSURE("io", SQ_PRESSURE_IO, "tasks wait for disks for more of the time"),
};

static const struct sq_schema psi_schema = { .what = "psi",
					     .size = sizeof(struct sq_psi),
					     .part = { SQ_PART(psi_fields) } };

static const char *const kinds[] = { "http",	    "tcp",	 "dns", "exec", "file",
				     "prometheus",  "systemd",	 "log", "psi",	"load",
				     "memory_free", "disk_free", NULL };

#define AT(member) offsetof(struct sq_stop_if, member)
static const struct sq_field fields[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .help = "its name in the report; left out: what it looks at" },
	{ .key = "psi",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(psi),
	  .object = &psi_schema,
	  .help = "the host is under pressure: {cpu: 80%, memory: 20%, io: 60%}" },
	{ .key = "load",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(load),
	  .min = 1,
	  .help = "the host's load average of a minute is above this" },
	{ .key = "memory_free",
	  .type = SQ_TYPE_SHARE,
	  .offset = AT(memory_free_ppb),
	  .min = 1,
	  .max = SQ_SHARE_ONE,
	  .help = "less than this share of the host's memory is available" },
	{ .key = "disk_free",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(disk_free),
	  .help = "less than this is free where the journals are: 100M" },
	{ .key = "expect",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(expect),
	  .object = &sq_expect_schema,
	  .help = "a probe: when all is well; anything else stops the run, no answer too" },
	{ .key = "every",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(every_ns),
	  .min = 10 * SQ_MS,
	  .max = SQ_HOUR,
	  .fallback = "1s",
	  .help = "from one look to the next" },
	{ .key = "for",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(for_ns),
	  .max = SQ_HOUR,
	  .help = "only if it is so for that long; psi: measured over that long (5s)" },
};

const struct sq_schema sq_stop_if_schema = {
	.what = "a stop condition",
	.size = sizeof(struct sq_stop_if),
	.part = { { sq_source_fields, SQ_SOURCES }, SQ_PART(fields) },
	.one_of = kinds,
};

bool sq_stop_if_is_host(const struct sq_stop_if *stop_if)
{
	return sq_source_kind(&stop_if->source) < 0;
}

static void complete(struct sq_stop_if *stop_if, struct sq_diags *diags)
{
	const char *why;

	for (const char *const *kind = kinds; *kind && !stop_if->name; kind++)
		if (sq_schema_has(&stop_if->object, *kind))
			stop_if->name = sq_strdup(*kind);
	if (!stop_if->name) /* which has been told */
		stop_if->name = sq_strdup("stop_if");
	if (stop_if->psi.object.node && !stop_if->for_ns)
		stop_if->for_ns = 5 * SQ_S;
	if (stop_if->disk_free &&
	    sq_parse_size(stop_if->disk_free, &stop_if->disk_free_bytes, &why))
		sq_diag_error(diags, sq_schema_mark(&stop_if->object, "disk_free"), NULL,
			      "disk_free: '%.100s' %s", stop_if->disk_free, why);
}

static void check(const struct sq_stop_if *stop_if, struct sq_diags *diags)
{
	const struct sq_object *object = &stop_if->object, *psi = &stop_if->psi.object;
	bool any = false;

	sq_check_name(sq_schema_mark(object, "name"), stop_if->name, diags);
	sq_check_source(&stop_if->source, diags);
	if (sq_stop_if_is_host(stop_if) && sq_schema_has(object, "expect"))
		sq_diag_error(diags, sq_schema_mark(object, "expect"), NULL,
			      "expect: is for probes; this is about the host");
	for (size_t i = 0; i < SQ_PRESSURES; i++)
		any |= sq_schema_has(psi, sq_pressure_names[i]);
	if (psi->node && !any)
		sq_diag_error(diags, sq_schema_mark(object, "psi"), "such as {memory: 20%}",
			      "psi: there is nothing in it");
}

void sq_stop_ifs_check(const struct sq_objects *stop_ifs, struct sq_diags *diags)
{
	for (size_t i = 0; i < stop_ifs->n; i++) {
		struct sq_stop_if *stop_if = (struct sq_stop_if *)stop_ifs->item + i;

		complete(stop_if, diags);
		check(stop_if, diags);
	}
}
