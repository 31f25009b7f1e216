// SPDX-License-Identifier: GPL-2.0-only
/* squall-look: looks at one thing, prints it as JSON, ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/look.h"
#include "probe/sample.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/time.h"

json_t *sq_look_error(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	json_t *json = json_object();

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	json_object_set_new(json, "error", sq_json_string(text));
	return json;
}

static json_t *read_content(int fd)
{
	_cleanup_free_ char *text = sq_alloc(SQ_SAMPLE_TEXT + 1);
	size_t n = 0;
	ssize_t got;

	while (n < SQ_SAMPLE_TEXT && (got = read(fd, text + n, SQ_SAMPLE_TEXT - n)) > 0)
		n += (size_t)got;
	for (size_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	return sq_json_string(text);
}

json_t *sq_look_file(const char *path)
{
	/* a pipe or a device without a reader must not hold us up */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int errnum = errno;
	uint64_t written, now;
	struct stat st;

	if (fd < 0 && (errnum == ENOENT || errnum == ENOTDIR))
		return sq_json("{s:b}", "exists", false);
	if (fd < 0 || fstat(fd, &st) < 0)
		return sq_look_error("cannot look at '%s': %s", path,
				     strerror(fd < 0 ? errnum : errno));
	written = (uint64_t)st.st_mtim.tv_sec * SQ_S + (uint64_t)st.st_mtim.tv_nsec;
	now = sq_wall();
	return sq_json("{s:b, s:I, s:I, s:o}", "exists", true, "size", (json_int_t)st.st_size,
		       "age_ns", (json_int_t)(now > written ? now - written : 0), "content",
		       S_ISREG(st.st_mode) ? read_content(fd) : json_string(""));
}

static const struct {
	const char *name;
	int arguments;
} looks[] = { { "file", 1 }, { "unit", 1 }, { "log", 3 }, { "journal", 4 } };

static json_t *look(char **argument)
{
	if (!strcmp(argument[0], "file"))
		return sq_look_file(argument[1]);
	if (!strcmp(argument[0], "unit"))
		return sq_look_unit(argument[1]);
	if (!strcmp(argument[0], "log"))
		return sq_look_log(argument[1], argument[2], argument[3]);
	return sq_look_journal(argument[1], argument[2], argument[3], argument[4]);
}

int sq_look_main(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	json_t *json;

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		if (argc != looks[i].arguments + 2 || strcmp(argv[1], looks[i].name) != 0)
			continue;
		json = look(argv + 1);
		text = sq_json_dump(json, JSON_COMPACT);
		json_decref(json);
		return sq_write_all(STDOUT_FILENO, text, strlen(text)) ? 1 : 0;
	}
	return 2;
}
