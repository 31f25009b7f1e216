// SPDX-License-Identifier: GPL-2.0-only
#include "inject/netns_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/time.h"

struct search {
	struct sq_netns_list *list;
	size_t processes;
};

static void see(struct sq_netns *netns)
{
	netns->seen_ns = sq_now();
	/* somebody is there again */
	netns->changed |= netns->leaving;
	netns->leaving = false;
}

static struct sq_netns *find(struct sq_netns_list *list, ino_t inode)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].inode == inode)
			return &list->item[i];
	return NULL;
}

/* Takes over @fd. NULL: it has ended. */
static struct sq_netns *add(struct sq_netns_list *list, int fd)
{
	struct sq_netns *known;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		sq_close(fd);
		return NULL;
	}
	known = find(list, st.st_ino);
	if (known) {
		sq_close(fd);
	} else {
		known = sq_append(&list->item, &list->n, sizeof(*list->item));
		*known = (struct sq_netns){
			.inode = st.st_ino, .fd = fd, .links_fd = -EBADF, .changed = true
		};
	}
	see(known);
	return known;
}

void sq_netns_list_keep(struct sq_netns_list *list, int fd)
{
	struct sq_netns *netns = add(list, fd);

	if (netns)
		netns->kept = true;
}

static void look_at(pid_t pid, void *data)
{
	struct search *search = data;
	struct sq_netns *known;
	struct stat st;
	char file[48];

	snprintf(file, sizeof(file), "/proc/%d/ns/net", (int)pid);
	search->processes++;
	known = stat(file, &st) < 0 ? NULL : find(search->list, st.st_ino);
	if (known)
		see(known);
	else
		add(search->list, open(file, O_RDONLY | O_CLOEXEC));
}

int sq_netns_list_add(struct sq_netns_list *list, const struct sq_texts *paths, bool expect,
		      struct sq_error **err)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct search search = { .list = list };
		struct sq_error *why = NULL;
		int r = sq_cgroup_each_process(paths->item[i], look_at, &search, &why);

		/* one that is gone meanwhile has no processes to be found */
		if (r && !sq_cgroup_is_gone(r)) {
			if (err)
				*err = TAKE_PTR(why);
			sq_error_free(why);
			return r;
		}
		sq_error_free(why);
		if (!r && !search.processes && expect)
			sq_netns_list_keep(list,
					   open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
	}
	return 0;
}

void sq_netns_list_remove(struct sq_netns_list *list, size_t i)
{
	sq_close(list->item[i].links_fd);
	sq_close(list->item[i].fd);
	list->item[i] = list->item[--list->n];
}

void sq_netns_list_clear(struct sq_netns_list *list)
{
	while (list->n)
		sq_netns_list_remove(list, list->n - 1);
	free(list->item);
	*list = (struct sq_netns_list){ 0 };
}
