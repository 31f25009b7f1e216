// SPDX-License-Identifier: GPL-2.0-only
#include "experiments/demo/demo.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "store", required_argument, NULL, 's' },
	{ "url", required_argument, NULL, 'u' },
	{ "rate", required_argument, NULL, 'r' },
	{ NULL },
};

static int usage(void)
{
	fprintf(stderr, "usage: squall demo back --port PORT\n"
			"       squall demo front --port PORT --store HOST:PORT\n"
			"       squall demo load --url URL --rate N/s\n");
	return 2;
}

int sq_demo_main(int argc, char **argv)
{
	struct sq_demo demo = { 0 };
	const char *part = argc > 1 ? argv[1] : "";
	int option;

	optind = 2;
	while (argc > 1 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			demo.port = optarg;
		else if (option == 's')
			demo.store = optarg;
		else if (option == 'u')
			demo.url = optarg;
		else if (option == 'r')
			demo.rate = strtod(optarg, NULL);
		else
			return usage();
	}
	if (!strcmp(part, "back") && demo.port)
		return sq_demo_back(&demo);
	if (!strcmp(part, "front") && demo.port && demo.store)
		return sq_demo_front(&demo);
	if (!strcmp(part, "load") && demo.url && demo.rate > 0)
		return sq_demo_load(&demo);
	return usage();
}
