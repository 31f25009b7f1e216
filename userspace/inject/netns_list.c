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

void sq_netns_list_keep(struct sq_netns_list *list, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		sq_close(fd);
		return; /* it has ended */
	}
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].inode == st.st_ino) {
			sq_close(fd);
			return;
		}
	*(struct sq_netns *)sq_append(&list->item, &list->n, sizeof(*list->item)) =
		(struct sq_netns){
			.inode = st.st_ino, .fd = fd, .links_fd = -EBADF, .changed = true
		};
}

static void look_at(pid_t pid, void *data)
{
	struct search *search = data;
	char file[48];

	snprintf(file, sizeof(file), "/proc/%d/ns/net", (int)pid);
	sq_netns_list_keep(search->list, open(file, O_RDONLY | O_CLOEXEC));
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
			sq_netns_list_keep(list,
					   open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
	}
	return 0;
}

void sq_netns_list_clear(struct sq_netns_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		sq_close(list->item[i].links_fd);
		sq_close(list->item[i].fd);
	}
	free(list->item);
	*list = (struct sq_netns_list){ 0 };
}
