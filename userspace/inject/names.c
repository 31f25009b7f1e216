// SPDX-License-Identifier: GPL-2.0-only
#include "inject/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

static void collect(const struct sq_peers *peers, struct sq_names *names)
{
	for (size_t i = 0; i < peers->n; i++)
		if (peers->item[i].host && !sq_names_find(names, peers->item[i].host))
			*(struct sq_name *)sq_append(&names->item, &names->n,
						     sizeof(*names->item)) =
				(struct sq_name){ .host = sq_strdup(peers->item[i].host) };
}

void sq_names_collect(const struct sq_experiment *experiment, struct sq_names *ret)
{
	*ret = (struct sq_names){ 0 };
	for (size_t i = 0; i < experiment->faults.n; i++) {
		collect(&sq_faults(experiment)[i].to, ret);
		collect(&sq_faults(experiment)[i].except, ret);
	}
}

struct sq_name *sq_names_find(const struct sq_names *names, const char *host)
{
	for (size_t i = 0; names && i < names->n; i++)
		if (!strcmp(names->item[i].host, host))
			return &names->item[i];
	return NULL;
}

static bool has(const struct sq_name *name, const uint8_t *address)
{
	for (size_t i = 0; i < name->n; i++)
		if (!memcmp(name->address[i], address, sizeof(name->address[i])))
			return true;
	return false;
}

bool sq_name_add(struct sq_name *name, const char *text)
{
	uint8_t address[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, address + 12) != 1 && inet_pton(AF_INET6, text, address) != 1)
		return false;
	if (has(name, address))
		return true;
	name->more = name->n == SQ_NAME_ADDRESSES;
	if (name->more)
		return false;
	memcpy(name->address[name->n++], address, sizeof(address));
	return true;
}

bool sq_name_same(const struct sq_name *a, const struct sq_name *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!has(b, a->address[i]))
			return false;
	return true;
}

const char *sq_name_address(const struct sq_name *name, size_t i, char *text)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *address = name->address[i];
	bool ipv4 = !memcmp(address, mapped, sizeof(mapped));

	return inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address + 12 : address, text,
			 INET6_ADDRSTRLEN);
}

void sq_names_clear(struct sq_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		free(names->item[i].host);
		free(names->item[i].problem);
	}
	free(names->item);
	*names = (struct sq_names){ 0 };
}
