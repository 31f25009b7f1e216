// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inject/line_ring.h"
#include "tests/unit/unit.h"

#define BUSY BPF_RINGBUF_BUSY_BIT
#define DISCARDED BPF_RINGBUF_DISCARD_BIT
#define RECORD (sizeof(struct sq_line_record) + SQ_RING_SMALL)
#define STEP (BPF_RINGBUF_HDR_SZ + RECORD) /* a multiple of 8 */

/* What the kernel writes. */
static unsigned long consumed, produced;
static char *data;

/* The data twice, one behind the other, as the kernel maps it. */
static void map(void)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SQ_RING_BYTES), 0);
	data = mmap(NULL, 2 * (size_t)SQ_RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	for (size_t i = 0; i < 2; i++)
		assert_ptr_equal(mmap(data + i * SQ_RING_BYTES, SQ_RING_BYTES,
				      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
				 data + i * SQ_RING_BYTES);
	close(fd);
}

static struct sq_line_ring make(unsigned long position)
{
	if (!data)
		map();
	consumed = produced = position;
	return (struct sq_line_ring){ .consumed = &consumed, .produced = &produced, .data = data };
}

/* Writes a record; returns its header, whose bits the kernel changes later. */
static uint32_t *put(uint64_t number, uint32_t bits)
{
	uint32_t *header = (void *)(data + (produced & (SQ_RING_BYTES - 1)));
	struct sq_line_record *record = (void *)((char *)header + BPF_RINGBUF_HDR_SZ);

	memset(record, 0, sizeof(*record));
	record->slot.number = number;
	*header = (uint32_t)RECORD | bits;
	produced += STEP;
	return header;
}

static void take(struct sq_line_ring *ring, uint64_t number)
{
	const struct sq_line_record *record = sq_line_ring_next(ring, UINT64_MAX);

	assert_non_null(record);
	assert_int_equal(record->slot.number, number);
	sq_line_ring_done(ring);
}

static void test_records_come_in_their_order(void **state)
{
	struct sq_line_ring ring = make(0);

	assert_null(sq_line_ring_next(&ring, UINT64_MAX));
	for (uint64_t i = 0; i < 5; i++)
		put(i, 0);
	for (uint64_t i = 0; i < 5; i++)
		take(&ring, i);
	assert_null(sq_line_ring_next(&ring, UINT64_MAX));
	assert_int_equal(consumed, 5 * STEP);
}

static void test_a_record_stays_until_it_is_done(void **state)
{
	struct sq_line_ring ring = make(0);

	put(1, 0);
	assert_non_null(sq_line_ring_next(&ring, UINT64_MAX));
	assert_int_equal(consumed, 0);
	take(&ring, 1);
}

static void test_what_is_numbered_behind_the_limit_waits(void **state)
{
	struct sq_line_ring ring = make(0);

	put(7, 0);
	put(8, 0);
	assert_null(sq_line_ring_next(&ring, 7));
	assert_non_null(sq_line_ring_next(&ring, 8));
	sq_line_ring_done(&ring);
	assert_null(sq_line_ring_next(&ring, 8));
	take(&ring, 8);
}

static void test_what_is_not_written_yet_stops_it(void **state)
{
	struct sq_line_ring ring = make(0);
	uint32_t *first = put(1, BUSY);

	put(2, 0);
	assert_null(sq_line_ring_next(&ring, UINT64_MAX));
	sq_line_ring_done(&ring);
	assert_int_equal(consumed, 0);
	*first &= ~BUSY;
	take(&ring, 1);
	take(&ring, 2);
}

static void test_what_was_given_up_is_left_out(void **state)
{
	struct sq_line_ring ring = make(0);

	put(1, DISCARDED);
	put(2, 0);
	put(3, DISCARDED);
	take(&ring, 2);
	assert_null(sq_line_ring_next(&ring, UINT64_MAX));
	assert_int_equal(consumed, 3 * STEP);
}

/* A record that begins before the end of the memory and ends behind its begin. */
static void test_it_goes_round(void **state)
{
	struct sq_line_ring ring = make(5ul * SQ_RING_BYTES - STEP / 2 / 8 * 8);

	for (uint64_t i = 0; i < 3 * SQ_RING_BYTES / STEP; i++) {
		put(i, 0);
		take(&ring, i);
	}
	assert_true(consumed > 7ul * SQ_RING_BYTES);
}

UNIT(UNIT_TEST(test_records_come_in_their_order), UNIT_TEST(test_a_record_stays_until_it_is_done),
     UNIT_TEST(test_what_is_numbered_behind_the_limit_waits),
     UNIT_TEST(test_what_is_not_written_yet_stops_it),
     UNIT_TEST(test_what_was_given_up_is_left_out), UNIT_TEST(test_it_goes_round))
