// SPDX-License-Identifier: GPL-2.0-only
#include "util/tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not in the headers of Debian 12: linux/bpf.h of 6.6 */
#define SQ_TCX_INGRESS 46
#define SQ_TCX_EGRESS 47
#define SQ_F_BEFORE (1u << 3)
#define MOST_TCX 64 /* programs of one direction that a device takes */

/*
 * libbpf refuses options whose padding is not zero, and an initialiser leaves that to chance: only
 * its own macro clears it, and only where the variable is declared.
 */
#define DECLARE_HOOK(name, index, point) \
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, name, .ifindex = (int)(index), .attach_point = (point))

int sq_tcx_attach(unsigned int ifindex, bool ingress, int prog_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .flags = SQ_F_BEFORE);
	int fd = bpf_link_create(prog_fd, (int)ifindex, ingress ? SQ_TCX_INGRESS : SQ_TCX_EGRESS,
				 &options);

	return fd < 0 ? -errno : fd;
}

bool sq_tcx_is_attached(int link_fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	/* XDP's number stands where tcx's does (6.6), which Debian 12's headers do not have */
	return !bpf_obj_get_info_by_fd(link_fd, &info, &size) && info.xdp.ifindex;
}

bool sq_tcx_is_on(int link_fd, unsigned int ifindex, bool ingress)
{
	uint32_t ids[MOST_TCX];
	LIBBPF_OPTS(bpf_prog_query_opts, options, .prog_ids = ids, .prog_cnt = ARRAY_SIZE(ids));
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	int r;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size))
		return true;
	r = bpf_prog_query_opts((int)ifindex, ingress ? SQ_TCX_INGRESS : SQ_TCX_EGRESS, &options);
	for (uint32_t i = 0; !r && i < options.prog_cnt; i++)
		if (ids[i] == info.prog_id)
			return true;
	return r && r != -ENODEV;
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
	r = sq_tc_clsact_make(ifindex, ingress, err);
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

/* No such device, no clsact, no filter. */
static bool is_nothing(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENODEV;
}

bool sq_tc_is_attached(unsigned int ifindex, bool ingress, uint32_t handle, uint32_t priority)
{
	DECLARE_HOOK(hook, ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = handle, .priority = priority);

	return !is_nothing(bpf_tc_query(&hook, &query));
}

int sq_tc_detach(unsigned int ifindex, bool ingress, uint32_t handle, uint32_t priority,
		 struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = handle, .priority = priority);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);
	int r = bpf_tc_query(&hook, &query);

	if (is_nothing(r)) /* gone already */
		return 0;
	if (!r && !is_ours(query.prog_id))
		return 0;
	if (!r)
		r = bpf_tc_detach(&hook, &options);
	return r ? sq_error_errno(err, -r, "cannot detach a tc filter") : 0;
}

int sq_tc_dump(int fd, const struct sq_tc_question *question,
	       void (*each)(void *data, const struct nlmsghdr *message), void *data)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = question->ask,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.message = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)question->ifindex,
			     .tcm_parent = question->parent },
	};
	char buffer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		unsigned int length = (unsigned int)n;

		if (n <= 0)
			return n ? -errno : -EPIPE;
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, length);
		     m = NLMSG_NEXT(m, length)) {
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
				return 0;
			if (m->nlmsg_type == question->answer)
				each(data, m);
		}
	}
}

const char *sq_tc_kind(const struct nlmsghdr *message)
{
	const struct tcmsg *tc = NLMSG_DATA(message);
	unsigned int length = (unsigned int)TCA_PAYLOAD(message);

	for (const struct rtattr *a = TCA_RTA(tc); RTA_OK(a, length); a = RTA_NEXT(a, length))
		if (a->rta_type == TCA_KIND)
			return RTA_DATA(a);
	return "?";
}

struct look {
	const struct sq_tc_question *question;
	const char *kind; /* or NULL */
	bool found;
};

static void look_at(void *data, const struct nlmsghdr *message)
{
	struct look *look = data;
	const struct tcmsg *tc = NLMSG_DATA(message);

	/* a dump of qdiscs is one of all devices */
	look->found |= tc->tcm_ifindex == (int)look->question->ifindex &&
		       (look->question->ask == RTM_GETTFILTER ||
			tc->tcm_parent == look->question->parent) &&
		       (!look->kind || !strcmp(sq_tc_kind(message), look->kind));
}

/* Unknown counts as yes: then nothing is removed that may not be ours. */
static bool dump_has(const struct sq_tc_question *question, const char *kind)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct look look = { .question = question, .kind = kind };

	return fd < 0 || sq_tc_dump(fd, question, look_at, &look) || look.found;
}

/* Clsact, or the ingress qdisc in its place. */
static bool has_qdisc(unsigned int ifindex, const char *kind)
{
	return dump_has(
		&(struct sq_tc_question){ RTM_GETQDISC, RTM_NEWQDISC, ifindex, TC_H_CLSACT }, kind);
}

bool sq_tc_has_clsact(unsigned int ifindex)
{
	return has_qdisc(ifindex, NULL);
}

int sq_tc_clsact_make(unsigned int ifindex, bool ingress, struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, BPF_TC_EGRESS);
	int r = bpf_tc_hook_create(&hook);

	if (r != -EEXIST)
		return r ? sq_error_errno(err, -r, "cannot make a clsact qdisc") : 0;
	/* it takes a filter for egress too, and runs it on what comes in */
	if (!ingress && !has_qdisc(ifindex, "clsact"))
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP,
				    "what leaves by it cannot be met: it has an ingress qdisc, "
				    "which takes clsact's place");
	return 0;
}

bool sq_tc_has_filters(unsigned int ifindex)
{
	static const uint32_t parents[] = { SQ_CLSACT_EGRESS, SQ_CLSACT_INGRESS };
	bool has = false;

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++)
		has |= dump_has(&(struct sq_tc_question){ RTM_GETTFILTER, RTM_NEWTFILTER, ifindex,
							  parents[i] },
				NULL);
	return has;
}

int sq_tc_clsact_remove(unsigned int ifindex, struct sq_error **err)
{
	DECLARE_HOOK(hook, ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	int r = bpf_tc_hook_destroy(&hook);

	return r && !is_nothing(r) ? sq_error_errno(err, -r, "cannot remove the clsact qdisc") : 0;
}
