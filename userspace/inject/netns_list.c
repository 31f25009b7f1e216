// SPDX-License-Identifier: GPL-2.0-only
#include "inject/netns_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cgroup.h"

struct search {
	struct sq_netns_list *list;
	size_t processes;
};

static void add_process(struct sq_netns_list *list, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return; /* it has ended */
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].inode == st.st_ino)
			return;
	*(struct sq_netns *)sq_append(&list->item, &list->n, sizeof(*list->item)) =
		(struct sq_netns){ .inode = st.st_ino, .fd = TAKE_FD(fd) };
}

static void look_at(pid_t pid, void *data)
{
	struct search *search = data;
	char file[48];

	snprintf(file, sizeof(file), "/proc/%d/ns/net", (int)pid);
	add_process(search->list, file);
	search->processes++;
}

int sq_netns_list_add(struct sq_netns_list *list, const struct sq_texts *paths,
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
		if (!r && !search.processes)
			add_process(list, "/proc/thread-self/ns/net");
	}
	return 0;
}

void sq_netns_list_clear(struct sq_netns_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		sq_close(list->item[i].fd);
	free(list->item);
	*list = (struct sq_netns_list){ 0 };
}
