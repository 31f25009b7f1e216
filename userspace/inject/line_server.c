// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line server: reads the packets that the gate sends to the line's devices, holds each for as
 * long as the gate wrote, and sends it on. One loop; what it would have to wait for is a thread's
 * (line_maker.c). When the run is over it sends at once, in order, what it holds: packets are late,
 * never lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject/helper_lease.h"
#include "inject/hist.h"
#include "inject/line.h"
#include "inject/line_intake.h"
#include "inject/line_part.h"
#include "inject/line_places.h"
#include "inject/line_protocol.h"
#include "inject/line_queue.h"
#include "inject/wire_packet.h"
#include "util/privileges.h"
#include "util/process.h"
#include "util/time.h"

#define PLACE_FILES 12 /* descriptors that each may take */
#define BEAT_EACH 1024
#define TICK_NS (20 * SQ_MS)
/* From one round to the next in which packets come or go: for each in the last one, at least, at the most. */
#define REST_EACH_NS (10 * SQ_US)
#define REST_LEAST_NS (50 * SQ_US)
#define REST_MOST_NS (250 * SQ_US)
#define DRAIN_NS (50 * SQ_MS) /* silence after which nothing is on its way to the device */
/* How long a packet waits before a full device: while the run lasts, as others lose theirs there; and at its end. */
#define JAM_NS (100 * SQ_MS)
#define JAM_AT_END_NS (5 * SQ_S)

enum {
	POLL_SOCKET,
	POLL_ORPHANED,
	POLL_MAKER,
	POLL_RING,
	POLL_TAPS,
};

static struct {
	struct sq_helper helper;
	struct sq_lease lease;
	struct sq_hist *hist;
	uint32_t n_faults;
	struct sq_line_places places;
	struct sq_line_intake intake;
	struct sq_line_queue queue;
	struct sq_line_outbox outbox;
	struct sq_line_stats stats;
	struct pollfd fds[POLL_TAPS + SQ_LINE_PLACES];
	uint64_t woken_ns; /* when the last round began */
	size_t moved; /* how many packets came or went in it */
	bool open; /* the run is over: nothing is held */
	uint32_t stopped; /* the number of the request to end, or 0 */
} server;

/* What became of a packet that has left. */
static void count_gone(const struct sq_line_packet *packet, uint64_t now_ns, int result)
{
	if (result)
		server.stats.failed++;
	for (uint32_t fault = 0; fault < server.n_faults; fault++)
		if (packet->slot.faults >> fault & 1)
			sq_hist_add(&server.hist[fault], now_ns - packet->slot.seen_ns);
}

/* Sends an IP packet of @n bytes in the place of @packet. */
static void send_made(const struct sq_line_packet *packet, const unsigned char *ip, size_t n)
{
	struct sq_line_packet *made = sq_line_packet_new(n);

	made->slot = packet->slot;
	made->slot.faults = 0;
	made->netns = packet->netns;
	memcpy(made->frame, ip, n);
	sq_line_space_send_made(&server.places.space[packet->space], &server.outbox, made);
}

/*
 * Sends what takes the packet's place, one to each end or one to who waits for an answer. False: nothing can be
 * made of it, and nothing was sent.
 */
static bool send_instead(const struct sq_line_packet *packet)
{
	const struct sq_line_slot *slot = &packet->slot;
	unsigned char ip[SQ_CRAFTED];
	size_t n;

	if (slot->fate != SQ_FATE_RESET) {
		n = sq_craft_answer(packet->frame, packet->n, !slot->ingress, slot->answer, ip);
		if (n)
			send_made(packet, ip, n);
		return n;
	}
	for (int back = 0; back < 2; back++) {
		n = sq_craft_reset(packet->frame, packet->n, back, ip);
		if (n)
			send_made(packet, ip, n);
		else if (!back)
			return false;
	}
	return true;
}

/* What it takes to hold these, and those that wait before full devices. */
static size_t bytes_held(void)
{
	return server.queue.bytes + server.outbox.jams.bytes;
}

static void release(struct sq_line_packet *packet)
{
	if (packet->slot.fate != SQ_FATE_PASS && !server.open) {
		if (send_instead(packet)) {
			count_gone(packet, sq_now(), 0);
			free(packet);
			return;
		}
		server.stats.unmade++;
		server.stats.undone[packet->slot.fated % SQ_MAX_FAULTS]++;
	}
	if (!sq_line_jams_wait(&server.outbox.jams, packet))
		sq_line_space_send(&server.places.space[packet->space], &server.places.backs,
				   &server.outbox, packet);
}

/* Gives up what has waited before a full device since before @since_ns. */
static void give_up(uint64_t since_ns)
{
	struct sq_line_packet *packet;

	while ((packet = sq_line_jams_stale(&server.outbox.jams, since_ns))) {
		count_gone(packet, sq_now(), -ENOBUFS);
		free(packet);
	}
}

/* Another trial of what waits before full devices. */
static void retry(void)
{
	struct sq_line_jams *jams = &server.outbox.jams;
	const uint64_t now = sq_now();
	struct sq_line_packet *packet;

	if (sq_line_jams_due(jams) > now)
		return;
	if (!server.open)
		give_up(now - JAM_NS);
	for (; (packet = sq_line_jams_next(jams, now)); server.moved++) {
		sq_line_space_send(&server.places.space[packet->space], &server.places.backs,
				   &server.outbox, packet);
		if (server.moved % BEAT_EACH == 0)
			sq_helper_beat(&server.helper);
	}
	sq_line_outbox_flush(&server.outbox);
	sq_line_jams_tidy(jams);
}

static void release_due(void)
{
	retry();
	for (; server.queue.n && (server.open || sq_line_queue_due(&server.queue) <= sq_now());
	     server.moved++) {
		release(sq_line_queue_take(&server.queue));
		if (server.moved % BEAT_EACH == 0) /* there may be a million of them */
			sq_helper_beat(&server.helper);
	}
	sq_line_outbox_flush(&server.outbox);
}

/* Takes it into the queue. One for which there is no room goes on at once. */
static void hold(struct sq_line_packet *packet)
{
	if (bytes_held() + sq_line_packet_bytes(packet) <= SQ_LINE_BYTES) {
		sq_line_queue_add(&server.queue, packet);
		return;
	}
	server.stats.no_room++;
	for (uint32_t fault = 0; fault < SQ_MAX_FAULTS; fault++)
		server.stats.undone[fault] += packet->slot.faults >> fault & 1;
	packet->slot.faults = 0; /* nobody's delay is measured by it */
	release(packet);
}

/* Holds it, parted where not all of it is to fare alike. */
static void take_in(struct sq_line_packet *packet)
{
	const struct sq_line_slot *slot = &packet->slot;

	/* what is replaced is not parted before */
	if (!(slot->lost | slot->corrupted | slot->doubled | slot->late) || slot->fate ||
	    server.open)
		hold(packet);
	else
		sq_line_part(packet, packet->first_segment, hold);
}

/* A device that somebody has removed is made again, or what is sent to it would be lost for good. False: it cannot be. */
static bool remake_devices(void)
{
	if (!server.intake.gone)
		return true;
	server.intake.gone = false;
	return sq_line_places_remake(&server.places);
}

/* Answers those who wait for what is made now. False: what somebody has removed cannot be made again. */
static bool take_made(void)
{
	struct sq_line_reply reply;
	int r;

	while ((r = sq_line_places_take(&server.places, &reply, &server.stats.remade)) > 0)
		if (reply.number)
			sq_line_answer(SQ_LINE_FD_SOCKET, &reply);
	return !r;
}

/* When all is done. */
static void tell_stats(void)
{
	struct sq_line_reply reply = { .number = server.stopped, .stats = server.stats };

	reply.stats.reused = server.intake.reused;
	reply.stats.dropped = sq_line_places_dropped(&server.places);
	sq_line_answer(SQ_LINE_FD_SOCKET, &reply);
}

/* False: the controller wants the server to end, or is gone. */
static bool obey(void)
{
	struct sq_line_reply reply = { 0 };
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct sq_line_request request;
	int r = sq_line_take_request(SQ_LINE_FD_SOCKET, &request, &fd);

	if (r)
		return r == -EAGAIN || r == -EINTR;
	if (request.command == SQ_LINE_STOP) {
		server.stopped = request.number;
		return false;
	}
	reply.number = request.number;
	reply.result = request.command == SQ_LINE_DROP
			       ? sq_line_places_drop(&server.places, fd, request.number, &err)
			       : sq_line_places_add(&server.places, fd, request.number, &err);
	if (reply.result == -EINPROGRESS)
		return true;
	if (err)
		snprintf(reply.message, sizeof(reply.message), "%s", err->message);
	sq_line_answer(SQ_LINE_FD_SOCKET, &reply);
	return true;
}

/*
 * Where packets came or went a moment ago more will: to wait a little lets them gather, and neither who sends nor who
 * receives nor this process is woken for each. The more there were the longer, as network devices put off their
 * interrupts (adaptive coalescing, ethtool(8)): above some 50 000 packets a second it grows to the most.
 */
static void rest(void)
{
	uint64_t ns = MIN(MAX(server.moved * REST_EACH_NS, REST_LEAST_NS), REST_MOST_NS);
	uint64_t until = server.woken_ns + ns;
	struct timespec end = { .tv_sec = (time_t)(until / SQ_S), .tv_nsec = (long)(until % SQ_S) };

	if (server.moved && !server.open)
		clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &end, NULL);
	server.moved = 0;
}

/* Waits for packets, the next one due, a command, or the next look at the lease. */
static void wait_for_work(uint64_t most_ns)
{
	uint64_t due = MIN(sq_line_queue_due(&server.queue), sq_line_jams_due(&server.outbox.jams));
	uint64_t now = sq_now();
	uint64_t wait = MIN(due > now ? due - now : 0, most_ns);
	struct timespec timeout = { .tv_sec = (time_t)(wait / SQ_S),
				    .tv_nsec = (long)(wait % SQ_S) };

	sq_line_intake_wait(&server.intake, true);
	if (ppoll(server.fds, POLL_TAPS + server.places.n, &timeout, NULL) < 0)
		for (size_t i = 0; i < POLL_TAPS + server.places.n; i++)
			server.fds[i].revents = 0;
	sq_line_intake_wait(&server.intake, false);
	sq_line_intake_live(&server.intake, sq_now());
}

/* True if any came. */
static bool move_packets(void)
{
	size_t came;

	server.woken_ns = sq_now();
	came = sq_line_intake_read(&server.intake, server.places.space, &server.fds[POLL_TAPS],
				   server.places.n);
	release_due();
	server.moved = server.intake.more ? 0 : server.moved + came;
	return came;
}

/* When the run is over: lets all go, and what still comes. */
static void drain(void)
{
	const uint64_t begin = sq_now(), end = begin + SQ_LEASE_NS + DRAIN_NS;
	/* a controller that was killed may detach later than it lets us know: what comes goes on */
	uint64_t quiet = begin + DRAIN_NS +
			 (server.places.held && server.places.held->packets ? SQ_BRIEF_NS : 0);
	uint64_t now, held = 0;

	while ((now = sq_now()) < MIN(quiet, end) ||
	       (server.outbox.jams.n && now < begin + JAM_AT_END_NS)) {
		wait_for_work(TICK_NS);
		if (move_packets() || (server.places.held && server.places.held->packets != held))
			quiet = MAX(quiet, sq_now() + DRAIN_NS);
		held = server.places.held ? server.places.held->packets : 0;
		sq_helper_beat(&server.helper);
	}
	sq_line_intake_live(&server.intake, 0);
	move_packets();
	give_up(UINT64_MAX);
}

static void serve(void)
{
	for (;;) {
		enum sq_lease_state state = sq_lease_state(&server.lease);

		server.open = state == SQ_LEASE_LAPSED || state == SQ_LEASE_KILLED;
		rest();
		wait_for_work(TICK_NS);
		move_packets();
		sq_helper_beat(&server.helper);
		/* one that ends by itself ends the run */
		if (server.fds[POLL_ORPHANED].revents || !remake_devices() ||
		    (server.fds[POLL_MAKER].revents && !take_made()) ||
		    (server.fds[POLL_SOCKET].revents && !obey()))
			break;
	}
	server.open = true;
	server.fds[POLL_SOCKET].fd = server.fds[POLL_ORPHANED].fd = server.fds[POLL_MAKER].fd = -1;
	drain();
	tell_stats();
	sq_line_places_close(&server.places);
}

static int map_shared(uint32_t n_faults, struct sq_error **err)
{
	void *hist = mmap(NULL, n_faults * sizeof(*server.hist), PROT_READ | PROT_WRITE, MAP_SHARED,
			  SQ_LINE_FD_HIST, 0);

	if (hist == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map the delays made");
	server.hist = hist;
	server.n_faults = n_faults;
	server.intake.take = take_in;
	return sq_line_intake_open(&server.intake, SQ_LINE_FD_SLOTS, SQ_LINE_FD_SHARED,
				   SQ_LINE_FD_RING, err);
}

static int map_backs(struct sq_error **err)
{
	void *backs = mmap(NULL, SQ_LINE_BACKS * sizeof(*server.places.backs.entry),
			   PROT_READ | PROT_WRITE, MAP_SHARED, SQ_LINE_FD_BACKS, 0);

	if (backs == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map the ways back");
	server.places.backs.entry = backs;
	return 0;
}

/* While it may still make a network namespace. */
static int map_private(struct sq_error **err)
{
	void *held = mmap(NULL, sizeof(*server.places.held), PROT_READ, MAP_SHARED,
			  SQ_LINE_FD_HELD_TOTAL, 0);

	if (held == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map what the line in the kernel holds");
	server.places.held = held;
	return sq_line_private_make(&server.places.maker.private, err);
}

static int map_what_there_is(unsigned long with, struct sq_error **err)
{
	int r = 0;

	if (with & SQ_LINE_WITH_BACKS)
		r = map_backs(err);
	if (!r && (with & SQ_LINE_WITH_PRIVATE))
		r = map_private(err);
	close(SQ_LINE_FD_SLOTS);
	close(SQ_LINE_FD_HIST);
	close(SQ_LINE_FD_SHARED);
	close(SQ_LINE_FD_BACKS);
	close(SQ_LINE_FD_HELD_TOTAL);
	for (int fd = SQ_LINE_FD_RING; fd <= SQ_LINE_FD_RELEASE; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return r;
}

/* The thread has the rights that this one has at that time; its system calls will be these. */
static int start_maker(struct sq_error **err)
{
	struct sq_line_maker *maker = &server.places.maker;
	int r = sq_privileges_drop(SQ_ROLE_LINE_STARTING);

	if (r)
		return sq_error_errno(err, -r, "cannot give up the rights that are not needed");
	maker->lease = &server.lease;
	maker->backs = server.places.backs.entry != NULL;
	maker->pairs = server.places.held != NULL;
	r = sq_line_places_open(&server.places, &server.fds[POLL_TAPS], err);
	server.fds[POLL_MAKER] = (struct pollfd){ .fd = sq_line_maker_fd(maker), .events = POLLIN };
	return r;
}

int sq_line_main(int argc, char **argv)
{
	struct sq_error *err = NULL;
	int r;

	sq_process_want_files((size_t)(SQ_LINE_PLACES + 1) * PLACE_FILES);
	r = sq_helper_enter(&server.helper, SQ_HELPER_LINE, &err);
	if (!r)
		r = sq_lease_from_arguments(&server.lease, argc, argv, &err);
	if (!r)
		r = map_shared(argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0, &err);
	if (!r)
		r = map_what_there_is(argc > 5 ? strtoul(argv[5], NULL, 10) : 0, &err);
	if (!r)
		r = start_maker(&err);
	if (r)
		return sq_helper_fail(err);
	server.fds[POLL_SOCKET] = (struct pollfd){ .fd = SQ_LINE_FD_SOCKET, .events = POLLIN };
	server.fds[POLL_RING] = (struct pollfd){ .fd = SQ_LINE_FD_RING, .events = POLLIN };
	server.outbox.gone = count_gone;
	server.fds[POLL_ORPHANED] =
		(struct pollfd){ .fd = server.helper.orphaned_fd, .events = POLLIN };
	if (sq_helper_ready(&server.helper, 0, 0, &err))
		return sq_helper_fail(err);
	serve();
	sq_helper_end(&server.helper);
	return 0;
}
