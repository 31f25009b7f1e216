// SPDX-License-Identifier: GPL-2.0-only
#include "guard/control_path.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/process.h"

#define MOST_ANCESTORS 64
#define MOST_ENVIRONMENT (1 << 20)
#define MOST_SOCKETS (16 << 20) /* bytes of /proc/PID/net/tcp */
#define TCP_ESTABLISHED 1

static const char *const kubelets[] = { "kubelet", "k3s-agent", "k3s-server", "k3s" };

/* True: it is new. */
static bool add(struct sq_peers *peers, const char *address, uint16_t port)
{
	_cleanup_free_ char *text = strchr(address, ':') ? sq_asprintf("[%s]:%u", address, port)
							 : sq_asprintf("%s:%u", address, port);
	struct sq_peer peer;
	const char *why;

	for (size_t i = 0; i < peers->n; i++)
		if (!strcmp(peers->item[i].text, text))
			return false;
	if (!port || sq_parse_peer(text, &peer, &why))
		return false;
	if (peer.host) {
		sq_peer_clear(&peer);
		return false;
	}
	*(struct sq_peer *)sq_append(&peers->item, &peers->n, sizeof(peer)) = peer;
	return true;
}

/* SSH_CONNECTION is "CLIENT PORT SERVER PORT". */
static void add_ssh(struct sq_peers *peers, const char *value, struct sq_texts *texts)
{
	_cleanup_free_ char *client = NULL, *text = NULL;
	unsigned int port = 0;

	if (sscanf(value, "%ms %u", &client, &port) != 2 || port > UINT16_MAX)
		return;
	client[strcspn(client, "%")] = '\0'; /* the device of a link-local address */
	if (!add(peers, client, (uint16_t)port))
		return;
	text = sq_asprintf("the SSH connection from %s port %u", client, port);
	sq_texts_add(texts, text);
}

static void look_at_environment(pid_t pid, struct sq_peers *peers, struct sq_texts *texts)
{
	static const char wanted[] = "SSH_CONNECTION=";
	_cleanup_free_ char *path = sq_asprintf("/proc/%d/environ", (int)pid), *text = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, path, MOST_ENVIRONMENT, &text);

	for (const char *p = text; n > 0 && p < text + n; p += strlen(p) + 1)
		if (!strncmp(p, wanted, sizeof(wanted) - 1))
			add_ssh(peers, p + sizeof(wanted) - 1, texts);
}

/* sudo keeps nothing of the environment, but the shell above it does. */
static void find_ssh(struct sq_peers *peers, struct sq_texts *texts)
{
	pid_t pid = getpid();

	for (int i = 0; i < MOST_ANCESTORS && pid > 1; i++, pid = sq_process_parent(pid))
		look_at_environment(pid, peers, texts);
}

static bool owns(const struct sq_numbers *sockets, uint64_t inode)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->item[i] == inode)
			return true;
	return false;
}

/* "0100007F:1F90" or 32 digits: words of 4 bytes, each in the host's order. */
static bool parse_hex(const char *text, char *address, size_t size, unsigned int *port)
{
	size_t n = strcspn(text, ":");
	uint32_t word[4] = { 0 };

	if ((n != 8 && n != 32) || sscanf(text + n, ":%x", port) != 1)
		return false;
	for (size_t i = 0; i < n / 8; i++)
		if (sscanf(text + 8 * i, "%8x", &word[i]) != 1)
			return false;
	return inet_ntop(n == 8 ? AF_INET : AF_INET6, word, address, (socklen_t)size);
}

/* The peers of the connections that a process made; those that others made to it have its ports. */
static void find_peers(pid_t pid, const char *table, const char *name, struct sq_peers *peers,
		       struct sq_texts *texts)
{
	_cleanup_free_ char *path = sq_asprintf("/proc/%d/net/%s", (int)pid, table), *text = NULL;
	struct sq_numbers sockets = { 0 };
	char *line, *rest;

	sq_process_sockets(pid, &sockets);
	if (sq_read_file(AT_FDCWD, path, MOST_SOCKETS, &text) <= 0) {
		free(sockets.item);
		return;
	}
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char local[48], remote[48], address[INET6_ADDRSTRLEN], ours[INET6_ADDRSTRLEN];
		unsigned int state, port, own;
		uint64_t inode;
		_cleanup_free_ char *sentence = NULL;

		if (sscanf(line, " %*u: %47s %47s %x %*s %*s %*s %*s %*s %" SCNu64, local, remote,
			   &state, &inode) != 4 ||
		    state != TCP_ESTABLISHED || !owns(&sockets, inode) ||
		    !parse_hex(remote, address, sizeof(address), &port) ||
		    !parse_hex(local, ours, sizeof(ours), &own) || own < port)
			continue;
		if (!strncmp(address, "::ffff:", 7))
			memmove(address, address + 7, strlen(address) - 6);
		if (!add(peers, address, (uint16_t)port))
			continue;
		sentence = sq_asprintf("%s's peer %s port %u", name, address, port);
		sq_texts_add(texts, sentence);
	}
	free(sockets.item);
}

static void find_kubelet(struct sq_peers *peers, struct sq_texts *texts)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		char name[SQ_PROCESS_NAME];

		if (pid <= 0 || !sq_process_name(pid, name))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(kubelets); i++) {
			if (strcmp(name, kubelets[i]) != 0)
				continue;
			find_peers(pid, "tcp", name, peers, texts);
			find_peers(pid, "tcp6", name, peers, texts);
		}
	}
	if (proc)
		closedir(proc);
}

void sq_control_path_find(struct sq_peers *peers, struct sq_texts *texts)
{
	*peers = (struct sq_peers){ 0 };
	find_ssh(peers, texts);
	find_kubelet(peers, texts);
	sq_texts_add(texts, "ARP, NDP and DHCP");
}

void sq_control_path_clear(struct sq_peers *peers)
{
	for (size_t i = 0; i < peers->n; i++)
		sq_peer_clear(&peers->item[i]);
	free(peers->item);
	*peers = (struct sq_peers){ 0 };
}
