// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard/lease.h"
#include "unit.h"
#include "util/time.h"

#define SHORT_NS (50 * SQ_MS)

static struct sq_switch entries[SQ_SWITCH_SLOTS];
static void *page;
static uint64_t resume_ns;

static struct sq_lease make_lease(uint64_t valid_ns)
{
	struct sq_lease lease = { .control_fd = -EBADF, .entry = entries, .slot = 1 };

	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	lease.control = page;
	sq_lease_begin(&lease, 60 * SQ_S);
	lease.control->valid_until_ns = sq_now() + valid_ns;
	return lease;
}

/* The first write to the page is held up until @resume_ns. */
static void on_write(int number)
{
	while (sq_now() < resume_ns)
		usleep(1000);
	mprotect(page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
}

static void hold_up_write(uint64_t until_ns)
{
	resume_ns = until_ns;
	signal(SIGSEGV, on_write);
	mprotect(page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ);
}

static void test_renew_alive_extends(void **state)
{
	struct sq_lease lease = make_lease(SQ_S);
	uint64_t before = lease.control->valid_until_ns;

	usleep(2000);
	assert_true(sq_lease_renew(&lease));
	assert_true(lease.control->valid_until_ns > before);
	assert_int_equal(sq_lease_state(&lease), SQ_LEASE_ALIVE);
	sq_lease_close(&lease);
}

static void test_renew_lapsed_does_not_revive(void **state)
{
	struct sq_lease lease = make_lease(0);

	assert_false(sq_lease_renew(&lease));
	assert_int_equal(sq_lease_state(&lease), SQ_LEASE_LAPSED);
	sq_lease_close(&lease);
}

static void test_renew_held_up_past_the_end_does_not_revive(void **state)
{
	struct sq_lease lease = make_lease(SHORT_NS);

	hold_up_write(lease.control->valid_until_ns + SQ_MS);
	assert_false(sq_lease_renew(&lease));
	assert_int_equal(sq_lease_state(&lease), SQ_LEASE_LAPSED);
	assert_false(sq_lease_renew(&lease));
	sq_lease_close(&lease);
}

static void test_renew_held_up_within_it_extends(void **state)
{
	struct sq_lease lease = make_lease(SQ_S);

	hold_up_write(sq_now() + SHORT_NS);
	assert_true(sq_lease_renew(&lease));
	assert_int_equal(sq_lease_state(&lease), SQ_LEASE_ALIVE);
	sq_lease_close(&lease);
}

static void test_renew_ended_does_not_revive(void **state)
{
	struct sq_lease lease = make_lease(SQ_S);

	sq_lease_end(&lease);
	assert_false(sq_lease_renew(&lease));
	assert_int_equal(sq_lease_state(&lease), SQ_LEASE_LAPSED);
	sq_lease_close(&lease);
}

UNIT(UNIT_TEST(test_renew_alive_extends), UNIT_TEST(test_renew_lapsed_does_not_revive),
     UNIT_TEST(test_renew_held_up_past_the_end_does_not_revive),
     UNIT_TEST(test_renew_held_up_within_it_extends), UNIT_TEST(test_renew_ended_does_not_revive))
