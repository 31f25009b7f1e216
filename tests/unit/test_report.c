// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/report.h"
#include "tests/unit/unit.h"
#include "util/fs.h"
#include "util/json.h"

#define NOBODY 65534

/* A folder with a file and a link to it. */
struct place {
	char folder[64], target[96], link[96];
	char *report; /* to the link */
};

static void open_place(struct place *place)
{
	strcpy(place->folder, "/tmp/squall-unit.XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->target, sizeof(place->target), "%s/target", place->folder);
	snprintf(place->link, sizeof(place->link), "%s/link", place->folder);
	place->report = sq_asprintf("json:%s", place->link);
	assert_int_equal(sq_write_atomic(AT_FDCWD, place->target, 0600, "old", 3), 0);
	assert_int_equal(symlink("target", place->link), 0);
}

static void close_place(struct place *place)
{
	free(place->report);
	sq_remove_tree(AT_FDCWD, place->folder);
}

static char *content(const struct place *place)
{
	char *text = NULL;

	assert_true(sq_read_file(AT_FDCWD, place->target, 4096, &text) >= 0);
	return text;
}

static int write_report(const struct place *place, struct sq_error **err)
{
	_cleanup_json_ json_t *journal = sq_json("{s:i}", "new", 1);

	return sq_report_write(place->report, journal, err);
}

static void test_ones_own_link_is_followed(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct place place;
	struct stat st;

	open_place(&place);
	assert_int_equal(sq_report_check(place.report, NULL), 0);
	assert_int_equal(write_report(&place, NULL), 0);
	text = content(&place);
	assert_contains(text, "\"new\": 1");
	assert_int_equal(lstat(place.link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close_place(&place);
}

static void refuses(const struct place *place)
{
	_cleanup_error_ struct sq_error *check = NULL, *written = NULL;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(sq_report_check(place->report, &check), -EACCES);
	assert_contains(check->message, "is a link that another user has made");
	assert_int_equal(write_report(place, &written), -EACCES);
	text = content(place);
	assert_string_equal(text, "old");
}

/* It would be written to by root. */
static void test_a_link_of_another_user_is_refused(void **state)
{
	struct place place;

	if (geteuid() != 0)
		skip();
	open_place(&place);
	assert_int_equal(lchown(place.link, NOBODY, NOBODY), 0);
	refuses(&place);
	close_place(&place);
}

static void test_a_link_that_another_user_may_change_is_refused(void **state)
{
	struct place place;

	if (geteuid() != 0)
		skip();
	open_place(&place);
	assert_int_equal(chown(place.folder, NOBODY, NOBODY), 0);
	refuses(&place);
	close_place(&place);
}

UNIT(UNIT_TEST(test_ones_own_link_is_followed), UNIT_TEST(test_a_link_of_another_user_is_refused),
     UNIT_TEST(test_a_link_that_another_user_may_change_is_refused))
