// SPDX-License-Identifier: GPL-2.0-only
/* A network namespace's devices, their queueing disciplines and the filters of clsact and ingress. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/host_state.h"
#include "util/error.h"
#include "util/netns.h"
#include "util/tc.h"

#define PATIENCE_US 500000L

struct look {
	struct sq_host_state *state;
	uint64_t space;
	struct sq_texts devices; /* with clsact or ingress, by their index as text */
};

static void add(const struct look *look, enum sq_part part, uint64_t id, char *name)
{
	sq_host_state_add(look->state, (struct sq_host_item){ part, look->space, id, name });
}

static void on_qdisc(void *data, const struct nlmsghdr *message)
{
	struct look *look = data;
	const struct tcmsg *tc = NLMSG_DATA(message);
	const char *kind = sq_tc_kind(message);

	if (!strcmp(kind, "clsact") || !strcmp(kind, "ingress")) {
		char index[16];

		snprintf(index, sizeof(index), "%d", tc->tcm_ifindex);
		sq_texts_add(&look->devices, index);
	}
	add(look, SQ_PART_QDISCS, (uint64_t)tc->tcm_ifindex,
	    sq_asprintf("%s %x:", kind, tc->tcm_handle >> 16));
}

static void on_filter(void *data, const struct nlmsghdr *message)
{
	struct look *look = data;
	const struct tcmsg *tc = NLMSG_DATA(message);

	/* a filter of handle 0 is the head of its chain */
	if (tc->tcm_handle)
		add(look, SQ_PART_FILTERS, (uint64_t)tc->tcm_ifindex,
		    sq_asprintf("%s, priority %u, handle %u",
				tc->tcm_parent == SQ_CLSACT_EGRESS ? "egress" : "ingress",
				tc->tcm_info >> 16, tc->tcm_handle));
}

static int look_at(void *argument, struct sq_error **err)
{
	struct look *look = argument;
	struct if_nameindex *interfaces = if_nameindex();
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct timeval patience = { .tv_usec = PATIENCE_US };

	for (const struct if_nameindex *i = interfaces; i && i->if_name; i++)
		add(look, SQ_PART_DEVICES, i->if_index, sq_strdup(i->if_name));
	if (interfaces)
		if_freenameindex(interfaces);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return 0;
	sq_tc_dump(fd, &(struct sq_tc_question){ RTM_GETQDISC, RTM_NEWQDISC, 0, 0 }, on_qdisc,
		   look);
	for (size_t i = 0; i < look->devices.n; i++) {
		struct sq_tc_question question = {
			.ask = RTM_GETTFILTER,
			.answer = RTM_NEWTFILTER,
			.ifindex = (unsigned int)strtoul(look->devices.item[i], NULL, 10),
			.parent = SQ_CLSACT_EGRESS,
		};

		sq_tc_dump(fd, &question, on_filter, look);
		question.parent = SQ_CLSACT_INGRESS;
		sq_tc_dump(fd, &question, on_filter, look);
	}
	return 0;
}

void sq_host_state_read_space(struct sq_host_state *state, const struct sq_host_space *space)
{
	struct look look = { .state = state, .space = space->inode };

	sq_netns_call(space->fd, look_at, &look, NULL);
	sq_texts_clear(&look.devices);
}
