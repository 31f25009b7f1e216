// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "guard/health.h"
#include "tests/unit/unit.h"
#include "util/time.h"
#include "util/units.h"

#define START_NS (1000 * SQ_S)
#define WALL_NS (1800000000ull * SQ_S)

/* However long `for` is against `every`, a look that is so old is there. */
static void look_for(uint64_t every_ns, uint64_t for_ns)
{
	const struct sq_stop_if stop_if = { .psi.most_ppb[SQ_PRESSURE_CPU] = 1,
					    .every_ns = every_ns,
					    .for_ns = for_ns };
	struct sq_health health = { 0 };
	uint64_t now = START_NS, age = UINT64_MAX;
	char *why = NULL;

	for (; now <= START_NS + 2 * for_ns; now += every_ns) {
		free(why);
		why = sq_health_look(&stop_if, &health, -1, now);
		if (health.unknown) {
			free(why);
			skip(); /* a kernel without PSI */
		}
	}
	now -= every_ns;
	for (size_t i = 0; i < MIN(health.n, SQ_HEALTH_LOOKS); i++)
		if (now - health.look[i].at_ns >= for_ns)
			age = MIN(age, now - health.look[i].at_ns);
	assert_true(age <= for_ns + for_ns / 32 + 2 * every_ns);
	/* measured over that time, and not the kernel's own average */
	if (why && for_ns != 10 * SQ_S)
		assert_null(strstr(why, "of the last 10 s,"));
	free(why);
}

static void test_pressure_is_measured_over_the_time_asked_for(void **state)
{
	look_for(SQ_S, 5 * SQ_S);
	look_for(SQ_S, 63 * SQ_S);
	look_for(SQ_S, 120 * SQ_S);
	look_for(100 * SQ_MS, 300 * SQ_S);
}

static void test_pressure_without_a_time_is_the_kernels_average(void **state)
{
	const struct sq_stop_if stop_if = { .psi.most_ppb[SQ_PRESSURE_IO] = SQ_SHARE_ONE,
					    .every_ns = SQ_S };
	struct sq_health health = { 0 };
	char *why = sq_health_look(&stop_if, &health, -1, START_NS);

	if (!health.unknown)
		assert_null(why);
	free(why);
}

static void test_a_clock_that_is_set_is_seen(void **state)
{
	int64_t offset = 0;

	/* the first look only remembers */
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS, START_NS), 0);
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 5 * SQ_S, START_NS + 5 * SQ_S), 0);
	/* slewed, as NTP does it */
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 6 * SQ_S + 900 * SQ_MS,
					      START_NS + 6 * SQ_S),
			 0);
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 6 * SQ_S, START_NS + 6 * SQ_S), 0);
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 3606 * SQ_S, START_NS + 6 * SQ_S),
			 3600 * SQ_S);
	/* told once */
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 3607 * SQ_S, START_NS + 7 * SQ_S),
			 0);
	assert_int_equal(sq_health_clock_jump(&offset, WALL_NS + 7 * SQ_S, START_NS + 7 * SQ_S),
			 -3600 * (int64_t)SQ_S);
}

static void test_no_room_on_the_disk_is_seen(void **state)
{
	const struct sq_stop_if much = { .disk_free = (char *)"1E", .disk_free_bytes = UINT64_MAX },
				little = { .disk_free = (char *)"1", .disk_free_bytes = 1 };
	struct sq_health health = { 0 };
	_cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *why = sq_health_look(&much, &health, fd, START_NS);

	assert_non_null(why);
	assert_contains(why, "MiB are free where the journals are");
	health = (struct sq_health){ 0 };
	assert_null(sq_health_look(&little, &health, fd, START_NS));
}

UNIT(UNIT_TEST(test_pressure_is_measured_over_the_time_asked_for),
     UNIT_TEST(test_pressure_without_a_time_is_the_kernels_average),
     UNIT_TEST(test_a_clock_that_is_set_is_seen), UNIT_TEST(test_no_room_on_the_disk_is_seen))
