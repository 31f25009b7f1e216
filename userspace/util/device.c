// SPDX-License-Identifier: GPL-2.0-only
#include "util/device.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util/fs.h"
#include "util/mem.h"

int sq_device_raise(const char *name)
{
	_cleanup_free_ char *quiet = sq_asprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	_cleanup_close_ int fd = -EBADF;
	struct ifreq flags = { .ifr_flags = IFF_UP | IFF_NOARP };

	snprintf(flags.ifr_name, sizeof(flags.ifr_name), "%s", name);
	sq_write_existing(AT_FDCWD, quiet, "1", 1); /* there may be no IPv6 at all */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &flags) < 0 ? -errno : 0;
}

bool sq_device_is_up(unsigned int ifindex)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq device = { .ifr_ifindex = (int)ifindex };

	return fd >= 0 && ioctl(fd, SIOCGIFNAME, &device) == 0 &&
	       ioctl(fd, SIOCGIFFLAGS, &device) == 0 && device.ifr_flags & IFF_UP;
}
