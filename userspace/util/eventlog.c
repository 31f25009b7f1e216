// SPDX-License-Identifier: GPL-2.0-only
#include "util/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/text.h"
#include "util/time.h"

#define LARGEST_LOG (256u << 20)

json_t *sq_json_named(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (!strcmp(sq_json_text(item, "name"), name))
			return item;
	return NULL;
}

void sq_json_decref(json_t **json)
{
	json_decref(*json);
}

json_t *sq_json_string(const char *text)
{
	json_t *json = json_string(text);

	if (!json) { /* not UTF-8 */
		_cleanup_free_ char *clean = sq_utf8_clean(sq_strdup(text));

		json = json_string(clean);
	}
	if (!json)
		sq_oom();
	return json;
}

/* The next letter of a format. */
static char next(const char **format)
{
	*format += strspn(*format, " ,:");
	return **format ? *(*format)++ : '\0';
}

static json_t *pack(const char **format, char letter, va_list *arguments);

static json_t *pack_members(const char **format, va_list *arguments)
{
	json_t *object = json_object();

	while (next(format) == 's') {
		const char *key = va_arg(*arguments, const char *);

		if (json_object_set_new(object, key, pack(format, next(format), arguments)))
			sq_oom();
	}
	return object;
}

static json_t *pack_items(const char **format, va_list *arguments)
{
	json_t *array = json_array();

	for (char letter; (letter = next(format)) != ']';)
		if (json_array_append_new(array, pack(format, letter, arguments)))
			sq_oom();
	return array;
}

static json_t *pack(const char **format, char letter, va_list *arguments)
{
	const char *text;
	json_t *json = NULL;
	double real;

	switch (letter) {
	case '{':
		json = pack_members(format, arguments);
		break;
	case '[':
		json = pack_items(format, arguments);
		break;
	case 's':
		text = va_arg(*arguments, const char *);
		json = text ? sq_json_string(text) : NULL;
		break;
	case 'i':
		json = json_integer(va_arg(*arguments, int));
		break;
	case 'I':
		json = json_integer(va_arg(*arguments, json_int_t));
		break;
	case 'b':
		json = json_boolean(va_arg(*arguments, int));
		break;
	case 'f':
		real = va_arg(*arguments, double);
		json = isfinite(real) ? json_real(real) : json_null();
		break;
	case 'o':
		json = va_arg(*arguments, json_t *);
		break;
	case 'O':
		json = json_incref(va_arg(*arguments, json_t *));
		break;
	default:
		break;
	}
	if (**format == '?') {
		(*format)++;
		json = json ? json : json_null();
	}
	if (!json)
		sq_oom();
	return json;
}

json_t *sq_json(const char *format, ...)
{
	va_list arguments;
	json_t *json;

	va_start(arguments, format);
	json = pack(&format, next(&format), &arguments);
	va_end(arguments);
	return json;
}

const char *sq_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t sq_json_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

double sq_json_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

int sq_eventlog_open(struct sq_eventlog *log, int dir_fd, const char *name, uint64_t max,
		     struct sq_error **err)
{
	struct stat st;
	int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = sq_error_errno(err, errno, "cannot open the journal '%s'", name);

		sq_close(fd);
		return r;
	}
	*log = (struct sq_eventlog){ .fd = fd, .max = max, .size = (uint64_t)st.st_size };
	return 0;
}

void sq_eventlog_close(struct sq_eventlog *log)
{
	log->fd = sq_close(log->fd);
}

void sq_eventlog_mend(struct sq_eventlog *log, int dir_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	const char *end;
	ssize_t n = sq_read_own(dir_fd, name, LARGEST_LOG, &text);
	uint64_t whole;

	if (n <= 0)
		return;
	end = memrchr(text, '\n', (size_t)n);
	whole = end ? (uint64_t)(end + 1 - text) : 0;
	if (whole < (uint64_t)n && !ftruncate(log->fd, (off_t)whole))
		log->size = whole;
}

/* Half a line would make those behind it unreadable; but others' lines may be behind it by now. */
static void take_back(struct sq_eventlog *log, size_t size)
{
	off_t end = lseek(log->fd, 0, SEEK_CUR);
	struct stat st;

	if (size && !fstat(log->fd, &st) && st.st_size == end &&
	    ftruncate(log->fd, end - (off_t)size) < 0)
		log->failed = errno;
}

/* All of a line or nothing of it. */
static int write_line(struct sq_eventlog *log, const char *line, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(log->fd, line + done, size - done);
		int r = -errno;

		if (n >= 0) {
			done += (size_t)n;
		} else if (r != -EINTR) {
			take_back(log, done);
			return r;
		}
	}
	log->size += size;
	return 0;
}

static int append(struct sq_eventlog *log, const char *event, json_t *members)
{
	_cleanup_json_ json_t *line = json_object();
	_cleanup_free_ char *text = NULL;
	char t[SQ_RFC3339_SIZE];
	size_t n;
	int r;

	if (!line || json_object_set_new(line, "t", json_string(sq_rfc3339(sq_wall(), t))) ||
	    json_object_set_new(line, "event", json_string(event)) ||
	    (members && json_object_update(line, members)))
		sq_oom();
	text = json_dumps(line, JSON_COMPACT);
	if (!text)
		sq_oom();
	n = strlen(text);
	text = sq_realloc(text, n + 2);
	text[n] = '\n';
	r = write_line(log, text, n + 1);
	if (r && !log->failed)
		log->failed = -r;
	return r;
}

int sq_eventlog_add(struct sq_eventlog *log, const char *event, json_t *members)
{
	int r = append(log, event, members);

	json_decref(members);
	return r;
}

int sq_eventlog_add_detail(struct sq_eventlog *log, const char *event, json_t *members)
{
	int r = log->size < log->max ? append(log, event, members) : 0;

	json_decref(members);
	return r;
}

int sq_eventlog_read(int dir_fd, const char *name, json_t **ret, struct sq_error **err)
{
	_cleanup_json_ json_t *events = json_array();
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_read_own(dir_fd, name, LARGEST_LOG, &text);
	int number = 1;

	if (n < 0)
		return sq_error_errno(err, (int)-n, "cannot read '%s'", name);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, number++) {
		json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!json_is_object(event)) {
			json_decref(event);
			return sq_error_set(err, SQ_FAIL_ERROR, EBADMSG,
					    "'%s' is damaged in line %d", name, number);
		}
		if (json_array_append_new(events, event))
			sq_oom();
	}
	*ret = TAKE_PTR(events);
	return 0;
}
