// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on the reader of a run's events, which another process may have left half written, and on who
 * goes on writing there: what was read before is read again, and the new line with it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/eventlog.h"
#include "util/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_close_ int fd = memfd_create("events", MFD_CLOEXEC);
	_cleanup_free_ char *path = sq_asprintf("/proc/self/fd/%d", fd);
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	_cleanup_error_ struct sq_error *err = NULL;
	size_t whole = n;

	if (fd < 0 || sq_write_all(fd, (const char *)data, n))
		abort();
	if (sq_eventlog_read(AT_FDCWD, path, &before, &err)) {
		if (!err || !*err->message || before)
			abort();
		return 0;
	}
	/* a half line at the end is cut off before somebody else goes on */
	while (whole && data[whole - 1] != '\n')
		whole--;
	if (memchr(data, '\0', n))
		return 0;
	if (ftruncate(fd, (off_t)whole) < 0 || lseek(fd, 0, SEEK_END) < 0 ||
	    sq_write_all(fd, "{\"event\": \"note\"}\n", 18))
		abort();
	if (sq_eventlog_read(AT_FDCWD, path, &after, NULL) ||
	    json_array_size(after) != json_array_size(before) + 1)
		abort();
	return 0;
}
