// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shop: /cart opens a connection to the store for each request, as a service without a pool
 * does, and says 503 where it cannot have one; /health says that the shop itself is up.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "experiments/demo/demo.h"

#define PATIENCE_S 2

static struct addrinfo *store;

static int find_store(const char *name)
{
	const char *colon = strrchr(name, ':');
	char host[256];
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int r;

	if (!colon || (size_t)(colon - name) >= sizeof(host)) {
		fprintf(stderr, "demo: '%s' is not HOST:PORT\n", name);
		return -1;
	}
	memcpy(host, name, (size_t)(colon - name));
	host[colon - name] = '\0';
	r = getaddrinfo(host, colon + 1, &hints, &store);
	if (r)
		fprintf(stderr, "demo: cannot find '%s': %s\n", name, gai_strerror(r));
	return r ? -1 : 0;
}

/* Asks the store how many items the cart has; 0 or an errno. */
static int ask_store(unsigned long *items)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(store->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;
	char answer[32];
	ssize_t n;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, store->ai_addr, store->ai_addrlen) < 0 ||
	    send(fd, "cart\n", 5, MSG_NOSIGNAL) != 5 ||
	    (n = recv(fd, answer, sizeof(answer) - 1, 0)) < 0) {
		error = errno;
	} else {
		answer[n] = '\0';
		*items = strtoul(answer, NULL, 10);
		error = *items ? 0 : EPROTO;
	}
	close(fd);
	return error;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status,
			     const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(void *data, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *body,
			      size_t *body_size, void **state)
{
	unsigned long items = 0;
	char text[128];
	int error;

	if (!strcmp(url, "/health"))
		return reply(connection, MHD_HTTP_OK, "{\"status\": \"up\"}\n");
	if (strcmp(url, "/cart") != 0)
		return reply(connection, MHD_HTTP_NOT_FOUND, "{\"error\": \"no such page\"}\n");
	error = ask_store(&items);
	if (error)
		snprintf(text, sizeof(text), "{\"error\": \"the store: %s\"}\n", strerror(error));
	else
		snprintf(text, sizeof(text), "{\"items\": %lu}\n", items);
	return reply(connection, error ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, text);
}

int sq_demo_front(const struct sq_demo *demo)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(demo->port, NULL, 10)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct MHD_Daemon *daemon;

	signal(SIGPIPE, SIG_IGN);
	if (find_store(demo->store))
		return 1;
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION,
				  0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address,
				  MHD_OPTION_END);
	if (!daemon) {
		fprintf(stderr, "demo: cannot listen on 127.0.0.1:%s: %s\n", demo->port,
			strerror(errno));
		return 1;
	}
	for (;;)
		pause();
}
