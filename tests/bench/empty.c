// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BPF program that does nothing, at a hook: what the kernel takes for itself, whoever is attached.
 *
 *   empty raw sys_enter                          a raw tracepoint
 *   empty tracepoint syscalls/sys_enter_getppid  the tracepoint of one call
 *   empty lsm file_open                          a security hook
 *   empty fmod_ret __x64_sys_read                a function of the kernel's
 *   empty kprobe __x64_sys_read                  the same, by kprobe_multi
 *   empty connect CGROUP                         a cgroup's connect4 (a path)
 *   empty egress DEVICE                          a device's, by tcx
 *   empty both DEVICE                            and its ingress
 *
 * Says "ready" once it is attached and stays so until its standard input ends; else says why not.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* enum bpf_attach_type since 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

/* A program of two instructions that returns @result. */
static int load(enum bpf_prog_type type, enum bpf_attach_type attach, int result, int btf_id)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach,
		    .attach_btf_id = (__u32)btf_id);

	return bpf_prog_load(type, "empty", "GPL", code, 2, &options);
}

static int on_kernel_function(enum bpf_prog_type type, enum bpf_attach_type attach,
			      const char *name)
{
	int btf_id = libbpf_find_vmlinux_btf_id(name, attach);
	int fd = btf_id < 0 ? btf_id : load(type, attach, 0, btf_id);

	return fd < 0 ? fd : bpf_raw_tracepoint_open(NULL, fd);
}

static int on_tracepoint(const char *name)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
					.size = sizeof(attr),
					.sample_period = 1 };
	int fd = load(BPF_PROG_TYPE_TRACEPOINT, 0, 0, 0), event;
	unsigned long long id = 0;
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu", &id) != 1)
		id = 0;
	if (file)
		fclose(file);
	if (!id)
		return -ENOENT;
	attr.config = id;
	event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, fd) ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return event;
}

static int on_device(const char *name, int at)
{
	int fd = load(BPF_PROG_TYPE_SCHED_CLS, at, -1, 0); /* -1: on to the next of the chain */

	return fd < 0 ? fd : bpf_link_create(fd, (int)if_nametoindex(name), at, NULL);
}

static int attach(const char *kind, const char *where)
{
	int fd;

	if (!strcmp(kind, "raw")) {
		fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 0);
		return fd < 0 ? fd : bpf_raw_tracepoint_open(where, fd);
	}
	if (!strcmp(kind, "tracepoint"))
		return on_tracepoint(where);
	if (!strcmp(kind, "lsm"))
		return on_kernel_function(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, where);
	if (!strcmp(kind, "fmod_ret"))
		return on_kernel_function(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, where);
	if (!strcmp(kind, "kprobe")) {
		LIBBPF_OPTS(bpf_link_create_opts, options, .kprobe_multi.syms = &where,
			    .kprobe_multi.cnt = 1);

		fd = load(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, 0);
		return fd < 0 ? fd : bpf_link_create(fd, 0, BPF_TRACE_KPROBE_MULTI, &options);
	}
	if (!strcmp(kind, "connect")) {
		fd = load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 1, 0);
		return fd < 0 ? fd
			      : bpf_link_create(fd, open(where, O_RDONLY | O_CLOEXEC),
						BPF_CGROUP_INET4_CONNECT, NULL);
	}
	if (!strcmp(kind, "egress"))
		return on_device(where, TCX_EGRESS);
	if (!strcmp(kind, "both")) {
		fd = on_device(where, TCX_INGRESS);
		return fd < 0 ? fd : on_device(where, TCX_EGRESS);
	}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	char byte;
	int fd = argc == 3 ? attach(argv[1], argv[2]) : -EINVAL;

	if (fd < 0) {
		printf("cannot attach: %s\n", strerror(-fd));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) < 0;
}
