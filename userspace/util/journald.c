// SPDX-License-Identifier: GPL-2.0-only
#include "util/journald.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/mem.h"
#include "util/text.h"

void sq_journald_add(struct sq_journald_entry *entry, const char *name, const char *value)
{
	if (!value || !*value || entry->n == SQ_JOURNALD_FIELDS)
		return;
	entry->field[entry->n].name = name;
	entry->field[entry->n++].value = value;
}

/* "NAME=value", or where that has more than one line: NAME, the length in 64 bits, the value. */
static void write_field(FILE *stream, const char *name, const char *value)
{
	uint64_t n = strlen(value), length = htole64(n);

	if (!strchr(value, '\n')) {
		fprintf(stream, "%s=%s\n", name, value);
		return;
	}
	fprintf(stream, "%s\n", name);
	fwrite(&length, sizeof(length), 1, stream);
	fwrite(value, 1, n, stream);
	fputc('\n', stream);
}

int sq_journald_send(const char *path, const struct sq_journald_entry *entry)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	FILE *stream = sq_buffer_stream(&text);

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < entry->n; i++)
		write_field(stream, entry->field[i].name, entry->field[i].value);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	sq_buffer_text(&text); /* brings text.text and text.size up to date */
	if (sendto(fd, text.text, text.size, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}
