// SPDX-License-Identifier: GPL-2.0-only
/* The demo's service: experiments/demo.yaml starts its parts through this command. */
#include "experiments/demo/demo.h"
#include "cmd/command.h"

static int run(const struct sq_command *command, int argc, char **argv)
{
	return sq_demo_main(argc, argv);
}

const struct sq_command sq_command_demo = {
	.name = "demo",
	.arguments = "front|back|load",
	.help = "The demo's service",
	.run = run,
	.hidden = true,
};
