/* SPDX-License-Identifier: GPL-2.0-only */
/* Container runtimes: what they call what runs. */
#ifndef SQ_TARGET_RUNTIMES_H
#define SQ_TARGET_RUNTIMES_H

#include "target/containers.h"

/* Asks each runtime of this host, or reads its state files, and describes @containers by that. */
void sq_runtimes_ask(struct sq_containers *containers);

/* The same with the runtimes of the user of this uid, in digits: of the containers in that user's slice. */
void sq_runtimes_ask_user(struct sq_containers *containers, const char *uid);

/*
 * What stands in an answer of docker's or podman's API to GET /containers/json, in docker's
 * config.v2.json, in containers.json of containers/storage, and in the config.json of an OCI bundle
 * in the folder of @id. False where it is none.
 */
bool sq_runtime_list(struct sq_containers *containers, const char *runtime, const char *text);
bool sq_runtime_docker_file(struct sq_containers *containers, const char *text);
bool sq_runtime_storage_file(struct sq_containers *containers, const char *text);
bool sq_runtime_bundle(struct sq_containers *containers, const char *id, const char *text);

#endif
