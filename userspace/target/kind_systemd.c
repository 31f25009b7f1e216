// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units of systemd. Where a unit's cgroup lies shows in the cgroup tree, whether or not anybody
 * answers on the bus: its folder has its name (cg_escape(), an '_' in front of some), and nothing
 * but slices above it. The bus is asked about what is not in the tree: another name of a unit, one
 * that does not run.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "target/kind.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/systemd.h"
#include "util/time.h"

#define BUS_TIMEOUT_NS (2 * SQ_S)

enum place {
	OUTSIDE,
	ABOVE, /* of what the manager has */
	INSIDE,
};

static const char *const endings[] = { ".service", ".scope", ".slice",	   ".socket",
				       ".mount",   ".swap",  ".automount", ".target" };

static bool is_unit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (sq_text_stem(name, endings[i]))
			return true;
	return false;
}

static bool all_slices(const char *path)
{
	while (*path) {
		_cleanup_free_ char *name = sq_strndup(path + 1, strcspn(path + 1, "/"));

		if (!sq_text_stem(name, ".slice"))
			return false;
		path += 1 + strlen(name);
	}
	return true;
}

/* Of the manager of a user, by its uid: "" for any. */
static enum place place_of_user(const char *path, const char *uid)
{
	char slice[64], service[64];
	const char *rest;
	size_t n;

	if (!*path || !strcmp(path, "/user.slice"))
		return ABOVE;
	if (strncmp(path, "/user.slice/user-", 17) != 0)
		return OUTSIDE;
	n = strspn(path + 17, "0123456789");
	if (*uid && (strlen(uid) != n || strncmp(path + 17, uid, n) != 0))
		return OUTSIDE;
	snprintf(slice, sizeof(slice), "/user.slice/user-%.*s.slice", (int)MIN(n, 20), path + 17);
	snprintf(service, sizeof(service), "/user@%.*s.service", (int)MIN(n, 20), path + 17);
	if (strncmp(path, slice, strlen(slice)) != 0)
		return OUTSIDE;
	rest = path + strlen(slice);
	if (!*rest)
		return ABOVE;
	if (strncmp(rest, service, strlen(service)) != 0)
		return OUTSIDE;
	return all_slices(rest + strlen(service)) ? INSIDE : OUTSIDE;
}

/* @uid: of the user's manager, or NULL for the system's. */
static enum place place_of(const char *path, const char *uid)
{
	if (!strcmp(path, "/"))
		path = "";
	if (uid)
		return place_of_user(path, uid);
	return all_slices(path) ? INSIDE : OUTSIDE;
}

struct unit {
	const char *name; /* in the path */
	char *path;
};

struct units {
	const char *uid;
	struct unit *item;
	size_t n;
};

static int add_unit(const char *path, int fd, void *data)
{
	struct units *units = data;
	const char *name = sq_base_name(path);
	_cleanup_free_ char *above = sq_strndup(path, (size_t)MAX(name - path - 1, 0));

	if (*name && is_unit(name) && place_of(above, units->uid) == INSIDE) {
		struct unit *unit = sq_append(&units->item, &units->n, sizeof(*unit));

		unit->path = sq_strdup(path);
		unit->name = unit->path + (name - path);
		unit->name += *unit->name == '_';
	}
	return place_of(path, units->uid) == OUTSIDE ? -1 : 0;
}

static void clear_units(struct units *units)
{
	for (size_t i = 0; i < units->n; i++)
		free(units->item[i].path);
	free(units->item);
}

static const char *path_of(const struct units *units, const char *name)
{
	for (size_t i = 0; i < units->n; i++)
		if (!strcmp(units->item[i].name, name))
			return units->item[i].path;
	return NULL;
}

/* "nginx" is nginx.service, as systemctl takes it. */
static char *whole_name(const char *name)
{
	return sq_asprintf("%s%s", name,
			   is_unit(name) || sq_cgroup_is_glob(name) ? "" : ".service");
}

/* What systemd knows of one unit. */
struct answer {
	char *id; /* its first name */
	char *load, *active;
};

static void clear_answer(struct answer *answer)
{
	free(answer->id);
	free(answer->load);
	free(answer->active);
}

/* org.freedesktop.systemd1(5), ListUnitsByNames(). False where nobody answers. */
static bool ask_systemd(const char *uid, const char *name, struct answer *ret)
{
	const char *id, *load, *active;
	sd_bus_message *reply = NULL;
	sd_bus *bus = NULL;
	bool found = false;

	if (sq_systemd_connect(uid, &bus) >= 0) {
		sd_bus_set_method_call_timeout(bus, BUS_TIMEOUT_NS / SQ_US);
		found = sd_bus_call_method(bus, "org.freedesktop.systemd1",
					   "/org/freedesktop/systemd1",
					   "org.freedesktop.systemd1.Manager", "ListUnitsByNames",
					   NULL, &reply, "as", 1, name) >= 0 &&
			sd_bus_message_enter_container(reply, 'a', "(ssssssouso)") > 0 &&
			sd_bus_message_enter_container(reply, 'r', "ssssssouso") > 0 &&
			sd_bus_message_read(reply, "ssss", &id, NULL, &load, &active) > 0;
		if (found)
			*ret = (struct answer){ sq_strdup(id), sq_strdup(load), sq_strdup(active) };
	}
	sd_bus_message_unref(reply);
	sd_bus_flush_close_unref(bus);
	return found;
}

static int no_unit(const struct sq_target *target, const char *name, const struct units *units,
		   struct sq_error **err)
{
	_cleanup_free_ const char **names = sq_alloc((units->n + 1) * sizeof(*names));

	for (size_t i = 0; i < units->n; i++)
		names[i] = units->item[i].name;
	sq_error_set(err, SQ_FAIL_REFUSED, ENOENT, "target '%s': %s '%s' %s", target->object.key,
		     sq_cgroup_is_glob(name) ? "no running unit matches" : "there is no unit", name,
		     units->n ? "on this host" : "here: this host has no units of systemd");
	if (!sq_hint_nearest(name, names, units->n, err) && units->n)
		sq_error_hint(err, "`systemctl list-units%s` shows those that run",
			      units->uid ? " --user" : "");
	return -ENOENT;
}

/* By which it is drawn and known when it is back: several users may have units of one name. */
static void add(const struct units *units, const char *name, const char *path,
		struct sq_finding *finding)
{
	_cleanup_free_ char *whole = NULL;
	size_t n = strlen("/user.slice/user-");

	if (units->uid && !*units->uid)
		whole = sq_asprintf("%.*s/%s", (int)strspn(path + n, "0123456789"), path + n, name);
	sq_finding_add(finding, whole ? whole : name, path);
}

/* A name that is not in the tree. */
static int ask_for(const struct sq_target *target, const char *name, const struct units *units,
		   struct sq_finding *finding, struct sq_error **err)
{
	_cleanup_(clear_answer) struct answer answer = { 0 };
	const char *path;

	/* of everybody's managers none is asked: one of them may stand for a name */
	if ((units->uid && !*units->uid) || !ask_systemd(units->uid, name, &answer))
		return no_unit(target, name, units, err);
	path = path_of(units, answer.id);
	if (path) {
		add(units, answer.id, path, finding);
		return 0;
	}
	if (strcmp(answer.load, "loaded") != 0)
		return no_unit(target, name, units, err);
	sq_error_set(err, SQ_FAIL_NOT_NOW, ESRCH,
		     "target '%s': the unit '%s' is %s: it has no processes", target->object.key,
		     answer.id, answer.active);
	return sq_error_hint(err, "`systemctl %sstart %s`", units->uid ? "--user " : "", answer.id);
}

static void skip_slice(const char *pattern, const struct unit *unit, struct sq_finding *finding)
{
	_cleanup_free_ char *below = sq_tell_below(unit->path);

	sq_finding_warn(finding,
			"the glob '%s' matches the slice '%s' too, of %s: it is left out; to hit "
			"all of it, name it",
			pattern, unit->name, below);
}

/* Of everybody's managers several may have one of that name. */
static int match_name(const struct sq_target *target, const char *name, const struct units *units,
		      struct sq_finding *finding, struct sq_error **err)
{
	size_t before = finding->n;

	for (size_t i = 0; i < units->n; i++) {
		if (strcmp(units->item[i].name, name) != 0)
			continue;
		add(units, name, units->item[i].path, finding);
		if (!units->uid || *units->uid)
			break;
	}
	return finding->n > before ? 0 : ask_for(target, name, units, finding, err);
}

static int match_pattern(const struct sq_target *target, const char *pattern,
			 const struct units *units, struct sq_finding *finding,
			 struct sq_error **err)
{
	bool slices = sq_text_stem(pattern, ".slice");
	size_t before = finding->n, all = 0;

	if (!sq_cgroup_is_glob(pattern))
		return match_name(target, pattern, units, finding, err);
	for (size_t i = 0; i < units->n; i++) {
		const struct unit *unit = &units->item[i];
		bool skipped = !slices && sq_text_stem(unit->name, ".slice");

		all += !skipped;
		if (fnmatch(pattern, unit->name, FNM_NOESCAPE) != 0)
			continue;
		if (skipped)
			skip_slice(pattern, unit, finding);
		else
			add(units, unit->name, unit->path, finding);
	}
	sq_finding_tell_wide(finding, target, pattern, finding->n - before, all,
			     "units that run here");
	return finding->n > before ? 0 : no_unit(target, pattern, units, err);
}

static bool is_systemd(const struct sq_target *target)
{
	return target->systemd.n > 0;
}

static int match_systemd(const struct sq_target *target, const char *run,
			 struct sq_finding *finding, struct sq_error **err)
{
	_cleanup_free_ char *uid = NULL;
	_cleanup_(clear_units) struct units units = { 0 };
	int r = sq_target_find_user(target, &uid, err);

	if (r)
		return r;
	units.uid = uid;
	r = sq_cgroup_walk("/", add_unit, &units, err);
	if (r)
		return r;
	for (size_t i = 0; i < target->systemd.n; i++) {
		_cleanup_free_ char *pattern = whole_name(target->systemd.item[i]);
		struct sq_error *error = NULL;
		int one = match_pattern(target, pattern, &units, finding, &error);

		if (sq_match_ends(one, error, &r, err))
			break;
	}
	finding->shared = finding->n > 1;
	return r;
}

static bool holds_units(const struct sq_target *target, const char *uid, const char *path)
{
	return place_of(path, uid) != OUTSIDE;
}

const struct sq_kind sq_kind_systemd = { is_systemd, match_systemd, holds_units };
