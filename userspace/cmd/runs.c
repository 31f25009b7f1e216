// SPDX-License-Identifier: GPL-2.0-only
#include "engine/runs.h"
#include "cmd/command.h"
#include "engine/verdict.h"
#include "util/json.h"
#include "util/out.h"
#include "util/time.h"
#include "util/units.h"

#define USUAL 20
#define TITLE_COLUMNS 44

enum {
	LIMIT,
	JSON,
};

static const struct sq_option options[] = {
	[LIMIT] = { "limit", "N", "the last N (20); 0: all" },
	[JSON] = { "json", NULL, "for programs: one object a line" },
	{ NULL },
};

struct given {
	const struct sq_command *command;
	uint64_t limit;
	bool json;
};

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;
	const char *why;

	if (option == JSON)
		given->json = true;
	else if (sq_parse_count(value, &given->limit, &why))
		sq_usage_error(given->command, "--limit: '%s' %s", value, why);
}

static void print_json(const char *name, const json_t *journal)
{
	const json_t *experiment = json_object_get(journal, "experiment");
	_cleanup_json_ json_t *line = sq_json(
		"{s:s, s:s, s:I, s:s, s:f, s:s, s:s, s:s, s:s, s:s}", "run", name, "verdict",
		sq_json_text(journal, "verdict"), "exit", (json_int_t)sq_json_int(journal, "exit"),
		"started", sq_json_text(journal, "started"), "duration_s",
		sq_json_real(journal, "duration_s"), "title", sq_json_text(experiment, "title"),
		"file", sq_json_text(experiment, "file"), "by",
		sq_json_text(json_object_get(journal, "started_by"), "user"), "reason_given",
		sq_json_text(journal, "reason_given"), "task_id", sq_json_text(journal, "task_id"));
	_cleanup_free_ char *text = sq_json_dump(line, JSON_COMPACT);

	sq_print("%s\n", text);
}

/* So many bytes of a text as fit, and no half character. */
static int fitting(const char *text, int columns)
{
	int bytes = 0;

	for (; text[bytes] && columns > 0; columns--)
		do
			bytes++;
		while (((unsigned char)text[bytes] & 0xc0) == 0x80);
	return bytes;
}

static void print_text(const char *name, const json_t *journal)
{
	const char *title = sq_json_text(json_object_get(journal, "experiment"), "title");
	char took[SQ_DURATION_SIZE];

	sq_print("%-20s  %-11s %9s  %-8.8s  %.*s\n", name, sq_json_text(journal, "verdict"),
		 sq_duration_text((uint64_t)(sq_json_real(journal, "duration_s") * (double)SQ_S),
				  took),
		 sq_json_text(json_object_get(journal, "started_by"), "user"),
		 fitting(title, TITLE_COLUMNS), title);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	struct given given = { .command = command, .limit = USUAL };
	_cleanup_texts_ struct sq_texts names = { 0 };
	struct sq_error *err = NULL;
	int first = sq_options_parse(command, argc, argv, take, &given);

	sq_operands(command, argc, argv, first, 0, 0);
	if (sq_runs_list(&names, &err))
		return sq_fail(err);
	if (!names.n && !given.json)
		sq_print("there has been no run on this host\n");
	else if (!given.json)
		sq_print("%-20s  %-11s %9s  %-8s  %s\n", "RUN", "VERDICT", "TOOK", "BY", "TITLE");
	for (size_t i = given.limit && names.n > given.limit ? names.n - given.limit : 0;
	     i < names.n; i++) {
		_cleanup_json_ json_t *journal = NULL;
		struct sq_error *damaged = NULL;

		if (sq_runs_load(names.item[i], &journal, &damaged))
			sq_fail(damaged);
		else if (given.json)
			print_json(names.item[i], journal);
		else
			print_text(names.item[i], journal);
	}
	return sq_verdict_exit(SQ_PASSED);
}

const struct sq_command sq_command_runs = {
	.name = "runs",
	.arguments = "",
	.help = "Lists earlier runs, the last one last",
	.options = options,
	.run = run,
};
