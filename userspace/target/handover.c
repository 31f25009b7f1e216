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

/* A process of a target's by its pid, or a cgroup of it by its id. */
struct member {
	uint64_t number;
	size_t path;
};

struct members {
	struct member *item;
	size_t n;
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

struct search {
	const struct sq_handover_scope *scope;
	size_t path; /* that is being walked */
	struct members homes, holders; /* cgroups, processes */
	struct held *held;
	size_t n_held;
	struct sq_numbers inodes; /* what others are asked about */
};

static void clear_search(struct search *search)
{
	free(search->homes.item);
	free(search->holders.item);
	free(search->held);
	sq_numbers_clear(&search->inodes);
}

static void add(struct members *members, uint64_t number, size_t path)
{
	*(struct member *)sq_append(&members->item, &members->n, sizeof(*members->item)) =
		(struct member){ number, path };
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
	add(&search->homes, st.st_ino, search->path);
	if (sq_cgroup_pids(fd, &pids, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++)
		add(&search->holders, (uint64_t)pids[i], search->path);
	return 0;
}

/* By the number that each begins with. */
static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of targets that lie in each other the innermost comes first. */
static int by_number_and_depth(const void *a, const void *b, void *data)
{
	const struct sq_handover_scope *scope = data;
	const struct member *x = a, *y = b;
	int order = by_number(x, y);

	return order ? order
		     : (int)strlen(scope->paths.item[y->path]) -
			       (int)strlen(scope->paths.item[x->path]);
}

/* What is in several targets is the innermost's. */
static void sort(const struct sq_handover_scope *scope, struct members *members)
{
	size_t kept = 0;

	if (members->n)
		qsort_r(members->item, members->n, sizeof(*members->item), by_number_and_depth,
			(void *)scope);
	for (size_t i = 0; i < members->n; i++)
		if (!kept || members->item[kept - 1].number != members->item[i].number)
			members->item[kept++] = members->item[i];
	members->n = kept;
}

/* The target that a process or a cgroup is of; sorted before. */
static size_t target_of(const struct members *members, uint64_t number)
{
	const struct member *member =
		members->n ? bsearch(&number, members->item, members->n, sizeof(*member), by_number)
			   : NULL;

	return member ? member->path : NOBODYS;
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

/* The target that a process is of by now: it may have come, or been born, since those were looked at. */
static size_t target_now(const struct sq_handover_scope *scope, pid_t pid)
{
	_cleanup_free_ char *path = NULL;
	size_t ret = NOBODYS;

	if (sq_cgroup_of(pid, &path, NULL) || sq_set_has(&scope->exact, path) ||
	    sq_set_has(&scope->carved, path) || sq_set_has_above(&scope->carved, path))
		return NOBODYS;
	for (size_t i = 0; i < scope->paths.n; i++)
		if (sq_cgroup_within(path, scope->paths.item[i]) &&
		    (ret == NOBODYS ||
		     strlen(scope->paths.item[i]) > strlen(scope->paths.item[ret])))
			ret = i;
	return ret;
}

/* The sockets of a process: all of them for a target's, else those that are asked about. */
static void look_at_files(struct search *search, pid_t pid, size_t path)
{
	_cleanup_free_ char *folder = sq_asprintf("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t whose = path;
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
			if (manager < 0) {
				manager = is_manager(pid);
				whose = target_now(search->scope, pid);
			}
		}
		*(struct held *)sq_append(&search->held, &search->n_held, sizeof(*search->held)) =
			(struct held){ inode, pid, (int)strtol(entry->d_name, NULL, 10), whose,
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

		if (pid > 0 && target_of(&search->holders, (uint64_t)pid) == NOBODYS)
			look_at_files(search, pid, NOBODYS);
	}
	if (dir)
		closedir(dir);
}

static void sort_held(struct search *search)
{
	if (search->n_held)
		qsort(search->held, search->n_held, sizeof(*search->held), by_number);
}

/* The first of those who hold @inode, or beyond the last; sorted before. */
static size_t first_held(const struct search *search, uint64_t inode)
{
	const struct held *held = search->n_held ? bsearch(&inode, search->held, search->n_held,
							   sizeof(*held), by_number)
						 : NULL;
	size_t i = held ? (size_t)(held - search->held) : search->n_held;

	while (held && i && search->held[i - 1].inode == inode)
		i--;
	return i;
}

/* May the socket be held elsewhere than it was made, as far as the targets' processes show? */
static bool is_astray(const struct search *search, const struct sq_socket *socket)
{
	size_t home = target_of(&search->homes, socket->cgroup);
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
	size_t home = target_of(&search->homes, socket->cgroup);
	const struct held *ours = NULL, *others = NULL, *one;
	enum sq_handed_what what;

	for (size_t i = first_held(search, socket->inode);
	     i < search->n_held && search->held[i].inode == socket->inode; i++) {
		const struct held *held = &search->held[i];

		if (held->path != NOBODYS && held->path == home)
			return; /* by one who has come meanwhile */
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
	sort(scope, &search.homes);
	sort(scope, &search.holders);
	pids = sq_alloc((search.holders.n + 1) * sizeof(*pids));
	for (size_t i = 0; i < search.holders.n; i++)
		pids[i] = (pid_t)search.holders.item[i].number;
	r = sq_sockets_list_of(pids, search.holders.n, &sockets, err);
	if (r)
		return r;
	for (size_t i = 0; i < search.holders.n; i++)
		look_at_files(&search, pids[i], search.holders.item[i].path);
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
