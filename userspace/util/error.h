/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors as objects: what failed, on which object, why, and what to do.
 *
 * A function that can fail takes `struct sq_error **err` as its last argument and returns 0 or a
 * negative errno. A library function never prints. *err is set on failure only; the caller frees it.
 */
#ifndef SQ_UTIL_ERROR_H
#define SQ_UTIL_ERROR_H

#include "util/mem.h"

/* What kind of failure: decides the verdict and so the exit code. */
enum sq_failure {
	SQ_FAIL_ERROR, /* squall's own */
	SQ_FAIL_INVALID, /* the file or the command line is wrong */
	SQ_FAIL_REFUSED, /* blast radius, policy: never as it is */
	SQ_FAIL_UNSUPPORTED, /* this kernel or these rights cannot */
	SQ_FAIL_NOT_NOW, /* later perhaps */
};

struct sq_error {
	enum sq_failure kind;
	int errnum; /* positive */
	char *message;
	char *hint; /* what to do, or NULL */
};

/* Sets *err and returns -errnum (-EINVAL where @errnum is 0). A NULL @err only loses the text. */
int sq_error_set(struct sq_error **err, enum sq_failure kind, int errnum, const char *format, ...)
	_printf_(4, 5);

/* The same with kind SQ_FAIL_ERROR and ": " and the text of @errnum behind the message. */
int sq_error_errno(struct sq_error **err, int errnum, const char *format, ...) _printf_(3, 4);

/* Puts "@format: " in front of what *err says; returns -errnum of it. */
int sq_error_wrap(struct sq_error **err, const char *format, ...) _printf_(2, 3);

/* Gives *err a hint, in place of the one it may have; returns -errnum of it. */
int sq_error_hint(struct sq_error **err, const char *format, ...) _printf_(2, 3);

struct sq_error *sq_error_free(struct sq_error *err);
void sq_error_freep(struct sq_error **err);
#define _cleanup_error_ _cleanup_(sq_error_freep)

#endif
