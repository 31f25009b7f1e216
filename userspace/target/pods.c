// SPDX-License-Identifier: GPL-2.0-only
#include "target/pods.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cgroup.h"
#include "util/fs.h"

#define UID_SIZE 36 /* of a UUID; a static pod's is a hash of 32 digits */
#define HASH_SIZE 32

static const char logs_folder[] = "/var/log/pods";
static const char links_folder[] = "/var/log/containers";

/* As Kubernetes names things: RFC 1123, with dots. */
static bool is_plain(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-", *p))
			return false;
	return isalnum((unsigned char)*name);
}

static bool is_uid(const char *text, size_t n)
{
	if (n != UID_SIZE && n != HASH_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return true;
}

/* With '-', whatever stands there. */
static char *plain_uid(const char *text, size_t n)
{
	char *uid = sq_strndup(text, n);

	for (char *p = uid; *p; p++)
		if (*p == '_')
			*p = '-';
	return uid;
}

char *sq_pod_uid(const char *path)
{
	const char *name = sq_base_name(path), *uid;
	size_t n = sq_text_stem(name, ".slice");

	if (n) {
		const char *pods = strstr(name, "kubepods");

		/* with --cgroup-root: kubelet-kubepods-burstable-podUID.slice */
		uid = pods && (pods == name || pods[-1] == '-') ? strstr(pods, "-pod") : NULL;
		uid = uid ? uid + 4 : NULL;
	} else {
		n = strlen(name);
		uid = !strncmp(name, "pod", 3) && strstr(path, "/kubepods/") ? name + 3 : NULL;
	}
	return uid && is_uid(uid, n - (size_t)(uid - name))
		       ? plain_uid(uid, n - (size_t)(uid - name))
		       : NULL;
}

static int look_at(const char *path, int fd, void *data)
{
	struct sq_pods *pods = data;
	char *uid = sq_pod_uid(path);
	const char *id, *name = sq_base_name(path);

	/* below here every user makes cgroups of his own, and calls them what he likes */
	if (!uid && !strcmp(path, "/user.slice"))
		return -1;
	/* what is in a container is the container's own: a node of kind has pods that are not ours */
	if (!uid)
		return sq_container_folder(name, "", &id) ? -1 : 0;
	*(struct sq_pod *)sq_append(&pods->item, &pods->n, sizeof(*pods->item)) =
		(struct sq_pod){ .uid = uid, .path = sq_strdup(path) };
	return -1;
}

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct sq_pod *)a)->uid, ((const struct sq_pod *)b)->uid);
}

/* The kubelet's first: its tree begins at the root, and who may only make cgroups in his own is deeper. */
static int by_uid_and_level(const void *a, const void *b)
{
	const struct sq_pod *x = a, *y = b;
	unsigned int level = sq_cgroup_level(x->path), other = sq_cgroup_level(y->path);
	int order = by_uid(a, b);

	return order ? order : level < other ? -1 : level > other;
}

/* A cgroup that only bears a pod's name must not take its place, as a target or among the protected. */
static void drop_doubles(struct sq_pods *pods)
{
	size_t kept = 0;

	qsort(pods->item, pods->n, sizeof(*pods->item), by_uid_and_level);
	for (size_t i = 0; i < pods->n; i++) {
		if (!kept || by_uid(&pods->item[kept - 1], &pods->item[i])) {
			pods->item[kept++] = pods->item[i];
			continue;
		}
		free(pods->item[i].uid);
		free(pods->item[i].path);
	}
	pods->n = kept;
}

struct sq_pod *sq_pod_by_uid(const struct sq_pods *pods, const char *uid)
{
	_cleanup_free_ char *plain = plain_uid(uid, strlen(uid));
	struct sq_pod key = { .uid = plain };

	return pods->n ? bsearch(&key, pods->item, pods->n, sizeof(*pods->item), by_uid) : NULL;
}

int sq_pod_name(struct sq_pod *pod, const char *namespace, const char *name)
{
	int r = 0;

	if (namespace && is_plain(namespace)) {
		if (!pod->namespace)
			pod->namespace = sq_strdup(namespace);
		else if (strcmp(pod->namespace, namespace) != 0)
			r = -EINVAL;
	}
	if (name && is_plain(name)) {
		if (!pod->name)
			pod->name = sq_strdup(name);
		else if (strcmp(pod->name, name) != 0)
			r = -EINVAL;
	}
	return r;
}

void sq_pod_add_container(struct sq_pod *pod, const char *name, const char *id)
{
	if (!name || !id || !is_plain(name) || !*id)
		return;
	for (size_t i = 0; i < pod->n; i++)
		if (!strcmp(pod->container[i].id, id))
			return;
	*(struct sq_pod_container *)sq_append(&pod->container, &pod->n, sizeof(*pod->container)) =
		(struct sq_pod_container){ sq_strdup(name), sq_strdup(id) };
}

/* Cuts a text at its '_': how many parts there are, the last of which takes what is left. */
static size_t cut(char *text, char **part, size_t most)
{
	size_t n = 0;

	while (n < most) {
		part[n++] = text;
		text = strchr(text, '_');
		if (!text || n == most)
			break;
		*text++ = '\0';
	}
	return n;
}

/* NAMESPACE_NAME_UID */
static void read_logs(struct sq_pods *pods)
{
	DIR *dir = opendir(logs_folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *part[3];
		struct sq_pod *pod;

		if (cut(entry->d_name, part, 3) != 3)
			continue;
		pod = sq_pod_by_uid(pods, part[2]);
		if (pod)
			sq_pod_name(pod, part[0], part[1]);
	}
	if (dir)
		closedir(dir);
}

/* For all of that name: one that is made anew may be there beside the old one, with another UID. */
static void add_by_name(struct sq_pods *pods, const char *namespace, const char *name,
			const char *container, const char *id)
{
	for (size_t i = 0; i < pods->n; i++) {
		struct sq_pod *pod = &pods->item[i];

		if (pod->name && pod->namespace && !strcmp(pod->name, name) &&
		    !strcmp(pod->namespace, namespace))
			sq_pod_add_container(pod, container, id);
	}
}

/* NAME_NAMESPACE_CONTAINER-ID.log, a link that the kubelet makes for each container that it starts. */
static void read_links(struct sq_pods *pods)
{
	DIR *dir = opendir(links_folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *part[3], *dash;
		size_t n;

		if (cut(entry->d_name, part, 3) != 3)
			continue;
		n = sq_text_stem(part[2], ".log");
		dash = strrchr(part[2], '-');
		if (!n || !dash)
			continue;
		part[2][n] = *dash = '\0';
		add_by_name(pods, part[1], part[0], part[2], dash + 1);
	}
	if (dir)
		closedir(dir);
}

/* What the runtimes say of the containers that are in the pods' cgroups, or are theirs by name. */
static void take_container(struct sq_pods *pods, const struct sq_container *container)
{
	static const char *const keys[][4] = {
		{ "io.kubernetes.pod.uid", "io.kubernetes.pod.namespace", "io.kubernetes.pod.name",
		  "io.kubernetes.container.name" },
		{ "io.kubernetes.cri.sandbox-uid", "io.kubernetes.cri.sandbox-namespace",
		  "io.kubernetes.cri.sandbox-name", "io.kubernetes.cri.container-name" },
	};
	_cleanup_free_ char *name = sq_strdup(container->name);
	const char *said[4] = { NULL };
	struct sq_pod *pod;
	char *part[6];

	if (!container->path)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys) && !said[0]; i++)
		for (size_t j = 0; j < 4; j++)
			said[j] = sq_container_label(container, keys[i][j]);
	/* k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT, as docker and CRI-O call them */
	if (!said[0] && name && cut(name, part, 6) == 6 && !strcmp(part[0], "k8s")) {
		said[0] = part[4];
		said[1] = part[3];
		said[2] = part[2];
		said[3] = part[1];
	}
	pod = said[0] ? sq_pod_by_uid(pods, said[0]) : NULL;
	if (!pod || !sq_cgroup_within(container->path, pod->path))
		return;
	sq_pod_name(pod, said[1], said[2]);
	/* the sandbox, which holds the namespaces, is none of the pod's own */
	if (said[3] && strcmp(said[3], "POD") != 0)
		sq_pod_add_container(pod, said[3], container->id);
}

int sq_pods_find(const struct sq_containers *containers, struct sq_pods *ret, struct sq_error **err)
{
	int r;

	*ret = (struct sq_pods){ 0 };
	r = sq_cgroup_walk("/", look_at, ret, err);
	if (r || !ret->n)
		return r;
	drop_doubles(ret);
	read_logs(ret);
	read_links(ret);
	for (size_t i = 0; i < containers->n; i++)
		take_container(ret, &containers->item[i]);
	return 0;
}

void sq_pods_clear(struct sq_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++) {
		struct sq_pod *pod = &pods->item[i];

		for (size_t j = 0; j < pod->n; j++) {
			free(pod->container[j].name);
			free(pod->container[j].id);
		}
		free(pod->container);
		free(pod->uid);
		free(pod->path);
		free(pod->namespace);
		free(pod->name);
		json_decref(pod->labels);
	}
	free(pods->item);
	*pods = (struct sq_pods){ 0 };
}
