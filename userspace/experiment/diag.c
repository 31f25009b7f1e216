// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

#define MOST_SHOWN 100
#define LONGEST_MESSAGE 600
#define WIDEST_LINE 160
#define CUT "..."

static void add(struct sq_diags *diags, struct sq_mark mark, bool warning, const char *hint,
		const char *format, va_list arguments)
{
	struct sq_diag *diag;

	if (!warning)
		diags->errors++;
	if (warning ? diags->n >= MOST_SHOWN : diags->errors > MOST_SHOWN)
		return;
	diag = sq_append(&diags->item, &diags->n, sizeof(*diags->item));
	diag->mark = mark;
	diag->order = diags->n;
	diag->warning = warning;
	diag->hint = sq_strdup(hint);
	diag->message = sq_vasprintf(format, arguments);
	/* a value of the file may be in it, and be as long as the file */
	if (strlen(diag->message) > LONGEST_MESSAGE)
		memcpy(diag->message + LONGEST_MESSAGE - strlen(CUT), CUT, sizeof(CUT));
}

void sq_diag_error(struct sq_diags *diags, struct sq_mark mark, const char *hint,
		   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(diags, mark, false, hint, format, arguments);
	va_end(arguments);
}

void sq_diag_warning(struct sq_diags *diags, struct sq_mark mark, const char *hint,
		     const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(diags, mark, true, hint, format, arguments);
	va_end(arguments);
}

static int by_place(const void *a, const void *b)
{
	const struct sq_diag *x = a, *y = b;

	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	if (x->mark.column != y->mark.column)
		return x->mark.column < y->mark.column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static const char *find_line(const char *source, int line)
{
	for (; source && line > 1; line--) {
		source = strchr(source, '\n');
		if (source)
			source++;
	}
	return source;
}

/*
 * Control characters would let a file write to the reader's terminal: those of ASCII, and C1, which
 * is 0xc2 0x80 to 0xc2 0x9f in UTF-8. What is not UTF-8 goes too: a value may have been cut.
 */
static void put_clean(const char *text, size_t n, FILE *stream)
{
	size_t good;

	if (sq_utf8_valid(text, n, &good))
		good = n;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (i == good) {
			putc('?', stream);
			if (sq_utf8_valid(text + i + 1, n - i - 1, &good))
				good = n - i - 1;
			good += i + 1;
		} else if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0) {
			putc('?', stream);
			i++;
		} else {
			putc(c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : c, stream);
		}
	}
}

static void render_source(const struct sq_diags *diags, struct sq_mark mark, FILE *stream)
{
	const char *line = find_line(diags->source, mark.line);
	size_t length, column = (size_t)mark.column;

	if (!line || mark.line < 1)
		return;
	length = strcspn(line, "\r\n");
	if (length > WIDEST_LINE || column > length + 1)
		return;
	fprintf(stream, " %5d | ", mark.line);
	put_clean(line, length, stream);
	fprintf(stream, "\n       | ");
	/* the column counts characters, the line is bytes: skip UTF-8 continuation bytes */
	for (size_t i = 0, at = 1; at < column && i < length; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80) {
			putc(' ', stream);
			at++;
		}
	fprintf(stream, "^\n");
}

void sq_diags_render(struct sq_diags *diags, FILE *stream)
{
	if (diags->n)
		qsort(diags->item, diags->n, sizeof(*diags->item), by_place);
	for (size_t i = 0; i < diags->n; i++) {
		const struct sq_diag *diag = &diags->item[i];

		fprintf(stream, "%s", diags->file);
		if (diag->mark.line > 0)
			fprintf(stream, ":%d:%d", diag->mark.line, diag->mark.column);
		fprintf(stream, ": %s: ", diag->warning ? "warning" : "error");
		put_clean(diag->message, strlen(diag->message), stream);
		putc('\n', stream);
		render_source(diags, diag->mark, stream);
		if (diag->hint) {
			fprintf(stream, "  hint: ");
			put_clean(diag->hint, strlen(diag->hint), stream);
			putc('\n', stream);
		}
	}
	if (diags->errors > MOST_SHOWN)
		fprintf(stream, "%s: %zu more mistakes are not shown\n", diags->file,
			diags->errors - MOST_SHOWN);
}

void sq_diags_clear(struct sq_diags *diags)
{
	for (size_t i = 0; i < diags->n; i++) {
		free(diags->item[i].message);
		free(diags->item[i].hint);
	}
	free(diags->item);
	free(diags->file);
	free(diags->source);
	*diags = (struct sq_diags){ 0 };
}
