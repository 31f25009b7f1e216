// SPDX-License-Identifier: GPL-2.0-only
#include "target/handover.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/sockets.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/process.h"

/* A process of a target's. */
struct holder {
	pid_t pid;
	size_t path;
};

/* That a process has this socket as a descriptor. */
struct held {
	uint64_t inode;
	pid_t pid;
	int fd;
	size_t path; /* of the target; NOBODYS */
	bool manager;
};

#define NOBODYS ((size_t)-1)

/* A cgroup of a target's. */
struct home {
	uint64_t id;
	size_t path;
};

struct search {
	const struct sq_handover_scope *scope;
	size_t path; /* that is being walked */
	struct home *home;
	struct holder *holder;
	struct held *held;
	size_t n_homes, n_holders, n_held;
	struct sq_numbers inodes; /* what others are asked about */
};

static void clear_search(struct search *search)
{
	free(search->home);
	free(search->holder);
	free(search->held);
	sq_numbers_clear(&search->inodes);
}

static int look_at(const char *path, int fd, void *data)
{
	struct search *search = data;
	_cleanup_free_ pid_t *pids = NULL;
	struct stat st;
	size_t n = 0;

	if (sq_set_has(&search->scope->carved, path))
		return -1;
	if (sq_set_has(&search->scope->exact, path) || fstat(fd, &st) < 0)
		return 0;
	*(struct home *)sq_append(&search->home, &search->n_homes, sizeof(*search->home)) =
		(struct home){ st.st_ino, search->path };
	if (sq_cgroup_pids(fd, &pids, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++)
		*(struct holder *)sq_append(&search->holder, &search->n_holders,
					    sizeof(*search->holder)) =
			(struct holder){ pids[i], search->path };
	return 0;
}

/* Of targets that lie in each other the innermost comes first. */
static int by_pid(const void *a, const void *b, void *data)
{
	const struct sq_handover_scope *scope = data;
	const struct holder *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (int)strlen(scope->paths.item[y->path]) - (int)strlen(scope->paths.item[x->path]);
}

static int by_id(const void *a, const void *b, void *data)
{
	const struct sq_handover_scope *scope = data;
	const struct home *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (int)strlen(scope->paths.item[y->path]) - (int)strlen(scope->paths.item[x->path]);
}

static void sort(struct search *search)
{
	size_t kept = 0;

	if (search->n_homes)
		qsort_r(search->home, search->n_homes, sizeof(*search->home), by_id,
			(void *)search->scope);
	if (search->n_holders)
		qsort_r(search->holder, search->n_holders, sizeof(*search->holder), by_pid,
			(void *)search->scope);
	for (size_t i = 0; i < search->n_holders; i++)
		if (!kept || search->holder[kept - 1].pid != search->holder[i].pid)
			search->holder[kept++] = search->holder[i];
	search->n_holders = kept;
}

static size_t target_of(const struct search *search, pid_t pid)
{
	size_t low = 0, high = search->n_holders;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (search->holder[middle].pid == pid)
			return search->holder[middle].path;
		if (search->holder[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NOBODYS;
}

/* The innermost target that the cgroup is in: the first of its entries. */
static size_t target_at(const struct search *search, uint64_t id)
{
	size_t low = 0, high = search->n_homes;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (search->home[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < search->n_homes && search->home[low].id == id ? search->home[low].path
								   : NOBODYS;
}

/*
 * systemd keeps what it listens on, as init and as a user's manager, both in a cgroup of this name; and
 * what starts a container keeps what it has passed on.
 */
static bool is_manager(pid_t pid)
{
	_cleanup_free_ char *path = NULL;
	char name[SQ_PROCESS_NAME] = "";

	if (pid == 1 || (sq_process_name(pid, name) && !strcmp(name, "conmon")))
		return true;
	return !sq_cgroup_of(pid, &path, NULL) && !strcmp(sq_base_name(path), "init.scope");
}

/* The sockets of a process: all of them for a target's, else those that are asked about. */
static void look_at_files(struct search *search, pid_t pid, size_t path)
{
	_cleanup_free_ char *folder = sq_asprintf("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int manager = -1;

	while (dir && (entry = readdir(dir))) {
		char link[64];
		unsigned long long inode;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%llu]", &inode) != 1)
			continue;
		if (path == NOBODYS) {
			if (!sq_numbers_have(&search->inodes, inode))
				continue;
			if (manager < 0)
				manager = is_manager(pid);
		}
		*(struct held *)sq_append(&search->held, &search->n_held, sizeof(*search->held)) =
			(struct held){ inode, pid, (int)strtol(entry->d_name, NULL, 10), path,
				       manager > 0 };
	}
	if (dir)
		closedir(dir);
}

static void look_at_others(struct search *search)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && target_of(search, pid) == NOBODYS)
			look_at_files(search, pid, NOBODYS);
	}
	if (dir)
		closedir(dir);
}

static int by_inode(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static void sort_held(struct search *search)
{
	if (search->n_held)
		qsort(search->held, search->n_held, sizeof(*search->held), by_inode);
}

/* The first of those who hold @inode; sorted before. */
static size_t first_held(const struct search *search, uint64_t inode)
{
	size_t low = 0, high = search->n_held;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (search->held[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* May the socket be held elsewhere than it was made, as far as the targets' processes show? */
static bool is_astray(const struct search *search, const struct sq_socket *socket)
{
	size_t home = target_at(search, socket->cgroup);
	size_t i = first_held(search, socket->inode);
	bool held = false;

	if (!socket->inode || !socket->cgroup ||
	    sq_numbers_have(&search->scope->known, socket->inode))
		return false;
	for (; i < search->n_held && search->held[i].inode == socket->inode; i++) {
		held = true;
		if (search->held[i].path == home)
			return false;
	}
	return held || home != NOBODYS;
}

/* Who holds it decides. A socket of the target's that nobody has but its manager stays the target's. */
static void judge(const struct search *search, const struct sq_socket *socket,
		  struct sq_handovers *ret)
{
	size_t home = target_at(search, socket->cgroup);
	const struct held *ours = NULL, *others = NULL, *one;
	enum sq_handed_what what;

	for (size_t i = first_held(search, socket->inode);
	     i < search->n_held && search->held[i].inode == socket->inode; i++) {
		const struct held *held = &search->held[i];

		if (held->path != NOBODYS && (!ours || held->path < ours->path))
			ours = held;
		if (held->path == NOBODYS && !held->manager)
			others = held;
	}
	if (ours)
		what = others ? SQ_HANDED_SHARED : SQ_HANDED_IN;
	else if (others && home != NOBODYS)
		what = SQ_HANDED_OUT;
	else
		return;
	one = what == SQ_HANDED_IN ? ours : others;
	*(struct sq_handed *)sq_append(&ret->item, &ret->n, sizeof(*ret->item)) =
		(struct sq_handed){ .what = what,
				    .path = ours ? ours->path : home,
				    .inode = socket->inode,
				    .pid = one->pid,
				    .fd = one->fd,
				    .port = socket->port,
				    .protocol = socket->protocol };
}

int sq_handovers_find(const struct sq_handover_scope *scope, struct sq_handovers *ret,
		      struct sq_error **err)
{
	_cleanup_(clear_search) struct search search = { .scope = scope };
	_cleanup_(sq_sockets_clear) struct sq_sockets sockets = { 0 };
	_cleanup_free_ pid_t *pids = NULL;
	int r = 0;

	*ret = (struct sq_handovers){ 0 };
	for (; search.path < scope->paths.n && !r; search.path++) {
		r = sq_cgroup_walk(scope->paths.item[search.path], look_at, &search, NULL);
		if (sq_cgroup_is_gone(r))
			r = 0;
	}
	if (r < 0)
		return sq_error_errno(err, -r, "cannot look at the targets' processes");
	sort(&search);
	pids = sq_alloc((search.n_holders + 1) * sizeof(*pids));
	for (size_t i = 0; i < search.n_holders; i++)
		pids[i] = search.holder[i].pid;
	r = sq_sockets_list_of(pids, search.n_holders, &sockets, err);
	if (r)
		return r;
	for (size_t i = 0; i < search.n_holders; i++)
		look_at_files(&search, search.holder[i].pid, search.holder[i].path);
	sort_held(&search);
	for (size_t i = 0; i < sockets.n; i++)
		if (is_astray(&search, &sockets.item[i]))
			sq_numbers_add(&search.inodes, sockets.item[i].inode);
	if (!search.inodes.n)
		return 0;
	sq_numbers_sort(&search.inodes);
	look_at_others(&search);
	sort_held(&search);
	for (size_t i = 0; i < sockets.n; i++)
		if (sq_numbers_have(&search.inodes, sockets.item[i].inode))
			judge(&search, &sockets.item[i], ret);
	return 0;
}

void sq_handovers_clear(struct sq_handovers *handovers)
{
	free(handovers->item);
	*handovers = (struct sq_handovers){ 0 };
}

void sq_handover_scope_clear(struct sq_handover_scope *scope)
{
	sq_texts_clear(&scope->paths);
	sq_set_clear(&scope->carved);
	sq_set_clear(&scope->exact);
	sq_numbers_clear(&scope->known);
}

int sq_handed_open(const struct sq_handed *handed)
{
	_cleanup_close_ int pidfd = pidfd_open(handed->pid, 0);
	_cleanup_close_ int fd = pidfd < 0 ? -EBADF : pidfd_getfd(pidfd, handed->fd, 0);
	struct stat st;

	if (fd < 0)
		return errno == EBADF ? -ESRCH : -errno;
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_ino != handed->inode)
		return -ESRCH;
	return TAKE_FD(fd);
}
