// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_space.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject/line_part.h"
#include "inject/wire_packet.h"
#include "util/device.h"
#include "util/fs.h"
#include "util/tc.h"
#include "util/time.h"

#define TAP_MTU 65521 /* the most a TAP takes: 65535 with the Ethernet header */
#define TAP_QUEUE 16384 /* packets between the kernel and us; half of SQ_LINE_SLOTS */
#define MOST_DEVICES (4u << 20) /* bytes of /proc/net/dev */

/* Sets or gets one attribute of a device by ioctl on any socket. */
static int ask(int fd, unsigned long request, struct ifreq *ifr, const char *name)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	return ioctl(fd, request, ifr) < 0 ? -errno : 0;
}

static int raise_device(int fd, const char *name, struct sq_error **err)
{
	struct ifreq mtu = { .ifr_mtu = TAP_MTU }, queue = { .ifr_qlen = TAP_QUEUE };
	int r = ask(fd, SIOCSIFMTU, &mtu, name);

	if (!r)
		r = ask(fd, SIOCSIFTXQLEN, &queue, name);
	if (!r)
		r = sq_device_raise(name);
	return r ? sq_error_errno(err, -r, "cannot raise the delay line's device '%s'", name) : 0;
}

static int open_tap(uint32_t ifindex, const char *name, struct sq_error **err)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (fd < 0) {
		sq_error_set(err, SQ_FAIL_UNSUPPORTED, errno, "/dev/net/tun cannot be opened: %s",
			     strerror(errno));
		return sq_error_hint(err, "load the module: modprobe tun");
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFINDEX, &ifindex) < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
		return sq_error_errno(err, errno, "cannot make the delay line's device '%s'", name);
	return TAKE_FD(fd);
}

int sq_line_space_make_device(struct sq_line_space *space, uint32_t ifindex, struct sq_error **err)
{
	space->back_fd = sq_close(space->back_fd);
	space->tap_fd = sq_close(space->tap_fd);
	space->tap_fd = open_tap(ifindex, space->name, err);
	return space->tap_fd < 0 ? -EIO : raise_device(space->ip.v4_fd, space->name, err);
}

int sq_line_space_netns(const struct sq_line_space *space)
{
	return ioctl(space->ip.v4_fd, SIOCGSKNS);
}

int sq_line_space_open(struct sq_line_space *space, uint32_t ifindex, const char *name,
		       struct sq_error **err)
{
	socklen_t cookie_n = sizeof(space->cookie);
	int r;

	*space = (struct sq_line_space){ -EBADF, -EBADF, -EBADF, -EBADF };
	snprintf(space->name, sizeof(space->name), "%s", name);
	r = sq_line_ip_open(&space->ip, err);
	if (!r) {
		space->packet_fd = sq_line_sender_open(AF_PACKET, 0, err);
		r = space->packet_fd < 0 ? -EIO : sq_line_space_make_device(space, ifindex, err);
	}
	if (r) {
		sq_line_space_close(space);
		return r;
	}
	space->devices_fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	/* a kernel without it (5.14) has no ring either */
	getsockopt(space->ip.v4_fd, SOL_SOCKET, SO_NETNS_COOKIE, &space->cookie, &cookie_n);
	return 0;
}

int sq_line_space_attach_back(struct sq_line_space *space, uint32_t ifindex, int program_fd,
			      struct sq_error **err)
{
	return sq_tc_attach_either(ifindex, true, program_fd, &space->back_fd, err);
}

void sq_line_space_close(struct sq_line_space *space)
{
	space->back_fd = sq_close(space->back_fd);
	space->tap_fd = sq_close(space->tap_fd);
	space->packet_fd = sq_close(space->packet_fd);
	sq_line_ip_close(&space->ip);
	space->devices_fd = sq_close(space->devices_fd);
}

uint64_t sq_line_space_dropped(const struct sq_line_space *space)
{
	_cleanup_free_ char *text = NULL, *start = sq_asprintf("%s:", space->name);
	char path[32];
	const char *line;
	unsigned long long dropped;

	/* opened anew, which stays in the namespace: the descriptor's own position is of no use */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", space->devices_fd);
	if (space->devices_fd < 0 || sq_read_file(AT_FDCWD, path, MOST_DEVICES, &text) < 0)
		return 0;
	line = strstr(text, start);
	/* eight numbers of what was received, then bytes, packets, errors and drops */
	if (!line || sscanf(line + strlen(start),
			    "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &dropped) != 1)
		return 0;
	return dropped;
}

/* It has left, or cannot. */
static void let_go(struct sq_line_outbox *outbox, struct sq_line_packet *packet, int result)
{
	outbox->gone(packet, sq_now(), result);
	free(packet);
}

void sq_line_space_send_made(struct sq_line_space *space, struct sq_line_outbox *outbox,
			     struct sq_line_packet *packet)
{
	int r = packet->netns == space->cookie
			? sq_line_ip_post(&space->ip, outbox, packet, 0, true)
			: -ESTALE;

	if (r)
		let_go(outbox, packet, r);
}

/* By the line's own device, whose program sends it in by the one it came by. */
static int send_in(const struct sq_line_space *space, struct sq_line_backs *backs,
		   struct sq_line_packet *packet)
{
	const struct sq_line_slot *slot = &packet->slot;
	uint32_t number = backs->next++;
	struct sq_line_back *back = &backs->entry[number % SQ_LINE_BACKS];
	const uint32_t wire_number = htonl(number);
	const uint16_t magic = htons(SQ_LINE_MAGIC);

	back->ifindex = slot->ifindex;
	back->mark = slot->mark;
	memcpy(back->dst_mac, slot->dst_mac, sizeof(back->dst_mac));
	memcpy(packet->frame, &wire_number, sizeof(wire_number));
	memcpy(packet->frame + sizeof(wire_number), &magic, sizeof(magic));
	return write(space->tap_fd, &packet->header, sizeof(packet->header) + packet->n) < 0
		       ? -errno
		       : 0;
}

static void post_to_device(const struct sq_line_space *space, struct sq_line_outbox *outbox,
			   struct sq_line_packet *packet)
{
	const struct sq_line_slot *slot = &packet->slot;
	struct sq_line_letter *letter;

	sq_line_outbox_make_room(outbox, space->packet_fd, slot->priority);
	if (sq_line_jams_full(&outbox->jams, packet)) {
		sq_line_jams_add(&outbox->jams, packet, sq_now());
		return;
	}
	letter = sq_line_outbox_letter(outbox, space->packet_fd, slot->priority);
	letter->address.link = (struct sockaddr_ll){ .sll_family = AF_PACKET,
						     .sll_halen = ETH_ALEN,
						     .sll_ifindex = (int)slot->ifindex };
	letter->address_n = sizeof(letter->address.link);
	memcpy(&letter->address.link.sll_protocol, packet->frame + 2 * (size_t)ETH_ALEN,
	       sizeof(letter->address.link.sll_protocol));
	letter->header = packet->header;
	letter->parts[0] = (struct iovec){ &letter->header, sizeof(letter->header) };
	letter->parts[1] = (struct iovec){ packet->frame, packet->n };
	letter->n_parts = 2;
	letter->mark = slot->mark;
	letter->packet = packet;
	if (!slot->l3) {
		memcpy(packet->frame, slot->dst_mac, ETH_ALEN);
		return;
	}
	letter->parts[1] = (struct iovec){ packet->frame + ETH_HLEN, packet->n - ETH_HLEN };
	letter->header.hdr_len -= MIN(letter->header.hdr_len, ETH_HLEN);
	if (letter->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		letter->header.csum_start -= ETH_HLEN;
}

/* Its own header and the one before it say the same. */
static bool is_ip(const struct sq_line_packet *packet)
{
	const unsigned int version = packet->frame[ETH_HLEN] >> 4;
	uint16_t type;

	memcpy(&type, packet->frame + 2 * (size_t)ETH_ALEN, sizeof(type));
	return (ntohs(type) == ETH_P_IP && version == 4) ||
	       (ntohs(type) == ETH_P_IPV6 && version == 6);
}

/* The IP stack finds the way to lo again. */
static void post_to_lo(struct sq_line_space *space, struct sq_line_outbox *outbox,
		       struct sq_line_packet *packet)
{
	int r = -EINVAL;

	if (is_ip(packet)) {
		sq_finish_checksum(&packet->header, packet->frame, packet->n);
		r = sq_line_ip_post(&space->ip, outbox, packet, ETH_HLEN, packet->slot.ingress);
	}
	if (r)
		let_go(outbox, packet, r);
}

/* A raw socket takes no super packet that is longer than the device's MTU: its wire packets go one by one then. */
static void send_to_lo(struct sq_line_space *space, struct sq_line_outbox *outbox,
		       struct sq_line_packet *packet)
{
	size_t all = sq_line_segments(packet);
	struct ifreq mtu = { 0 };

	if (all == 1 || ask(space->ip.v4_fd, SIOCGIFMTU, &mtu, "lo") ||
	    packet->n - ETH_HLEN <= (size_t)mtu.ifr_mtu) {
		post_to_lo(space, outbox, packet);
		return;
	}
	for (size_t i = 0; i < all; i++) {
		struct sq_line_packet *part = sq_line_cut(packet, i, 1);

		if (i) /* the delay of a packet is one */
			part->slot.faults = 0;
		post_to_lo(space, outbox, part);
	}
	free(packet);
}

void sq_line_space_send(struct sq_line_space *space, struct sq_line_backs *backs,
			struct sq_line_outbox *outbox, struct sq_line_packet *packet)
{
	const struct sq_line_slot *slot = &packet->slot;
	int r = -EINVAL;

	if (packet->netns != space->cookie || packet->n < ETH_HLEN + sizeof(uint32_t) * 5) {
		let_go(outbox, packet, r);
	} else if (slot->ifindex == SQ_LO) {
		send_to_lo(space, outbox, packet);
	} else if (!slot->ingress) {
		post_to_device(space, outbox, packet);
	} else {
		let_go(outbox, packet, backs->entry ? send_in(space, backs, packet) : r);
	}
}
