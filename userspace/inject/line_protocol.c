// SPDX-License-Identifier: GPL-2.0-only
#include "inject/line_protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int sq_line_take_request(int socket, struct sq_line_request *ret, int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *cmsg;

	if (n < 0)
		return -errno;
	*ret_fd = -EBADF;
	cmsg = CMSG_FIRSTHDR(&message);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(*ret_fd));
	return n == sizeof(*ret) ? 0 : -EPIPE;
}

void sq_line_answer(int socket, const struct sq_line_reply *reply)
{
	/* to a controller that is gone nobody needs to answer */
	send(socket, reply, sizeof(*reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}
