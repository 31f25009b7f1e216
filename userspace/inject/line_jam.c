// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_jam.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/time.h"

#define AGAIN_NS (SQ_MS / 2)

/* The jam before the device that the packet is to leave by, or NULL. */
static struct sq_line_jam *jam_of(const struct sq_line_jams *jams,
				  const struct sq_line_packet *packet)
{
	for (size_t i = 0; i < jams->n && !packet->slot.ingress; i++) {
		struct sq_line_jam *jam = &jams->item[i];

		if (jam->space == packet->space && jam->ifindex == packet->slot.ifindex)
			return jam;
	}
	return NULL;
}

static void append(struct sq_line_jams *jams, struct sq_line_jam *jam,
		   struct sq_line_packet *packet, uint64_t now_ns)
{
	packet->due_ns = now_ns; /* it was due before: from now on, since when it waits */
	*(struct sq_line_packet **)sq_append(&jam->item, &jam->n, sizeof(*jam->item)) = packet;
	jams->bytes += sq_line_packet_bytes(packet);
}

bool sq_line_jams_wait(struct sq_line_jams *jams, struct sq_line_packet *packet)
{
	struct sq_line_jam *jam = jam_of(jams, packet);

	if (jam)
		append(jams, jam, packet, sq_now());
	return jam;
}

void sq_line_jams_add(struct sq_line_jams *jams, struct sq_line_packet *packet, uint64_t now_ns)
{
	struct sq_line_jam *jam = jam_of(jams, packet);

	if (!jam) {
		jam = sq_append(&jams->item, &jams->n, sizeof(*jams->item));
		jam->space = packet->space;
		jam->ifindex = packet->slot.ifindex;
	}
	if (!jam->full) {
		jam->full = true;
		jam->again_ns = now_ns + AGAIN_NS;
	}
	/* of those that were tried all behind the first that was not taken come back */
	if (jam->first) {
		jam->first--;
		jams->bytes += sq_line_packet_bytes(packet);
	} else {
		append(jams, jam, packet, now_ns);
	}
}

bool sq_line_jams_full(const struct sq_line_jams *jams, const struct sq_line_packet *packet)
{
	const struct sq_line_jam *jam = jam_of(jams, packet);

	return jam && jam->full;
}

uint64_t sq_line_jams_due(const struct sq_line_jams *jams)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < jams->n; i++)
		due = MIN(due, jams->item[i].again_ns);
	return due;
}

static struct sq_line_packet *take_first(struct sq_line_jams *jams, struct sq_line_jam *jam)
{
	struct sq_line_packet *packet = jam->item[jam->first++];

	jams->bytes -= sq_line_packet_bytes(packet);
	return packet;
}

struct sq_line_packet *sq_line_jams_next(struct sq_line_jams *jams, uint64_t now_ns)
{
	for (size_t i = 0; i < jams->n; i++) {
		struct sq_line_jam *jam = &jams->item[i];

		if (jam->again_ns > now_ns || jam->first == jam->n)
			continue;
		jam->full = false;
		return take_first(jams, jam);
	}
	return NULL;
}

struct sq_line_packet *sq_line_jams_stale(struct sq_line_jams *jams, uint64_t since_ns)
{
	for (size_t i = 0; i < jams->n; i++) {
		struct sq_line_jam *jam = &jams->item[i];

		if (jam->first < jam->n && jam->item[jam->first]->due_ns < since_ns)
			return take_first(jams, jam);
	}
	return NULL;
}

void sq_line_jams_tidy(struct sq_line_jams *jams)
{
	for (size_t i = jams->n; i-- > 0;) {
		struct sq_line_jam *jam = &jams->item[i];

		size_t left = jam->n - jam->first;

		if (!left) {
			free(jam->item);
			*jam = jams->item[--jams->n];
		} else if (jam->first >= left) { /* not each time: there may be a million */
			memmove(jam->item, jam->item + jam->first, left * sizeof(*jam->item));
			jam->first = 0;
			jam->n = left;
		}
	}
}
