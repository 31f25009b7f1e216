/* SPDX-License-Identifier: GPL-2.0-only */
/* Mistakes in a file, collected so that all of them are told in one go. */
#ifndef SQ_EXPERIMENT_DIAG_H
#define SQ_EXPERIMENT_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "util/mem.h"

/* A place in a file, both counted from 1; line 0 means the file as a whole. */
struct sq_mark {
	int line, column;
};

struct sq_diag {
	struct sq_mark mark;
	size_t order; /* in which it was found: of two at one place the earlier first */
	bool warning;
	char *message;
	char *hint; /* or NULL */
};

struct sq_diags {
	char *file;
	char *source; /* the file's text, to show the line */
	struct sq_diag *item;
	size_t n, errors;
};

/* Adds a mistake; @hint may be NULL. After 100 of them further ones are only counted. */
void sq_diag_error(struct sq_diags *diags, struct sq_mark mark, const char *hint,
		   const char *format, ...) _printf_(4, 5);
void sq_diag_warning(struct sq_diags *diags, struct sq_mark mark, const char *hint,
		     const char *format, ...) _printf_(4, 5);

/* In the order of the file: "file:line:column: error: ...", the line with a caret, the hint. */
void sq_diags_render(struct sq_diags *diags, FILE *stream);

void sq_diags_clear(struct sq_diags *diags);
#define _cleanup_diags_ _cleanup_(sq_diags_clear)

#endif
