// SPDX-License-Identifier: GPL-2.0-only
#include "target/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/fs.h"
#include "util/hash.h"
#include "util/process.h"
#include "util/units.h"

#define PARENT "/squall"
#define MOST_HINTS 5

/* A kind of target. */
struct kind {
	bool (*is)(const struct sq_target *target);
	/* Adds the paths of all cgroups that match. */
	int (*match)(const struct sq_target *target, const char *run, struct sq_texts *paths,
		     bool *ret_shared, struct sq_error **err);
};

struct draw {
	const char *path;
	uint64_t hash;
};

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

static int match_cgroup(const struct sq_target *target, const char *run, struct sq_texts *paths,
			bool *ret_shared, struct sq_error **err)
{
	for (size_t i = 0; i < target->cgroup.n; i++) {
		const char *pattern = target->cgroup.item[i];
		struct sq_cgroup cgroup;
		size_t before = paths->n;
		int r;

		if (sq_cgroup_is_glob(pattern)) {
			r = sq_cgroup_glob(pattern, paths, err);
			if (r)
				return r;
		} else if (!sq_cgroup_find(pattern, &cgroup, NULL)) {
			sq_texts_add(paths, pattern);
			sq_cgroup_clear(&cgroup);
		}
		if (paths->n == before)
			return nothing_matches(target, pattern, err);
	}
	*ret_shared = paths->n > 1;
	return 0;
}

static bool is_command(const struct sq_target *target)
{
	return target->command.n > 0;
}

static int match_command(const struct sq_target *target, const char *run, struct sq_texts *paths,
			 bool *ret_shared, struct sq_error **err)
{
	_cleanup_free_ char *path = sq_target_path(target, run);

	sq_texts_add(paths, path);
	return 0;
}

static const struct kind kinds[] = {
	{ is_cgroup, match_cgroup },
	{ is_command, match_command },
};

static int by_hash(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct draw *)a)->path, ((const struct draw *)b)->path);
}

/* Sorts those that are drawn to the front; returns how many. */
static size_t draw(const struct sq_target *target, uint64_t seed, struct draw *draws, size_t n)
{
	const struct sq_select *select = &target->select;
	size_t wanted = n;

	for (size_t i = 0; i < n; i++)
		draws[i].hash = sq_hash_text(sq_hash_text(sq_mix64(seed), target->object.key),
					     draws[i].path);
	qsort(draws, n, sizeof(*draws), by_hash);
	if (select->kind == SQ_SELECT_COUNT)
		wanted = MIN(select->value, n);
	else if (select->kind == SQ_SELECT_SHARE)
		wanted = MAX((size_t)((double)n * (double)select->value / SQ_SHARE_ONE), 1);
	qsort(draws, wanted, sizeof(*draws), by_path);
	return wanted;
}

static size_t without_doubles(struct draw *draws, size_t n)
{
	size_t kept = 0;

	qsort(draws, n, sizeof(*draws), by_path);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(draws[kept - 1].path, draws[i].path) != 0)
			draws[kept++] = draws[i];
	return kept;
}

/* Looks a drawn cgroup up; one that is gone meanwhile is left out. */
static void add_member(struct sq_resolved *ret, const char *path)
{
	struct sq_member member = { .processes = 0 };

	if (is_command(ret->target)) {
		member.cgroup = (struct sq_cgroup){ .path = sq_strdup(path),
						    .level = sq_cgroup_level(path) };
		member.processes = 1;
	} else if (sq_cgroup_find(path, &member.cgroup, NULL) ||
		   sq_cgroup_count(path, &member.processes, NULL)) {
		return;
	}
	*(struct sq_member *)sq_append(&ret->item, &ret->n, sizeof(*ret->item)) = member;
}

int sq_target_resolve(const struct sq_target *target, uint64_t seed, const char *run,
		      struct sq_resolved *ret, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts paths = { 0 };
	_cleanup_free_ struct draw *draws = NULL;
	size_t wanted;

	*ret = (struct sq_resolved){ .target = target };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = kinds[i].is(target) ? kinds[i].match(target, run, &paths, &ret->shared, err)
					    : 0;

		if (r)
			return r;
	}
	draws = sq_alloc((paths.n + 1) * sizeof(*draws));
	for (size_t i = 0; i < paths.n; i++)
		draws[i].path = paths.item[i];
	ret->matched = without_doubles(draws, paths.n);
	for (size_t i = 0; i < ret->matched; i++)
		sq_texts_add(&ret->all, draws[i].path);
	ret->shared = ret->shared && ret->matched > 1;
	wanted = draw(target, seed, draws, ret->matched);
	for (size_t i = 0; i < wanted; i++)
		add_member(ret, draws[i].path);
	if (!ret->n)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
				    "the cgroups of target '%s' "
				    "vanished while they were looked at",
				    target->object.key);
	return 0;
}

void sq_resolved_clear(struct sq_resolved *resolved)
{
	for (size_t i = 0; i < resolved->n; i++)
		sq_cgroup_clear(&resolved->item[i].cgroup);
	free(resolved->item);
	sq_texts_clear(&resolved->all);
	*resolved = (struct sq_resolved){ 0 };
}

bool sq_target_is_started(const struct sq_target *target)
{
	return is_command(target);
}

char *sq_target_path(const struct sq_target *target, const char *run)
{
	return sq_asprintf("%s/%s/%s", PARENT, run, target->object.key);
}

int sq_target_start(const struct sq_target *target, struct sq_member *member,
		    const struct sq_user *user, int output_fd, pid_t *ret_pid, int *ret_pidfd,
		    struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(member->cgroup.path, err);
	struct sq_spawn spawn = { .argv = (const char *const *)target->command.item,
				  .cgroup_fd = fd,
				  .stdin_fd = -EBADF,
				  .stdout_fd = output_fd,
				  .stderr_fd = output_fd,
				  .user = user };
	struct sq_cgroup found;
	int r = fd < 0 ? fd : sq_cgroup_find(member->cgroup.path, &found, err);

	if (r)
		return r;
	member->cgroup.id = found.id;
	sq_cgroup_clear(&found);
	r = sq_spawn(&spawn, ret_pid, ret_pidfd, err);
	return r ? sq_error_wrap(err, "target '%s'", target->object.key) : 0;
}
