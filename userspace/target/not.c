// SPDX-License-Identifier: GPL-2.0-only
/* What 'not' leaves out of a target: whole cgroups that match, and what lies in them. */
#include <fnmatch.h>
#include <string.h>

#include "target/kind.h"
#include "util/cgroup.h"
#include "util/fs.h"

/* Does it name this folder, as a path or by its own name? "web" is web.service too. */
static bool names_folder(const char *pattern, const char *path)
{
	const char *base = sq_base_name(path);
	size_t n = sq_text_stem(base, ".service");

	if (*pattern == '/')
		return sq_cgroup_matches(path, pattern);
	return !fnmatch(pattern, base, FNM_NOESCAPE) ||
	       (n && strlen(pattern) == n && !strncmp(pattern, base, n));
}

/* One part of a name such as NAMESPACE/POD/CONTAINER, or all of it. */
static bool names_part(const char *pattern, const char *name)
{
	_cleanup_free_ char *copy = sq_strdup(name);

	if (!fnmatch(pattern, name, FNM_NOESCAPE))
		return true;
	for (char *rest = copy, *part = strsep(&rest, "/"); part; part = strsep(&rest, "/"))
		if (*name != '/' && !fnmatch(pattern, part, FNM_NOESCAPE))
			return true;
	return false;
}

/*
 * Is this one to be left out? By its name as the kind gives it, its folder, or one that it lies in; what a
 * glob of names means is itself: "web*" is not what lies in web.slice.
 */
static bool leaves_out(const char *pattern, const char *name, const char *path)
{
	_cleanup_free_ char *above = sq_strdup(path);
	bool outside = *pattern == '/' || !sq_cgroup_is_glob(pattern);

	if (names_part(pattern, name) || names_folder(pattern, path))
		return true;
	for (char *slash = strrchr(above, '/'); slash && outside; slash = strrchr(above, '/')) {
		*slash = '\0';
		if (*above && names_folder(pattern, above))
			return true;
	}
	return false;
}

bool sq_target_leaves_out(const struct sq_target *target, const char *name, const char *path)
{
	for (size_t i = 0; i < target->not .n; i++)
		if (leaves_out(target->not .item[i], name, path))
			return true;
	return false;
}

struct carving {
	const char *pattern, *root;
	struct sq_texts *carved;
	size_t found;
};

/* What lies below something that is hit is carved out of it. */
static int carve_one(const char *path, int fd, void *data)
{
	struct carving *carving = data;

	if (!strcmp(path, carving->root) || !names_folder(carving->pattern, path))
		return 0;
	sq_texts_add(carving->carved, path);
	carving->found++;
	return -1;
}

size_t sq_finding_leave_out(struct sq_finding *finding, const char *pattern,
			    struct sq_texts *carved)
{
	size_t kept = 0, found = 0;

	for (size_t i = 0; i < finding->n; i++) {
		struct carving carving = { pattern, finding->item[i].path, carved, 0 };

		if (leaves_out(pattern, finding->item[i].name, finding->item[i].path)) {
			sq_found_clear(&finding->item[i]);
			found++;
			continue;
		}
		sq_cgroup_walk(finding->item[i].path, carve_one, &carving, NULL);
		found += carving.found;
		finding->item[kept++] = finding->item[i];
	}
	finding->n = kept;
	return found;
}
