// SPDX-License-Identifier: GPL-2.0-only
/* The pods of a Kubernetes node, by namespace and name, whole or single containers of them. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "target/kind.h"
#include "target/pods.h"
#include "util/cgroup.h"

struct search {
	const struct sq_target *target;
	struct sq_pods pods;
	struct sq_containers containers;
	struct sq_finding *finding;
	bool ready; /* all that is to be known is */
	size_t unnamed; /* pods that nobody has named */
};

static bool is_pod(const struct sq_target *target)
{
	return target->pod.n > 0;
}

static char *full_name(const struct sq_pod *pod)
{
	return sq_asprintf("%s/%s", pod->namespace, pod->name);
}

static bool is_named(const struct sq_pod *pod)
{
	return pod->namespace && pod->name;
}

/* Part by part: a star in the namespace does not reach into the name. */
static bool matches(const char *pattern, const struct sq_pod *pod)
{
	_cleanup_free_ char *name = full_name(pod);

	return !fnmatch(pattern, name, FNM_PATHNAME | FNM_NOESCAPE);
}

static int no_pod(const struct search *search, const char *pattern, struct sq_error **err)
{
	const struct sq_pods *pods = &search->pods;
	_cleanup_texts_ struct sq_texts names = { 0 };

	for (size_t i = 0; i < pods->n; i++) {
		_cleanup_free_ char *name = is_named(&pods->item[i]) ? full_name(&pods->item[i])
								     : NULL;

		if (name)
			sq_texts_add(&names, name);
	}
	sq_error_set(err, SQ_FAIL_REFUSED, ENOENT, "target '%s': %s '%s' %s",
		     search->target->object.key,
		     sq_cgroup_is_glob(pattern) ? "no pod matches" : "there is no pod", pattern,
		     pods->n ? "on this node" : "here: this host has no pods of a kubelet");
	if (search->unnamed)
		return sq_error_hint(err,
				     "the names of %zu pods are not known: nothing in "
				     "/var/log/pods tells them",
				     search->unnamed);
	if (!sq_hint_nearest(pattern, (const char *const *)names.item, names.n, err) && names.n)
		sq_error_hint(err, "there is '%s'%s", names.item[0],
			      names.n > 1 ? ", and others: `squall targets --pod '*/*'` lists them"
					  : "");
	return -ENOENT;
}

static bool is_wanted(const struct sq_target *target, const char *container)
{
	for (size_t i = 0; i < target->only_containers.n; i++)
		if (!fnmatch(target->only_containers.item[i], container, FNM_NOESCAPE))
			return true;
	return false;
}

/* The containers of a pod that run; what is said to be its own must lie in its cgroup. */
static size_t add_containers(struct search *search, const struct sq_pod *pod)
{
	_cleanup_free_ char *name = full_name(pod);
	size_t n = 0;

	for (size_t i = 0; i < pod->n; i++) {
		const struct sq_container *container =
			sq_container_by_id(&search->containers, pod->container[i].id);
		_cleanup_free_ char *whole = NULL;

		if (!container || !is_wanted(search->target, pod->container[i].name) ||
		    !sq_cgroup_within(container->path, pod->path))
			continue;
		whole = sq_asprintf("%s/%s", name, pod->container[i].name);
		sq_finding_add(search->finding, whole, container->path);
		n++;
	}
	return n;
}

static int no_container(const struct search *search, const struct sq_pod *pod,
			struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	size_t running = 0;

	for (size_t i = 0; i < pod->n; i++) {
		if (!sq_container_by_id(&search->containers, pod->container[i].id))
			continue;
		sq_buffer_add(&text, "%s'%s'", running++ ? ", " : "", pod->container[i].name);
	}
	sq_error_set(err, SQ_FAIL_NOT_NOW, ESRCH,
		     "target '%s': no container of the pod '%s/%s' that runs is named so",
		     search->target->object.key, pod->namespace, pod->name);
	return sq_error_hint(err, running ? "there is %s" : "none of its containers is known%s",
			     sq_buffer_text(&text));
}

static int match_pattern(struct search *search, const char *pattern, struct sq_error **err)
{
	const struct sq_target *target = search->target;
	const struct sq_pod *bare = NULL;
	size_t before = search->finding->n, named = 0;

	for (size_t i = 0; i < search->pods.n; i++) {
		const struct sq_pod *pod = &search->pods.item[i];
		_cleanup_free_ char *name = NULL;

		if (!is_named(pod) || !matches(pattern, pod))
			continue;
		named++;
		if (target->labels.n && !sq_labels_match(pod->labels, &target->labels))
			continue;
		name = full_name(pod);
		if (!target->only_containers.n)
			sq_finding_add(search->finding, name, pod->path);
		else if (!add_containers(search, pod))
			bare = pod;
	}
	if (sq_cgroup_is_glob(pattern))
		sq_finding_tell_wide(search->finding, target, pattern, named, search->pods.n,
				     "pods of this node");
	if (search->finding->n > before)
		return 0;
	if (bare)
		return no_container(search, bare, err);
	if (!named)
		return no_pod(search, pattern, err);
	return sq_error_set(err, SQ_FAIL_REFUSED, ENOENT,
			    "target '%s': no pod that '%s' matches has all of the labels",
			    target->object.key, pattern);
}

/* The one with processes, and if both have some, the one whose cgroup was made later. */
static bool is_newer(const struct sq_found *found, const struct sq_found *other)
{
	struct sq_cgroup cgroup[2] = { { 0 } };
	uint64_t processes[2] = { 0 };
	bool newer;

	sq_cgroup_count(found->path, &processes[0], NULL);
	sq_cgroup_count(other->path, &processes[1], NULL);
	if (!processes[0] != !processes[1])
		return processes[0];
	/* the kernel gives ids in order */
	newer = !sq_cgroup_find(found->path, &cgroup[0], NULL) &&
		(sq_cgroup_find(other->path, &cgroup[1], NULL) || cgroup[0].id > cgroup[1].id);
	sq_cgroup_clear(&cgroup[0]);
	sq_cgroup_clear(&cgroup[1]);
	return newer;
}

/*
 * One pod may be there twice while it is made anew, by two UIDs. A member is known by its name.
 */
static void keep_latest(struct sq_finding *finding)
{
	size_t kept = 0;

	for (size_t i = 0; i < finding->n; i++) {
		struct sq_found *found = &finding->item[i];
		size_t j = 0;

		while (j < kept && strcmp(finding->item[j].name, found->name) != 0)
			j++;
		if (j == kept) {
			finding->item[kept++] = *found;
			continue;
		}
		if (is_newer(found, &finding->item[j])) {
			struct sq_found older = finding->item[j];

			finding->item[j] = *found;
			*found = older;
		}
		free(found->name);
		free(found->path);
	}
	finding->n = kept;
}

static bool is_there(const struct sq_pods *pods, const char *name)
{
	for (size_t i = 0; i < pods->n; i++)
		if (is_named(&pods->item[i]) && matches(name, &pods->item[i]))
			return true;
	return false;
}

static void count_unnamed(struct search *search)
{
	search->unnamed = 0;
	for (size_t i = 0; i < search->pods.n; i++)
		search->unnamed += !is_named(&search->pods.item[i]);
}

/* May one that nobody on this node has named be meant? */
static bool may_be_unnamed(const struct search *search)
{
	const struct sq_texts *patterns = &search->target->pod;

	for (size_t i = 0; i < patterns->n && search->unnamed; i++)
		if (sq_cgroup_is_glob(patterns->item[i]) ||
		    !is_there(&search->pods, patterns->item[i]))
			return true;
	return false;
}

static int gather(struct search *search, struct sq_error **err)
{
	bool labels = search->target->labels.n > 0;
	int r = sq_containers_find(&search->containers, err);

	if (!r)
		r = sq_pods_find(&search->containers, &search->pods, err);
	if (r)
		return r;
	count_unnamed(search);
	if (!search->pods.n || (!labels && !may_be_unnamed(search)))
		return 0;
	/* without labels only names are missing, and those of others perhaps */
	r = sq_pods_ask(&search->pods, labels ? err : NULL);
	if (r && labels) {
		sq_error_wrap(err, "target '%s'", search->target->object.key);
		/* that nobody could be asked is not that there is no such pod */
		return r == -ENOENT || r == -ESRCH ? -ENODATA : r;
	}
	count_unnamed(search);
	return 0;
}

static int match_pod(const struct sq_target *target, const char *run, struct sq_finding *finding,
		     struct sq_error **err)
{
	struct search search = { .target = target, .finding = finding };
	int r = gather(&search, err);

	search.ready = !r;
	for (size_t i = 0; i < target->pod.n && search.ready; i++) {
		struct sq_error *error = NULL;
		int one = match_pattern(&search, target->pod.item[i], &error);

		if (sq_match_ends(one, error, &r, err))
			break;
	}
	if (!finding->every)
		keep_latest(finding);
	finding->shared = finding->n > 1;
	sq_pods_clear(&search.pods);
	sq_containers_clear(&search.containers);
	return r;
}

static bool holds_pods(const struct sq_target *target, const char *uid, const char *path)
{
	return !sq_in_container(path);
}

const struct sq_kind sq_kind_pod = { is_pod, match_pod, holds_pods };
