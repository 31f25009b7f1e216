// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/journal.h"
#include "tests/unit/unit.h"
#include "util/fs.h"

static char *secret_items[] = { (char *)"hush",	   (char *)"hush-hush", (char *)"",
				(char *)"abc-def", (char *)"abc",	(char *)"gr\xc3\xbcn" };
static const struct sq_texts secrets = { secret_items, ARRAY_SIZE(secret_items) };

static void becomes(const char *text, const char *wanted)
{
	_cleanup_free_ char *clean = sq_redact(text, &secrets);

	assert_string_equal(clean, wanted);
}

static void test_passwords_in_urls_are_hidden(void **state)
{
	becomes("http://jo:pw@host/x", "http://jo:***@host/x");
	becomes("redis://:pw@10.0.0.1:6379/0 and https://a:b@c",
		"redis://:***@10.0.0.1:6379/0 and https://a:***@c");
	becomes("http://jo:p@w@host/", "http://jo:***@host/");
	becomes("http://jo:p:w@host/", "http://jo:***@host/");
	becomes("url: \"postgres://u:p@db\"", "url: \"postgres://u:***@db\"");
}

static void test_urls_without_a_password_stay(void **state)
{
	becomes("http://host:80/a@b", "http://host:80/a@b");
	becomes("http://host:80/?mail=a:b@c", "http://host:80/?mail=a:b@c");
	becomes("http://jo@host/", "http://jo@host/");
	becomes("http://host:80 jo@host", "http://host:80 jo@host");
	becomes("://", "://");
	becomes("a:b@c", "a:b@c");
	becomes("", "");
}

static void test_authorization_headers_are_hidden(void **state)
{
	becomes("Authorization: Bearer abc.def", "Authorization: ***");
	becomes("AUTHORIZATION:Basic eDp5", "AUTHORIZATION: ***");
	becomes("curl -H \"Authorization: Bearer abc\" http://x",
		"curl -H \"Authorization: ***\" http://x");
	becomes("proxy-authorization: Basic a b\nnext", "proxy-authorization: ***\nnext");
	becomes("authorization is needed", "authorization is needed");
}

static void test_secrets_are_hidden_wherever_they_stand(void **state)
{
	becomes("a hush b", "a *** b");
	becomes("xhushx", "x***x");
	becomes("hush", "***");
	becomes("hushhush", "******");
	becomes("gr\xc3\xbcn gr\xc3\xbc", "*** gr\xc3\xbc");
	becomes("HUSH hus", "HUSH hus");
	/* of two that begin alike the longer: nothing of it may stay */
	becomes("hush-hush", "***");
	becomes("abc-def abc", "*** ***");
}

static void test_without_secrets_nothing_is_one(void **state)
{
	_cleanup_free_ char *clean = sq_redact("hush http://a:b@c", NULL);

	assert_string_equal(clean, "hush http://a:***@c");
}

/* A journal in a folder of its own, which is removed at the end. */
struct place {
	char path[64];
	struct sq_journal journal;
};

static void open_place(struct place *place)
{
	int fd;

	strcpy(place->path, "/tmp/squall-unit.XXXXXX");
	assert_non_null(mkdtemp(place->path));
	fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sq_journal_open_at(&place->journal, fd, "test", NULL), 0);
	place->journal.secrets = &secrets;
}

static void close_place(struct place *place)
{
	sq_journal_close(&place->journal);
	sq_remove_tree(AT_FDCWD, place->path);
}

static char *file_of(const struct place *place, const char *name)
{
	char *text = NULL;

	assert_true(sq_read_file(place->journal.dir_fd, name, 1 << 20, &text) >= 0);
	return text;
}

static void test_no_secret_reaches_the_disk(void **state)
{
	_cleanup_free_ char *events = NULL, *document = NULL;
	struct place place;

	open_place(&place);
	sq_journal_add(&place.journal, "note",
		       sq_json("{s:s, s:[s, {s:s}], s:i}", "text", "say hush", "list",
			       "http://a:pw@b", "deep", "hush-hush", "n", 5));
	assert_int_equal(sq_journal_finish(&place.journal, NULL, NULL), 0);
	events = file_of(&place, "events.jsonl");
	document = file_of(&place, "journal.json");
	assert_null(strstr(events, "hush"));
	assert_null(strstr(events, "pw"));
	assert_null(strstr(document, "hush"));
	assert_contains(events, "\"text\":\"say ***\"");
	assert_contains(events, "http://a:***@b");
	assert_contains(events, "\"n\":5");
	assert_contains(document, "say ***");
	close_place(&place);
}

static void test_events_are_read_as_they_were_added(void **state)
{
	_cleanup_json_ json_t *events = NULL;
	struct place place;

	open_place(&place);
	sq_journal_add(&place.journal, "a", sq_json("{s:i}", "x", 1));
	sq_journal_add(&place.journal, "b", NULL);
	assert_int_equal(sq_journal_events(&place.journal, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 2);
	assert_string_equal(sq_json_text(json_array_get(events, 0), "event"), "a");
	assert_int_equal(sq_json_int(json_array_get(events, 0), "x"), 1);
	assert_int_equal(strlen(sq_json_text(json_array_get(events, 1), "t")), 27);
	close_place(&place);
}

static void append(const struct place *place, const char *text)
{
	int fd = openat(place->journal.dir_fd, "events.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(sq_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void test_a_line_cut_off_by_a_kill_is_left_out(void **state)
{
	_cleanup_json_ json_t *events = NULL;
	struct place place;

	open_place(&place);
	sq_journal_add(&place.journal, "a", NULL);
	append(&place, "{\"t\":\"x\",\"event\":\"b");
	assert_int_equal(sq_journal_events(&place.journal, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 1);
	close_place(&place);
}

static void test_a_damaged_line_is_named(void **state)
{
	_cleanup_error_ struct sq_error *err = NULL;
	json_t *events = NULL;
	struct place place;

	open_place(&place);
	sq_journal_add(&place.journal, "a", NULL);
	append(&place, "[1]\n{}\n");
	assert_int_equal(sq_journal_events(&place.journal, &events, &err), -EBADMSG);
	assert_contains(err->message, "is damaged in line 2");
	assert_null(events);
	close_place(&place);
}

/* A full disk: what could not be written is still in the report, and the file stays readable. */
static void test_events_without_room_are_kept(void **state)
{
	struct rlimit was, limit;
	_cleanup_json_ json_t *events = NULL, *document = NULL;
	struct place place;
	struct stat st;

	open_place(&place);
	sq_journal_add(&place.journal, "note", sq_json("{s:s}", "text", "first"));
	assert_int_equal(fstat(place.journal.log.fd, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ (rlim_t)st.st_size + 20, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	sq_journal_add(&place.journal, "note", sq_json("{s:s}", "text", "second"));
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(place.journal.log.failed, EFBIG);
	sq_journal_add(&place.journal, "note", sq_json("{s:s}", "text", "third"));
	assert_int_equal(sq_journal_events(&place.journal, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 3);
	assert_int_equal(sq_journal_finish(&place.journal, &document, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(document, "notes")), 3);
	close_place(&place);
}

/* `squall note` writes to the journal of a run under way: neither may cut what the other wrote. */
static void test_two_writers_leave_each_others_lines(void **state)
{
	struct rlimit was, limit;
	_cleanup_json_ json_t *events = NULL;
	struct sq_journal second;
	struct place place;
	struct stat st;

	open_place(&place);
	append(&place, "{\"t\":\"x\",");
	assert_int_equal(sq_journal_open_at(&second, dup(place.journal.dir_fd), "test", NULL), 0);
	append(&place, "\"event\":\"a\"}\n");
	sq_journal_add(&place.journal, "b", NULL);
	assert_int_equal(fstat(place.journal.log.fd, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ (rlim_t)st.st_size + 20, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	sq_journal_add(&second, "c", NULL);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(second.log.failed, EFBIG);
	sq_journal_close(&second);
	assert_int_equal(sq_journal_events(&place.journal, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 2);
	close_place(&place);
}

static void test_the_heir_of_a_dead_writer_cuts_its_half_line(void **state)
{
	_cleanup_json_ json_t *events = NULL;
	struct sq_journal heir;
	struct place place;

	open_place(&place);
	sq_journal_add(&place.journal, "a", NULL);
	append(&place, "{\"t\":\"x\",\"event\":\"b");
	sq_journal_take_over(&heir, dup(place.journal.dir_fd), "test");
	sq_journal_add(&heir, "ended", NULL);
	assert_int_equal(sq_journal_events(&heir, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 2);
	assert_string_equal(sq_json_text(json_array_get(events, 1), "event"), "ended");
	sq_journal_close(&heir);
	close_place(&place);
}

/* A disk that has become read-only: what there is to undo must be known all the same. */
static void test_a_journal_that_cannot_be_written_to_is_taken_over(void **state)
{
	_cleanup_json_ json_t *events = NULL;
	struct sq_journal heir;
	struct place place;
	struct rlimit was;
	int dir_fd;

	open_place(&place);
	sq_journal_add(&place.journal, "a", NULL);
	dir_fd = dup(place.journal.dir_fd);
	getrlimit(RLIMIT_NOFILE, &was);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, was.rlim_max });
	sq_journal_take_over(&heir, dir_fd, "test");
	setrlimit(RLIMIT_NOFILE, &was);
	assert_int_equal(heir.log.failed, EMFILE);
	sq_journal_add(&heir, "ended", NULL);
	assert_int_equal(sq_journal_events(&heir, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 2);
	sq_journal_close(&heir);
	close_place(&place);
}

static void test_details_are_left_out_of_a_full_log(void **state)
{
	_cleanup_json_ json_t *events = NULL;
	struct place place;

	open_place(&place);
	place.journal.log.max = 1;
	sq_journal_add_detail(&place.journal, "sample", NULL);
	sq_journal_add_detail(&place.journal, "sample", NULL);
	sq_journal_add(&place.journal, "ended", NULL); /* what is vital is always written */
	assert_int_equal(sq_journal_events(&place.journal, &events, NULL), 0);
	assert_int_equal(json_array_size(events), 2);
	assert_int_equal(place.journal.log.failed, 0);
	assert_string_equal(sq_json_text(json_array_get(events, 1), "event"), "ended");
	close_place(&place);
}

static void test_json_takes_any_text(void **state)
{
	_cleanup_json_ json_t *json =
		sq_json("{s:s, s:s?, s:[s]}", "a", "caf\xc3", "b", NULL, "c", "\xff\xfe");

	assert_string_equal(sq_json_text(json, "a"), "caf?");
	assert_true(json_is_null(json_object_get(json, "b")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "c"), 0)), "??");
}

UNIT(UNIT_TEST(test_passwords_in_urls_are_hidden), UNIT_TEST(test_urls_without_a_password_stay),
     UNIT_TEST(test_authorization_headers_are_hidden),
     UNIT_TEST(test_secrets_are_hidden_wherever_they_stand),
     UNIT_TEST(test_without_secrets_nothing_is_one), UNIT_TEST(test_no_secret_reaches_the_disk),
     UNIT_TEST(test_events_are_read_as_they_were_added),
     UNIT_TEST(test_a_line_cut_off_by_a_kill_is_left_out), UNIT_TEST(test_a_damaged_line_is_named),
     UNIT_TEST(test_events_without_room_are_kept),
     UNIT_TEST(test_two_writers_leave_each_others_lines),
     UNIT_TEST(test_the_heir_of_a_dead_writer_cuts_its_half_line),
     UNIT_TEST(test_a_journal_that_cannot_be_written_to_is_taken_over),
     UNIT_TEST(test_details_are_left_out_of_a_full_log), UNIT_TEST(test_json_takes_any_text))
