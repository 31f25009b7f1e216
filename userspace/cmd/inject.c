// SPDX-License-Identifier: GPL-2.0-only
/* The one-liner: an experiment of one fault, its options made from the catalogue. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/execute.h"
#include "cmd/selector.h"
#include "util/out.h"

#define MOST_OPTIONS 64

enum {
	TARGET,
	SHARE,
	SEED,
	REPORT,
	REASON,
	TASK_ID,
	PRINT,
	DRY_RUN,
	OBSERVE,
	YES,
	OWN,
};

static const struct sq_option own[OWN + 1] = {
	[TARGET] = { "target", "KIND:NAME",
		     "what to hit: systemd:, container:, pod:, process:, cgroup:; required, may be "
		     "repeated" },
	[SHARE] = { "share", "SHARE", "how much of what a glob matches may be hit; 50%" },
	[SEED] = { "seed", "N", "decide as the run with this seed did" },
	[REPORT] = { "report", "FORMAT[:FILE]", "text (default) or json; may be repeated" },
	[REASON] = { "reason", "TEXT", "why, for the journal" },
	[TASK_ID] = { "task-id", "ID", "of a ticket or a build, for the journal" },
	[PRINT] = { "print", NULL, "print the experiment that this stands for, and end" },
	[DRY_RUN] = { "dry-run", NULL, "stop after the plan; touches nothing" },
	[OBSERVE] = { "observe", NULL, "count what it would hit; nothing is injected" },
	[YES] = { "yes", NULL, "do not ask; needed where there is no terminal" },
	{ NULL },
};

struct given {
	struct sq_execution execution;
	struct sq_option options[MOST_OPTIONS]; /* our own, then the fault's fields */
	char name[MOST_OPTIONS][32]; /* with dashes */
	const struct sq_field *field[MOST_OPTIONS];
	struct sq_texts value[MOST_OPTIONS];
	size_t n;
	bool print;
};

static const char *value_name(const struct sq_field *field)
{
	switch (field->type) {
	case SQ_TYPE_COUNT:
		return "N";
	case SQ_TYPE_DURATION:
		return "DURATION";
	case SQ_TYPE_SHARE:
		return "SHARE";
	case SQ_TYPE_PEERS:
		return "PEER,...";
	case SQ_TYPE_PORTS:
		return "PORTS,...";
	case SQ_TYPE_CALLS:
		return "CALL,...";
	case SQ_TYPE_ENUMS:
		return "VALUE,...";
	case SQ_TYPE_ERRNO:
		return "ERROR";
	case SQ_TYPE_OBJECT:
		return "MAP";
	default:
		return "VALUE";
	}
}

/* Every parameter of the fault: `squall faults` says more of each. */
static void add_option(const struct sq_field *field, void *data)
{
	struct given *given = data;
	char *name = given->name[given->n];

	/* there is no other one that it could follow */
	if (!strcmp(field->key, "after") || !strcmp(field->key, "fault") ||
	    !strcmp(field->key, "target") || given->n == MOST_OPTIONS - 1)
		return;
	snprintf(name, sizeof(given->name[0]), "%s", field->key);
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	given->field[given->n] = field;
	given->options[given->n++] = (struct sq_option){ name, value_name(field), field->help };
}

/* "80,8080-8090" is two values, where there may be two. */
static void take_value(struct given *given, size_t option, const char *value)
{
	const struct sq_field *field = given->field[option];
	bool list = field && (field->type == SQ_TYPE_PEERS || field->type == SQ_TYPE_PORTS ||
			      field->type == SQ_TYPE_CALLS || field->type == SQ_TYPE_ENUMS);

	for (size_t n; list && value[n = strcspn(value, ",")]; value += n + 1) {
		_cleanup_free_ char *part = sq_strndup(value, n);

		sq_texts_add(&given->value[option], part);
	}
	sq_texts_add(&given->value[option], value);
}

static void take(size_t option, const char *value, void *data)
{
	struct given *given = data;

	if (option == PRINT)
		given->print = true;
	else if (option < REPORT || option >= OWN)
		take_value(given, option, value);
	else
		sq_take_execution(&given->execution, own[option].name, value);
}

static void add_list(struct sq_buffer *text, const struct sq_texts *values, bool plain)
{
	sq_buffer_add(text, "%s", values->n > 1 ? "[" : "");
	for (size_t i = 0; i < values->n; i++) {
		sq_buffer_add(text, "%s", i ? ", " : "");
		sq_add_scalar(text, values->item[i], plain);
	}
	sq_buffer_add(text, "%s\n", values->n > 1 ? "]" : "");
}

/* Of options that may be given once the last one counts. */
static void add_last(struct sq_buffer *text, const char *key, const struct sq_texts *values)
{
	sq_buffer_add(text, "%s: ", key);
	sq_add_scalar(text, values->item[values->n - 1], true);
	sq_buffer_add(text, "\n");
}

static void add_own(struct sq_buffer *text, const struct given *given)
{
	if (given->value[SEED].n)
		add_last(text, "seed", &given->value[SEED]);
	sq_buffer_add(text, "targets:\n  target:\n    ");
	sq_add_selector(text, &given->value[TARGET]);
	if (given->value[SHARE].n)
		add_last(text, "blast_radius:\n  share", &given->value[SHARE]);
}

static void write_experiment(struct sq_buffer *text, const struct given *given,
			     const struct sq_fault_kind *kind)
{
	sq_buffer_add(text, "version: 1\ntitle: %s by hand\n", kind->name);
	add_own(text, given);
	sq_buffer_add(text, "method:\n  - fault: %s\n    target: target\n", kind->name);
	for (size_t i = OWN; i < given->n; i++) {
		enum sq_type type;

		if (!given->value[i].n)
			continue;
		type = given->field[i]->type;
		sq_buffer_add(text, "    %s: ", given->field[i]->key);
		if (type == SQ_TYPE_OBJECT)
			sq_buffer_add(text, "%s\n", given->value[i].item[0]);
		else
			add_list(text, &given->value[i],
				 type == SQ_TYPE_COUNT || type == SQ_TYPE_BOOL);
	}
}

static int execute(struct given *given, const struct sq_fault_kind *kind)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_experiment *experiment;
	const char *source;

	write_experiment(&text, given, kind);
	source = sq_buffer_text(&text);
	experiment = sq_experiment_parse("inject", source, strlen(source), NULL, &diags);
	sq_print_diags(&diags);
	if (experiment && !given->print)
		return sq_execute(&given->execution, &experiment, 1);
	sq_texts_clear(&given->execution.reports);
	if (!experiment)
		return sq_verdict_exit(SQ_INVALID);
	sq_print("%s", source);
	sq_experiment_free(experiment);
	return sq_verdict_exit(SQ_PASSED);
}

static int run(const struct sq_command *command, int argc, char **argv)
{
	_cleanup_free_ struct given *given = sq_alloc(sizeof(*given));
	/* it decides what options there are: so it is found before they are parsed */
	const struct sq_fault_kind *kind =
		argc > 1 && argv[1][0] != '-' ? sq_take_kind(command, argv[1]) : NULL;
	struct sq_command specific = *command;
	int first, code;

	memcpy(given->options, own, OWN * sizeof(*own));
	given->n = OWN;
	if (kind)
		sq_schema_each(&kind->schema, add_option, given);
	specific.options = given->options;
	given->execution.command = &specific;
	given->execution.argv = argv;
	first = sq_options_parse(&specific, argc, argv, take, given);
	sq_operands(&specific, argc, argv, first, 1, 1);
	if (!kind)
		sq_usage_error(&specific, "the fault comes first: squall inject FAULT ...");
	sq_check_selector(&specific, &given->value[TARGET]);
	code = execute(given, kind);
	for (size_t i = 0; i < given->n; i++)
		sq_texts_clear(&given->value[i]);
	return code;
}

const struct sq_command sq_command_inject = {
	.name = "inject",
	.arguments = "FAULT",
	.arguments_first = true,
	.help = "Injects one fault; `squall inject FAULT --help` shows the fault's own options",
	.options = own,
	.run = run,
};
