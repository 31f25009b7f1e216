// SPDX-License-Identifier: GPL-2.0-only
#include "target/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/netns.h"
#include "util/numbers.h"

#define ANSWER_SIZE 65536
#define CGROUP_ID 21 /* INET_DIAG_CGROUP_ID, linux/inet_diag.h of 5.9 */

static int ask(int fd, uint8_t family, uint8_t protocol)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} question = {
		.head = { .nlmsg_len = sizeof(question),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = family,
			  .sdiag_protocol = protocol,
			  .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			  .idiag_states = ~0u },
	};

	return send(fd, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

static void read_socket(const struct nlmsghdr *head, uint8_t protocol, struct sq_sockets *sockets)
{
	const struct inet_diag_msg *message = NLMSG_DATA(head);
	struct sq_socket *socket = sq_append(&sockets->item, &sockets->n, sizeof(*sockets->item));
	const struct rtattr *attribute = (const void *)(message + 1);
	int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));

	*socket = (struct sq_socket){ .inode = message->idiag_inode,
				      .port = ntohs(message->id.idiag_sport),
				      .peer_port = ntohs(message->id.idiag_dport),
				      .protocol = protocol };
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		size_t n = RTA_PAYLOAD(attribute);
		struct tcp_info info = { 0 };

		if (attribute->rta_type == CGROUP_ID && n >= sizeof(socket->cgroup))
			memcpy(&socket->cgroup, RTA_DATA(attribute), sizeof(socket->cgroup));
		if (attribute->rta_type != INET_DIAG_INFO || protocol != IPPROTO_TCP)
			continue;
		memcpy(&info, RTA_DATA(attribute), MIN(n, sizeof(info)));
		socket->sent = info.tcpi_bytes_acked;
		socket->received = info.tcpi_bytes_received;
	}
}

/* 1: that was all of them. */
static int read_answer(int fd, uint8_t protocol, struct sq_sockets *sockets)
{
	_cleanup_free_ char *answer = sq_alloc(ANSWER_SIZE);
	ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);
	int left = (int)n;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (const struct nlmsghdr *head = (const void *)answer; NLMSG_OK(head, (unsigned int)left);
	     head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			read_socket(head, protocol, sockets);
	}
	return 0;
}

int sq_sockets_list(struct sq_sockets *ret, struct sq_error **err)
{
	static const struct {
		uint8_t family, protocol;
	} kinds[] = { { AF_INET, IPPROTO_TCP },
		      { AF_INET6, IPPROTO_TCP },
		      { AF_INET, IPPROTO_UDP },
		      { AF_INET6, IPPROTO_UDP } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_close_ int fd =
			socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
		int r = fd < 0 ? -errno : ask(fd, kinds[i].family, kinds[i].protocol);

		while (!r)
			r = read_answer(fd, kinds[i].protocol, ret);
		/* a kernel without IPv6, or without the module, has no such sockets */
		if (r < 0 && r != -ENOENT && r != -EAFNOSUPPORT && r != -EPROTONOSUPPORT)
			return sq_error_errno(err, -r, "cannot list the sockets");
	}
	return 0;
}

static int list_in(void *argument, struct sq_error **err)
{
	return sq_sockets_list(argument, err);
}

int sq_sockets_list_of(const pid_t *pids, size_t n_pids, struct sq_sockets *ret,
		       struct sq_error **err)
{
	_cleanup_numbers_ struct sq_numbers seen = { 0 };
	int r = 0;

	for (size_t i = 0; i <= n_pids && !r; i++) {
		char path[48] = "/proc/self/ns/net";
		_cleanup_close_ int fd = -EBADF;
		bool known = false;
		struct stat st;

		if (i < n_pids)
			snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pids[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			continue; /* it has ended */
		for (size_t j = 0; j < seen.n; j++)
			known |= seen.item[j] == st.st_ino;
		if (known)
			continue;
		sq_numbers_add(&seen, st.st_ino);
		r = sq_netns_call(fd, list_in, ret, err);
	}
	return r;
}

void sq_sockets_clear(struct sq_sockets *sockets)
{
	free(sockets->item);
	*sockets = (struct sq_sockets){ 0 };
}

static int look_at(const char *path, int fd, void *data)
{
	struct sq_numbers *cgroups = data;
	struct stat st;

	if (!fstat(fd, &st))
		sq_numbers_add(cgroups, st.st_ino);
	return 0;
}

void sq_sockets_sum(const struct sq_sockets *sockets, const char *path, struct sq_traffic *ret)
{
	_cleanup_numbers_ struct sq_numbers cgroups = { 0 };

	*ret = (struct sq_traffic){ 0 };
	sq_cgroup_walk(path, look_at, &cgroups, NULL);
	sq_numbers_sort(&cgroups);
	for (size_t i = 0; i < sockets->n; i++) {
		if (!sq_numbers_have(&cgroups, sockets->item[i].cgroup))
			continue;
		ret->sockets++;
		ret->sent += sockets->item[i].sent;
		ret->received += sockets->item[i].received;
	}
}
