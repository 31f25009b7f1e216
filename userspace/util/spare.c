// SPDX-License-Identifier: GPL-2.0-only
#include "util/spare.h"

#include <fcntl.h>
#include <unistd.h>

void sq_spare_take(struct sq_spare *spare)
{
	while (spare->n < SQ_SPARES) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return;
		spare->fd[spare->n++] = fd;
	}
}

void sq_spare_give(struct sq_spare *spare)
{
	while (spare->n > 0)
		close(spare->fd[--spare->n]);
}
