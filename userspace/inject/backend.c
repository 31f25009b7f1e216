// SPDX-License-Identifier: GPL-2.0-only
#include "inject/backend.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen/squall.skel.h"
#include "guard/paths.h"
#include "inject/attach.h"
#include "inject/call_support.h"
#include "inject/calls.h"
#include "inject/devices.h"
#include "inject/follow.h"
#include "inject/line.h"
#include "inject/line_private.h"
#include "inject/nap.h"
#include "inject/object.h"
#include "inject/rules.h"
#include "util/cgroup.h"
#include "util/time.h"

#define INITIAL_CGROUP_NAMESPACE 0xeffffffbu /* PROC_CGROUP_INIT_INO */
#define INITIAL_PID_NAMESPACE 0xeffffffcu /* PROC_PID_INIT_INO */

/* What was found out about one hook, or one helper. */
struct finding {
	bool known, attached;
	struct sq_error *err; /* NULL: it works */
};

enum {
	HELPER_LINE = SQ_HOOKS,
	HELPER_NAP,
	HELPER_PRIVATE_LINE,
	FINDINGS,
};

static struct finding findings[FINDINGS];
static bool have_tcx;

static const struct {
	const char *lacks; /* "this kernel ..." */
} hooks[SQ_HOOKS] = {
	[SQ_HOOK_EGRESS] = { "does not take squall's tc program" },
	[SQ_HOOK_INGRESS] = { "does not take squall's cgroup_skb program" },
	[SQ_HOOK_TC_INGRESS] = { "does not take squall's tc program for ingress" },
	[SQ_HOOK_CONNECT] = { "cannot make connect fail from a cgroup hook (bpf_set_retval, 5.18)" },
	[SQ_HOOK_BIND] = { "cannot make bind fail from a cgroup hook" },
	[SQ_HOOK_SENDMSG] = { "cannot make sendmsg fail from a cgroup hook" },
	[SQ_HOOK_GETSOCKOPT] = { "cannot make getsockopt fail from a cgroup hook" },
	[SQ_HOOK_SETSOCKOPT] = { "cannot make setsockopt fail from a cgroup hook" },
	[SQ_HOOK_CALL] = { "does not take squall's program for a system call's own function" },
	[SQ_HOOK_FILE_OPEN] = { "does not take squall's programs on security hooks" },
	[SQ_HOOK_WRAPPER] = { "cannot hold a system call back in the C library: it does not let a "
			      "uprobe sleep on a task (6.12)" },
	[SQ_HOOK_NAP_OPEN] = { "cannot hold a system call back: it does not let a program in a "
			       "security hook sleep on a task (6.12)" },
	[SQ_HOOK_SYSENTER] = { "cannot hold back every system call: it has no bpf_task_work (6.18)" },
};

/* Attaches to a cgroup without processes, made for this. */
static int try_cgroup(struct squall_bpf *object, uint32_t hook, struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/probe-%d", SQ_CGROUP, (int)getpid());
	int r = sq_cgroup_make(path, err), fd;

	if (r)
		return r;
	fd = sq_cgroup_open(path, err);
	r = fd < 0 ? fd : sq_attach_cgroup(object, BIT(hook), fd, NULL, err);
	sq_close(fd);
	sq_cgroup_destroy(path, SQ_S, NULL);
	sq_cgroup_remove_empty(SQ_CGROUP);
	return r;
}

/*
 * As full as a run can make it: what the constants rule out the verifier never looks at. No cgroup
 * is armed, so whatever it sees, it lets pass.
 */
static void set_constants(struct squall_bpf *object, uint32_t hook)
{
	typeof(object->rodata) constants = object->rodata;

	constants->sq_hook_faults[hook] = ~0ull;
	constants->sq_n_faults = SQ_MAX_FAULTS;
	constants->sq_n_cgroups = 1;
	constants->sq_faults_limit = 1;
	constants->sq_rate_interval_ns = 1;
	constants->sq_guard = 1;
	constants->sq_guard_in = 2;
	constants->sq_line_ifindex = 1;
	constants->sq_name_faults = ~0ull;
	constants->sq_loss_faults = 1;
	constants->sq_wire_faults = ~0ull;
	constants->sq_dice_faults = ~0ull;
	constants->sq_path_faults = ~0ull;
	constants->sq_peer_faults = ~0ull;
	constants->sq_has_control = 1;
	constants->sq_n_prefixes = SQ_PREFIX_LENGTHS;
	constants->sq_n_patterns = SQ_MAX_PATTERNS;
	memset((void *)constants->sq_hook_calls[hook], 0xff,
	       sizeof(constants->sq_hook_calls[hook]));
}

static bool in_initial_pid_namespace(void)
{
	char name[64] = "";

	return readlink("/proc/self/ns/pid", name, sizeof(name) - 1) > 0 &&
	       strtoul(name + strcspn(name, "0123456789"), NULL, 10) == INITIAL_PID_NAMESPACE;
}

/* To our own C library, in which no process of a target is. */
static int try_wrapper(struct squall_bpf *object, struct sq_links *links, struct sq_error **err)
{
	int r = sq_follow_try(bpf_program__fd(object->progs.sq_wrapper));

	if (r)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, -r,
				    "this kernel attaches no program to functions of one process "
				    "(uprobe_multi, 6.6)");
	return sq_attach_trampoline(bpf_program__fd(object->progs.sq_witness), "fsync", links, err);
}

static int try_call(struct squall_bpf *object, const struct sq_calls *fsync_only,
		    struct sq_links *links, struct sq_error **err)
{
	int program_fd = bpf_program__fd(sq_object_call_program(object, SQ_HOOK_CALL));
	int r = sq_attach_trampoline(program_fd, "fsync", links, err);

	return r ? r : sq_attach_deciding(object, fsync_only, links, err);
}

/* What the verifier says about a function that is missing would only mislead, so that is asked first. */
static int check_hook(uint32_t hook, struct sq_error **err)
{
	/* from here on they are in functions of the kernel's, by trampolines */
	if (hook > SQ_HOOK_SYSENTER && sq_object_check_ftrace(err))
		return -EOPNOTSUPP;
	if (!sq_hooks_nap(BIT(hook)))
		return 0;
	if ((hook == SQ_HOOK_SYSENTER && !sq_object_task_work()) || !sq_object_can_nap())
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, ENOSYS, "this kernel %s",
				    hooks[hook].lacks);
	if (in_initial_pid_namespace())
		return 0;
	if (!sq_object_any_pid_namespace())
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, ENOSYS,
				    "squall runs in a PID namespace of its own, and this kernel "
				    "cannot find its helper from there (6.14)");
	if (hook == SQ_HOOK_WRAPPER)
		return sq_error_set(
			err, SQ_FAIL_UNSUPPORTED, EOPNOTSUPP,
			"squall runs in a PID namespace of its own, where it cannot tell "
			"which processes of a target appear");
	return 0;
}

static int try_hook(uint32_t hook, enum sq_look look, struct sq_error **err)
{
	struct sq_links links = { 0 };
	struct sq_calls fsync_only = { 0 };
	struct squall_bpf *object;
	int r = check_hook(hook, err);

	if (r)
		return r;
	object = sq_object_open(err);
	if (!object)
		return -EIO;
	sq_object_choose(object, BIT(hook));
	if (look == SQ_LOOK_LOAD)
		sq_object_drop_twins(object);
	if (hook == SQ_HOOK_CALL || hook == SQ_HOOK_WRAPPER)
		sq_object_aim_call(object, hook, "fsync");
	set_constants(object, hook);
	sq_calls_add(&fsync_only, (unsigned int)sq_call_number("fsync"));
	r = sq_object_load(object, hooks[hook].lacks, err);
	if (!r && hook == SQ_HOOK_EGRESS)
		r = sq_devices_probe(&have_tcx, bpf_program__fd(object->progs.sq_tc_egress), false,
				     err);
	else if (!r && hook == SQ_HOOK_TC_INGRESS)
		r = sq_devices_probe(&have_tcx, bpf_program__fd(object->progs.sq_tc_ingress), true,
				     err);
	else if (!r && look == SQ_LOOK_ATTACH && hook == SQ_HOOK_SYSENTER)
		r = sq_attach_calls(object, &fsync_only, &links, err);
	else if (!r && look == SQ_LOOK_ATTACH && hook == SQ_HOOK_CALL)
		r = try_call(object, &fsync_only, &links, err);
	else if (!r && look == SQ_LOOK_ATTACH && hook == SQ_HOOK_WRAPPER)
		r = try_wrapper(object, &links, err);
	else if (!r && look == SQ_LOOK_ATTACH && hook == SQ_HOOK_FILE_OPEN)
		r = sq_attach_trampoline(bpf_program__fd(object->progs.sq_file_open),
					 "lsm/file_open", &links, err);
	else if (!r && look == SQ_LOOK_ATTACH && hook == SQ_HOOK_NAP_OPEN)
		r = sq_attach_trampoline(bpf_program__fd(object->progs.sq_nap_open),
					 "lsm.s/file_open", &links, err);
	else if (!r && look == SQ_LOOK_ATTACH)
		r = try_cgroup(object, hook, err);
	sq_links_close(&links);
	squall_bpf__destroy(object);
	return r;
}

static const struct sq_error *find(uint32_t what, enum sq_look look);

/* All security hooks share their code: one whole program is proof of it, then each hook is tried. */
static void try_lsm(uint32_t hook, enum sq_look look, struct sq_error **err)
{
	bool asleep = hook >= SQ_HOOK_NAP_FIRST;
	uint32_t whole = asleep ? SQ_HOOK_NAP_OPEN : SQ_HOOK_FILE_OPEN;
	const struct sq_error *problem;

	if (sq_object_try_lsm(sq_call_hook_find(hook)->lsm, asleep, err))
		return;
	if (hook == whole) {
		try_hook(hook, look, err);
		return;
	}
	problem = find(whole, look);
	if (problem)
		sq_error_set(err, SQ_FAIL_UNSUPPORTED, problem->errnum, "%s", problem->message);
}

/* NULL: it works. */
static const struct sq_error *find(uint32_t what, enum sq_look look)
{
	struct finding *finding = &findings[what];

	if (finding->known && (finding->attached || finding->err || look == SQ_LOOK_LOAD))
		return finding->err;
	if (what == HELPER_LINE)
		sq_line_probe(&finding->err);
	else if (what == HELPER_PRIVATE_LINE)
		sq_line_private_probe(&finding->err);
	else if (what == HELPER_NAP)
		sq_nap_probe(&finding->err);
	else if (what >= SQ_HOOK_LSM_FIRST)
		try_lsm(what, look, &finding->err);
	else
		try_hook(what, look, &finding->err);
	finding->known = true;
	finding->attached = look == SQ_LOOK_ATTACH;
	return finding->err;
}

static void add_part(struct sq_buffer *text, const char *part)
{
	sq_buffer_add(text, "%s%s", text->stream ? ", " : "", part);
}

static void refuse(struct sq_support *support, const char *why, const char *hint)
{
	if (support->why)
		return;
	support->ok = false;
	support->why = sq_strdup(why);
	support->hint = sq_strdup(hint);
}

static const char *hook_name(uint32_t hook)
{
	if (hook == SQ_HOOK_EGRESS)
		return have_tcx ? "tcx egress" : "clsact egress";
	if (hook == SQ_HOOK_TC_INGRESS)
		return have_tcx ? "tcx ingress" : "clsact ingress";
	return sq_hook_name(hook);
}

/* Beside others that are no short delays such a one takes the TAP too. */
static const char *line_name(const struct sq_fault *fault)
{
	return sq_fault_is_brief(fault) && sq_backend_private_line() ? "fq or TAP delay line"
								     : "TAP delay line";
}

int sq_fault_support(const struct sq_fault *fault, enum sq_look look, struct sq_support *ret,
		     struct sq_error **err)
{
	uint64_t needed = sq_fault_hooks(fault);
	enum sq_line_use use = sq_fault_line_use(fault);
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	const struct sq_error *problem;

	*ret = (struct sq_support){ .ok = true, .hooks = needed };
	if (sq_fault_kind_is_call(fault->kind))
		sq_call_support(fault, look, find, ret, &text);
	for (uint32_t hook = 0; hook < SQ_HOOKS; hook++) {
		if (!(needed & BIT(hook)))
			continue;
		problem = find(hook, look);
		if (problem)
			refuse(ret, problem->message, problem->hint);
		add_part(&text, hook_name(hook));
	}
	if (use != SQ_LINE_UNUSED) {
		problem = find(HELPER_LINE, look);
		if (problem && use == SQ_LINE_NEEDED)
			refuse(ret, problem->message, problem->hint);
		ret->line = !problem;
		if (ret->line && sq_fault_parts_incoming(fault) &&
		    !find(SQ_HOOK_TC_INGRESS, look)) {
			ret->hooks |= BIT(SQ_HOOK_TC_INGRESS);
			add_part(&text, hook_name(SQ_HOOK_TC_INGRESS));
		}
		if (!problem || use == SQ_LINE_NEEDED)
			add_part(&text, line_name(fault));
	}
	if (sq_hooks_nap(ret->hooks)) {
		problem = find(HELPER_NAP, look);
		if (problem)
			refuse(ret, problem->message, problem->hint);
		add_part(&text, "FUSE nap");
	}
	ret->backend = sq_strdup(sq_buffer_text(&text));
	return 0;
}

void sq_support_clear(struct sq_support *support)
{
	free(support->backend);
	free(support->why);
	free(support->hint);
	*support = (struct sq_support){ 0 };
}

bool sq_backend_private_line(void)
{
	return !find(HELPER_PRIVATE_LINE, SQ_LOOK_LOAD);
}

bool sq_backend_taxes_every_call(uint64_t used)
{
	return (used & BIT(SQ_HOOK_SYSENTER)) && !sq_object_kprobes();
}

bool sq_backend_tcx(void)
{
	find(SQ_HOOK_EGRESS, SQ_LOOK_LOAD);
	return have_tcx;
}

static void check_cgroups(struct sq_texts *missing)
{
	_cleanup_error_ struct sq_error *err = NULL;
	char name[64] = "";

	if (sq_cgroup_root(&err) < 0) {
		sq_texts_add(missing, err->message);
		return;
	}
	if (readlink("/proc/self/ns/cgroup", name, sizeof(name) - 1) > 0 &&
	    strtoul(name + strcspn(name, "0123456789"), NULL, 10) != INITIAL_CGROUP_NAMESPACE)
		sq_texts_add(missing, "squall runs in a cgroup namespace of its own, from where it "
				      "cannot see the host's cgroups");
}

static void check_bpf(struct sq_texts *missing)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sq_probe", 4, 8, 1, NULL);

	if (fd < 0 && errno == ENOSYS)
		sq_texts_add(missing, "this kernel has no BPF (CONFIG_BPF_SYSCALL)");
	else if (fd < 0)
		sq_texts_add(missing, "the kernel refuses BPF: that takes CAP_BPF (root), and no "
				      "lockdown or seccomp filter that forbids it");
	sq_close(fd);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		sq_texts_add(missing,
			     "there is no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF), "
			     "or sysfs is not mounted");
}

void sq_backend_basics(struct sq_texts *missing)
{
	/* without root everything else is out of reach too, and says nothing about the host */
	if (geteuid() != 0) {
		sq_texts_add(missing, "squall needs root: run it with sudo");
		return;
	}
	check_cgroups(missing);
	check_bpf(missing);
}

const struct sq_gap sq_packets_unseen[] = {
	{ "what the host's NAT has translated on lo",
	  "it cannot be sent there a second time; it passes and is counted as uncovered" },
	{ "what IPVS alone translates, and conntrack's zones but the first",
	  "the peer is the one on the wire, and what answers is met by loss and partition alone" },
	{ "later fragments and ICMP that come in",
	  "they tell no socket: only a loss or a partition meets them, where they have one" },
	{ "what a virtual machine's guest sends", "it is no socket's of the host" },
	{ "all of netem's speed",
	  "where the kernel has fq, a delay of 1 ms leaves one flow 0.88 of what netem does as the "
	  "device's own qdisc, which squall does not touch" },
};

const size_t sq_packets_unseen_n = ARRAY_SIZE(sq_packets_unseen);
