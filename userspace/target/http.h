/* SPDX-License-Identifier: GPL-2.0-only */
/* One question to a service that knows what runs here: a container runtime, a kubelet, an API server. */
#ifndef SQ_TARGET_HTTP_H
#define SQ_TARGET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* A certificate or key: in a file, or here. */
struct sq_http_secret {
	char *file;
	char *data; /* goes first */
	size_t n;
};

struct sq_http {
	const char *url;
	const char *unix_socket; /* NULL: what the URL says */
	const char *token; /* of a bearer, or NULL */
	struct sq_http_secret ca, certificate, key;
	bool any_server; /* whoever answers is believed: its certificate is not checked */
	uint64_t timeout_ns; /* of all of it */
	size_t largest; /* bytes of an answer; 0: 64 MiB */
};

/*
 * GETs the URL; the body goes to *ret, to be freed. It is over within the time limit, whoever does not
 * answer; a larger body is refused. Fails with SQ_FAIL_NOT_NOW: ECONNREFUSED where nobody
 * listens, ETIMEDOUT, EPROTO for anything else than a status of 200. Proxies play no part.
 */
int sq_http_get(const struct sq_http *request, char **ret, struct sq_error **err);

#endif
