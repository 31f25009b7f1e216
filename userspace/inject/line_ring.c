// SPDX-License-Identifier: GPL-2.0-only
/*
 * As the kernel's Documentation/bpf/ringbuf.rst and libbpf's src/ringbuf.c have it. Not by libbpf's functions, since
 * those take a record from the ring whether it can be used now or not.
 */
#include "inject/line_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEADER (BPF_RINGBUF_HDR_SZ)

int sq_line_ring_open(struct sq_line_ring *ring, int map_fd)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	void *produced;

	if (consumed == MAP_FAILED)
		return -errno;
	produced = mmap(NULL, page + 2 * (size_t)SQ_RING_BYTES, PROT_READ, MAP_SHARED, map_fd,
			(off_t)page);
	if (produced == MAP_FAILED) {
		int r = -errno;

		munmap(consumed, page);
		return r;
	}
	ring->consumed = consumed;
	ring->produced = produced;
	ring->data = (const char *)produced + page;
	return 0;
}

/* Where the next record's header is, and its length with the kernel's bits; false: it is not written yet. */
static bool find(const struct sq_line_ring *ring, const char **ret, uint32_t *ret_n)
{
	const char *header = ring->data + (*ring->consumed & (SQ_RING_BYTES - 1));

	if (*ring->consumed >= __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE))
		return false;
	*ret_n = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
	*ret = header;
	return !(*ret_n & BPF_RINGBUF_BUSY_BIT);
}

const struct sq_line_record *sq_line_ring_next(struct sq_line_ring *ring, uint64_t limit)
{
	const char *header;
	uint32_t n;

	for (; find(ring, &header, &n); sq_line_ring_done(ring)) {
		const struct sq_line_record *record = (const void *)(header + HEADER);

		ring->size = ((n & ~BPF_RINGBUF_DISCARD_BIT) + HEADER + 7ul) / 8 * 8;
		if (n & BPF_RINGBUF_DISCARD_BIT)
			continue;
		return record->slot.number < limit ? record : NULL;
	}
	return NULL;
}

void sq_line_ring_done(struct sq_line_ring *ring)
{
	__atomic_store_n(ring->consumed, *ring->consumed + ring->size, __ATOMIC_RELEASE);
}
