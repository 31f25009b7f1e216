// SPDX-License-Identifier: GPL-2.0-only
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int error_store(struct sq_error **err, enum sq_failure kind, int errnum, char *message)
{
	errnum = errnum ? abs(errnum) : EINVAL;
	if (!err) {
		free(message);
		return -errnum;
	}
	sq_error_free(*err);
	*err = sq_alloc(sizeof(**err));
	**err = (struct sq_error){ .kind = kind, .errnum = errnum, .message = message };
	return -errnum;
}

int sq_error_set(struct sq_error **err, enum sq_failure kind, int errnum, const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = sq_vasprintf(format, arguments);
	va_end(arguments);
	return error_store(err, kind, errnum, message);
}

int sq_error_errno(struct sq_error **err, int errnum, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list arguments;

	va_start(arguments, format);
	what = sq_vasprintf(format, arguments);
	va_end(arguments);
	return error_store(err, SQ_FAIL_ERROR, errnum,
			   sq_asprintf("%s: %s", what, strerror(abs(errnum))));
}

int sq_error_wrap(struct sq_error **err, const char *format, ...)
{
	_cleanup_free_ char *what = NULL, *old = NULL;
	va_list arguments;

	if (!err || !*err)
		return -EINVAL;
	va_start(arguments, format);
	what = sq_vasprintf(format, arguments);
	va_end(arguments);
	old = (*err)->message;
	(*err)->message = sq_asprintf("%s: %s", what, old);
	return -(*err)->errnum;
}

int sq_error_hint(struct sq_error **err, const char *format, ...)
{
	va_list arguments;

	if (!err || !*err)
		return -EINVAL;
	free((*err)->hint);
	va_start(arguments, format);
	(*err)->hint = sq_vasprintf(format, arguments);
	va_end(arguments);
	return -(*err)->errnum;
}

struct sq_error *sq_error_free(struct sq_error *err)
{
	if (!err)
		return NULL;
	free(err->message);
	free(err->hint);
	free(err);
	return NULL;
}

void sq_error_freep(struct sq_error **err)
{
	sq_error_free(*err);
}
