// SPDX-License-Identifier: GPL-2.0-only
/* A unit's state, asked of systemd itself. */
#include <string.h>
#include <systemd/sd-bus.h>

#include "probe/look.h"
#include "util/json.h"
#include "util/systemd.h"

#define SERVICE "org.freedesktop.systemd1"

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
	       sd_bus_error *error, char **ret)
{
	return sd_bus_get_property_string(bus, SERVICE, path, interface, property, error, ret);
}

static json_t *ask(sd_bus *bus, const char *unit, sd_bus_error *error)
{
	_cleanup_free_ char *state = NULL, *substate = NULL, *result = NULL, *load = NULL;
	sd_bus_message *reply = NULL;
	uint32_t restarts = 0;
	json_t *json = NULL;
	const char *path;
	/* LoadUnit and not GetUnit: one that is not running need not be loaded */
	int r = sd_bus_call_method(bus, SERVICE, "/org/freedesktop/systemd1", SERVICE ".Manager",
				   "LoadUnit", error, &reply, "s", unit);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = get(bus, path, SERVICE ".Unit", "ActiveState", error, &state);
	if (r >= 0)
		r = get(bus, path, SERVICE ".Unit", "SubState", error, &substate);
	if (r >= 0)
		r = get(bus, path, SERVICE ".Unit", "LoadState", error, &load);
	if (r >= 0 && !strcmp(load, "not-found")) {
		json = sq_look_error("systemd knows no unit '%s'", unit);
	} else if (r >= 0) {
		/* what only services have */
		sd_bus_get_property_trivial(bus, SERVICE, path, SERVICE ".Service", "NRestarts",
					    NULL, 'u', &restarts);
		get(bus, path, SERVICE ".Service", "Result", NULL, &result);
		json = sq_json("{s:s, s:s, s:s, s:I}", "state", state, "substate", substate,
			       "result", result ? result : "", "restarts", (json_int_t)restarts);
	}
	sd_bus_message_unref(reply);
	return json;
}

json_t *sq_look_unit(const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	json_t *json;
	int r = sq_systemd_connect(NULL, &bus);

	if (r < 0)
		return sq_look_error("cannot reach systemd: %s", strerror(-r));
	json = ask(bus, unit, &error);
	if (!json)
		json = sq_look_error("cannot ask systemd for '%s': %s", unit,
				     error.message ? error.message : "no answer");
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(bus);
	return json;
}
