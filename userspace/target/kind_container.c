// SPDX-License-Identifier: GPL-2.0-only
/* Containers of podman, docker and containerd, by name, ID or label. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "target/containers.h"
#include "target/kind.h"
#include "util/cgroup.h"

#define SHORTEST_ID 8 /* of the digits that stand for an ID */
#define SHOWN_ID 12 /* as the runtimes show it */
#define MOST_NAMED 5

static bool is_container(const struct sq_target *target)
{
	return target->container.n > 0;
}

static const char *name_of(const struct sq_container *container)
{
	return container->name ? container->name : container->id;
}

/* Why @wanted cannot be told: what the runtimes did not answer. */
static int not_known(const struct sq_target *target, const char *what,
		     const struct sq_containers *containers, struct sq_error **err)
{
	sq_error_set(err, SQ_FAIL_NOT_NOW, ETIMEDOUT, "target '%s': %s: %s", target->object.key,
		     what, containers->silent.item[0]);
	return sq_error_hint(err, "look at that service, or name what is meant by its whole ID");
}

static int no_container(const struct sq_target *target, const char *pattern,
			const struct sq_containers *containers, struct sq_error **err)
{
	_cleanup_free_ const char **names = sq_alloc((containers->n + 1) * sizeof(*names));
	size_t n = 0, running = 0;

	for (size_t i = 0; i < containers->n; i++) {
		running += containers->item[i].path != NULL;
		if (containers->item[i].path && containers->item[i].name)
			names[n++] = containers->item[i].name;
	}
	if (containers->silent.n)
		return not_known(target, "it is not known what runs here", containers, err);
	sq_error_set(err, SQ_FAIL_REFUSED, ENOENT, "target '%s': %s '%s' %s", target->object.key,
		     sq_cgroup_is_glob(pattern) ? "no running container matches"
						: "there is no container",
		     pattern,
		     running	    ? "on this host"
		     : target->user ? "here: no container of that user runs on this host"
				    : "here: no container runs on this host");
	if (!sq_hint_nearest(pattern, names, n, err) && (running || target->user))
		sq_error_hint(err, target->user
					   ? "`podman ps` or `docker ps`, as that user, shows "
					     "those that run"
					   : "`podman ps` or `docker ps` shows those that run");
	return -ENOENT;
}

/* One that its runtime knows and that has no cgroup. */
static int not_running(const struct sq_target *target, const struct sq_container *container,
		       struct sq_error **err)
{
	if (container->running) {
		sq_error_set(err, SQ_FAIL_REFUSED, ESRCH,
			     "target '%s': %s says that the container '%s' runs, and no cgroup "
			     "carries its ID %.*s",
			     target->object.key, container->runtime, name_of(container), SHOWN_ID,
			     container->id);
		return sq_error_hint(err, "faults hit cgroups: it must not be started with "
					  "`--cgroups=disabled`, and a user's own are named with "
					  "'user'");
	}
	sq_error_set(err, SQ_FAIL_NOT_NOW, ESRCH, "target '%s': the container '%s' does not run",
		     target->object.key, name_of(container));
	if (!strcmp(container->runtime, "podman") || !strcmp(container->runtime, "docker"))
		sq_error_hint(err, "`%s start %s`", container->runtime, name_of(container));
	return -ESRCH;
}

static int ambiguous(const struct sq_target *target, const char *name,
		     const struct sq_containers *containers, const size_t *meant, size_t n,
		     struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	for (size_t i = 0; i < n && i < MOST_NAMED; i++) {
		const struct sq_container *container = &containers->item[meant[i]];

		sq_buffer_add(&text, "%s%s's %.*s%s%s%s", i ? ", " : "", container->runtime,
			      SHOWN_ID, container->id, container->name ? " (" : "",
			      container->name ? container->name : "", container->name ? ")" : "");
	}
	sq_error_set(err, SQ_FAIL_REFUSED, EINVAL, "target '%s': '%s' may be %s%s",
		     target->object.key, name, sq_buffer_text(&text),
		     n > MOST_NAMED ? " and others" : "");
	return sq_error_hint(err, "write the whole ID of the one that is meant");
}

/* Does it have all that the target asks for? -EPERM: nobody knows. */
static int has_labels(const struct sq_target *target, const struct sq_container *container,
		      const struct sq_containers *containers, struct sq_error **err)
{
	if (!target->labels.n)
		return 1;
	if (container->labels)
		return sq_labels_match(container->labels, &target->labels);
	if (containers->silent.n)
		return not_known(target, "the labels of containers are not known", containers, err);
	sq_error_set(err, SQ_FAIL_NOT_NOW, ETIMEDOUT,
		     "target '%s': the labels of the container '%s' are not known: %s",
		     target->object.key, name_of(container),
		     strcmp(container->runtime, "podman") != 0 ? "its runtime does not tell"
		     : target->user ? "nobody answers at the user's podman/podman.sock"
				    : "nobody answers at '/run/podman/podman.sock'");
	return sq_error_hint(err, strcmp(container->runtime, "podman") != 0
					  ? "name it, or for Kubernetes use 'pod'"
				  : target->user
					  ? "`systemctl --user start podman.socket`, or name it"
					  : "`systemctl start podman.socket`, or name it");
}

/*
 * As the runtimes themselves take it: the whole ID, a name, the beginning of an ID. Those that run go
 * first: a name may have been given again. Fills @meant, returns how many.
 */
static size_t find_meant(const struct sq_containers *containers, const char *name, size_t *meant)
{
	for (int way = 0; way < 6; way++) {
		bool running = way < 3;
		size_t n = 0, length = strlen(name);

		if (way % 3 == 2 && length < SHORTEST_ID)
			continue;
		for (size_t i = 0; i < containers->n; i++) {
			const struct sq_container *container = &containers->item[i];
			bool is = way % 3 == 0	 ? !strcmp(container->id, name)
				  : way % 3 == 1 ? container->name && !strcmp(container->name, name)
						 : !strncmp(container->id, name, length);

			if (is && running == (container->path != NULL))
				meant[n++] = i;
		}
		if (n)
			return n;
	}
	return 0;
}

static int match_one(const struct sq_target *target, const char *name,
		     const struct sq_containers *containers, struct sq_finding *finding,
		     struct sq_error **err)
{
	_cleanup_free_ size_t *meant = sq_alloc((containers->n + 1) * sizeof(*meant));
	size_t n = find_meant(containers, name, meant);
	const struct sq_container *container;
	int r;

	if (!n)
		return no_container(target, name, containers, err);
	container = &containers->item[meant[0]];
	if (!container->path)
		return not_running(target, container, err);
	if (n > 1)
		return ambiguous(target, name, containers, meant, n, err);
	r = has_labels(target, container, containers, err);
	if (r < 0)
		return r;
	if (!r)
		return sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
				    "target '%s': the container '%s' has not all of the labels",
				    target->object.key, name);
	/* by the name that was written: what is made anew under it is the same member */
	sq_finding_add(finding, name, container->path);
	return 0;
}

static int match_glob(const struct sq_target *target, const char *pattern,
		      const struct sq_containers *containers, struct sq_finding *finding,
		      struct sq_error **err)
{
	size_t before = finding->n, all = 0;

	/* a part of them would look as if the others had ended */
	if (containers->silent.n)
		return not_known(target, "it is not known what runs here", containers, err);
	for (size_t i = 0; i < containers->n; i++) {
		const struct sq_container *container = &containers->item[i];
		int r;

		all += container->path != NULL;
		if (!container->path || fnmatch(pattern, name_of(container), 0) != 0)
			continue;
		r = has_labels(target, container, containers, err);
		if (r < 0)
			return r;
		if (r)
			sq_finding_add(finding, name_of(container), container->path);
	}
	sq_finding_tell_wide(finding, target, pattern, finding->n - before, all,
			     "containers that run here");
	if (finding->n > before)
		return 0;
	if (!target->labels.n)
		return no_container(target, pattern, containers, err);
	return sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
			    "target '%s': no running container that '%s' matches has all of the "
			    "labels",
			    target->object.key, pattern);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sq_found *)a)->name, ((const struct sq_found *)b)->name);
}

/* A member is known by its name: two of one name could not be told apart when one restarts. */
static int check_names(const struct sq_target *target, struct sq_finding *finding,
		       struct sq_error **err)
{
	if (finding->n)
		qsort(finding->item, finding->n, sizeof(*finding->item), by_name);
	for (size_t i = 1; i < finding->n && !finding->every; i++)
		if (!strcmp(finding->item[i].name, finding->item[i - 1].name) &&
		    strcmp(finding->item[i].path, finding->item[i - 1].path) != 0)
			return sq_error_set(err, SQ_FAIL_REFUSED, EINVAL,
					    "target '%s': two containers are named '%s': '%s' and "
					    "'%s'",
					    target->object.key, finding->item[i].name,
					    finding->item[i - 1].path, finding->item[i].path);
	return 0;
}

static int match_container(const struct sq_target *target, const char *run,
			   struct sq_finding *finding, struct sq_error **err)
{
	_cleanup_(sq_containers_clear) struct sq_containers containers = { 0 };
	_cleanup_free_ char *uid = NULL;
	int r = sq_target_find_user(target, &uid, err), named;

	if (!r)
		r = uid ? sq_containers_of_users(&containers, uid, err)
			: sq_containers_find(&containers, err);
	if (r)
		return r;
	for (size_t i = 0; i < target->container.n; i++) {
		const char *pattern = target->container.item[i];
		struct sq_error *error = NULL;
		int one = (sq_cgroup_is_glob(pattern) ? match_glob : match_one)(
			target, pattern, &containers, finding, &error);

		if (sq_match_ends(one, error, &r, err))
			break;
	}
	finding->shared = finding->n > 1;
	named = check_names(target, finding, r ? NULL : err);
	return named ? named : r;
}

static bool holds_containers(const struct sq_target *target, const char *uid, const char *path)
{
	/* a user's are in the user's slice */
	if (uid && strcmp(path, "/") != 0 && !sq_cgroup_within(path, "/user.slice"))
		return false;
	return !sq_in_container(path);
}

const struct sq_kind sq_kind_container = { is_container, match_container, holds_containers };
