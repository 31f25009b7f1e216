// SPDX-License-Identifier: GPL-2.0-only
#include "inject/nap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "inject/helper_lease.h"

int sq_nap_start(struct sq_helpers *helpers, const struct sq_lease *lease, int switch_fd,
		 int requests_fd, struct sq_error **err)
{
	struct sq_lease_arguments arguments;
	int fds[] = { lease->control_fd, switch_fd, requests_fd };

	sq_lease_arguments(lease, &arguments);
	return sq_helper_start(helpers, SQ_HELPER_NAP, arguments.argv, fds, ARRAY_SIZE(fds), err);
}

pid_t sq_nap_pid(const struct sq_helpers *helpers)
{
	return (pid_t)helpers->page->helper[SQ_HELPER_NAP].value[1];
}

int sq_nap_probe(struct sq_error **err)
{
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 0;
	sq_error_set(err, SQ_FAIL_UNSUPPORTED, errno, "/dev/fuse cannot be opened: %s",
		     errno == ENOENT ? "there is none" : "no permission");
	return sq_error_hint(err, "load the module: modprobe fuse");
}
