// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program that resolves host names: a process of its own, since that may take any time, and
 * because it goes into the target's network namespace and below its root directory for good.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <nss.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject/names.h"
#include "util/fs.h"
#include "util/privileges.h"

static void tell(const char *format, ...) _printf_(1, 2);

static void tell(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	sq_write_all(STDOUT_FILENO, text, strlen(text));
}

/* Below a process's own root directory, and in its network namespace. 0 or a negative errno. */
static int enter(const char *pid)
{
	_cleanup_free_ char *root_path = sq_asprintf("/proc/%s/root", pid);
	_cleanup_free_ char *net_path = sq_asprintf("/proc/%s/ns/net", pid);
	_cleanup_close_ int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int net = open(net_path, O_RDONLY | O_CLOEXEC);

	if (root < 0 || net < 0 || setns(net, CLONE_NEWNET) < 0 || fchdir(root) < 0 ||
	    chroot(".") < 0)
		return -errno;
	return 0;
}

/*
 * The modules "files" and "dns" are part of libc (2.34). Others would be loaded from the target's own
 * files, and run as root.
 */
static void resolve(const char *host)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char text[INET6_ADDRSTRLEN];
	int r = getaddrinfo(host, NULL, &hints, &list);

	if (r)
		tell("%s ! %s\n", host, gai_strerror(r));
	for (struct addrinfo *i = list; i; i = i->ai_next) {
		const void *address =
			i->ai_family == AF_INET
				? (void *)&((struct sockaddr_in *)i->ai_addr)->sin_addr
				: (void *)&((struct sockaddr_in6 *)i->ai_addr)->sin6_addr;

		if (inet_ntop(i->ai_family, address, text, sizeof(text)))
			tell("%s %s\n", host, text);
	}
	if (list)
		freeaddrinfo(list);
}

int sq_resolve_main(int argc, char **argv)
{
	int r;

	if (argc < 3)
		return 2;
	__nss_configure_lookup("hosts", "files dns");
	r = strcmp(argv[1], "0") != 0 ? enter(argv[1]) : 0;
	/* what it reads from now on is the target's files and the network's answers */
	if (!r)
		r = sq_privileges_drop(SQ_ROLE_RESOLVER);
	for (int i = 2; i < argc; i++) {
		if (r)
			tell("%s ! cannot enter the target's namespaces: %s\n", argv[i],
			     strerror(-r));
		else
			resolve(argv[i]);
	}
	return 0;
}
