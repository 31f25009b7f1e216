// SPDX-License-Identifier: GPL-2.0-only
#include "target/target.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "target/follow.h"
#include "target/kind.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/process.h"
#include "util/units.h"

#define PARENT "/squall"
#define FEW 5 /* fewer are easily seen in a plan */

static bool is_command(const struct sq_target *target)
{
	return target->command.n > 0;
}

static int match_command(const struct sq_target *target, const char *run,
			 struct sq_finding *finding, struct sq_error **err)
{
	/* of a target that squall starts */
	_cleanup_free_ char *path = sq_asprintf("%s/%s/%s", PARENT, run, target->object.key);

	sq_finding_add(finding, path, path);
	return 0;
}

static bool holds_nothing(const struct sq_target *target, const char *uid, const char *path)
{
	return false;
}

static const struct sq_kind sq_kind_command = { is_command, match_command, holds_nothing };

static const struct sq_kind *const kinds[] = {
	&sq_kind_cgroup,    &sq_kind_systemd, &sq_kind_process,
	&sq_kind_container, &sq_kind_pod,     &sq_kind_command,
};

static const struct sq_kind *kind_of(const struct sq_target *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->is(target))
			return kinds[i];
	return NULL;
}

void sq_finding_add(struct sq_finding *finding, const char *name, const char *path)
{
	*(struct sq_found *)sq_append(&finding->item, &finding->n, sizeof(*finding->item)) =
		(struct sq_found){ sq_strdup(name), sq_strdup(path) };
}

void sq_finding_warn(struct sq_finding *finding, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	sq_texts_add(&finding->warnings, text);
}

void sq_finding_refuse(struct sq_finding *finding, const char *name, const char *path,
		       struct sq_error **err)
{
	*(struct sq_unfit *)sq_append(&finding->unfit, &finding->n_unfit, sizeof(*finding->unfit)) =
		(struct sq_unfit){ sq_strdup(name), sq_strdup(path), sq_strdup((*err)->message) };
	sq_error_free(*err);
	*err = NULL;
}

void sq_finding_tell_wide(struct sq_finding *finding, const struct sq_target *target,
			  const char *pattern, size_t found, size_t all, const char *what)
{
	if (found < FEW || found * 2 <= all)
		return;
	sq_finding_warn(finding, "target '%s': the glob '%s' takes %zu of the %zu %s",
			target->object.key, pattern, found, all, what);
}

void sq_unfit_free(struct sq_unfit *unfit, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(unfit[i].name);
		free(unfit[i].path);
		free(unfit[i].why);
	}
	free(unfit);
}

void sq_found_clear(struct sq_found *found)
{
	free(found->name);
	free(found->path);
}

void sq_finding_clear(struct sq_finding *finding)
{
	for (size_t i = 0; i < finding->n; i++)
		sq_found_clear(&finding->item[i]);
	free(finding->item);
	sq_unfit_free(finding->unfit, finding->n_unfit);
	sq_texts_clear(&finding->warnings);
	*finding = (struct sq_finding){ 0 };
}

bool sq_hint_nearest(const char *name, const char *const *names, size_t n, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	size_t near[5], found = sq_nearest_few(name, names, n, near, ARRAY_SIZE(near));

	for (size_t i = 0; i < found; i++)
		sq_buffer_add(&text, "%s'%s'", i ? ", " : "", names[near[i]]);
	if (found)
		sq_error_hint(err, "did you mean %s%s?", found > 1 ? "one of " : "",
			      sq_buffer_text(&text));
	return found > 0;
}

struct below {
	uint64_t cgroups, processes;
};

static int count_one(const char *path, int fd, void *data)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct below *below = data;
	size_t n = 0;

	if (!sq_cgroup_pids(fd, &pids, &n, NULL) && n) {
		below->cgroups++;
		below->processes += n;
	}
	return 0;
}

char *sq_tell_below(const char *path)
{
	_cleanup_free_ char *cgroups = NULL, *processes = NULL;
	struct below below = { 0 };

	sq_cgroup_walk(path, count_one, &below, NULL);
	cgroups = sq_number_of(below.cgroups, "cgroup");
	processes = sq_number_of(below.processes, "process");
	return sq_asprintf("%s with %s", cgroups, processes);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct sq_found *)a)->path, ((const struct sq_found *)b)->path);
}

static void drop_doubles(struct sq_finding *finding)
{
	size_t kept = 0;

	if (finding->n)
		qsort(finding->item, finding->n, sizeof(*finding->item), by_path);
	for (size_t i = 0; i < finding->n; i++) {
		if (kept && !strcmp(finding->item[kept - 1].path, finding->item[i].path))
			sq_found_clear(&finding->item[i]);
		else
			finding->item[kept++] = finding->item[i];
	}
	finding->n = kept;
}

bool sq_match_ends(int one, struct sq_error *error, int *r, struct sq_error **err)
{
	if (one && !*r) {
		*r = one;
		if (err) {
			sq_error_free(*err);
			*err = TAKE_PTR(error);
		}
	}
	sq_error_free(error);
	return one && one != -ENOENT && one != -ESRCH;
}

int sq_target_match(const struct sq_target *target, const char *run, struct sq_finding *finding,
		    struct sq_texts *carved, struct sq_error **err)
{
	int r = kind_of(target)->match(target, run, finding, err);

	if (r && r != -ENOENT && r != -ESRCH)
		return r;
	drop_doubles(finding);
	for (size_t i = 0; i < target->not .n; i++)
		if (!sq_finding_leave_out(finding, target->not .item[i], carved))
			sq_finding_warn(
				finding,
				"target '%s': 'not: %s' leaves nothing out: neither what matches "
				"now, nor what lies in it or around it, is called so",
				target->object.key, target->not .item[i]);
	if (finding->n || r)
		return r;
	return sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
			    "target '%s': 'not' leaves out all that matches", target->object.key);
}

bool sq_target_holds(const struct sq_target *target, const char *uid, const char *path)
{
	const struct sq_kind *kind = kind_of(target);

	return !kind->holds || kind->holds(target, uid, path);
}

struct draw {
	struct sq_found found;
	uint64_t hash;
};

static int by_hash(const void *a, const void *b)
{
	const struct draw *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

size_t sq_target_wanted(const struct sq_target *target, size_t n)
{
	const struct sq_select *select = &target->select;

	if (select->kind == SQ_SELECT_COUNT)
		return MIN(select->value, n);
	if (select->kind == SQ_SELECT_SHARE)
		return MIN(n, MAX((size_t)((double)n * (double)select->value / SQ_SHARE_ONE), 1));
	return n;
}

uint64_t sq_target_hash(const struct sq_target *target, uint64_t seed, const char *name)
{
	return sq_hash_text(sq_hash_text(sq_mix64(seed), target->object.key), name);
}

/* Sorts those drawn to the front, by their paths; returns how many. */
static size_t draw(const struct sq_target *target, uint64_t seed, struct sq_finding *finding)
{
	size_t n = finding->n, wanted = sq_target_wanted(target, n);
	_cleanup_free_ struct draw *draws = sq_alloc((n + 1) * sizeof(*draws));

	for (size_t i = 0; i < n; i++)
		draws[i] = (struct draw){ finding->item[i],
					  sq_target_hash(target, seed, finding->item[i].name) };
	qsort(draws, n, sizeof(*draws), by_hash);
	for (size_t i = 0; i < n; i++)
		finding->item[i] = draws[i].found;
	if (wanted)
		qsort(finding->item, wanted, sizeof(*finding->item), by_path);
	return wanted;
}

/* Looks a drawn cgroup up; one that is gone meanwhile is left out. */
static void add_member(struct sq_resolved *ret, const struct sq_found *found)
{
	struct sq_member member = { .processes = 0 };

	if (is_command(ret->target)) {
		member.cgroup = (struct sq_cgroup){ .path = sq_strdup(found->path),
						    .level = sq_cgroup_level(found->path) };
		member.processes = 1;
	} else if (sq_cgroup_find_and_count(found->path, &member.cgroup, &member.processes, NULL)) {
		return;
	}
	member.name = sq_strdup(found->name);
	*(struct sq_member *)sq_append(&ret->item, &ret->n, sizeof(*ret->item)) = member;
}

/* What a slice holds besides its name is easily more than was meant: said with numbers. */
static void tell_width(struct sq_resolved *ret, const struct sq_member *member,
		       struct sq_finding *finding)
{
	_cleanup_free_ char *below = NULL;

	/* a pod's cgroup is a slice too, and what was meant */
	if (!sq_text_stem(member->cgroup.path, ".slice") || ret->target->pod.n)
		return;
	below = sq_tell_below(member->cgroup.path);
	sq_finding_warn(finding, "target '%s': '%s' is a slice: everything in it is hit, %s now",
			ret->target->object.key, member->cgroup.path, below);
}

static int take_drawn(struct sq_resolved *ret, struct sq_finding *finding, size_t first,
		      size_t until, struct sq_error **err)
{
	for (size_t i = first; i < until; i++)
		add_member(ret, &finding->item[i]);
	for (size_t i = 0; i < ret->n && !ret->target->rest_of; i++)
		tell_width(ret, &ret->item[i], finding);
	for (size_t i = 0; i < finding->warnings.n; i++)
		sq_texts_add(&ret->warnings, finding->warnings.item[i]);
	if (ret->n)
		return 0;
	if (ret->target->rest_of)
		return sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
				    "target '%s': '%s' selects all of the %zu cgroups that match: "
				    "there is no rest to compare with",
				    ret->target->object.key, ret->target->rest_of, finding->n);
	return sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
			    "the cgroups of target '%s' "
			    "vanished while they were looked at",
			    ret->target->object.key);
}

/*
 * The rest begins at @first. Its own 'not' leaves out of it, but does not change the other target's
 * draw; and what holds something that is hit, or lies in it, is nothing to compare with.
 */
static void drop_from_rest(const struct sq_target *target, struct sq_finding *finding, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < finding->n; i++) {
		struct sq_found *found = &finding->item[i];
		bool drop;

		drop = sq_target_leaves_out(target, found->name, found->path);
		for (size_t j = 0; j < first; j++)
			drop |= sq_cgroup_within(found->path, finding->item[j].path) ||
				sq_cgroup_within(finding->item[j].path, found->path);
		if (drop)
			sq_found_clear(found);
		else
			finding->item[kept++] = *found;
	}
	finding->n = kept;
	if (kept > first)
		qsort(finding->item + first, kept - first, sizeof(*finding->item), by_path);
}

int sq_target_resolve(const struct sq_target *target, const struct sq_target *of, uint64_t seed,
		      const char *run, struct sq_resolved *ret, struct sq_error **err)
{
	_cleanup_(sq_finding_clear) struct sq_finding finding = { 0 };
	const struct sq_target *matching = of ? of : target;
	size_t wanted;
	int r;

	*ret = (struct sq_resolved){ .target = target };
	r = sq_target_match(matching, run, &finding, &ret->carved, err);
	if (r)
		return r;
	ret->matched = finding.n;
	for (size_t i = 0; i < finding.n; i++)
		sq_texts_add(&ret->all, finding.item[i].path);
	ret->shared = finding.shared && finding.n > 1;
	wanted = draw(matching, seed, &finding);
	if (!of)
		return take_drawn(ret, &finding, 0, wanted, err);
	drop_from_rest(target, &finding, wanted);
	return take_drawn(ret, &finding, wanted, finding.n, err);
}

void sq_resolved_clear(struct sq_resolved *resolved)
{
	for (size_t i = 0; i < resolved->n; i++) {
		sq_cgroup_clear(&resolved->item[i].cgroup);
		free(resolved->item[i].name);
	}
	free(resolved->item);
	sq_texts_clear(&resolved->all);
	sq_texts_clear(&resolved->carved);
	sq_texts_clear(&resolved->warnings);
	*resolved = (struct sq_resolved){ 0 };
}

int sq_target_find_user(const struct sq_target *target, char **ret, struct sq_error **err)
{
	struct sq_user user;
	int r;

	*ret = NULL;
	if (!target->user)
		return 0;
	if (!strcmp(target->user, "*")) {
		*ret = sq_strdup("");
		return 0;
	}
	if (strspn(target->user, "0123456789") == strlen(target->user)) {
		*ret = sq_strdup(target->user);
		return 0;
	}
	r = sq_user_find(target->user, &user);
	if (r)
		return sq_error_set(err, r == -ENOENT ? SQ_FAIL_REFUSED : SQ_FAIL_NOT_NOW, -r,
				    "target '%s': there is no user '%s'", target->object.key,
				    target->user);
	*ret = sq_asprintf("%u", user.uid);
	return 0;
}

bool sq_target_is_started(const struct sq_target *target)
{
	return is_command(target);
}

/* Whom the command runs as: the host's policy goes first, and may not be got round. */
static int find_user(const struct sq_target *target, const struct sq_user *policy,
		     struct sq_user *own, const struct sq_user **ret, struct sq_error **err)
{
	int r;

	*ret = policy;
	if (!target->user || (policy && !strcmp(policy->name, target->user)))
		return 0;
	if (policy)
		return sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
				    "target '%s': the host's policy runs commands as '%s', not as "
				    "'%s'",
				    target->object.key, policy->name, target->user);
	r = sq_user_find(target->user, own);
	if (r)
		return sq_error_set(err, r == -ENOENT ? SQ_FAIL_REFUSED : SQ_FAIL_NOT_NOW, -r,
				    "target '%s': there is no user '%s'", target->object.key,
				    target->user);
	*ret = own;
	return 0;
}

int sq_target_start(const struct sq_target *target, struct sq_member *member,
		    const struct sq_user *user, int output_fd, pid_t *ret_pid, int *ret_pidfd,
		    struct sq_error **err)
{
	_cleanup_close_ int fd = sq_cgroup_open(member->cgroup.path, err);
	struct sq_spawn spawn = { .argv = (const char *const *)target->command.item,
				  .environment = (const char *const *)target->environment.item,
				  .directory = target->directory,
				  .cgroup_fd = fd,
				  .stdin_fd = -EBADF,
				  .stdout_fd = output_fd,
				  .stderr_fd = output_fd };
	struct sq_cgroup found;
	struct sq_user own;
	int r = fd < 0 ? fd : sq_cgroup_find(member->cgroup.path, &found, err);

	if (r)
		return r;
	member->cgroup.id = found.id;
	sq_cgroup_clear(&found);
	r = find_user(target, user, &own, &spawn.user, err);
	if (r)
		return r;
	r = sq_spawn(&spawn, ret_pid, ret_pidfd, err);
	return r ? sq_error_wrap(err, "target '%s'", target->object.key) : 0;
}
