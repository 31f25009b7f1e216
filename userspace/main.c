// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "engine/notify.h"
#include "engine/recovery.h"
#include "engine/verdict.h"
#include "inject/line.h"
#include "inject/names.h"
#include "inject/nap.h"
#include "probe/probe.h"
#include "util/fs.h"
#include "util/helper.h"
#include "util/out.h"

static const struct sq_command *const commands[] = {
	&sq_command_run,    &sq_command_inject,	 &sq_command_plan,   &sq_command_validate,
	&sq_command_abort,  &sq_command_unlatch, &sq_command_status, &sq_command_wait,
	&sq_command_report, &sq_command_runs,	 &sq_command_note,   &sq_command_recover,
	&sq_command_doctor, &sq_command_targets, &sq_command_faults, &sq_command_schema,
	&sq_command_prune,  &sq_command_gameday, &sq_command_demo,
};

/* squall's helper processes are this program too, under other names. */
static const struct {
	enum sq_helper_id id;
	int (*run)(int argc, char **argv);
} helpers[] = {
	{ SQ_HELPER_GUARD, sq_guard_main },
	{ SQ_HELPER_NAP, sq_nap_main },
	{ SQ_HELPER_LINE, sq_line_main },
};

static char *usage(void)
{
	struct sq_buffer text = { 0 };

	sq_buffer_add(&text, "usage: squall COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!commands[i]->hidden)
			sq_buffer_add(&text, "  %-10s %s\n", commands[i]->name, commands[i]->help);
	sq_buffer_add(&text, "\n`squall COMMAND --help` shows a command's options. "
			     "`squall abort` stops everything.\n");
	return sq_buffer_take(&text);
}

static int unknown_command(const char *name)
{
	const char *names[ARRAY_SIZE(commands)], *near;
	_cleanup_free_ char *text = usage();

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = sq_nearest(name, names, ARRAY_SIZE(commands));
	sq_print_error("squall: there is no %s '%s'%s%s%s\n%s", *name == '-' ? "option" : "command",
		       name, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "",
		       text);
	return sq_verdict_exit(SQ_INVALID);
}

/* A closed standard descriptor would become the journal's or a map's, and be printed to. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	sq_close(fd);
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *text = usage();
	const char *name = argc > 0 ? sq_base_name(argv[0]) : "";

	fill_standard_descriptors();
	/* a limit on the size of files is a disk that is full, not the end */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(name, sq_helper_name(helpers[i].id)))
			return helpers[i].run(argc, argv);
	if (!strcmp(name, SQ_LOOK_NAME))
		return sq_look_main(argc, argv);
	if (!strcmp(name, SQ_NOTIFY_NAME))
		return sq_notify_main(argc, argv);
	if (!strcmp(name, SQ_RESOLVE_NAME))
		return sq_resolve_main(argc, argv);
	if (argc < 2) {
		sq_print_error("%s", text);
		return sq_verdict_exit(SQ_INVALID);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		sq_print("%s", text);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		sq_print("squall %s\n", SQ_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i]->name))
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	return unknown_command(argv[1]);
}
