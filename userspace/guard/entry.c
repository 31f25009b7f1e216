// SPDX-License-Identifier: GPL-2.0-only
#include "guard/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "guard/paths.h"
#include "util/fs.h"
#include "util/json.h"

#define LARGEST (64u << 20) /* a claim: 10 000 targets with the longest paths there are */

int sq_entry_open(const char *run)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_LIVE_DIR, run);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

json_t *sq_entry_read(int dir_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;

	if (sq_read_own(dir_fd, name, LARGEST, &text) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

int sq_entry_write(int dir_fd, const char *name, const json_t *json)
{
	_cleanup_free_ char *text = sq_json_dump(json, JSON_COMPACT);

	return sq_write_atomic(dir_fd, name, 0640, text, strlen(text));
}
