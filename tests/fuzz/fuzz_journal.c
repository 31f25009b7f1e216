// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on the reader of a run's events, which another process may have left half written, and on who
 * goes on writing there: what was read before is read again, and the new line with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/eventlog.h"
#include "util/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[] = "/tmp/fuzz-journal-XXXXXX";
static int dir_fd = -EBADF;

static void remove_folder(void)
{
	unlinkat(dir_fd, "events", 0);
	rmdir(path);
}

/* A file in a folder of our own: no symlink is followed to a journal, so none in /proc will do. */
static int make_events(void)
{
	if (dir_fd < 0) {
		if (!mkdtemp(path) || atexit(remove_folder))
			abort();
		dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return openat(dir_fd, "events", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_close_ int fd = make_events();
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	_cleanup_error_ struct sq_error *err = NULL;
	size_t whole = n;
	int r;

	if (fd < 0 || sq_write_all(fd, (const char *)data, n))
		abort();
	r = sq_eventlog_read(dir_fd, "events", &before, &err);
	if (r) {
		/* damaged is what a journal may be; that it cannot be read is the fuzzer's own mistake */
		if (r != -EBADMSG || !err || !*err->message || before)
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
	if (sq_eventlog_read(dir_fd, "events", &after, NULL) ||
	    json_array_size(after) != json_array_size(before) + 1)
		abort();
	return 0;
}
