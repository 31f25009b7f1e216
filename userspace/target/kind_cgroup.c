// SPDX-License-Identifier: GPL-2.0-only
/* Targets that name cgroups by their paths. */
#include <errno.h>
#include <string.h>

#include "target/kind.h"
#include "util/cgroup.h"
#include "util/fs.h"

#define MOST_HINTS 5

static int collect(const char *path, int fd, void *data)
{
	sq_texts_add(data, path);
	return 0;
}

static void add_path(struct sq_buffer *text, const char *path)
{
	sq_buffer_add(text, "%s'%s'", text->stream ? ", " : "", path);
}

/* Those directly below the lowest cgroup of the pattern that is there. */
static int hint_below(const char *pattern, const struct sq_texts *all, struct sq_error **err)
{
	_cleanup_free_ char *above = sq_strdup(pattern);
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	size_t found = 0;

	do
		*(strrchr(above, '/') ? strrchr(above, '/') : above) = '\0';
	while (*above && !sq_texts_have(all, above));
	for (size_t i = 0; i < all->n; i++) {
		const char *path = all->item[i];

		if (sq_cgroup_level(path) != sq_cgroup_level(above) + 1 ||
		    !sq_cgroup_within(path, *above ? above : "/"))
			continue;
		if (found++ < MOST_HINTS)
			add_path(&text, path);
	}
	if (!found)
		return sq_error_hint(err, "there is no cgroup below '%s'", *above ? above : "/");
	return sq_error_hint(err, "below '%s' there %s %s%s", *above ? above : "/",
			     found == 1 ? "is" : "are", sq_buffer_text(&text),
			     found > MOST_HINTS ? " and more" : "");
}

static void put_siblings_first(struct sq_texts *all, const char *pattern)
{
	size_t folder = (size_t)(sq_base_name(pattern) - pattern), first = 0;

	for (size_t i = 0; i < all->n; i++) {
		char *path = all->item[i];

		if ((size_t)(sq_base_name(path) - path) != folder ||
		    strncmp(path, pattern, folder) != 0)
			continue;
		all->item[i] = all->item[first];
		all->item[first++] = path;
	}
}

/* "No cgroup matches" helps nobody; what is nearest may. */
static int nothing_matches(const struct sq_target *target, const char *pattern,
			   struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts all = { 0 };
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_free_ const char **names = NULL;
	size_t near[MOST_HINTS], n;

	sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
		     "target '%s' matches no cgroup: there is no '%s'", target->object.key,
		     pattern);
	if (sq_cgroup_walk("/", collect, &all, NULL) || !all.n)
		return -ENOENT;
	/* of two that are as near the one in the folder that was named */
	put_siblings_first(&all, pattern);
	names = sq_alloc(all.n * sizeof(*names));
	for (size_t i = 0; i < all.n; i++)
		names[i] = sq_base_name(all.item[i]);
	n = sq_nearest_few(sq_base_name(pattern), names, all.n, near, MOST_HINTS);
	if (!n)
		return hint_below(pattern, &all, err);
	for (size_t i = 0; i < n; i++)
		add_path(&text, all.item[near[i]]);
	return sq_error_hint(err, "did you mean %s%s?", n > 1 ? "one of " : "",
			     sq_buffer_text(&text));
}

static bool is_cgroup(const struct sq_target *target)
{
	return target->cgroup.n > 0;
}

/* A glob for services that takes a slice takes everything in it: that is to be said on purpose. */
static void add_matches(const struct sq_texts *paths, const char *pattern,
			struct sq_finding *finding)
{
	for (size_t i = 0; i < paths->n; i++) {
		const char *path = paths->item[i];
		_cleanup_free_ char *below = NULL;

		if (sq_text_stem(path, ".slice") && !sq_text_stem(pattern, ".slice")) {
			below = sq_tell_below(path);
			sq_finding_warn(finding,
					"the glob '%s' matches '%s' too, a slice of %s: it is left "
					"out; to hit all of it, name it",
					pattern, path, below);
			continue;
		}
		sq_finding_add(finding, path, path);
	}
}

static int match_pattern(const struct sq_target *target, const char *pattern,
			 struct sq_finding *finding, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts paths = { 0 };
	struct sq_cgroup cgroup;
	int r;

	if (sq_cgroup_is_glob(pattern)) {
		r = sq_cgroup_glob(pattern, &paths, err);
		if (r)
			return r;
		add_matches(&paths, pattern, finding);
	} else if (!sq_cgroup_find(pattern, &cgroup, NULL)) {
		sq_texts_add(&paths, pattern);
		sq_finding_add(finding, pattern, pattern);
		sq_cgroup_clear(&cgroup);
	}
	return paths.n ? 0 : nothing_matches(target, pattern, err);
}

static int match_cgroup(const struct sq_target *target, const char *run, struct sq_finding *finding,
			struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < target->cgroup.n; i++) {
		struct sq_error *error = NULL;
		int one = match_pattern(target, target->cgroup.item[i], finding, &error);

		if (sq_match_ends(one, error, &r, err))
			break;
	}
	finding->shared = finding->n > 1;
	return r;
}

static bool holds_cgroups(const struct sq_target *target, const char *uid, const char *path)
{
	for (size_t i = 0; i < target->cgroup.n; i++)
		if (sq_cgroup_may_hold(path, target->cgroup.item[i]))
			return true;
	return false;
}

const struct sq_kind sq_kind_cgroup = { is_cgroup, match_cgroup, holds_cgroups };
