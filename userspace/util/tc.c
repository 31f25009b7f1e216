// SPDX-License-Identifier: GPL-2.0-only
#include "util/tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not in the headers of Debian 12: linux/bpf.h of 6.6 */
#define SQ_TCX_INGRESS 46
#define SQ_TCX_EGRESS 47
#define SQ_F_BEFORE (1u << 3)

#define CLSACT_EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define CLSACT_INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

/*
 * libbpf refuses options whose padding is not zero, and an initialiser leaves that to chance: only
 * its own macro clears it, and only where the variable is declared.
 */
#define DECLARE_HOOK(name, index, point) \
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, name, .ifindex = (int)(index), .attach_point = (point))

int sq_tc_clsact_make(unsigned int ifindex, struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, BPF_TC_EGRESS);
	int r = bpf_tc_hook_create(&hook);

	return r && r != -EEXIST ? sq_error_errno(err, -r, "cannot make a clsact qdisc") : 0;
}

int sq_tcx_attach(unsigned int ifindex, bool ingress, int prog_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .flags = SQ_F_BEFORE);
	int fd = bpf_link_create(prog_fd, (int)ifindex, ingress ? SQ_TCX_INGRESS : SQ_TCX_EGRESS,
				 &options);

	return fd < 0 ? -errno : fd;
}

int sq_tc_attach(unsigned int ifindex, bool ingress, int prog_fd, uint32_t handle,
		 uint32_t priority, struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = prog_fd, .handle = handle,
			    .priority = priority);
	int r = bpf_tc_attach(&hook, &options);

	return r ? sq_error_errno(err, -r, "cannot attach a tc filter") : 0;
}

int sq_tc_attach_either(unsigned int ifindex, bool ingress, int prog_fd, int *ret_link_fd,
			struct sq_error **err)
{
	int fd = sq_tcx_attach(ifindex, ingress, prog_fd), r;

	*ret_link_fd = fd;
	if (fd >= 0)
		return 0;
	r = sq_tc_clsact_make(ifindex, err);
	return r ? r : sq_tc_attach(ifindex, ingress, prog_fd, 1, 1, err);
}

/* Is the program with this id one of squall's? */
static bool is_ours(uint32_t prog_id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	       !strncmp(info.name, "sq_", 3);
}

int sq_tc_detach(unsigned int ifindex, bool ingress, uint32_t handle, uint32_t priority,
		 struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = handle, .priority = priority);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);
	int r = bpf_tc_query(&hook, &query);

	/* no such device, no clsact, no filter: gone already */
	if (r == -ENOENT || r == -EINVAL || r == -ENODEV)
		return 0;
	if (!r && !is_ours(query.prog_id))
		return 0;
	if (!r)
		r = bpf_tc_detach(&hook, &options);
	return r ? sq_error_errno(err, -r, "cannot detach a tc filter") : 0;
}

/*
 * Asks for a dump of @ask and tells whether there is an answer of type @answer for the device with
 * that parent. Unknown counts as yes: then nothing is removed that may not be ours.
 */
static bool dump_has(uint16_t ask, uint16_t answer, unsigned int ifindex, uint32_t parent)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = ask,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.message = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)ifindex,
			     .tcm_parent = parent },
	};
	char buffer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool found = false, done = false;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return true;
	while (!done) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		unsigned int length = (unsigned int)n;

		if (n <= 0)
			return true;
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length);
		     m = NLMSG_NEXT(m, length)) {
			const struct tcmsg *tc = NLMSG_DATA(m);

			done |= m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR;
			/* a dump of qdiscs is one of all devices */
			found |= m->nlmsg_type == answer && tc->tcm_ifindex == (int)ifindex &&
				 (ask == RTM_GETTFILTER || tc->tcm_parent == parent);
		}
	}
	return found;
}

bool sq_tc_has_clsact(unsigned int ifindex)
{
	return dump_has(RTM_GETQDISC, RTM_NEWQDISC, ifindex, TC_H_CLSACT);
}

bool sq_tc_has_filters(unsigned int ifindex)
{
	return dump_has(RTM_GETTFILTER, RTM_NEWTFILTER, ifindex, CLSACT_EGRESS) ||
	       dump_has(RTM_GETTFILTER, RTM_NEWTFILTER, ifindex, CLSACT_INGRESS);
}

int sq_tc_clsact_remove(unsigned int ifindex, struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = bpf_tc_hook_destroy(&hook);

	if (r == -ENOENT || r == -EINVAL || r == -ENODEV)
		return 0;
	return r ? sq_error_errno(err, -r, "cannot remove the clsact qdisc") : 0;
}
