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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/netns.h"
#include "util/process.h"

#define ANSWER_SIZE 65536
#define MOST_PORTS 8
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

void sq_sockets_clear(struct sq_sockets *sockets)
{
	free(sockets->item);
	*sockets = (struct sq_sockets){ 0 };
}

static void add_number(struct sq_numbers *numbers, uint64_t number)
{
	*(uint64_t *)sq_append(&numbers->item, &numbers->n, sizeof(*numbers->item)) = number;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort(struct sq_numbers *numbers)
{
	if (numbers->n)
		qsort(numbers->item, numbers->n, sizeof(*numbers->item), compare);
}

static bool has(const struct sq_numbers *numbers, uint64_t number)
{
	return numbers->n && bsearch(&number, numbers->item, numbers->n, sizeof(number), compare);
}

/* A target's cgroups, its processes, and the sockets that those hold. */
struct holdings {
	struct sq_numbers cgroups, pids, inodes;
};

static int look_at(const char *path, int fd, void *data)
{
	struct holdings *holdings = data;
	_cleanup_free_ pid_t *pids = NULL;
	struct stat st;
	size_t n = 0;

	if (!fstat(fd, &st))
		add_number(&holdings->cgroups, st.st_ino);
	if (!sq_cgroup_pids(fd, &pids, &n, NULL))
		for (size_t i = 0; i < n; i++)
			add_number(&holdings->pids, (uint64_t)pids[i]);
	return 0;
}

static void clear_holdings(struct holdings *holdings)
{
	free(holdings->cgroups.item);
	free(holdings->pids.item);
	free(holdings->inodes.item);
}

void sq_sockets_sum(const struct sq_sockets *sockets, const char *path, struct sq_traffic *ret)
{
	_cleanup_(clear_holdings) struct holdings holdings = { 0 };

	*ret = (struct sq_traffic){ 0 };
	sq_cgroup_walk(path, look_at, &holdings, NULL);
	sort(&holdings.cgroups);
	for (size_t i = 0; i < sockets->n; i++) {
		if (!has(&holdings.cgroups, sockets->item[i].cgroup))
			continue;
		ret->sockets++;
		ret->sent += sockets->item[i].sent;
		ret->received += sockets->item[i].received;
	}
}

/* The sockets that are told of together. */
struct astray {
	size_t n, ports;
	struct sq_buffer text;
};

static void add_astray(struct astray *astray, const struct sq_socket *socket)
{
	astray->n++;
	if (astray->ports++ < MOST_PORTS)
		sq_buffer_add(&astray->text, "%s%s port %u", astray->ports > 1 ? ", " : "",
			      socket->protocol == IPPROTO_TCP ? "TCP" : "UDP", socket->port);
}

static void tell(const struct sq_resolved *target, struct astray *astray, const char *what,
		 const char *effect, struct sq_texts *warnings)
{
	_cleanup_free_ char *text = NULL;

	if (astray->n) {
		text = sq_asprintf("target '%s': %zu sockets %s (%s%s): %s",
				   target->target->object.key, astray->n, what,
				   sq_buffer_text(&astray->text),
				   astray->ports > MOST_PORTS ? " and more" : "", effect);
		sq_texts_add(warnings, text);
	}
	sq_buffer_clear(&astray->text);
}

static int list_in(void *argument, struct sq_error **err)
{
	return sq_sockets_list(argument, err);
}

/* The sockets of each namespace that the processes live in, each once. */
static int list_everywhere(const struct sq_numbers *pids, struct sq_sockets *sockets,
			   struct sq_error **err)
{
	_cleanup_free_ uint64_t *seen = sq_alloc((pids->n + 2) * sizeof(*seen));
	size_t n = 0;
	int r = 0;

	/* ours too: those that it gave away may be there though no process is left */
	for (size_t i = 0; i <= pids->n && !r; i++) {
		_cleanup_free_ char *path =
			i < pids->n ? sq_asprintf("/proc/%d/ns/net", (int)pids->item[i])
				    : sq_strdup("/proc/self/ns/net");
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		bool known = false;
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0)
			continue; /* it has ended */
		for (size_t j = 0; j < n; j++)
			known |= seen[j] == st.st_ino;
		if (known)
			continue;
		seen[n++] = st.st_ino;
		r = sq_netns_call(fd, list_in, sockets, err);
	}
	return r;
}

/*
 * Those of @suspects that are still there, after it was seen that the target's processes do not hold
 * them. A busy process makes sockets, and closes them, while its files are looked at.
 */
static int add_lasting(const struct sq_sockets *suspects, const struct sq_numbers *pids,
		       struct astray *astray, struct sq_error **err)
{
	_cleanup_(sq_sockets_clear) struct sq_sockets later = { 0 };
	struct sq_numbers inodes = { 0 };
	int r = suspects->n ? list_everywhere(pids, &later, err) : 0;

	for (size_t i = 0; i < later.n; i++)
		add_number(&inodes, later.item[i].inode);
	sort(&inodes);
	for (size_t i = 0; i < suspects->n; i++)
		if (has(&inodes, suspects->item[i].inode))
			add_astray(astray, &suspects->item[i]);
	free(inodes.item);
	return r;
}

int sq_sockets_check(const struct sq_resolved *target, struct sq_texts *warnings,
		     struct sq_error **err)
{
	_cleanup_(clear_holdings) struct holdings holdings = { 0 };
	_cleanup_(sq_sockets_clear) struct sq_sockets sockets = { 0 }, suspects = { 0 };
	struct astray missed = { 0 }, wrong = { 0 };
	int r = 0;

	for (size_t i = 0; i < target->n && !r; i++)
		if (target->item[i].cgroup.id)
			r = sq_cgroup_walk(target->item[i].cgroup.path, look_at, &holdings, err);
	if (!r)
		r = list_everywhere(&holdings.pids, &sockets, err);
	if (r)
		return r;
	for (size_t i = 0; i < holdings.pids.n; i++)
		sq_process_sockets((pid_t)holdings.pids.item[i], &holdings.inodes);
	sort(&holdings.cgroups);
	sort(&holdings.inodes);
	for (size_t i = 0; i < sockets.n; i++) {
		const struct sq_socket *socket = &sockets.item[i];
		bool ours = has(&holdings.cgroups, socket->cgroup);
		bool held = has(&holdings.inodes, socket->inode);

		if (held && !ours && socket->cgroup)
			add_astray(&missed, socket);
		else if (ours && !held && socket->inode)
			*(struct sq_socket *)sq_append(&suspects.item, &suspects.n,
						       sizeof(*suspects.item)) = *socket;
	}
	r = add_lasting(&suspects, &holdings.pids, &wrong, err);
	tell(target, &missed, "that its processes hold belong to another cgroup",
	     "who made them hands them over, as systemd does for a .socket; faults on packets miss "
	     "them",
	     warnings);
	tell(target, &wrong, "that belong to it are held by others",
	     "faults on packets hit them too", warnings);
	return r;
}
