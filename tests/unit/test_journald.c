// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/syslog.h"
#include "tests/unit/unit.h"
#include "util/journald.h"
#include "util/json.h"
#include "util/time.h"

/* A journald that listens at @address and, unless asked, reads nothing. */
static int listen_at(struct sockaddr_un *address)
{
	char folder[] = "/tmp/squall-unit.XXXXXX";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_non_null(mkdtemp(folder));
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/socket", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static void forget(int fd, struct sockaddr_un *address)
{
	close(fd);
	unlink(address->sun_path);
	*strrchr(address->sun_path, '/') = '\0';
	rmdir(address->sun_path);
}

static void test_fields_are_sent_by_the_native_protocol(void **state)
{
	struct sq_journald_entry entry = { .n = 0 };
	struct sockaddr_un address;
	int fd = listen_at(&address);
	char got[256], wanted[256];
	uint64_t length = htole64(strlen("two\nlines"));
	size_t n = 0;

	sq_journald_add(&entry, "MESSAGE", "one line");
	sq_journald_add(&entry, "EMPTY", "");
	sq_journald_add(&entry, "MISSING", NULL);
	sq_journald_add(&entry, "LONG", "two\nlines");
	assert_int_equal(sq_journald_send(address.sun_path, &entry), 0);
	n += (size_t)sprintf(wanted, "MESSAGE=one line\nLONG\n");
	memcpy(wanted + n, &length, sizeof(length));
	n += sizeof(length);
	n += (size_t)sprintf(wanted + n, "two\nlines\n");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), n);
	assert_memory_equal(got, wanted, n);
	forget(fd, &address);
}

/* One that is stopped: its queue is full after a while, and nobody waits for it. */
static void test_a_journald_that_reads_nothing_holds_nobody_up(void **state)
{
	struct sq_journald_entry entry = { .n = 0 };
	struct sockaddr_un address;
	int fd = listen_at(&address), r = 0, sent = 0;
	uint64_t begun = sq_now();

	sq_journald_add(&entry, "MESSAGE", "lost");
	for (; sent < 100000 && !r; sent++)
		r = sq_journald_send(address.sun_path, &entry);
	assert_int_equal(r, -EAGAIN);
	assert_true(sent > 1);
	assert_true(sq_now() - begun < 20 * SQ_S);
	forget(fd, &address);
	/* and one that is not there at all */
	assert_true(sq_journald_send("/nowhere/socket", &entry) < 0);
}

static void says(const char *event, json_t *members, const char *wanted)
{
	_cleanup_free_ char *message = sq_syslog_message(event, members);

	json_decref(members);
	if (wanted)
		assert_string_equal(message, wanted);
	else
		assert_null(message);
}

static void test_what_is_told(void **state)
{
	says("started", sq_json("{s:{s:{s:s}}}", "document", "experiment", "title", "a slow store"),
	     "started: a slow store");
	says("fault", sq_json("{s:s, s:s}", "name", "slow", "what", "ended"), "fault 'slow' ended");
	says("probe",
	     sq_json("{s:s, s:{s:s, s:s}}", "name", "cart", "during", "verdict", "not met", "why",
		     "p95"),
	     "probe 'cart', during: not met: p95");
	says("note", sq_json("{s:s, s:s}", "text", "the pager", "mark", "detected"),
	     "note: detected: the pager");
	says("abort", sq_json("{s:s, s:s}", "by", "ann", "reason", "enough"),
	     "aborted by ann: enough");
	says("ended", sq_json("{s:s, s:i}", "verdict", "passed", "exit", 0), "ended: passed");
	says("sample", json_object(), NULL);
}

UNIT(UNIT_TEST(test_fields_are_sent_by_the_native_protocol),
     UNIT_TEST(test_a_journald_that_reads_nothing_holds_nobody_up), UNIT_TEST(test_what_is_told))
