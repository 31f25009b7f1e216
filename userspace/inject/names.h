/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host names of an experiment have resolved to. */
#ifndef SQ_INJECT_NAMES_H
#define SQ_INJECT_NAMES_H

#include <stdbool.h>

#include "experiment/experiment.h"

#define SQ_RESOLVE_NAME "squall-resolve"
#define SQ_NAME_ADDRESSES 256 /* of a name; what is beyond is left out */

struct sq_name {
	char *host;
	uint8_t address[SQ_NAME_ADDRESSES][16]; /* IPv4 as ::ffff:a.b.c.d */
	size_t n;
	bool more; /* it has more addresses than there is room for */
	char *problem; /* why it did not resolve, or NULL */
};

struct sq_names {
	struct sq_name *item;
	size_t n;
};

/* Every host name in `to` and `except` of the experiment's faults, each once, without addresses. */
void sq_names_collect(const struct sq_experiment *experiment, struct sq_names *ret);

/* The name @host, or NULL. */
struct sq_name *sq_names_find(const struct sq_names *names, const char *host);

/* Adds an address as text to a name, once. False: it is none, or there is no room. */
bool sq_name_add(struct sq_name *name, const char *text);

/* Have both names the same addresses, in whatever order? */
bool sq_name_same(const struct sq_name *a, const struct sq_name *b);

/* The n-th address as people write it; @text holds INET6_ADDRSTRLEN bytes. */
const char *sq_name_address(const struct sq_name *name, size_t i, char *text);

void sq_names_clear(struct sq_names *names);

/*
 * The main function of the program that resolves: PID NAME.... It resolves the names as the process
 * PID would (0: as we would) and prints "NAME ADDRESS" for each address, "NAME ! WHY" where there is
 * none.
 */
int sq_resolve_main(int argc, char **argv);

#endif
