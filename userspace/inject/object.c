// SPDX-License-Identifier: GPL-2.0-only
#include "inject/object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "gen/squall.skel.h"

#define HAS(hooks, hook) ((hooks) >> (hook)&1)

static char last_warning[512];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char text[sizeof(last_warning)];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	/* the first line of a failure says most; those that follow only say that it failed */
	if (!*last_warning)
		snprintf(last_warning, sizeof(last_warning), "%s", text);
	return 0;
}

void sq_object_quiet(void)
{
	*last_warning = '\0';
	libbpf_set_print(keep_warning);
}

/* Has this kernel a function of that name that BPF programs may call? */
static bool kernel_has(const char *function)
{
	static struct btf *kernel;

	/* some 5 MB and 50 ms: once is enough */
	if (!kernel)
		kernel = btf__load_vmlinux_btf();
	return kernel && btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC) > 0;
}

bool sq_object_task_work(void)
{
	return kernel_has("bpf_task_work_schedule_resume") ||
	       kernel_has("bpf_task_work_schedule_resume_impl");
}

/*
 * Linux 7 has bpf_task_work_schedule_resume() and, beside it, the older _impl with another
 * signature: `struct bpf_prog_aux *` where 6.18 has `void *`. libbpf takes that for a mistake even
 * where the extern is weak and never called (bpf_core_types_are_compat()), and knows flavours of
 * kfuncs (___suffix) only since 1.3. So there the extern gets a name that is not found.
 */
static void hide_old_task_work(const struct bpf_object *object)
{
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_type *type;
	int id = btf__find_by_name_kind(btf, "bpf_task_work_schedule_resume_impl", BTF_KIND_FUNC);

	if (id < 0 || !kernel_has("bpf_task_work_schedule_resume"))
		return;
	type = btf__type_by_id(btf, (uint32_t)id);
	*(char *)btf__name_by_offset(btf, type->name_off) = '_';
}

struct squall_bpf *sq_object_open(struct sq_error **err)
{
	struct squall_bpf *object;
	struct bpf_program *program;

	sq_object_quiet();
	object = squall_bpf__open();
	if (!object) {
		sq_error_errno(err, errno, "cannot open the BPF object");
		return NULL;
	}
	hide_old_task_work(object->obj);
	bpf_object__for_each_program(program, object->obj)
		bpf_program__set_autoload(program, false);
	bpf_map__set_autocreate(object->maps.sq_line, false);
	bpf_map__set_autocreate(object->maps.sq_line_next, false);
	bpf_map__set_autocreate(object->maps.sq_naps, false);
	bpf_map__set_autocreate(object->maps.sq_nap_requests, false);
	bpf_map__set_autocreate(object->maps.sq_napper, false);
	return object;
}

void sq_object_choose(struct squall_bpf *object, uint32_t hooks)
{
	const struct {
		enum sq_hook hook;
		struct bpf_program *program;
	} programs[] = {
		{ SQ_HOOK_EGRESS, object->progs.sq_tc_egress },
		{ SQ_HOOK_EGRESS, object->progs.sq_tc_egress_l3 },
		{ SQ_HOOK_INGRESS, object->progs.sq_ingress },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect4 },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect6 },
		{ SQ_HOOK_BIND, object->progs.sq_bind4 },
		{ SQ_HOOK_BIND, object->progs.sq_bind6 },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg4 },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg6 },
		{ SQ_HOOK_GETSOCKOPT, object->progs.sq_getsockopt },
		{ SQ_HOOK_SETSOCKOPT, object->progs.sq_setsockopt },
		{ SQ_HOOK_SYSENTER, object->progs.sq_sys_enter },
		{ SQ_HOOK_SYSENTER, object->progs.sq_set_napper },
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (HAS(hooks, programs[i].hook))
			bpf_program__set_autoload(programs[i].program, true);
	if (HAS(hooks, SQ_HOOK_EGRESS)) {
		bpf_map__set_autocreate(object->maps.sq_line, true);
		bpf_map__set_autocreate(object->maps.sq_line_next, true);
	}
	if (HAS(hooks, SQ_HOOK_SYSENTER)) {
		bpf_map__set_autocreate(object->maps.sq_naps, true);
		bpf_map__set_autocreate(object->maps.sq_nap_requests, true);
		bpf_map__set_autocreate(object->maps.sq_napper, true);
	}
}

int sq_object_load(struct squall_bpf *object, const char *what, struct sq_error **err)
{
	int r;

	*last_warning = '\0';
	r = squall_bpf__load(object);
	if (!r)
		return 0;
	if (r == -EPERM)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EPERM,
				    "the kernel refuses BPF "
				    "programs: that takes root (CAP_BPF, CAP_NET_ADMIN, "
				    "CAP_PERFMON) and a kernel that is not locked down");
	sq_error_set(err, SQ_FAIL_UNSUPPORTED, -r, "this kernel %s", what);
	return sq_error_hint(err, "the kernel said: %s%s%s", strerror(-r),
			     *last_warning ? "; " : "", last_warning);
}
