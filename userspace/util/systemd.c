// SPDX-License-Identifier: GPL-2.0-only
#include "util/systemd.h"

#include <stdlib.h>

#include "util/mem.h"

static int connect_to(const char *address, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_unref(bus);
	else
		*ret = bus;
	return r;
}

int sq_systemd_connect(const char *uid, sd_bus **ret)
{
	_cleanup_free_ char *user = uid ? sq_asprintf("unix:path=/run/user/%s/systemd/private", uid)
					: NULL;

	if (user)
		return connect_to(user, ret);
	if (!secure_getenv("DBUS_SYSTEM_BUS_ADDRESS") &&
	    connect_to("unix:path=/run/systemd/private", ret) >= 0)
		return 0;
	return sd_bus_open_system(ret);
}
