// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "probe/look.h"
#include "probe/sample.h"
#include "tests/unit/unit.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/time.h"

static char folder[] = "/tmp/squall-look.XXXXXX";

static char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void append(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "a");

	fputs(text, file);
	fclose(file);
}

static void test_file_tells_size_age_and_content(void **state)
{
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 3600 },
					 { .tv_sec = time(NULL) - 3600 } };
	_cleanup_json_ json_t *none = sq_look_file(path_of("none")), *there = NULL, *pipe = NULL;

	assert_false(json_is_true(json_object_get(none, "exists")));
	assert_string_equal(sq_json_text(none, "error"), "");
	append("file", "hello\n");
	assert_int_equal(utimensat(AT_FDCWD, path_of("file"), old, 0), 0);
	there = sq_look_file(path_of("file"));
	assert_true(json_is_true(json_object_get(there, "exists")));
	assert_int_equal(sq_json_int(there, "size"), 6);
	assert_string_equal(sq_json_text(there, "content"), "hello\n");
	assert_in_range(sq_json_int(there, "age_ns"), 3599 * SQ_S, 3700 * SQ_S);
	/* nobody writes to it: it must not wait */
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	pipe = sq_look_file(path_of("pipe"));
	assert_true(json_is_true(json_object_get(pipe, "exists")));
}

/* Looks again from where *@place says, and moves it on. */
static int64_t lines(char **place, const char *expression, const char *first)
{
	_cleanup_json_ json_t *json = sq_look_log(path_of("log"), expression, *place);

	if (*sq_json_text(json, "error"))
		fail_msg("%s", sq_json_text(json, "error"));
	assert_string_equal(sq_json_text(json, "first"), first);
	free(*place);
	*place = sq_strdup(sq_json_text(json, "state"));
	return sq_json_int(json, "lines");
}

static void test_log_counts_what_is_new(void **state)
{
	_cleanup_free_ char *place = sq_strdup("");

	append("log", "ERROR old\n");
	assert_int_equal(lines(&place, "ERROR", ""), 0);
	append("log", "fine\nERROR one\nERROR two\n");
	assert_int_equal(lines(&place, "ERROR", "ERROR one"), 2);
	assert_int_equal(lines(&place, "ERROR", ""), 0);
	/* half a line is looked at when it is whole */
	append("log", "ERR");
	assert_int_equal(lines(&place, "ERROR", ""), 0);
	append("log", "OR three\n");
	assert_int_equal(lines(&place, "ERROR", "ERROR three"), 1);
	/* cut, and rotated */
	assert_int_equal(truncate(path_of("log"), 0), 0);
	append("log", "ERROR four\n");
	assert_int_equal(lines(&place, "ERROR", "ERROR four"), 1);
	assert_int_equal(unlink(path_of("log")), 0);
	append("log", "ERROR five\nERROR six\n");
	assert_int_equal(lines(&place, "ERROR", "ERROR five"), 2);
}

static void test_log_that_comes_later_counts_from_its_beginning(void **state)
{
	_cleanup_free_ char *place = sq_strdup("");

	unlink(path_of("log"));
	assert_int_equal(lines(&place, "x", ""), 0);
	append("log", "x\n");
	assert_int_equal(lines(&place, "x", "x"), 1);
}

static void test_log_with_an_endless_line_is_read_on(void **state)
{
	_cleanup_free_ char *place = sq_strdup(""), *line = sq_alloc(100001);

	unlink(path_of("log"));
	append("log", "");
	lines(&place, "x", "");
	memset(line, 'y', 100000);
	append("log", line);
	append("log", "\nx\n");
	assert_int_equal(lines(&place, "x", "x"), 1);
}

/* Cut by others while its program wrote on at the old place: the file begins with a hole. */
static void test_log_with_a_hole_is_read_on(void **state)
{
	_cleanup_free_ char *place = sq_strdup("");

	unlink(path_of("log"));
	append("log", "ERROR old\n");
	lines(&place, "ERROR", "");
	assert_int_equal(truncate(path_of("log"), 0), 0);
	assert_int_equal(truncate(path_of("log"), 12), 0);
	append("log", "ERROR one\nERROR two\n");
	assert_int_equal(lines(&place, "ERROR", "  ERROR one"), 2);
	append("log", "ERROR three\n");
	assert_int_equal(lines(&place, "ERROR", "ERROR three"), 1);
}

static void test_unreadable_things_say_so(void **state)
{
	_cleanup_json_ json_t *log = sq_look_log(folder, "x", "");
	_cleanup_json_ json_t *journal = sq_look_journal("*", path_of("none"), "x", "");

	assert_int_equal(sq_json_int(log, "lines"), 0);
	assert_contains(sq_json_text(journal, "error"), "cannot open the journal");
}

/* What a stand-in for systemd says of its one unit. */
static int on_load(sd_bus_message *message, void *data, sd_bus_error *error)
{
	const char *unit;

	if (sd_bus_message_read(message, "s", &unit) < 0)
		return -EINVAL;
	return sd_bus_reply_method_return(message, "o",
					  strcmp(unit, "shop.service") ? "/none" : "/shop");
}

static int say(sd_bus *bus, const char *path, const char *interface, const char *property,
	       sd_bus_message *reply, void *data, sd_bus_error *error)
{
	bool known = !strcmp(path, "/shop");

	if (!strcmp(property, "NRestarts"))
		return sd_bus_message_append(reply, "u", 3);
	return sd_bus_message_append(reply, "s",
				     !strcmp(property, "LoadState") ? known ? "loaded" : "not-found"
				     : !strcmp(property, "ActiveState") ? "failed"
				     : !strcmp(property, "SubState")	? "failed"
									: "core-dump");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("LoadUnit", "s", "o", on_load, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END
};
static const sd_bus_vtable unit_table[] = { SD_BUS_VTABLE_START(0),
					    SD_BUS_PROPERTY("LoadState", "s", say, 0, 0),
					    SD_BUS_PROPERTY("ActiveState", "s", say, 0, 0),
					    SD_BUS_PROPERTY("SubState", "s", say, 0, 0),
					    SD_BUS_VTABLE_END };
static const sd_bus_vtable service[] = { SD_BUS_VTABLE_START(0),
					 SD_BUS_PROPERTY("NRestarts", "u", say, 0, 0),
					 SD_BUS_PROPERTY("Result", "s", say, 0, 0),
					 SD_BUS_VTABLE_END };

static int on_hello(sd_bus_message *message, void *data, sd_bus_error *error)
{
	if (!sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "Hello"))
		return 0;
	return sd_bus_reply_method_return(message, "s", ":1.1");
}

/* Answers one connection after the other, as the system bus with systemd on it would. */
static _Noreturn void serve(int listener)
{
	for (;;) {
		sd_id128_t id = { .qwords = { 1, 2 } };
		int fd = accept(listener, NULL, NULL);
		sd_bus *bus = NULL;

		if (fd < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
		    sd_bus_set_server(bus, 1, id) < 0 || sd_bus_start(bus) < 0)
			_exit(1);
		sd_bus_add_filter(bus, NULL, on_hello, NULL);
		sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
					 "org.freedesktop.systemd1.Manager", manager, NULL);
		for (int i = 0; i < 2; i++) {
			const char *path = i ? "/shop" : "/none";

			sd_bus_add_object_vtable(bus, NULL, path, "org.freedesktop.systemd1.Unit",
						 unit_table, NULL);
			sd_bus_add_object_vtable(bus, NULL, path,
						 "org.freedesktop.systemd1.Service", service, NULL);
		}
		while (sd_bus_process(bus, NULL) >= 0 && sd_bus_wait(bus, UINT64_MAX) >= 0)
			;
		sd_bus_unref(bus);
	}
}

static void test_unit_is_asked_of_systemd(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_free_ char *bus = sq_asprintf("unix:path=%s/bus", folder);
	_cleanup_json_ json_t *shop = NULL, *none = NULL, *gone = NULL;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t server;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", folder);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	server = fork();
	if (!server)
		serve(listener);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", bus, 1);
	shop = sq_look_unit("shop.service");
	none = sq_look_unit("none.service");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(listener);
	gone = sq_look_unit("shop.service");
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	assert_string_equal(sq_json_text(shop, "error"), "");
	assert_string_equal(sq_json_text(shop, "state"), "failed");
	assert_string_equal(sq_json_text(shop, "result"), "core-dump");
	assert_int_equal(sq_json_int(shop, "restarts"), 3);
	assert_contains(sq_json_text(none, "error"), "systemd knows no unit 'none.service'");
	assert_contains(sq_json_text(gone, "error"), "cannot reach systemd");
}

static double prometheus(const char *answer)
{
	char why[SQ_WHY_SIZE];
	double value = -1;
	const char *wrong = sq_prometheus_value(answer, &value, why);

	if (wrong)
		fail_msg("%s", wrong);
	return value;
}

static void no_prometheus(const char *answer, const char *part)
{
	char why[SQ_WHY_SIZE];
	double value;

	assert_contains(sq_prometheus_value(answer, &value, why), part);
}

/* As a Prometheus 2.42 answers. */
static void test_prometheus_answer_has_one_number(void **state)
{
	assert_true(prometheus("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
			       "\"result\":[{\"metric\":{},\"value\":[1700000000.1,\"2.5\"]}]}}") ==
		    2.5);
	assert_true(prometheus("{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\","
			       "\"result\":[1700000000.1,\"-3\"]}}") == -3);
	no_prometheus("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
		      "no data");
	no_prometheus("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":"
		      "[{\"value\":[1,\"1\"]},{\"value\":[1,\"2\"]}]}}",
		      "2 series");
	no_prometheus("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}",
		      "parse error");
	no_prometheus("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
		      "matrix");
	no_prometheus("<html>", "not JSON");
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return sq_remove_tree(AT_FDCWD, folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_file_tells_size_age_and_content),
		UNIT_TEST(test_log_counts_what_is_new),
		UNIT_TEST(test_log_that_comes_later_counts_from_its_beginning),
		UNIT_TEST(test_log_with_an_endless_line_is_read_on),
		UNIT_TEST(test_log_with_a_hole_is_read_on),
		UNIT_TEST(test_unreadable_things_say_so),
		UNIT_TEST(test_unit_is_asked_of_systemd),
		UNIT_TEST(test_prometheus_answer_has_one_number),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
