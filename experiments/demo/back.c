// SPDX-License-Identifier: GPL-2.0-only
/* The store: each line it gets is a key; the answer is how often that key was asked for. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "experiments/demo/demo.h"

#define KEYS 64
#define KEY_SIZE 32

static struct {
	pthread_mutex_t lock;
	struct {
		char name[KEY_SIZE];
		unsigned long asked;
	} key[KEYS];
} store = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* How often @name was asked for, now included; 0 where the store is full. */
static unsigned long ask(const char *name)
{
	unsigned long asked = 0;

	pthread_mutex_lock(&store.lock);
	for (size_t i = 0; i < KEYS && !asked; i++) {
		if (!*store.key[i].name)
			snprintf(store.key[i].name, KEY_SIZE, "%s", name);
		if (!strcmp(store.key[i].name, name))
			asked = ++store.key[i].asked;
	}
	pthread_mutex_unlock(&store.lock);
	return asked;
}

static void *serve(void *data)
{
	int fd = (int)(intptr_t)data;
	FILE *client = fdopen(fd, "r");
	char line[KEY_SIZE];

	if (!client) {
		close(fd);
		return NULL;
	}
	while (fgets(line, sizeof(line), client)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!*line || dprintf(fd, "%lu\n", ask(line)) < 0)
			break;
	}
	fclose(client);
	return NULL;
}

static int listen_on(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 128))
		return fd;
	fprintf(stderr, "demo: cannot listen on 127.0.0.1:%s: %s\n", port, strerror(errno));
	return -1;
}

int sq_demo_back(const struct sq_demo *demo)
{
	int listener = listen_on(demo->port);

	if (listener < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			continue;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			close(fd);
		else
			pthread_detach(thread);
	}
}
