// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/verdict.h"
#include "experiment/gameday.h"
#include "guard/admission.h"
#include "util/out.h"
#include "util/text.h"

#define FIRST 256
#define COLUMNS 100
#define HELP_COLUMN 27 /* where what an option does is told */

static size_t count(const struct sq_option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

static char *usage(const struct sq_command *command)
{
	size_t n = count(command->options);
	struct sq_buffer text = { 0 };

	sq_buffer_add(&text, "usage: squall %s", command->name);
	if (n && !command->arguments_first)
		sq_buffer_add(&text, " [OPTION]...");
	sq_buffer_add(&text, "%s%s%s\n", *command->arguments ? " " : "", command->arguments,
		      command->arguments_first ? " [OPTION]..." : "");
	for (size_t i = 0; i < n; i++) {
		const struct sq_option *option = &command->options[i];
		_cleanup_free_ char *name = sq_asprintf("--%s%s%s", option->name,
							option->argument ? " " : "",
							option->argument ? option->argument : "");
		_cleanup_free_ char *line = sq_asprintf("%*s%s", HELP_COLUMN, "", option->help);
		_cleanup_free_ char *lines = sq_text_wrap(line, COLUMNS, 0);

		sq_buffer_add(&text, "  %-*s %s\n", HELP_COLUMN - 3, name, lines + HELP_COLUMN);
	}
	return sq_buffer_take(&text);
}

static _Noreturn void show_help(const struct sq_command *command)
{
	_cleanup_free_ char *text = usage(command);

	sq_print("%s\n%s.\n", text, command->help);
	exit(0);
}

void sq_usage_error(const struct sq_command *command, const char *format, ...)
{
	_cleanup_free_ char *text = usage(command), *message = NULL;
	va_list arguments;

	va_start(arguments, format);
	message = sq_vasprintf(format, arguments);
	va_end(arguments);
	sq_print_error("squall %s: %s\n%s", command->name, message, text);
	exit(sq_verdict_exit(SQ_INVALID));
}

void sq_usage_unknown(const struct sq_command *command, const char *what, const char *name,
		      const char *near)
{
	sq_usage_error(command, "there is no %s '%s'%s%s%s", what, name,
		       near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const struct sq_fault_kind *sq_take_kind(const struct sq_command *command, const char *name)
{
	const struct sq_fault_kind *kind = sq_fault_kind_find(name);

	if (!kind)
		sq_usage_unknown(command, "fault", name, sq_fault_kind_nearest(name));
	return kind;
}

/* getopt's own messages know neither the command nor what comes close. */
static _Noreturn void unknown_option(const struct sq_command *command, const char *argument,
				     int found)
{
	size_t n = count(command->options);
	const char **names = sq_alloc((n + 1) * sizeof(*names)), *near;

	if (found == ':')
		sq_usage_error(command, "%s wants an argument", argument);
	for (size_t i = 0; i < n; i++)
		names[i] = command->options[i].name;
	near = sq_nearest(argument + strspn(argument, "-"), names, n);
	if (near)
		sq_usage_error(command, "unknown option '%s': did you mean '--%s'?", argument,
			       near);
	sq_usage_error(command, "unknown option '%s'", argument);
}

/* The names of an experiment's keys are options too: --local_ports is --local-ports. */
static void use_dashes(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		for (char *p = *argv; !strncmp(*argv, "--", 2) && *p && *p != '='; p++)
			if (*p == '_')
				*p = '-';
}

int sq_options_parse(const struct sq_command *command, int argc, char **argv, sq_take_option take,
		     void *data)
{
	size_t n = count(command->options);
	struct option *options = sq_alloc((n + 2) * sizeof(*options));
	int found;

	for (size_t i = 0; i < n; i++)
		options[i] = (struct option){ command->options[i].name,
					      command->options[i].argument ? required_argument
									   : no_argument,
					      NULL, FIRST + (int)i };
	options[n] = (struct option){ "help", no_argument, NULL, 'h' };
	use_dashes(argv);
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (found == 'h')
			show_help(command);
		if (found == '?' || found == ':') {
			char letter[] = { '-', (char)optopt, '\0' };

			/* within a group of short options optind still stands before it */
			unknown_option(command,
				       optopt > 0 && optopt < FIRST ? letter : argv[optind - 1],
				       found);
		}
		take((size_t)(found - FIRST), optarg, data);
	}
	free(options);
	return optind;
}

void sq_take_flag(size_t option, const char *value, void *data)
{
	((bool *)data)[option] = true;
}

void sq_operands(const struct sq_command *command, int argc, char **argv, int first, int least,
		 int most)
{
	if (argc - first < least)
		sq_usage_error(command, "an argument is missing: %s", command->arguments);
	if (argc - first > most)
		sq_usage_error(command, "'%s' is one argument too many", argv[first + most]);
}

int sq_fail(struct sq_error *err)
{
	int code = sq_verdict_exit(sq_verdict_of(err));

	sq_print_error("squall: %s\n",
		       err ? sq_text_printable(err->message) : "an error without a message");
	if (err && err->hint)
		sq_print_error("hint: %s\n", sq_text_printable(err->hint));
	sq_error_free(err);
	return code;
}

void sq_print_diags(struct sq_diags *diags)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	sq_diags_render(diags, sq_buffer_stream(&text));
	sq_out_text(STDERR_FILENO, sq_buffer_text(&text));
}

int sq_root_only(const char *what, struct sq_error **err)
{
	return geteuid() == 0 ? 0
			      : sq_error_set(err, SQ_FAIL_UNSUPPORTED, EPERM,
					     "only root may %s: use sudo", what);
}

int sq_load_policy(struct sq_policy **ret, struct sq_error **err)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	int r = sq_policy_of_host(ret, &diags, err);

	sq_print_diags(&diags);
	return r;
}

/* A bare name is looked up where the host keeps its experiments, unless it is a file here. */
static char *find_file(const char *name)
{
	_cleanup_free_ char *kept = NULL, *here = NULL;

	if (!strcmp(name, "-"))
		return sq_strdup("/dev/stdin");
	if (strchr(name, '/') || strchr(name, '.') || access(name, F_OK) == 0)
		return sq_strdup(name);
	kept = sq_asprintf(SQ_EXPERIMENTS_DIR "/%s.yaml", name);
	here = sq_asprintf("%s.yaml", name);
	if (access(kept, F_OK) == 0 || errno != ENOENT)
		return TAKE_PTR(kept);
	sq_print_error("%s: error: there is neither a file of that name here nor '%s'\n", name,
		       kept);
	if (access(here, F_OK) == 0)
		sq_print_error("  hint: did you mean './%s'?\n", here);
	return NULL;
}

struct sq_experiment *sq_load(const char *name, const struct sq_texts *settings)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *file = find_file(name);
	struct sq_experiment *experiment;

	if (!file)
		return NULL;
	if (sq_gameday_is(file)) {
		sq_print_error("%s: error: this is a game day, not an experiment\n"
			       "  hint: squall gameday %s\n",
			       file, file);
		return NULL;
	}
	experiment = sq_experiment_load(file, settings, &diags);
	sq_print_diags(&diags);
	return experiment;
}
