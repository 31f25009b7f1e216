// SPDX-License-Identifier: GPL-2.0-only
#include "inject/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "abi.h"
#include "gen/squall.skel.h"
#include "inject/object.h"
#include "util/text.h"

void sq_links_close(struct sq_links *links)
{
	for (size_t i = 0; i < links->n; i++)
		sq_close(links->fd[i]);
	free(links->fd);
	*links = (struct sq_links){ 0 };
}

static void add_link(struct sq_links *links, int fd)
{
	*(int *)sq_append(&links->fd, &links->n, sizeof(*links->fd)) = fd;
}

int sq_attach_cgroup(struct squall_bpf *object, uint64_t hooks, int cgroup_fd,
		     struct sq_links *links, struct sq_error **err)
{
	const struct {
		enum sq_hook hook;
		const struct bpf_program *program;
		enum bpf_attach_type type;
	} programs[] = {
		{ SQ_HOOK_INGRESS, object->progs.sq_ingress, BPF_CGROUP_INET_INGRESS },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect4, BPF_CGROUP_INET4_CONNECT },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect6, BPF_CGROUP_INET6_CONNECT },
		{ SQ_HOOK_BIND, object->progs.sq_bind4, BPF_CGROUP_INET4_BIND },
		{ SQ_HOOK_BIND, object->progs.sq_bind6, BPF_CGROUP_INET6_BIND },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg4, BPF_CGROUP_UDP4_SENDMSG },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg6, BPF_CGROUP_UDP6_SENDMSG },
		{ SQ_HOOK_GETSOCKOPT, object->progs.sq_getsockopt, BPF_CGROUP_GETSOCKOPT },
		{ SQ_HOOK_SETSOCKOPT, object->progs.sq_setsockopt, BPF_CGROUP_SETSOCKOPT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		int fd;

		if (!(hooks >> programs[i].hook & 1))
			continue;
		fd = bpf_link_create(bpf_program__fd(programs[i].program), cgroup_fd,
				     programs[i].type, NULL);
		if (fd < 0)
			return sq_error_errno(err, errno, "cannot attach %s to a cgroup",
					      bpf_program__name(programs[i].program));
		if (links)
			add_link(links, fd);
		else
			close(fd);
	}
	return 0;
}

static int link_functions(const struct bpf_program *program, char *const *function, size_t n)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .kprobe_multi.syms = (const char **)function,
		    .kprobe_multi.cnt = (uint32_t)n);

	return bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_KPROBE_MULTI, &options);
}

/* Of all that were to be attached at once the kernel does not say which cannot be. */
static int refuse_functions(const struct bpf_program *program, const struct sq_texts *functions,
			    int error, struct sq_error **err)
{
	const char *which = "the functions of the system calls";

	for (size_t i = 0; i < functions->n; i++) {
		int fd = link_functions(program, &functions->item[i], 1);

		if (fd < 0) {
			which = functions->item[i];
			break;
		}
		close(fd);
	}
	return sq_error_errno(err, error, "cannot attach to %s", which);
}

/* One link to the functions of all of them. */
static int attach_kprobes(const struct bpf_program *program, const struct sq_calls *calls,
			  struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts functions = { 0 };
	int fd = sq_object_check_ftrace(err);

	if (fd)
		return fd;
	for (unsigned int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		_cleanup_free_ char *function = NULL;

		if (!sq_calls_have(calls, number))
			continue;
		function = sq_object_function_of(sq_call_name(number));
		sq_texts_add(&functions, function ? function : sq_call_name(number));
	}
	fd = link_functions(program, functions.item, functions.n);
	return fd < 0 ? refuse_functions(program, &functions, errno, err) : fd;
}

int sq_attach_calls(struct squall_bpf *object, const struct sq_calls *calls, struct sq_links *links,
		    struct sq_error **err)
{
	int fd;

	if (sq_object_kprobes()) {
		fd = attach_kprobes(object->progs.sq_call_begins, calls, err);
	} else {
		fd = bpf_raw_tracepoint_open("sys_enter",
					     bpf_program__fd(object->progs.sq_sys_enter));
		if (fd < 0)
			fd = sq_error_errno(err, errno,
					    "cannot attach to the tracepoint sys_enter");
	}
	if (fd < 0)
		return fd;
	add_link(links, fd);
	return 0;
}

int sq_attach_deciding(struct squall_bpf *object, const struct sq_calls *calls,
		       struct sq_links *links, struct sq_error **err)
{
	int fd, above, last = 0;

	if (!sq_object_kprobes())
		return 0;
	fd = attach_kprobes(object->progs.sq_call_decided, calls, err);
	if (fd < 0)
		return fd;
	for (size_t i = 0; i < links->n; i++)
		last = MAX(last, links->fd[i]);
	/* the kernel closes a dead process's descriptors by their numbers */
	above = fcntl(fd, F_DUPFD_CLOEXEC, last + 1);
	close(fd);
	if (above < 0)
		return sq_error_errno(err, errno, "cannot duplicate a link");
	add_link(links, above);
	return 0;
}

int sq_attach_trampoline(int program_fd, const char *where, struct sq_links *links,
			 struct sq_error **err)
{
	int fd = bpf_raw_tracepoint_open(NULL, program_fd);

	if (fd < 0)
		return sq_error_errno(err, errno, "cannot attach to %s", where);
	add_link(links, fd);
	return 0;
}
