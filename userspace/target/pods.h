/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pods of this node. Where one is, the kubelet's cgroups say, by its UID; what it is called, the
 * folders of its logs. Its labels only Kubernetes itself knows.
 */
#ifndef SQ_TARGET_PODS_H
#define SQ_TARGET_PODS_H

#include <jansson.h>
#include <stddef.h>

#include "target/containers.h"
#include "util/error.h"

/* One container of a pod, by what the pod calls it. */
struct sq_pod_container {
	char *name, *id;
};

struct sq_pod {
	char *uid; /* with '-' */
	char *path; /* of its cgroup */
	char *namespace, *name; /* NULL: nobody knows */
	json_t *labels; /* NULL: nobody has been asked */
	struct sq_pod_container *container;
	size_t n;
};

struct sq_pods {
	struct sq_pod *item; /* sorted by uid */
	size_t n;
};

/*
 * The UID of a pod whose cgroup is at @path, by either driver of the kubelet and in each class:
 * /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice with '_' for '-', or
 * /kubepods/burstable/podUID. To be freed; NULL: it is no pod's.
 */
char *sq_pod_uid(const char *path);

/*
 * All pods of the cgroup tree, with the names and the containers that /var/log/pods,
 * /var/log/containers and the runtimes know of them. @containers are this host's
 * (sq_containers_find()). To be cleared in either case.
 */
int sq_pods_find(const struct sq_containers *containers, struct sq_pods *ret,
		 struct sq_error **err);
void sq_pods_clear(struct sq_pods *pods);

/* By a UID with '-' or '_'; NULL where there is no cgroup of it. */
struct sq_pod *sq_pod_by_uid(const struct sq_pods *pods, const char *uid);

/*
 * What is said of a pod: the first who knows is believed. -EINVAL where another one has said something
 * else. @namespace and @name may be NULL.
 */
int sq_pod_name(struct sq_pod *pod, const char *namespace, const char *name);
void sq_pod_add_container(struct sq_pod *pod, const char *name, const char *id);

/*
 * Takes names, labels and containers from a list of pods of Kubernetes' API (v1 PodList). 0, or
 * -EPROTO where @text is none, -EINVAL where it calls a pod otherwise than this host does.
 */
int sq_pods_take_list(struct sq_pods *pods, const char *text, size_t *ret_found,
		      struct sq_error **err);

/* Asks the kubelet or the API server for that list: see pod_ask.c for whom, and with which rights. */
int sq_pods_ask(struct sq_pods *pods, struct sq_error **err);

#endif
