/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The paths of faults, as the kernel side wants them: the inodes of their fixed parts, found in the
 * mount namespaces of the targets' processes and named as the kernel names them.
 */
#ifndef SQ_INJECT_INODES_H
#define SQ_INJECT_INODES_H

#include "abi.h"
#include "experiment/experiment.h"
#include "util/error.h"

/* The descriptors of what it needs of the loaded object. */
struct sq_inodes {
	int program_fd; /* sq_inode_of */
	int inodes_fd, patterns_fd; /* the maps */
};

/* How many entries the inodes' map may need. */
#define SQ_MAX_INODES 4096

/*
 * Enters the patterns of fault number @fault, as the processes of the cgroups @paths see them.
 * *next counts patterns over all faults. SQ_FAIL_NOT_NOW where a fixed part is nowhere to be found.
 */
int sq_inodes_enter(const struct sq_inodes *inodes, const struct sq_fault *fault,
		    unsigned int number, const struct sq_texts *paths, uint32_t *next,
		    struct sq_error **err);

#endif
