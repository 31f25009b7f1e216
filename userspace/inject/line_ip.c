// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_ip.h"

#include <errno.h>
#include <string.h>

#include "inject/wire_packet.h"

#define SEND_BUFFER (64 << 20)
/*
 * Of what is on its way to devices, less than the queues of most hold: some drop what is too much and do not say so
 * (fq_codel, which takes 10 240 packets).
 */
#define SEND_BUFFER_TO_DEVICES (4 << 20)
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24

int sq_line_sender_open(int domain, int protocol, struct sq_error **err)
{
	_cleanup_close_ int fd = socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int size = domain == AF_PACKET ? SEND_BUFFER_TO_DEVICES : SEND_BUFFER, one = 1;

	if (fd < 0)
		return sq_error_errno(err, errno, "cannot open a %s socket",
				      domain == AF_PACKET ? "packet" : "raw");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (domain == AF_INET)
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	if (domain == AF_PACKET &&
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		return sq_error_errno(err, errno, "cannot set up a packet socket");
	return TAKE_FD(fd);
}

/* The egress program knows by the priority that these packets have come in before. */
static int open_marked(int domain, struct sq_error **err)
{
	_cleanup_close_ int fd = sq_line_sender_open(domain, IPPROTO_RAW, err);
	unsigned int priority = SQ_BACK_PRIORITY;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)) < 0)
		return sq_error_errno(err, errno, "cannot set up a raw socket");
	return TAKE_FD(fd);
}

/* 0, too, where the host has no IPv6. */
static int open_ipv6(struct sq_line_ip *ip, struct sq_error **err)
{
	ip->v6_fd = sq_line_sender_open(AF_INET6, IPPROTO_RAW, NULL);
	if (ip->v6_fd == -EAFNOSUPPORT)
		return 0;
	if (ip->v6_fd < 0)
		return sq_error_errno(err, -ip->v6_fd, "cannot open a raw socket");
	ip->v6_in_fd = open_marked(AF_INET6, err);
	return MIN(ip->v6_in_fd, 0);
}

int sq_line_ip_open(struct sq_line_ip *ip, struct sq_error **err)
{
	*ip = (struct sq_line_ip){ -EBADF, -EBADF, -EBADF, -EBADF, .homes.fd = -EBADF };
	ip->v4_fd = sq_line_sender_open(AF_INET, IPPROTO_RAW, err);
	if (ip->v4_fd < 0)
		return ip->v4_fd;
	ip->v4_in_fd = open_marked(AF_INET, err);
	if (ip->v4_in_fd < 0)
		return ip->v4_in_fd;
	sq_line_homes_open(&ip->homes);
	return open_ipv6(ip, err);
}

void sq_line_ip_close(struct sq_line_ip *ip)
{
	ip->v4_fd = sq_close(ip->v4_fd);
	ip->v6_fd = sq_close(ip->v6_fd);
	ip->v4_in_fd = sq_close(ip->v4_in_fd);
	ip->v6_in_fd = sq_close(ip->v6_in_fd);
	sq_line_homes_close(&ip->homes);
}

static void address_v4(struct sq_line_letter *letter, const unsigned char *packet, bool on_lo)
{
	struct sockaddr_in *address = &letter->address.v4;

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	memcpy(&address->sin_addr, packet + IPV4_DESTINATION, sizeof(address->sin_addr));
	letter->address_n = sizeof(*address);
	letter->device = on_lo ? SQ_LO : 0;
}

/* Bound to lo, the route to an own address would not be found, as it is of IPv4. */
static int address_v6(struct sq_line_ip *ip, struct sq_line_letter *letter,
		      const unsigned char *packet, size_t n, uint32_t ifindex)
{
	struct sockaddr_in6 *address = &letter->address.v6;
	uint32_t home = 0;

	if (n < IPV6_DESTINATION + sizeof(address->sin6_addr))
		return -EINVAL;
	*address = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(&address->sin6_addr, packet + IPV6_DESTINATION, sizeof(address->sin6_addr));
	if (ifindex == SQ_LO) {
		home = sq_line_home_of(&ip->homes, &address->sin6_addr);
		letter->device = home ? 0 : SQ_LO;
	}
	if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
		address->sin6_scope_id = home ? home : ifindex;
	letter->address_n = sizeof(*address);
	return 0;
}

int sq_line_ip_post(struct sq_line_ip *ip, struct sq_line_outbox *outbox,
		    struct sq_line_packet *packet, size_t skip, bool in)
{
	const unsigned char *header = packet->frame + skip;
	const uint32_t ifindex = packet->slot.ifindex;
	const size_t n = packet->n - skip;
	struct sq_line_letter letter = { .mark = packet->slot.mark, .packet = packet };
	int fd, r = 0;

	if (n < sizeof(uint32_t) * 5)
		return -EINVAL;
	if (header[0] >> 4 == 4) {
		fd = in ? ip->v4_in_fd : ip->v4_fd;
		address_v4(&letter, header, ifindex == SQ_LO);
	} else {
		fd = in ? ip->v6_in_fd : ip->v6_fd;
		r = address_v6(ip, &letter, header, n, ifindex);
	}
	if (r)
		return r;
	letter.parts[0] = (struct iovec){ packet->frame + skip, n };
	letter.n_parts = 1;
	*sq_line_outbox_letter(outbox, fd, in ? 0 : packet->slot.priority) = letter;
	return 0;
}
