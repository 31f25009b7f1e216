/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching programs to cgroups and to system calls. Every link dies with its descriptor. */
#ifndef SQ_INJECT_ATTACH_H
#define SQ_INJECT_ATTACH_H

#include <stddef.h>
#include <stdint.h>

#include "experiment/names.h"
#include "util/error.h"

struct squall_bpf;

/* Links by descriptor. */
struct sq_links {
	int *fd;
	size_t n;
};

void sq_links_close(struct sq_links *links);

/* Attaches the programs of @hooks (bit per enum sq_hook) to a cgroup; NULL @links: only tries. */
int sq_attach_cgroup(struct squall_bpf *object, uint64_t hooks, int cgroup_fd,
		     struct sq_links *links, struct sq_error **err);

/*
 * Attaches the program that meets @calls where they begin: to their functions, or where the kernel
 * has no CONFIG_FPROBE to the tracepoint that every system call of the host passes.
 */
int sq_attach_calls(struct squall_bpf *object, const struct sq_calls *calls, struct sq_links *links,
		    struct sq_error **err);

/*
 * Attaches, where the kernel has CONFIG_FPROBE, the program that decides which of @calls fail: after what makes them
 * fail, and it goes after that too, by sq_links_close() or by the process's death, so that no error is left to
 * a call that nobody decided.
 */
int sq_attach_deciding(struct squall_bpf *object, const struct sq_calls *calls,
		       struct sq_links *links, struct sq_error **err);

/* Attaches a program of a security hook, of a system call's function; @where names it in an error. */
int sq_attach_trampoline(int program_fd, const char *where, struct sq_links *links,
			 struct sq_error **err);

#endif
