// SPDX-License-Identifier: GPL-2.0-only
#include "inject/object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "gen/squall.skel.h"
#include "inject/call_copy.h"
#include "inject/calls.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/text.h"

/* A program that does nothing, to find out where the kernel takes one. */
static const struct bpf_insn pass[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

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

/* Silences libbpf; its warnings are kept, the last of them for sq_object_load()'s message. */
static void quiet(void)
{
	*last_warning = '\0';
	libbpf_set_print(keep_warning);
}

/* The id of a function in the kernel's BTF, or a negative errno. */
static int kernel_function(const char *name)
{
	static struct btf *kernel;

	/* some 5 MB and 50 ms: once is enough */
	if (!kernel)
		kernel = btf__load_vmlinux_btf();
	return kernel ? btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) : -ENOENT;
}

static bool kernel_has(const char *function)
{
	return kernel_function(function) > 0;
}

bool sq_object_can_nap(void)
{
	return kernel_has("bpf_task_from_pid") && kernel_has("bpf_rcu_read_lock");
}

bool sq_object_any_pid_namespace(void)
{
	return kernel_has("bpf_task_from_vpid");
}

bool sq_object_task_work(void)
{
	return kernel_has("bpf_task_work_schedule_resume") ||
	       kernel_has("bpf_task_work_schedule_resume_impl");
}

int sq_object_check_ftrace(struct sq_error **err)
{
	_cleanup_free_ char *text = NULL;

	if (sq_read_file(AT_FDCWD, "/proc/sys/kernel/ftrace_enabled", 16, &text) <= 0 ||
	    *text != '0')
		return 0;
	sq_error_set(
		err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP,
		"kernel.ftrace_enabled is 0: what is attached to the kernel's functions is inert");
	return sq_error_hint(err, "sysctl kernel.ftrace_enabled=1");
}

/* To no function, which the kernel refuses in one way where it can and in another where it cannot. */
static bool try_kprobes(void)
{
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "sq_probe", "GPL", pass, ARRAY_SIZE(pass),
			       &options);
	int link = fd < 0 ? -1 : bpf_link_create(fd, 0, BPF_TRACE_KPROBE_MULTI, NULL);
	bool it_can = fd >= 0 && link < 0 && errno == EINVAL;

	sq_close(link);
	sq_close(fd);
	return it_can;
}

bool sq_object_kprobes(void)
{
	static bool known, has;

	if (!known)
		has = !sq_object_check_ftrace(NULL) && try_kprobes();
	known = true;
	return has;
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

/* The maps that only some hooks use; the kernel need not know their kinds where none does. */
static void choose_maps(struct squall_bpf *object, uint64_t hooks)
{
	const uint64_t devices = BIT(SQ_HOOK_EGRESS) | BIT(SQ_HOOK_TC_INGRESS);
	const uint64_t every_call = BIT(SQ_HOOK_SYSENTER), wrapper = BIT(SQ_HOOK_WRAPPER);
	const uint64_t calls = ~(BIT(SQ_HOOK_CONNECT) - 1), with_files = ~(every_call - 1);
	const uint64_t naps = every_call | wrapper | ~(BIT(SQ_HOOK_NAP_FIRST) - 1);
	const struct {
		struct bpf_map *map;
		uint64_t hooks; /* any of which uses it */
	} maps[] = {
		{ object->maps.sq_handed, devices | BIT(SQ_HOOK_INGRESS) },
		{ object->maps.sq_spaces, 0 },
		{ object->maps.sq_line, devices },
		{ object->maps.sq_line_shared, devices },
		{ object->maps.sq_line_ring, devices },
		{ object->maps.sq_follow, devices },
		{ object->maps.sq_name, devices },
		{ object->maps.sq_names, devices },
		{ object->maps.sq_line_back, BIT(SQ_HOOK_TC_INGRESS) },
		{ object->maps.sq_strangers, BIT(SQ_HOOK_TC_INGRESS) },
		{ object->maps.sq_victims, calls },
		{ object->maps.sq_errors, sq_object_kprobes() ? BIT(SQ_HOOK_CALL) : 0 },
		{ object->maps.sq_naps, every_call },
		{ object->maps.sq_inodes, with_files },
		{ object->maps.sq_patterns, with_files },
		{ object->maps.sq_expected, wrapper },
		{ object->maps.sq_births, wrapper },
		{ object->maps.sq_peer_table, naps & ~every_call },
		{ object->maps.sq_nap_requests, naps },
		{ object->maps.sq_napper, naps },
	};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		bpf_map__set_autocreate(maps[i].map, hooks & maps[i].hooks);
}

/* Its table is there where it is not, as small as it can be: the verifier wants to see what is named. */
void sq_object_choose_private_line(struct squall_bpf *object, bool wanted)
{
	bpf_program__set_autoload(object->progs.sq_tc_turn, wanted);
	bpf_program__set_autoload(object->progs.sq_tc_release, wanted);
	bpf_map__set_max_entries(object->maps.sq_held, wanted ? SQ_HELD : 1);
}

struct squall_bpf *sq_object_open(struct sq_error **err)
{
	struct squall_bpf *object;
	struct bpf_program *program;

	quiet();
	sq_call_copies_begin();
	object = squall_bpf__open();
	if (!object) {
		sq_error_errno(err, errno, "cannot open the BPF object");
		return NULL;
	}
	hide_old_task_work(object->obj);
	bpf_object__for_each_program(program, object->obj)
		bpf_program__set_autoload(program, false);
	choose_maps(object, 0);
	sq_object_choose_private_line(object, false);
	return object;
}

/* The hooks that see files and peers of calls; the program for a call's own function is loaded later. */
static void choose_calls(struct squall_bpf *object, uint64_t hooks)
{
	for (size_t i = 0; i < sq_call_hooks_n; i++) {
		struct bpf_program *program;

		if (!sq_call_hooks[i].program || !(hooks & BIT(sq_call_hooks[i].hook)))
			continue;
		program = bpf_object__find_program_by_name(object->obj, sq_call_hooks[i].program);
		if (program)
			bpf_program__set_autoload(program, true);
	}
	if (hooks >> SQ_HOOK_SYSENTER)
		bpf_program__set_autoload(object->progs.sq_inode_of, true);
}

void sq_object_choose(struct squall_bpf *object, uint64_t hooks)
{
	const struct {
		enum sq_hook hook;
		struct bpf_program *program;
	} programs[] = {
		{ SQ_HOOK_EGRESS, object->progs.sq_tc_egress },
		{ SQ_HOOK_EGRESS, object->progs.sq_tc_egress_l3 },
		/* what the line sends to lo passes egress first */
		{ SQ_HOOK_TC_INGRESS, object->progs.sq_tc_egress },
		{ SQ_HOOK_TC_INGRESS, object->progs.sq_tc_egress_l3 },
		{ SQ_HOOK_TC_INGRESS, object->progs.sq_tc_ingress },
		{ SQ_HOOK_TC_INGRESS, object->progs.sq_tc_ingress_l3 },
		{ SQ_HOOK_TC_INGRESS, object->progs.sq_tc_back },
		{ SQ_HOOK_INGRESS, object->progs.sq_ingress },
		{ SQ_HOOK_INGRESS, object->progs.sq_handed_in },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect4 },
		{ SQ_HOOK_CONNECT, object->progs.sq_connect6 },
		{ SQ_HOOK_BIND, object->progs.sq_bind4 },
		{ SQ_HOOK_BIND, object->progs.sq_bind6 },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg4 },
		{ SQ_HOOK_SENDMSG, object->progs.sq_sendmsg6 },
		{ SQ_HOOK_GETSOCKOPT, object->progs.sq_getsockopt },
		{ SQ_HOOK_SETSOCKOPT, object->progs.sq_setsockopt },
		{ SQ_HOOK_SYSENTER,
		  sq_object_kprobes() ? object->progs.sq_call_begins : object->progs.sq_sys_enter },
		{ SQ_HOOK_WRAPPER, object->progs.sq_wrapper },
		{ SQ_HOOK_WRAPPER, object->progs.sq_born },
		{ SQ_HOOK_WRAPPER, object->progs.sq_executed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (hooks & BIT(programs[i].hook))
			bpf_program__set_autoload(programs[i].program, true);
	if (hooks & BIT(SQ_HOOK_WRAPPER))
		bpf_program__set_expected_attach_type(object->progs.sq_wrapper,
						      (enum bpf_attach_type)SQ_UPROBE_MULTI);
	if (sq_hooks_nap(hooks))
		bpf_program__set_autoload(object->progs.sq_set_napper, true);
	choose_maps(object, hooks);
	choose_calls(object, hooks);
}

void sq_object_drop_twins(struct squall_bpf *object)
{
	struct bpf_program *const twins[] = {
		object->progs.sq_tc_egress_l3, object->progs.sq_tc_ingress_l3,
		object->progs.sq_connect6,     object->progs.sq_bind6,
		object->progs.sq_sendmsg6,
	};

	for (size_t i = 0; i < ARRAY_SIZE(twins); i++)
		bpf_program__set_autoload(twins[i], false);
}

void sq_object_choose_arrivals(struct squall_bpf *object, bool devices)
{
	bpf_program__set_autoload(object->progs.sq_moved, true);
	bpf_program__set_autoload(object->progs.sq_entered, devices);
	bpf_map__set_autocreate(object->maps.sq_spaces, devices);
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

#if defined(__x86_64__)
#define CALL_PREFIX "__x64_sys_"
#elif defined(__aarch64__)
#define CALL_PREFIX "__arm64_sys_"
#endif

/* Of these names the kernel has functions, for 32-bit programs only: its table for others has none. */
static bool is_never_called(const char *call)
{
#if defined(__x86_64__)
	return sq_words_have("uselib set_thread_area get_thread_area", call);
#else
	(void)call;
	return false;
#endif
}

/* Some are called as they came to be, and not as the call is. */
char *sq_object_function_of(const char *call)
{
	static const struct {
		const char *call, *function;
	} others[] = {
		{ "stat", "newstat" },
		{ "lstat", "newlstat" },
		{ "fstat", "newfstat" },
		{ "uname", "newuname" },
		{ "sendfile", "sendfile64" },
		{ "umount2", "umount" },
#if defined(__aarch64__)
		{ "fadvise64", "fadvise64_64" },
		{ "personality", "arm64_personality" },
#endif
	};
	/* an alias, which one without arguments has, the kernel's BTF does not know */
	static const char *const prefixes[] = { CALL_PREFIX, "__do_sys_" };

	if (is_never_called(call))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i].call, call))
			call = others[i].function;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		char *function = sq_asprintf("%s%s", prefixes[i], call);

		if (kernel_has(function))
			return function;
		free(function);
	}
	return NULL;
}

struct bpf_program *sq_object_call_program(const struct squall_bpf *object, enum sq_hook hook)
{
	if (hook == SQ_HOOK_WRAPPER)
		return object->progs.sq_witness;
	return sq_object_kprobes() ? object->progs.sq_call_fails : object->progs.sq_call;
}

int sq_object_aim_call(struct squall_bpf *object, enum sq_hook hook, const char *call)
{
	struct bpf_program *program = sq_object_call_program(object, hook);
	_cleanup_free_ char *function = sq_object_function_of(call);

	bpf_program__set_autoload(program, true);
	if (hook == SQ_HOOK_CALL && sq_object_kprobes())
		bpf_program__set_autoload(object->progs.sq_call_decided, true);
	return function ? bpf_program__set_attach_target(program, 0, function) : -ENOENT;
}

int sq_object_copy_call(const struct squall_bpf *object, enum sq_hook hook, const char *call,
			struct sq_error **err)
{
	_cleanup_free_ char *function = sq_object_function_of(call);
	int id = function ? kernel_function(function) : -ENOENT;
	int fd = id < 0 ? id : sq_call_copy(sq_object_call_program(object, hook), id);

	if (fd >= 0)
		return fd;
	return sq_error_set(err, SQ_FAIL_UNSUPPORTED, -fd,
			    "this kernel does not take squall's program for %s: %s", call,
			    strerror(-fd));
}

static int try_function(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function,
			uint32_t flags)
{
	int id = kernel_function(function), fd;
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach,
			    .prog_flags = flags);

	if (id < 0)
		return -ENOENT;
	options.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(type, "sq_probe", "GPL", pass, ARRAY_SIZE(pass), &options);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int sq_object_try_lsm(const char *hook, bool asleep, struct sq_error **err)
{
	_cleanup_free_ char *function = sq_asprintf("bpf_lsm_%s", hook), *active = NULL;
	_cleanup_close_ int securityfs = sq_detached_mount("securityfs", NULL, 0);
	int r = try_function(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, function,
			     asleep ? BPF_F_SLEEPABLE : 0);

	if (r)
		return sq_error_set(
			err, SQ_FAIL_UNSUPPORTED, -r,
			r == -ENOENT ? "this kernel has no security hook %s"
			: asleep ? "this kernel refuses BPF programs that sleep on the security "
				   "hook %s"
				 : "this kernel refuses BPF programs on the security hook %s",
			hook);
	/* the program loads all the same where nobody calls it */
	if (securityfs >= 0 && sq_read_file(securityfs, "lsm", 4096, &active) > 0 &&
	    !strstr(active, "bpf")) {
		sq_error_set(err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP,
			     "BPF is not among this kernel's "
			     "active security modules");
		return sq_error_hint(err, "add bpf to lsm= on the kernel's command line");
	}
	return 0;
}

static int refuse_absent(const char *call, struct sq_error **err)
{
	return sq_error_set(err, SQ_FAIL_UNSUPPORTED, ENOENT,
			    "this kernel has no function of its own for %s", call);
}

int sq_object_meets_call(const char *call, struct sq_error **err)
{
	_cleanup_free_ char *function = NULL;

	if (!sq_object_kprobes())
		return 0;
	function = sq_object_function_of(call);
	return function ? 0 : refuse_absent(call, err);
}

int sq_object_try_call(const char *call, struct sq_error **err)
{
	_cleanup_free_ char *function = sq_object_function_of(call);
	int r = function ? try_function(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, function, 0)
			 : -ENOENT;

	if (!r)
		return 0;
	if (r == -ENOENT)
		return refuse_absent(call, err);
	return sq_error_set(err, SQ_FAIL_UNSUPPORTED, -r,
			    "this kernel does not let BPF change what %s returns "
			    "(CONFIG_FUNCTION_ERROR_INJECTION)",
			    call);
}
