// SPDX-License-Identifier: GPL-2.0-only
/*
 * podman and docker answer to the same request on a socket of theirs (docker's Engine API, GET
 * /containers/json; podman-system-service(1)). containerd's API is gRPC, so its state is read: the
 * bundle of each task, which holds the OCI runtime's config.json. Where a socket does not answer, state
 * files are read too: docker's config.v2.json, and containers.json of containers/storage, which
 * podman and CRI-O keep and which knows no labels. A user's runtimes have the same below the user's home.
 */
#include "target/runtimes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "target/http.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/time.h"
#include "util/user.h"

#define PATIENCE_NS (2 * SQ_S)
#define LARGEST_FILE (4u << 20)
#define LARGEST_LIST (16u << 20)
#define MOST_PARTS 500000 /* of a JSON text: "{}," takes a hundred times 3 bytes */
#define MOST_CONTAINERS 20000

static const char docker_folder[] = "/var/lib/docker/containers";
static const char bundles_folder[] = "/run/containerd/io.containerd.runtime.v2.task";
static const char *const storages[] = { "/var/lib/containers/storage", "/run/containers/storage" };

/* A user's may say anything: how much memory it takes is seen before it is taken. */
static json_t *parse(const char *text, bool list)
{
	json_t *json = NULL;
	size_t parts = 0;

	for (const char *p = strpbrk(text, "{[,"); p && parts <= MOST_PARTS;
	     p = strpbrk(p + 1, "{[,"))
		parts++;
	if (parts <= MOST_PARTS)
		json = json_loads(text, 0, NULL);
	if (list ? json_is_array(json) && json_array_size(json) <= MOST_CONTAINERS
		 : json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* docker puts a '/' in front, and lists the names that links give it, with another in the middle. */
static const char *own_name(const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		const char *text = json_string_value(name);

		text = text && *text == '/' ? text + 1 : text;
		if (text && !strchr(text, '/'))
			return text;
	}
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool sq_runtime_list(struct sq_containers *containers, const char *runtime, const char *text)
{
	_cleanup_json_ json_t *list = parse(text, true);
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		json_t *labels = json_object_get(item, "Labels");
		_cleanup_json_ json_t *none = json_is_object(labels) ? NULL : json_object();

		sq_containers_describe(containers, runtime, text_of(item, "Id"),
				       own_name(json_object_get(item, "Names")),
				       none ? none : labels,
				       !strcmp(text_of(item, "State"), "running"));
	}
	return list;
}

bool sq_runtime_docker_file(struct sq_containers *containers, const char *text)
{
	_cleanup_json_ json_t *config = parse(text, false);
	const char *name = text_of(config, "Name");

	if (!config)
		return false;
	sq_containers_describe(
		containers, "docker", text_of(config, "ID"), *name == '/' ? name + 1 : name,
		json_object_get(json_object_get(config, "Config"), "Labels"),
		json_is_true(json_object_get(json_object_get(config, "State"), "Running")));
	return true;
}

bool sq_runtime_storage_file(struct sq_containers *containers, const char *text)
{
	_cleanup_json_ json_t *list = parse(text, true);
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *name = own_name(json_object_get(item, "names"));

		sq_containers_describe(containers,
				       name && !strncmp(name, "k8s_", 4) ? "cri-o" : "podman",
				       text_of(item, "id"), name, NULL, false);
	}
	return list;
}

bool sq_runtime_bundle(struct sq_containers *containers, const char *id, const char *text)
{
	_cleanup_json_ json_t *config = parse(text, false);
	json_t *annotations = json_object_get(config, "annotations");
	const char *path = text_of(json_object_get(config, "linux"), "cgroupsPath");
	const char *name = text_of(annotations, "nerdctl/name");
	_cleanup_json_ json_t *none = json_is_object(annotations) ? NULL : json_object();

	if (!config)
		return false;
	if (*path == '/')
		sq_containers_place(containers, "containerd", id, path);
	/* what `ctr` starts is named by its user, and that is the ID */
	if (!*name && strlen(id) != SQ_CONTAINER_ID)
		name = id;
	sq_containers_describe(containers, "containerd", id, name, none ? none : annotations, true);
	return true;
}

/* Reads FOLDER/NAME/FILE for each NAME in the folder, or FOLDER/NAME where @file is NULL. */
static bool each_file(const char *folder, const char *pattern, const char *file, size_t largest,
		      bool (*take)(const char *name, const char *text, void *data), void *data)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool any = false;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *text = NULL;

		if (entry->d_name[0] == '.' || fnmatch(pattern, entry->d_name, 0) != 0)
			continue;
		path = sq_asprintf("%s/%s%s%s", folder, entry->d_name, file ? "/" : "",
				   file ? file : "");
		/* a user's may be anything */
		if (sq_read_foreign(AT_FDCWD, path, largest, &text) > 0)
			any |= take(entry->d_name, text, data);
	}
	if (dir)
		closedir(dir);
	return any;
}

static bool take_docker(const char *name, const char *text, void *data)
{
	return sq_runtime_docker_file(data, text);
}

static bool take_storage(const char *name, const char *text, void *data)
{
	return sq_runtime_storage_file(data, text);
}

static bool take_bundle(const char *name, const char *text, void *data)
{
	return sq_runtime_bundle(data, name, text);
}

static bool read_one_docker(struct sq_containers *containers, const char *folder)
{
	return each_file(folder, "*", "config.v2.json", LARGEST_FILE, take_docker, containers);
}

static bool read_docker(struct sq_containers *containers)
{
	return read_one_docker(containers, docker_folder);
}

/* One folder for each storage driver: overlay-containers, vfs-containers. */
static bool read_one_storage(struct sq_containers *containers, const char *folder)
{
	bool any = each_file(folder, "*-containers", "containers.json", LARGEST_LIST, take_storage,
			     containers);

	/* those that are gone with the next boot */
	return any | each_file(folder, "*-containers", "volatile-containers.json", LARGEST_LIST,
			       take_storage, containers);
}

static bool read_storage(struct sq_containers *containers)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(storages); i++)
		any |= read_one_storage(containers, storages[i]);
	return any;
}

/* A folder for each namespace, in it one for each task. "moby" is docker's, which knows better. */
static void read_containerd(struct sq_containers *containers)
{
	DIR *dir = opendir(bundles_folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *folder = NULL;

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "moby"))
			continue;
		folder = sq_asprintf("%s/%s", bundles_folder, entry->d_name);
		each_file(folder, "*", "config.json", LARGEST_FILE, take_bundle, containers);
	}
	if (dir)
		closedir(dir);
}

static const struct runtime {
	const char *name, *socket;
	bool (*read_files)(struct sq_containers *containers);
} runtimes[] = {
	{ "podman", "/run/podman/podman.sock", read_storage },
	{ "docker", "/run/docker.sock", read_docker },
};

static bool ask(struct sq_containers *containers, const char *name, const char *socket,
		struct sq_error **err)
{
	const struct sq_http request = { .url = "http://localhost/containers/json?all=true",
					 .unix_socket = socket,
					 .timeout_ns = PATIENCE_NS,
					 .largest = LARGEST_LIST };
	_cleanup_free_ char *text = NULL;

	if (sq_http_get(&request, &text, err))
		return false;
	if (sq_runtime_list(containers, name, text))
		return true;
	sq_error_set(err, SQ_FAIL_NOT_NOW, EPROTO,
		     "'%s' answers with something else than a list of up to %d containers", socket,
		     MOST_CONTAINERS);
	return false;
}

void sq_runtimes_ask(struct sq_containers *containers)
{
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		const struct runtime *runtime = &runtimes[i];
		_cleanup_error_ struct sq_error *err = NULL;
		bool there = access(runtime->socket, F_OK) == 0;

		if (there && ask(containers, runtime->name, runtime->socket, &err))
			continue;
		/* one that nobody listens on is of a runtime that is not started */
		if (!runtime->read_files(containers) && err && err->errnum != ECONNREFUSED)
			sq_texts_add(&containers->silent, err->message);
	}
	/* CRI-O's containers are there too */
	if (access(runtimes[0].socket, F_OK) == 0)
		read_storage(containers);
	read_containerd(containers);
}

/* By the socket, or where nobody answers by the files in @folders, which end in NULL. */
static void ask_users(struct sq_containers *containers, const char *name, const char *socket,
		      const char *const *folders,
		      bool (*read_files)(struct sq_containers *containers, const char *folder))
{
	_cleanup_error_ struct sq_error *err = NULL;
	bool answered = access(socket, F_OK) == 0 && ask(containers, name, socket, &err);
	bool any = answered;

	for (size_t i = 0; folders[i] && !answered; i++)
		any |= read_files(containers, folders[i]);
	if (!any && err && err->errnum != ECONNREFUSED)
		sq_texts_add(&containers->silent, err->message);
}

void sq_runtimes_ask_user(struct sq_containers *containers, const char *uid)
{
	_cleanup_free_ char *below = sq_asprintf("/user.slice/user-%s.slice", uid);
	_cleanup_free_ char *podman = sq_asprintf("/run/user/%s/podman/podman.sock", uid);
	_cleanup_free_ char *docker = sq_asprintf("/run/user/%s/docker.sock", uid);
	_cleanup_free_ char *runroot = sq_asprintf("/run/user/%s/containers", uid);
	_cleanup_free_ char *storage = NULL, *data = NULL;
	struct sq_user user;

	if (!sq_user_of((uid_t)strtoul(uid, NULL, 10), &user) && *user.home) {
		storage = sq_asprintf("%s/.local/share/containers/storage", user.home);
		data = sq_asprintf("%s/.local/share/docker/containers", user.home);
	}
	/* of the cgroups of others a user says nothing that counts */
	containers->below = below;
	ask_users(containers, "podman", podman, (const char *const[]){ runroot, storage, NULL },
		  read_one_storage);
	ask_users(containers, "docker", docker, (const char *const[]){ data, NULL },
		  read_one_docker);
	containers->below = NULL;
}
