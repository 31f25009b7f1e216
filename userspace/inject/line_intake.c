// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_intake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inject/line_part.h"
#include "util/mem.h"

#define LARGEST_FRAME (65536 + 64)
#define READ_BATCH 64
#define COPIED_FRAME 4096 /* a larger one keeps the room that it was read to */

/* Does the frame come from the gate? Then its number. */
static bool find_number(const unsigned char *frame, uint32_t *ret)
{
	uint16_t magic;

	memcpy(ret, frame, sizeof(*ret));
	memcpy(&magic, frame + sizeof(*ret), sizeof(magic));
	*ret = ntohl(*ret);
	return ntohs(magic) == SQ_LINE_MAGIC;
}

/*
 * What the gate wrote for this packet. False: the slot is a later one's by now. The gate writes the
 * number first, so that one that changes meanwhile is seen behind the copy.
 */
static bool read_slot(const struct sq_line_intake *intake, uint32_t number,
		      struct sq_line_slot *ret)
{
	const volatile struct sq_line_slot *slot = &intake->slots[number % SQ_LINE_SLOTS];

	memcpy(ret, (const void *)slot, sizeof(*ret));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (uint32_t)slot->number == number;
}

/*
 * Which of the wire packets that the gate drew for a frame begins with. A super packet that the line
 * cannot take as it is (UDP's) comes cut by the kernel, each part with the number of the whole.
 */
static size_t next_segment(uint32_t number, size_t n)
{
	static uint32_t last;
	static size_t next;

	if (number != last)
		next = 0;
	last = number;
	next += n;
	return next - n;
}

/* Its frame and the header before it are as they were read; frees it where it is not the gate's. */
static void look_at(struct sq_line_intake *intake, struct sq_line_packet *packet)
{
	uint32_t number;

	if (!find_number(packet->frame, &number)) { /* somebody else uses the device */
		free(packet);
		return;
	}
	if (!read_slot(intake, number, &packet->slot)) {
		intake->reused++; /* where it was bound for is lost: so is the packet */
		free(packet);
		return;
	}
	intake->last = packet->slot.number;
	packet->first_segment = next_segment(number, sq_line_segments(packet));
	/* the whole's delay is measured once, with the first part of which anything is left */
	if (~packet->slot.lost & ((1ull << MIN(packet->first_segment, SQ_LINE_SEGMENTS - 1)) - 1))
		packet->slot.faults = 0;
	packet->order = intake->order++;
	*(struct sq_line_packet **)sq_append(&intake->waiting, &intake->n_waiting,
					     sizeof(*intake->waiting)) = packet;
}

/*
 * The next packet of a device, or NULL. It is read to where it stays: of a super packet a copy costs more
 * than all else that the line does with it.
 */
static struct sq_line_packet *read_packet(const struct sq_line_space *spaces, size_t space)
{
	static struct sq_line_packet *room;
	struct sq_line_packet *packet;
	ssize_t n;

	if (!room)
		room = sq_line_packet_new(LARGEST_FRAME);
	n = read(spaces[space].tap_fd, (char *)room + offsetof(struct sq_line_packet, header),
		 sizeof(room->header) + LARGEST_FRAME);
	if (n < (ssize_t)sizeof(room->header) + ETH_HLEN)
		return NULL;
	room->n = (size_t)n - sizeof(room->header);
	room->space = space;
	room->netns = spaces[space].cookie;
	if (room->n <= COPIED_FRAME) {
		packet = sq_line_packet_new(room->n);
		memcpy(packet, room, sizeof(*room) + room->n);
		return packet;
	}
	packet = TAKE_PTR(room);
	return sq_realloc(packet, sizeof(*packet) + packet->n);
}

/* Reads up to a batch, and returns how many there were. */
static size_t read_device(struct sq_line_intake *intake, const struct sq_line_space *spaces,
			  size_t space)
{
	struct sq_line_packet *packet;
	size_t n = 0;

	for (; n < READ_BATCH && (packet = read_packet(spaces, space)); n++)
		look_at(intake, packet);
	return n;
}

/* The namespace with this cookie, or @n: there is none. */
static size_t find_space(const struct sq_line_space *spaces, size_t n, uint64_t cookie)
{
	size_t i = 0;

	while (i < n && spaces[i].cookie != cookie)
		i++;
	return i;
}

static void take_record(struct sq_line_intake *intake, const struct sq_line_record *record,
			const struct sq_line_space *spaces, size_t n)
{
	const size_t space = find_space(spaces, n, record->netns);
	struct sq_line_packet *packet;

	if (space == n || record->n < ETH_HLEN || record->n > SQ_RING_LARGE) {
		intake->reused++;
		return;
	}
	packet = sq_line_packet_new(record->n);
	packet->slot = record->slot;
	packet->space = space;
	packet->netns = record->netns;
	packet->header = (struct virtio_net_hdr){ .flags = record->flags,
						  .csum_start = record->csum_start,
						  .csum_offset = record->csum_offset };
	memcpy(packet->frame, record->frame, record->n);
	memcpy(packet->slot.dst_mac, record->frame, sizeof(packet->slot.dst_mac));
	intake->take(packet);
}

/* By number; the parts of one that the kernel has cut have the same. */
static int by_number(const void *a, const void *b)
{
	const struct sq_line_packet *x = *(struct sq_line_packet *const *)a;
	const struct sq_line_packet *y = *(struct sq_line_packet *const *)b;

	if (x->slot.number != y->slot.number)
		return x->slot.number < y->slot.number ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Hands over what is numbered before @limit, of both ways in one order; the rest waits for the next time. */
static size_t merge(struct sq_line_intake *intake, const struct sq_line_space *spaces, size_t n,
		    uint64_t limit)
{
	size_t i = 0, came = 0;

	if (intake->n_waiting)
		qsort(intake->waiting, intake->n_waiting, sizeof(*intake->waiting), by_number);
	for (;; came++) {
		struct sq_line_packet *waiting = i < intake->n_waiting ? intake->waiting[i] : NULL;
		uint64_t first = waiting ? MIN(waiting->slot.number, limit) : limit;
		const struct sq_line_record *record = sq_line_ring_next(&intake->ring, first);

		if (record) {
			take_record(intake, record, spaces, n);
			sq_line_ring_done(&intake->ring);
		} else if (waiting && waiting->slot.number < limit) {
			intake->take(waiting);
			i++;
		} else {
			break;
		}
	}
	intake->n_waiting -= i;
	if (i && intake->n_waiting)
		memmove(intake->waiting, intake->waiting + i,
			intake->n_waiting * sizeof(*intake->waiting));
	return came;
}

/*
 * What comes by the one way while the other is read may be behind what is still to come by that: so only what was
 * numbered before both were read is handed over, and where a device was not read to its end, only what comes before
 * the last that was.
 */
size_t sq_line_intake_read(struct sq_line_intake *intake, const struct sq_line_space *spaces,
			   struct pollfd *devices, size_t n)
{
	uint64_t limit = __atomic_load_n(&intake->shared->next, __ATOMIC_ACQUIRE);

	intake->more = false;
	/* again, for what came since; of one device the reading tells */
	if (n > 1 && poll(devices, n, 0) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		bool look = n == 1 ? devices[i].fd >= 0 : devices[i].revents & POLLIN;

		if (look && read_device(intake, spaces, i) == READ_BATCH) {
			limit = MIN(limit, intake->last);
			intake->more = true;
		}
		if (devices[i].revents & ~POLLIN) {
			devices[i].fd = -1;
			intake->gone = true;
		}
	}
	return merge(intake, spaces, n, limit);
}

void sq_line_intake_wait(struct sq_line_intake *intake, bool waits)
{
	__atomic_store_n(&intake->shared->waits, waits, __ATOMIC_SEQ_CST);
}

void sq_line_intake_live(struct sq_line_intake *intake, uint64_t now_ns)
{
	__atomic_store_n(&intake->shared->alive_ns, now_ns, __ATOMIC_RELEASE);
}

int sq_line_intake_open(struct sq_line_intake *intake, int slots_fd, int shared_fd, int ring_fd,
			struct sq_error **err)
{
	void *slots = mmap(NULL, SQ_LINE_SLOTS * sizeof(*intake->slots), PROT_READ, MAP_SHARED,
			   slots_fd, 0);
	void *shared = mmap(NULL, sizeof(*intake->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    shared_fd, 0);
	int r = slots == MAP_FAILED || shared == MAP_FAILED
			? -errno
			: sq_line_ring_open(&intake->ring, ring_fd);

	if (r)
		return sq_error_errno(err, -r, "cannot map what the gate writes");
	intake->slots = slots;
	intake->shared = shared;
	return 0;
}
