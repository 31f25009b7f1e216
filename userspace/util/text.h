/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts and lists of texts. */
#ifndef SQ_UTIL_TEXT_H
#define SQ_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/mem.h"

/* A list of texts, NULL behind the last one, so that it can be handed to exec. */
struct sq_texts {
	char **item;
	size_t n;
};

void sq_texts_add(struct sq_texts *texts, const char *text);
bool sq_texts_have(const struct sq_texts *texts, const char *text);
void sq_texts_sort(struct sq_texts *texts); /* by their bytes */
void sq_texts_clear(struct sq_texts *texts);
#define _cleanup_texts_ _cleanup_(sq_texts_clear)

/*
 * The candidate nearest to @text by optimal string alignment distance, if near enough to be what
 * was meant, else NULL. The basis of "did you mean".
 */
const char *sq_nearest(const char *text, const char *const *candidates, size_t n);

/*
 * The same for up to @most of them, the nearest first: their indices go to @ret. Returns how many.
 */
size_t sq_nearest_few(const char *text, const char *const *candidates, size_t n, size_t *ret,
		      size_t most);

/* Is @expression an extended regular expression? 0, or -EINVAL with the reason in @why. */
int sq_regex_check(const char *expression, char *why, size_t size);

/* Does some part of @text match it? Nothing matches what is no regular expression. */
bool sq_regex_matches(const char *expression, const char *text);

/*
 * Breaks lines at spaces, so that none is wider than @columns, where it has spaces. What is broken
 * off is indented like its line and by @hang more, or under the text of a list's "- ". Escape
 * sequences have no width. To be freed.
 */
char *sq_text_wrap(const char *text, size_t columns, size_t hang);

/* A growing text. Call sq_buffer_text() before reading it; it is freed by sq_buffer_clear(). */
struct sq_buffer {
	FILE *stream;
	char *text;
	size_t size;
};

/* The stream to write to, opened when first asked for. */
FILE *sq_buffer_stream(struct sq_buffer *buffer);
void sq_buffer_add(struct sq_buffer *buffer, const char *format, ...) _printf_(2, 3);
const char *sq_buffer_text(struct sq_buffer *buffer);
char *sq_buffer_take(struct sq_buffer *buffer);
void sq_buffer_clear(struct sq_buffer *buffer);
#define _cleanup_buffer_ _cleanup_(sq_buffer_clear)

/* Is @text valid UTF-8 without NUL? *@where, if given, is the offset of the first byte that is not. */
bool sq_utf8_valid(const char *text, size_t n, size_t *where);

/* Puts '?' in the place of every byte that is not UTF-8, since JSON has no room for them; returns @text. */
char *sq_utf8_clean(char *text);

/*
 * Puts '?' in the place of what would move a terminal's cursor or worse: control characters of ASCII and C1,
 * but for the ends of lines, tabs and colours. A cgroup's name may have any of them. Returns @text.
 */
char *sq_text_printable(char *text);

/* "1 process", "2 processes": @what is said of one. To be freed. */
char *sq_number_of(uint64_t n, const char *what);

/* How long @text is without the @end that it has behind something else; 0: it ends otherwise. */
size_t sq_text_stem(const char *text, const char *end);

/* Is @word among the words of a text that single spaces part? */
bool sq_words_have(const char *words, const char *word);

#endif
