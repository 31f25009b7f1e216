/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The containers of this host. Where one is, the cgroup tree says: its folder carries its ID, whatever
 * made it. The runtimes are asked for names and labels only, and never believed about cgroups.
 */
#ifndef SQ_TARGET_CONTAINERS_H
#define SQ_TARGET_CONTAINERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/text.h"

#define SQ_CONTAINER_ID 64 /* hexadecimal digits */

struct sq_container {
	char *id; /* 64 hexadecimal digits; what `ctr` starts has any name as its ID */
	char *name; /* NULL: nobody knows */
	const char *runtime; /* "podman", "docker", "containerd", "cri-o" (static) */
	char *path; /* of its cgroup; NULL: it does not run */
	json_t *labels; /* NULL: nobody knows */
	bool known; /* by its runtime */
	bool running; /* its runtime says so */
};

struct sq_containers {
	struct sq_container *item;
	size_t n;
	size_t in_tree; /* so many of them were found in the tree: first, sorted by ID */
	const char *
		below; /* whoever describes is believed of those in this cgroup only; NULL: of all */
	/* why names or labels of some are not known; the first sentence of each runtime */
	struct sq_texts silent;
};

/*
 * All containers that run, and those that their runtimes know of besides. Each runtime is asked by its
 * socket, for 2 s at the most, or else its state files are read. Fails only where the tree cannot be
 * read. To be cleared in either case.
 */
int sq_containers_find(struct sq_containers *ret, struct sq_error **err);

/* The same of those that users run without root's rights: of the one with this uid in digits, or "" all. */
int sq_containers_of_users(struct sq_containers *ret, const char *uid, struct sq_error **err);
void sq_containers_clear(struct sq_containers *containers);

/*
 * What a cgroup's folder named @name in one named @above is: the runtime's name, and the container's ID
 * at *ret_id, of 64 digits within @name; NULL where it is no container.
 */
const char *sq_container_folder(const char *name, const char *above, const char **ret_id);

/* Is a cgroup's folder that of a container, or in one? */
bool sq_in_container(const char *path);

/*
 * Adds what a runtime says of one container. @name may be NULL, @labels too, of which a reference is
 * kept; what has no ID is left out.
 */
void sq_containers_describe(struct sq_containers *containers, const char *runtime, const char *id,
			    const char *name, json_t *labels, bool running);

/* A container that is not recognised by the tree but by its runtime's state: @path must carry @id. */
void sq_containers_place(struct sq_containers *containers, const char *runtime, const char *id,
			 const char *path);

/* Those of the tree with this ID, or NULL. */
struct sq_container *sq_container_by_id(const struct sq_containers *containers, const char *id);

/* Has @labels, an object, each of @wanted, which are NAME=VALUE? */
bool sq_labels_match(const json_t *labels, const struct sq_texts *wanted);

/* The value of a label that is a text, or NULL. */
const char *sq_container_label(const struct sq_container *container, const char *name);

#endif
