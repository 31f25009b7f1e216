// SPDX-License-Identifier: GPL-2.0-only
/* Lines that have come since the last look, in a file or in the journal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "probe/look.h"
#include "util/json.h"
#include "util/mem.h"

#define LONGEST_LINE 16384
#define START "-" /* the state of what was empty, or not there */

struct count {
	regex_t regex;
	int64_t lines;
	char *first;
};

static json_t *begin(struct count *count, const char *expression)
{
	*count = (struct count){ 0 };
	/* the file's check has compiled it before */
	if (regcomp(&count->regex, expression, REG_EXTENDED | REG_NOSUB))
		return sq_look_error("'%s' is not a regular expression", expression);
	return NULL;
}

static void take(struct count *count, const char *line)
{
	if (regexec(&count->regex, line, 0, NULL, 0) != 0)
		return;
	if (!count->lines++)
		count->first = sq_strdup(line);
}

static json_t *end(struct count *count, const char *state)
{
	json_t *json = sq_json("{s:I, s:o, s:s}", "lines", (json_int_t)count->lines, "first",
			       sq_json_string(count->first ? count->first : ""), "state", state);

	free(count->first);
	regfree(&count->regex);
	return json;
}

/*
 * Whole lines only: what has no end yet is looked at the next time. Returns where it ended. Bytes of
 * zero, as a log has that was cut while its program wrote on, count as spaces.
 */
static off_t read_lines(FILE *file, off_t from, struct count *count)
{
	_cleanup_free_ char *line = sq_alloc(LONGEST_LINE);
	size_t n = 0;
	int c;

	if (fseeko(file, from, SEEK_SET) < 0)
		return from;
	while ((c = getc_unlocked(file)) != EOF) {
		if (c != '\n')
			line[n++] = c ? (char)c : ' ';
		if (c != '\n' && n < LONGEST_LINE - 1)
			continue;
		line[n] = '\0';
		take(count, line);
		from += (off_t)n + (c == '\n');
		n = 0;
	}
	return from;
}

/* What names a file for good: of two that follow each other the number may be the same. */
static void name_file(int fd, char text[80])
{
	struct statx stx = { 0 };

	statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx);
	snprintf(text, 80, "%x:%x:%" PRIx64 ":%" PRIx64 ".%x", stx.stx_dev_major, stx.stx_dev_minor,
		 (uint64_t)stx.stx_ino, (uint64_t)stx.stx_btime.tv_sec, stx.stx_btime.tv_nsec);
}

/* From where on the file is new: its end the first time, its beginning if it is another by now. */
static off_t begin_of(int fd, const char *name, const char *state)
{
	const char *space = strchr(state, ' ');
	off_t end = lseek(fd, 0, SEEK_END);
	intmax_t from = space ? strtoimax(space + 1, NULL, 10) : 0;

	if (!*state)
		return end;
	if (!space || (size_t)(space - state) != strlen(name) ||
	    strncmp(name, state, strlen(name)) != 0 || from > end)
		return 0;
	return (off_t)from;
}

json_t *sq_look_log(const char *path, const char *matches, const char *state)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), errnum = errno;
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	char name[80], place[120];
	struct count count;
	json_t *wrong;
	off_t from;

	/* not there yet: all that it will hold is new */
	if (!file && errnum == ENOENT)
		return sq_json("{s:i, s:s, s:s}", "lines", 0, "first", "", "state", START);
	if (!file)
		return sq_look_error("cannot read '%s': %s", path, strerror(errnum));
	wrong = begin(&count, matches);
	if (wrong) {
		fclose(file);
		return wrong;
	}
	name_file(fd, name);
	from = read_lines(file, begin_of(fd, name, state), &count);
	snprintf(place, sizeof(place), "%s %jd", name, (intmax_t)from);
	fclose(file);
	return end(&count, place);
}

static void take_message(sd_journal *journal, struct count *count)
{
	_cleanup_free_ char *line = NULL;
	const char *data;
	size_t n;

	if (sd_journal_get_data(journal, "MESSAGE", (const void **)&data, &n) < 0 || n < 8)
		return;
	line = sq_strndup(data + 8, n - 8); /* behind "MESSAGE=" */
	take(count, line);
}

/* What a unit says, and what systemd says of it, as `journalctl -u` has it. */
static int match_unit(sd_journal *journal, const char *unit)
{
	_cleanup_free_ char *own = sq_asprintf("_SYSTEMD_UNIT=%s", unit);
	_cleanup_free_ char *about = sq_asprintf("UNIT=%s", unit);
	int r;

	if (!strcmp(unit, "*"))
		return 0;
	r = sd_journal_add_match(journal, own, 0);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	if (r >= 0)
		r = sd_journal_add_match(journal, "_PID=1", 0);
	return r < 0 ? r : sd_journal_add_match(journal, about, 0);
}

/* To the place behind which everything is new. 1: there is something, which is current. */
static int find_place(sd_journal *journal, const char *state)
{
	int r;

	if (!*state) {
		r = sd_journal_seek_tail(journal);
		return r < 0 ? r : sd_journal_previous(journal);
	}
	if (!strcmp(state, START)) {
		r = sd_journal_seek_head(journal);
		return r < 0 ? r : 0;
	}
	r = sd_journal_seek_cursor(journal, state);
	if (r >= 0)
		r = sd_journal_next(journal);
	if (r <= 0)
		return r;
	if (sd_journal_test_cursor(journal, state) > 0)
		return 1;
	/* that entry is gone, rotated away: this one is new already */
	r = sd_journal_previous(journal);
	return r < 0 ? r : 0;
}

static int read_journal(sd_journal *journal, const char *state, struct count *count, char **ret)
{
	int r = find_place(journal, state);
	char *cursor = NULL;

	if (r > 0) /* it stands on the last one seen */
		r = sd_journal_get_cursor(journal, &cursor);
	while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
		free(cursor);
		cursor = NULL;
		take_message(journal, count);
		r = sd_journal_get_cursor(journal, &cursor);
	}
	*ret = cursor ? cursor : sq_strdup(*state ? state : START);
	return r;
}

json_t *sq_look_journal(const char *unit, const char *directory, const char *matches,
			const char *state)
{
	_cleanup_free_ char *cursor = NULL;
	sd_journal *journal = NULL;
	struct count count;
	json_t *wrong, *json;
	int r = *directory ? sd_journal_open_directory(&journal, directory, 0)
			   : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

	if (r < 0)
		return sq_look_error("cannot open the journal%s%s: %s", *directory ? " in " : "",
				     directory, strerror(-r));
	wrong = begin(&count, matches);
	if (wrong) {
		sd_journal_close(journal);
		return wrong;
	}
	r = match_unit(journal, unit);
	if (r >= 0)
		r = read_journal(journal, state, &count, &cursor);
	json = end(&count, cursor ? cursor : state);
	sd_journal_close(journal);
	if (r >= 0)
		return json;
	json_decref(json);
	return sq_look_error("cannot read the journal: %s", strerror(-r));
}
