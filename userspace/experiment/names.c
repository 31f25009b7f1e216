// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"
#include "util/text.h"

#define LARGEST_ERRNO 133

struct name {
	const char *name;
	int number;
};

static const struct name calls[] = {
#include "gen/syscalls.h"
};

int sq_call_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].number;
	return -1;
}

const char *sq_call_name(unsigned int number)
{
	static char unknown[32];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == (int)number)
			return calls[i].name;
	snprintf(unknown, sizeof(unknown), "call %u", number);
	return unknown;
}

const char *sq_call_nearest(const char *name)
{
	const char *names[ARRAY_SIZE(calls)];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		names[i] = calls[i].name;
	return sq_nearest(name, names, ARRAY_SIZE(calls));
}

const char *sq_call_untouchable(const char *name)
{
	static const struct {
		const char *name, *why;
	} never[] = {
		{ "exit", "a thread that cannot end" },
		{ "exit_group", "a process that cannot end" },
		{ "rt_sigreturn", "it restores the registers of an interrupted program" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (!strcmp(never[i].name, name))
			return never[i].why;
	return NULL;
}

int sq_errno_number(const char *name)
{
	static const struct name aliases[] = {
		{ "EWOULDBLOCK", EWOULDBLOCK },
		{ "EDEADLOCK", EDEADLOCK },
		{ "ENOTSUP", ENOTSUP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return aliases[i].number;
	for (int i = 1; i <= LARGEST_ERRNO; i++)
		if (strerrorname_np(i) && !strcmp(strerrorname_np(i), name))
			return i;
	return -1;
}

const char *sq_errno_name(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "unknown error";
}

const char *sq_errno_nearest(const char *name)
{
	const char *names[LARGEST_ERRNO];
	size_t n = 0;

	for (int i = 1; i <= LARGEST_ERRNO; i++)
		if (strerrorname_np(i))
			names[n++] = strerrorname_np(i);
	return sq_nearest(name, names, n);
}
