// SPDX-License-Identifier: GPL-2.0-only
#include "target/containers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "target/runtimes.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/set.h"

#define DIGITS "0123456789abcdef"
#define SQ_UID_DIGITS 16

/* What stands before the ID in the folder's name; podman: libpod-payload with --cgroups=split. */
static const struct {
	const char *prefix, *runtime;
} prefixes[] = {
	{ "libpod-", "podman" },      { "libpod-payload-", "podman" },
	{ "docker-", "docker" },      { "cri-containerd-", "containerd" },
	{ "nerdctl-", "containerd" }, { "crio-", "cri-o" },
};

const char *sq_container_folder(const char *name, const char *above, const char **ret_id)
{
	size_t n = sq_text_stem(name, ".scope"), before;

	if (!n)
		n = strlen(name);
	if (n < SQ_CONTAINER_ID)
		return NULL;
	before = n - SQ_CONTAINER_ID;
	if (strspn(name + before, DIGITS) < SQ_CONTAINER_ID)
		return NULL;
	*ret_id = name + before;
	/* podman's pods are bare numbers too */
	if (!before && !name[n])
		return !strcmp(above, "libpod_parent") ? NULL
		       : !strcmp(above, "docker")      ? "docker"
						       : "containerd";
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (before == strlen(prefixes[i].prefix) &&
		    !strncmp(name, prefixes[i].prefix, before))
			return prefixes[i].runtime;
	return NULL;
}

/* The last folder of @path and the one above it. */
static const char *folder_of(const char *path, const char **ret_id)
{
	const char *name = sq_base_name(path);
	_cleanup_free_ char *above = sq_strndup(path, (size_t)MAX(name - path - 1, 0));

	return sq_container_folder(name, sq_base_name(above), ret_id);
}

bool sq_in_container(const char *path)
{
	_cleanup_free_ char *part = sq_strdup(path);
	const char *id;

	for (char *slash = strrchr(part, '/'); slash; slash = strrchr(part, '/')) {
		if (folder_of(part, &id))
			return true;
		*slash = '\0';
	}
	return false;
}

/* What is inside of a container is the container's own: it may name its folders as it likes. */
static int look_at(const char *path, int fd, void *data)
{
	struct sq_containers *containers = data;
	const char *id, *runtime = folder_of(path, &id);

	if (!runtime)
		return 0;
	*(struct sq_container *)sq_append(&containers->item, &containers->n,
					  sizeof(*containers->item)) = (struct sq_container){
		.id = sq_strndup(id, SQ_CONTAINER_ID), .runtime = runtime, .path = sq_strdup(path)
	};
	return -1;
}

/* As runtimes allow it: what else one says is no name, and must not reach a terminal. */
static bool is_plain(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return isalnum((unsigned char)*name);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct sq_container *)a)->id, ((const struct sq_container *)b)->id);
}

static void clear_one(struct sq_container *container)
{
	free(container->id);
	free(container->name);
	free(container->path);
	json_decref(container->labels);
}

/*
 * Whoever may make cgroups below their own can name one after a container of others. So of two with one
 * ID what a user made does not count; where that does not decide, neither does.
 */
static void drop_doubles(struct sq_containers *containers)
{
	size_t kept = 0;

	for (size_t i = 0, end; i < containers->n; i = end) {
		size_t best = i, rivals = 0;

		for (end = i; end < containers->n &&
			      !strcmp(containers->item[end].id, containers->item[i].id);
		     end++) {
			bool users = sq_cgroup_within(containers->item[end].path, "/user.slice");

			if (!users)
				best = end;
			rivals += !users;
		}
		for (size_t j = i; j < end; j++) {
			if (j == best && (rivals == 1 || end == i + 1))
				containers->item[kept++] = containers->item[j];
			else
				clear_one(&containers->item[j]);
		}
	}
	containers->n = kept;
}

/* Only what the tree shows: no names, nobody is asked. */
static int find_in_tree(struct sq_containers *ret, struct sq_error **err)
{
	int r;

	*ret = (struct sq_containers){ 0 };
	r = sq_cgroup_walk("/", look_at, ret, err);
	if (r)
		return r;
	if (ret->n)
		qsort(ret->item, ret->n, sizeof(*ret->item), by_id);
	drop_doubles(ret);
	ret->in_tree = ret->n;
	return 0;
}

int sq_containers_find(struct sq_containers *ret, struct sq_error **err)
{
	int r = find_in_tree(ret, err);

	if (!r)
		sq_runtimes_ask(ret);
	return r;
}

/* The uid of the slice that it is in, in digits; false: it is no user's. */
static bool user_of(const struct sq_container *container, char uid[SQ_UID_DIGITS])
{
	static const char start[] = "/user.slice/user-";
	size_t n;

	if (strncmp(container->path, start, sizeof(start) - 1) != 0)
		return false;
	n = strspn(container->path + sizeof(start) - 1, "0123456789");
	if (!n || n >= SQ_UID_DIGITS ||
	    strncmp(container->path + sizeof(start) - 1 + n, ".slice/", 7) != 0)
		return false;
	memcpy(uid, container->path + sizeof(start) - 1, n);
	uid[n] = '\0';
	return true;
}

int sq_containers_of_users(struct sq_containers *ret, const char *uid, struct sq_error **err)
{
	_cleanup_set_ struct sq_set asked = { 0 };
	int r = find_in_tree(ret, err);
	char digits[SQ_UID_DIGITS];
	size_t kept = 0;

	for (size_t i = 0; i < ret->n; i++) {
		if (user_of(&ret->item[i], digits) && (!*uid || !strcmp(uid, digits)))
			ret->item[kept++] = ret->item[i];
		else
			clear_one(&ret->item[i]);
	}
	ret->n = ret->in_tree = kept;
	for (size_t i = 0; i < kept; i++)
		if (user_of(&ret->item[i], digits) && sq_set_add(&asked, digits))
			sq_runtimes_ask_user(ret, digits);
	/* of one who has none that runs there may be some that do not */
	if (*uid && !r && sq_set_add(&asked, uid))
		sq_runtimes_ask_user(ret, uid);
	return r;
}

struct sq_container *sq_container_by_id(const struct sq_containers *containers, const char *id)
{
	struct sq_container key = { .id = (char *)id };

	return containers->in_tree ? bsearch(&key, containers->item, containers->in_tree,
					     sizeof(*containers->item), by_id)
				   : NULL;
}

/* One that was placed by its runtime's state. */
static struct sq_container *placed(const struct sq_containers *containers, const char *runtime,
				   const char *id)
{
	for (size_t i = containers->in_tree; i < containers->n; i++)
		if (containers->item[i].path && containers->item[i].runtime == runtime &&
		    !strcmp(containers->item[i].id, id))
			return &containers->item[i];
	return NULL;
}

void sq_containers_describe(struct sq_containers *containers, const char *runtime, const char *id,
			    const char *name, json_t *labels, bool running)
{
	struct sq_container *container;

	if (!is_plain(id))
		return;
	container = sq_container_by_id(containers, id);
	if (!container)
		container = placed(containers, runtime, id);
	if (container && containers->below && !sq_cgroup_within(container->path, containers->below))
		return;
	if (!container) {
		container = sq_append(&containers->item, &containers->n, sizeof(*containers->item));
		*container = (struct sq_container){ .id = sq_strdup(id) };
	}
	/* containerd runs docker's containers too: who can tell the name is whose it is */
	if (name && is_plain(name) && !container->name) {
		container->name = sq_strdup(name);
		container->runtime = runtime;
	}
	if (!container->runtime)
		container->runtime = runtime;
	if (json_is_object(labels) && !container->labels)
		container->labels = json_incref(labels);
	container->known = true;
	container->running |= running;
}

void sq_containers_place(struct sq_containers *containers, const char *runtime, const char *id,
			 const char *path)
{
	struct sq_cgroup cgroup;

	if (sq_container_by_id(containers, id) || strcmp(sq_base_name(path), id) != 0 ||
	    sq_in_container(path) || sq_cgroup_find(path, &cgroup, NULL))
		return;
	sq_cgroup_clear(&cgroup);
	*(struct sq_container *)sq_append(&containers->item, &containers->n,
					  sizeof(*containers->item)) = (struct sq_container){
		.id = sq_strdup(id), .runtime = runtime, .path = sq_strdup(path)
	};
}

const char *sq_container_label(const struct sq_container *container, const char *name)
{
	return json_string_value(json_object_get(container->labels, name));
}

bool sq_labels_match(const json_t *labels, const struct sq_texts *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *equals = strchr(wanted->item[i], '=');
		_cleanup_free_ char *name = NULL;
		const char *value;

		if (!equals)
			return false;
		name = sq_strndup(wanted->item[i], (size_t)(equals - wanted->item[i]));
		value = json_string_value(json_object_get(labels, name));
		if (!value || strcmp(value, equals + 1) != 0)
			return false;
	}
	return true;
}

void sq_containers_clear(struct sq_containers *containers)
{
	for (size_t i = 0; i < containers->n; i++)
		clear_one(&containers->item[i]);
	free(containers->item);
	sq_texts_clear(&containers->silent);
	*containers = (struct sq_containers){ 0 };
}
