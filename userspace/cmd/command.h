/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of the command line, one file each, all in main.c's table. */
#ifndef SQ_CMD_COMMAND_H
#define SQ_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "experiment/experiment.h"
#include "experiment/policy.h"
#include "util/error.h"

struct sq_option {
	const char *name; /* long, without the dashes */
	const char *argument; /* its argument's name, or NULL for a flag */
	const char *help;
};

struct sq_command {
	const char *name;
	const char *arguments; /* of the usage line */
	bool arguments_first; /* before the options */
	const char *help; /* one line */
	const struct sq_option *options; /* name NULL behind the last */
	int (*run)(const struct sq_command *command, int argc, char **argv);
	bool hidden;
};

/* Called for every option that was given, by its index. */
typedef void (*sq_take_option)(size_t option, const char *value, void *data);

/*
 * Parses @argv, [0] being the command's name, by the GNU conventions. Returns the index of the
 * first operand. --help prints the usage and ends the program; so does a mistake, with exit 2.
 */
int sq_options_parse(const struct sq_command *command, int argc, char **argv, sq_take_option take,
		     void *data);

/* A flag: for commands whose options are all flags, @data is an array of bool, one an option. */
void sq_take_flag(size_t option, const char *value, void *data);

/* Ends the program with exit 2, the message and the usage. */
_Noreturn void sq_usage_error(const struct sq_command *command, const char *format, ...)
	_printf_(2, 3);

/* The same where there is no @what called @name; @near is what may have been meant, or NULL. */
_Noreturn void sq_usage_unknown(const struct sq_command *command, const char *what,
				const char *name, const char *near);

/* The fault of this name; without one it ends the program in the same way. */
const struct sq_fault_kind *sq_take_kind(const struct sq_command *command, const char *name);

/* Fails unless there are @least to @most operands from @first on. */
void sq_operands(const struct sq_command *command, int argc, char **argv, int first, int least,
		 int most);

/* Prints an error to standard error and returns the exit code it stands for. Frees it. */
int sq_fail(struct sq_error *err);

/* What is wrong in a file, to standard error. */
void sq_print_diags(struct sq_diags *diags);

/* "only root may WHAT: use sudo", for whoever is not. */
int sq_root_only(const char *what, struct sq_error **err);

/* The host's policy, which is the caller's, or NULL where there is none. Prints what is wrong in it. */
int sq_load_policy(struct sq_policy **ret, struct sq_error **err);

/*
 * Loads an experiment: a file, "-" for standard input, or a NAME for
 * /etc/squall/experiments/NAME.yaml. Prints what is wrong and returns NULL.
 */
struct sq_experiment *sq_load(const char *name, const struct sq_texts *settings);

extern const struct sq_command sq_command_abort, sq_command_demo, sq_command_doctor,
	sq_command_faults, sq_command_gameday, sq_command_inject, sq_command_note, sq_command_plan,
	sq_command_prune, sq_command_recover, sq_command_run, sq_command_report, sq_command_runs,
	sq_command_schema, sq_command_targets, sq_command_status, sq_command_unlatch,
	sq_command_validate, sq_command_wait;

#endif
