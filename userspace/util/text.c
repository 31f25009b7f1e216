// SPDX-License-Identifier: GPL-2.0-only
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void sq_texts_add(struct sq_texts *texts, const char *text)
{
	texts->item = sq_realloc(texts->item, (texts->n + 2) * sizeof(*texts->item));
	texts->item[texts->n++] = sq_strdup(text);
	texts->item[texts->n] = NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void sq_texts_sort(struct sq_texts *texts)
{
	if (texts->n)
		qsort(texts->item, texts->n, sizeof(*texts->item), by_bytes);
}

bool sq_texts_have(const struct sq_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->n; i++)
		if (!strcmp(texts->item[i], text))
			return true;
	return false;
}

void sq_texts_clear(struct sq_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->item[i]);
	free(texts->item);
	*texts = (struct sq_texts){ 0 };
}

/*
 * Damerau-Levenshtein without edits of an edited part, upper and lower case being the same. Both
 * texts are short. What is not less than @least need not be exact.
 */
static size_t distance(const char *a, const char *b, size_t least)
{
	enum { LIMIT = 48 };
	size_t d[LIMIT + 1][LIMIT + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LIMIT || m > LIMIT)
		return LIMIT;
	if (MAX(n, m) - MIN(n, m) >= least)
		return least;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t cost = tolower((unsigned char)a[i - 1]) !=
				      tolower((unsigned char)b[j - 1]);

			d[i][j] = MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

size_t sq_nearest_few(const char *text, const char *const *candidates, size_t n, size_t *ret,
		      size_t most)
{
	_cleanup_free_ size_t *fars = sq_alloc((most + 1) * sizeof(*fars));
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		size_t least = found == most ? fars[most - 1] : strlen(text) / 3 + 2, at;
		size_t far = distance(text, candidates[i], least);

		/* "probability" for "prob": a beginning is near enough */
		if (strlen(text) >= 3 && !strncasecmp(candidates[i], text, strlen(text)))
			far = MIN(far, 1);
		if (far >= least || far >= strlen(candidates[i]))
			continue;
		found = MIN(found + 1, most);
		for (at = found - 1; at > 0 && fars[at - 1] > far; at--) {
			fars[at] = fars[at - 1];
			ret[at] = ret[at - 1];
		}
		fars[at] = far;
		ret[at] = i;
	}
	return found;
}

const char *sq_nearest(const char *text, const char *const *candidates, size_t n)
{
	size_t best;

	return sq_nearest_few(text, candidates, n, &best, 1) ? candidates[best] : NULL;
}

/* The bytes of the character or escape sequence at @p, and its columns. */
static size_t character(const char *p, size_t *ret_columns)
{
	size_t n = 1;

	*ret_columns = 1;
	if (*p == '\033') {
		n += strcspn(p + 1, "m\n");
		*ret_columns = 0;
		return n + (p[n] == 'm');
	}
	while (((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/*
 * The length of as much of a line as fits: up to a space behind @skip, if it has to be broken. Best
 * between parts of a list: "15 m" should stay together.
 */
static size_t fitting(const char *line, size_t n, size_t skip, size_t columns)
{
	size_t width = 0, broken = n, better = n, more;

	for (size_t i = 0; i < n; width += more) {
		size_t bytes = character(line + i, &more);

		if (line[i] == ' ' && i > skip && width <= columns) {
			broken = i;
			if (strchr(",;:", line[i - 1]) && width > columns / 2)
				better = i;
		}
		if (width + more > columns && broken < n)
			return MIN(better, broken);
		/* a word that is too long by itself ends at the next space */
		if (line[i] == ' ' && i > skip && width > columns)
			return i;
		i += bytes;
	}
	return n;
}

char *sq_text_wrap(const char *text, size_t columns, size_t hang)
{
	struct sq_buffer out = { 0 };

	while (*text) {
		size_t n = strcspn(text, "\n"), indent = strspn(text, " "), room = columns;
		size_t skip = indent, part;

		/* what belongs to a list's item stands under it */
		indent += text[indent] == '-' ? 2 : hang;
		indent = MIN(indent, columns / 2);
		while (n > (part = fitting(text, n, skip, room))) {
			size_t shown = part;

			while (shown > skip && text[shown - 1] == ' ')
				shown--;
			sq_buffer_add(&out, "%.*s\n%*s", (int)shown, text, (int)indent, "");
			while (part < n && text[part] == ' ')
				part++;
			text += part;
			n -= part;
			room = columns - indent;
			skip = 0;
		}
		sq_buffer_add(&out, "%.*s%s", (int)n, text, text[n] ? "\n" : "");
		text += n + (text[n] != '\0');
	}
	return sq_buffer_take(&out);
}

FILE *sq_buffer_stream(struct sq_buffer *buffer)
{
	if (!buffer->stream) {
		buffer->stream = open_memstream(&buffer->text, &buffer->size);
		if (!buffer->stream)
			sq_oom();
	}
	return buffer->stream;
}

void sq_buffer_add(struct sq_buffer *buffer, const char *format, ...)
{
	FILE *stream = sq_buffer_stream(buffer);
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vfprintf(stream, format, arguments);
	va_end(arguments);
	if (n < 0)
		sq_oom();
}

const char *sq_buffer_text(struct sq_buffer *buffer)
{
	if (fflush(sq_buffer_stream(buffer)))
		sq_oom();
	return buffer->text;
}

char *sq_buffer_take(struct sq_buffer *buffer)
{
	char *text;

	if (fclose(sq_buffer_stream(buffer)))
		sq_oom();
	text = TAKE_PTR(buffer->text);
	*buffer = (struct sq_buffer){ 0 };
	return text;
}

void sq_buffer_clear(struct sq_buffer *buffer)
{
	if (buffer->stream)
		free(sq_buffer_take(buffer));
}

/* The number of bytes of the sequence at @p, or 0; RFC 3629, section 4. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc2 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf5 ? 4
				      : 0;

	if (!length || length > n || p[0] == 0)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return length;
}

bool sq_utf8_valid(const char *text, size_t n, size_t *where)
{
	for (size_t i = 0; i < n;) {
		size_t length = utf8_sequence((const unsigned char *)text + i, n - i);

		if (!length) {
			if (where)
				*where = i;
			return false;
		}
		i += length;
	}
	return true;
}

char *sq_utf8_clean(char *text)
{
	size_t where, n = strlen(text);

	for (char *p = text; !sq_utf8_valid(p, n, &where); n -= where + 1, p += where + 1)
		p[where] = '?';
	return text;
}

char *sq_number_of(uint64_t n, const char *what)
{
	return sq_asprintf("%llu %s%s", (unsigned long long)n, what,
			   n == 1		     ? ""
			   : sq_text_stem(what, "s") ? "es"
						     : "s");
}

/* The length of "\033[1;31m" at @p; 0: it is something else. */
static size_t colour_length(const char *p)
{
	size_t n;

	if (strncmp(p, "\033[", 2) != 0)
		return 0;
	n = 2 + strspn(p + 2, "0123456789;");
	return p[n] == 'm' ? n + 1 : 0;
}

char *sq_text_printable(char *text)
{
	for (char *p = text; *p; p++) {
		size_t colour = colour_length(p);

		if (colour)
			p += colour - 1;
		else if (((unsigned char)*p < ' ' && *p != '\n' && *p != '\t') || *p == 0x7f)
			*p = '?';
		else if ((unsigned char)*p == 0xc2 && (unsigned char)p[1] >= 0x80 &&
			 (unsigned char)p[1] < 0xa0)
			p[0] = p[1] = '?';
	}
	return text;
}

size_t sq_text_stem(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end) ? n - m : 0;
}

bool sq_words_have(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; n && (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

int sq_regex_check(const char *expression, char *why, size_t size)
{
	regex_t regex;
	int r = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);

	if (!r) {
		regfree(&regex);
		return 0;
	}
	regerror(r, &regex, why, size);
	return -EINVAL;
}

bool sq_regex_matches(const char *expression, const char *text)
{
	regex_t regex;
	bool found;

	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB))
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}
