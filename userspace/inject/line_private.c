// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_private.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi.h"
#include "util/device.h"
#include "util/fs.h"
#include "util/netns.h"
#include "util/tc.h"

#define PAIR_MTU 65535
#define LARGEST_PACKET \
	(8 * 65535) /* BIG TCP's: what the kernel cuts behind fq could not be told apart */
#define SQ_IFLA_GSO_IPV4_MAX_SIZE 63 /* 6.3; older ones do not look at it */
#define PROBE_IFINDEX 0x53510000u /* far above what devices are numbered with */
#define REPLY_BYTES 4096

/* A message of rtnetlink as it grows. */
struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct tcmsg qdisc;
	};
	char attributes[512] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static struct rtattr *add(struct request *request, uint16_t type, const void *data, size_t n)
{
	struct rtattr *attribute =
		(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(attribute), data, n);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(RTA_LENGTH(n));
	return attribute;
}

static void add_text(struct request *request, uint16_t type, const char *text)
{
	add(request, type, text, strlen(text) + 1);
}

static void add_number(struct request *request, uint16_t type, uint32_t number)
{
	add(request, type, &number, sizeof(number));
}

/* What was added since belongs into @attribute. */
static void end(struct request *request, struct rtattr *attribute)
{
	attribute->rta_len =
		(uint16_t)((char *)request + request->header.nlmsg_len - (char *)attribute);
}

/* Sends it and waits for the answer: 0 or a negative errno. */
static int ask(int fd, struct request *request)
{
	char buffer[REPLY_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *reply = (void *)buffer;
	const struct nlmsgerr *answer = NLMSG_DATA(reply);
	ssize_t n;

	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, buffer, sizeof(buffer), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(*answer)) || reply->nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return answer->error;
}

static void begin_link(struct request *request, uint16_t type, uint32_t ifindex)
{
	request->header.nlmsg_type = type;
	request->header.nlmsg_len = NLMSG_LENGTH(sizeof(request->link));
	request->link.ifi_index = (int)ifindex;
}

static int make_pair(int fd, const struct sq_line_pair_setup *setup)
{
	struct request request = { .header.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL };
	const struct ifinfomsg peer_link = { 0 };
	struct rtattr *info, *data, *peer;

	begin_link(&request, RTM_NEWLINK, setup->ifindex);
	add_text(&request, IFLA_IFNAME, setup->name);
	add_number(&request, IFLA_MTU, PAIR_MTU);
	add_number(&request, IFLA_NUM_TX_QUEUES, 1);
	add_number(&request, IFLA_NUM_RX_QUEUES, 1);
	add_number(&request, IFLA_GSO_MAX_SIZE, LARGEST_PACKET);
	add_number(&request, SQ_IFLA_GSO_IPV4_MAX_SIZE, LARGEST_PACKET);
	info = add(&request, IFLA_LINKINFO, NULL, 0);
	add_text(&request, IFLA_INFO_KIND, "veth");
	data = add(&request, IFLA_INFO_DATA, NULL, 0);
	peer = add(&request, VETH_INFO_PEER, &peer_link, sizeof(peer_link));
	add_text(&request, IFLA_IFNAME, setup->far_name);
	add_number(&request, IFLA_MTU, PAIR_MTU);
	add_number(&request, IFLA_NUM_TX_QUEUES, 1);
	add_number(&request, IFLA_NUM_RX_QUEUES, 1);
	if (setup->netns_fd >= 0)
		add_number(&request, IFLA_NET_NS_FD, (uint32_t)setup->netns_fd);
	end(&request, peer);
	end(&request, data);
	end(&request, info);
	return ask(fd, &request);
}

/* Its rate is nobody's business here, and a flow may have all the room there is. */
static int make_queue(int fd, uint32_t ifindex)
{
	struct request request = { .header.nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE };
	struct rtattr *options;

	request.header.nlmsg_type = RTM_NEWQDISC;
	request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.qdisc));
	request.qdisc.tcm_ifindex = (int)ifindex;
	request.qdisc.tcm_parent = TC_H_ROOT;
	add_text(&request, TCA_KIND, "fq");
	options = add(&request, TCA_OPTIONS, NULL, 0);
	add_number(&request, TCA_FQ_PLIMIT, SQ_HELD);
	add_number(&request, TCA_FQ_FLOW_PLIMIT, SQ_HELD);
	add_number(&request, TCA_FQ_RATE_ENABLE, 0);
	end(&request, options);
	return ask(fd, &request);
}

/*
 * fq lets packets go on whichever processor comes by, and each has a queue of its own in front of the far end,
 * where those of one flow would overtake each other: by its hash a flow goes to one of them (RPS, the kernel's
 * Documentation/networking/scaling.rst). Without it they do, as on any veth.
 */
static void keep_order(const struct sq_line_pair_setup *setup)
{
	_cleanup_free_ char *path =
		sq_asprintf("class/net/%s/queues/rx-0/rps_cpus", setup->far_name);
	_cleanup_free_ char *mask = NULL;
	int n = libbpf_num_possible_cpus();

	if (setup->sysfs_fd < 0 || n <= 0)
		return;
	/* words of 32, the highest first */
	for (int word = (n - 1) / 32; word >= 0; word--) {
		int in_word = MIN(n - word * 32, 32);
		char *longer = sq_asprintf("%s%08x%s", mask ? mask : "", ~0u >> (32 - in_word),
					   word ? "," : "");

		free(mask);
		mask = longer;
	}
	sq_write_existing(setup->sysfs_fd, path, mask, strlen(mask));
}

/* In the far end's network namespace. */
static int raise_far(struct sq_line_pair *pair, const struct sq_line_pair_setup *setup,
		     struct sq_error **err)
{
	int r = sq_device_raise(setup->far_name);

	if (r)
		return sq_error_errno(err, -r, "cannot raise the delay line's far device");
	keep_order(setup);
	if (setup->turn_program_fd < 0)
		return 0;
	return sq_tc_attach_either(if_nametoindex(setup->far_name), true, setup->turn_program_fd,
				   &pair->turn_fd, err);
}

static int raise_far_there(struct sq_line_pair *pair, const struct sq_line_pair_setup *setup,
			   struct sq_error **err)
{
	_cleanup_close_ int own = -EBADF;
	int r;

	if (setup->netns_fd < 0)
		return raise_far(pair, setup, err);
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(setup->netns_fd, CLONE_NEWNET) < 0)
		return sq_error_errno(err, errno, "cannot enter a network namespace");
	r = raise_far(pair, setup, err);
	if (setns(own, CLONE_NEWNET) < 0)
		exit(1);
	return r;
}

static int raise_near(struct sq_line_pair *pair, const struct sq_line_pair_setup *setup,
		      struct sq_error **err)
{
	int r = make_queue(pair->netlink_fd, setup->ifindex);

	if (r)
		return sq_error_set(
			err, SQ_FAIL_UNSUPPORTED, -r,
			"this kernel has no fq for the delay line (CONFIG_NET_SCH_FQ): %s",
			strerror(-r));
	if (setup->release_program_fd >= 0)
		r = sq_tc_attach_either(setup->ifindex, true, setup->release_program_fd,
					&pair->release_fd, err);
	if (r)
		return r;
	r = sq_device_raise(setup->name);
	return r ? sq_error_errno(err, -r, "cannot raise the delay line's device '%s'", setup->name)
		 : 0;
}

int sq_line_pair_open(struct sq_line_pair *pair, const struct sq_line_pair_setup *setup,
		      struct sq_error **err)
{
	int r;

	*pair = (struct sq_line_pair){ .netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
							    NETLINK_ROUTE),
				       .turn_fd = -EBADF,
				       .release_fd = -EBADF };
	r = pair->netlink_fd < 0 ? -errno : make_pair(pair->netlink_fd, setup);
	if (r)
		sq_error_set(err, SQ_FAIL_UNSUPPORTED, -r,
			     "cannot make the delay line's pair of devices (CONFIG_VETH): %s",
			     strerror(-r));
	else
		pair->ifindex = setup->ifindex;
	if (!r)
		r = raise_far_there(pair, setup, err);
	if (!r)
		r = raise_near(pair, setup, err);
	if (r)
		sq_line_pair_close(pair);
	return r;
}

void sq_line_pair_close(struct sq_line_pair *pair)
{
	struct request request = { 0 };

	if (pair->netlink_fd >= 0 && pair->ifindex) {
		begin_link(&request, RTM_DELLINK, pair->ifindex);
		ask(pair->netlink_fd, &request);
	}
	pair->turn_fd = sq_close(pair->turn_fd);
	pair->release_fd = sq_close(pair->release_fd);
	pair->netlink_fd = sq_close(pair->netlink_fd);
}

/* The namespace's own files, mounted nowhere; -EBADF: they cannot be had. */
static int open_sysfs(void)
{
	_cleanup_close_ int fd = fsopen("sysfs", FSOPEN_CLOEXEC);

	if (fd < 0 || fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -EBADF;
	return fsmount(fd, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static int make_netns(void *argument, struct sq_error **err)
{
	struct sq_line_private *private = argument;

	private->netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (private->netns_fd < 0)
		return sq_error_errno(err, errno, "cannot keep a network namespace");
	private->sysfs_fd = open_sysfs();
	return 0;
}

int sq_line_private_make(struct sq_line_private *private, struct sq_error **err)
{
	return sq_netns_call_new(make_netns, private, err);
}

/* Both ends in one namespace, with which they go. */
static int try_pair(void *argument, struct sq_error **err)
{
	const struct sq_line_pair_setup setup = { .netns_fd = -EBADF,
						  .sysfs_fd = -EBADF,
						  .ifindex = PROBE_IFINDEX,
						  .name = "squall-near",
						  .far_name = "squall-far",
						  .turn_program_fd = -EBADF,
						  .release_program_fd = -EBADF };
	struct sq_line_pair pair;
	int r = sq_line_pair_open(&pair, &setup, err);

	if (!r)
		sq_line_pair_close(&pair);
	return r;
}

int sq_line_private_probe(struct sq_error **err)
{
	return sq_netns_call_new(try_pair, NULL, err);
}
