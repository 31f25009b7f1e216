// SPDX-License-Identifier: GPL-2.0-only
/* A v1 PodList, as the kubelet's /pods and the API server's /api/v1/pods answer with. */
#include <errno.h>
#include <string.h>

#include "target/pods.h"
#include "util/json.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A status has the ID as RUNTIME://ID. */
static void take_statuses(struct sq_pod *pod, const json_t *statuses)
{
	const json_t *status;
	size_t i;

	json_array_foreach(statuses, i, status) {
		const char *id = text_of(status, "containerID");
		const char *colon = id ? strstr(id, "://") : NULL;

		if (colon)
			sq_pod_add_container(pod, text_of(status, "name"), colon + 3);
	}
}

/*
 * A static pod's cgroup and logs carry the hash of its manifest; to the API server it is a mirror with a
 * UID of its own, and the hash is an annotation.
 */
static struct sq_pod *pod_of(const struct sq_pods *pods, const json_t *metadata)
{
	const json_t *annotations = json_object_get(metadata, "annotations");
	const char *hash = text_of(annotations, "kubernetes.io/config.mirror");
	const char *uid = text_of(metadata, "uid");
	struct sq_pod *pod = hash ? sq_pod_by_uid(pods, hash) : NULL;

	return pod || !uid ? pod : sq_pod_by_uid(pods, uid);
}

static int take_pod(struct sq_pods *pods, const json_t *item, size_t *found, struct sq_error **err)
{
	static const char *const statuses[] = { "containerStatuses", "initContainerStatuses",
						"ephemeralContainerStatuses" };
	const json_t *metadata = json_object_get(item, "metadata");
	json_t *labels = json_object_get(metadata, "labels");
	struct sq_pod *pod = pod_of(pods, metadata);

	if (!pod)
		return 0; /* of another node, or one that has ended */
	if (sq_pod_name(pod, text_of(metadata, "namespace"), text_of(metadata, "name")))
		return sq_error_set(err, SQ_FAIL_REFUSED, EINVAL,
				    "the list of pods calls the pod with UID %s '%.100s/%.100s', "
				    "on this node it is '%s/%s'",
				    pod->uid,
				    text_of(metadata, "namespace") ? text_of(metadata, "namespace")
								   : "",
				    text_of(metadata, "name") ? text_of(metadata, "name") : "",
				    pod->namespace, pod->name);
	if (!pod->labels)
		pod->labels = json_is_object(labels) ? json_incref(labels) : json_object();
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		take_statuses(pod, json_object_get(json_object_get(item, "status"), statuses[i]));
	(*found)++;
	return 0;
}

int sq_pods_take_list(struct sq_pods *pods, const char *text, size_t *ret_found,
		      struct sq_error **err)
{
	_cleanup_json_ json_t *list = json_loads(text, 0, NULL);
	const json_t *items = json_object_get(list, "items"), *item;
	size_t i;

	*ret_found = 0;
	/* Go writes a list without items as null */
	if (!items || (!json_is_array(items) && !json_is_null(items)))
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EPROTO, "this is no list of pods");
	json_array_foreach(items, i, item) {
		int r = take_pod(pods, item, ret_found, err);

		if (r)
			return r;
	}
	return 0;
}
