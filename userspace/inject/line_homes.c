// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_homes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/fs.h"
#include "util/mem.h"
#include "util/time.h"

#define MOST_HOMES (4u << 20) /* bytes of /proc/net/if_inet6 */
#define VALID_NS (100 * SQ_MS) /* an address that was found is still there */
#define ABSENT_NS SQ_MS /* one that was not may have been added */

void sq_line_homes_open(struct sq_line_homes *homes)
{
	*homes = (struct sq_line_homes){
		.fd = open("/proc/thread-self/net/if_inet6", O_RDONLY | O_CLOEXEC),
	};
	if (homes->fd < 0)
		homes->fd = -EBADF;
}

void sq_line_homes_close(struct sq_line_homes *homes)
{
	free(homes->item);
	homes->item = NULL;
	homes->n = 0;
	homes->fd = sq_close(homes->fd);
}

static uint32_t find(const struct sq_line_homes *homes, const struct in6_addr *address)
{
	for (size_t i = 0; i < homes->n; i++)
		if (!memcmp(&homes->item[i].address, address, sizeof(*address)))
			return homes->item[i].ifindex;
	return 0;
}

/* A line: the address, the device's index, and more, all as hexadecimal digits. */
static void add_home(struct sq_line_homes *homes, const char *line)
{
	struct sq_line_home *home;
	uint32_t word[4], ifindex;

	if (sscanf(line, "%8x%8x%8x%8x %x", &word[0], &word[1], &word[2], &word[3], &ifindex) != 5)
		return;
	home = sq_append(&homes->item, &homes->n, sizeof(*homes->item));
	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		home->address.s6_addr32[i] = htonl(word[i]);
	home->ifindex = ifindex;
}

static void read_homes(struct sq_line_homes *homes)
{
	_cleanup_free_ char *text = NULL;
	char path[32], *rest, *line;

	homes->n = 0;
	/* opened anew, which stays in the namespace: the descriptor's own position is of no use */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", homes->fd);
	if (homes->fd < 0 || sq_read_file(AT_FDCWD, path, MOST_HOMES, &text) < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n"));)
		add_home(homes, line);
}

uint32_t sq_line_home_of(struct sq_line_homes *homes, const struct in6_addr *address)
{
	const uint64_t now = sq_now(), age = now - homes->read_ns;
	uint32_t ifindex = age < VALID_NS ? find(homes, address) : 0;

	if (ifindex || age < ABSENT_NS)
		return ifindex;
	read_homes(homes);
	homes->read_ns = now;
	return find(homes, address);
}
