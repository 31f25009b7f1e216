/* SPDX-License-Identifier: GPL-2.0-only */
/* A kubeconfig: where an API server is, and by which right one asks it. */
#ifndef SQ_TARGET_KUBECONFIG_H
#define SQ_TARGET_KUBECONFIG_H

#include <stdbool.h>

#include "target/http.h"
#include "util/error.h"

struct sq_kubeconfig {
	char *server; /* https://HOST:PORT */
	char *token; /* or NULL */
	struct sq_http_secret ca, certificate, key;
	bool any_server;
};

/*
 * Reads the current context of @file, which must be root's and nobody else's to write. Files that it
 * names are relative to it. Programs that would fetch credentials (exec) are not run. To be cleared in
 * either case.
 */
int sq_kubeconfig_load(const char *file, struct sq_kubeconfig *ret, struct sq_error **err);

/* The same from a text; @folder is for the files that it names. */
int sq_kubeconfig_parse(const char *text, size_t n, const char *folder, struct sq_kubeconfig *ret,
			struct sq_error **err);

void sq_kubeconfig_clear(struct sq_kubeconfig *config);

/* A file's first line, such as a token. To be freed; NULL where it cannot be read. */
char *sq_kubeconfig_line(const char *file);

#endif
