// SPDX-License-Identifier: GPL-2.0-only
#include "engine/handover.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"
#include "util/cgroup.h"
#include "util/process.h"

#define MOST_PORTS 8
#define MOST_CGROUPS \
	1000 /* that are looked at while faults act: a longer look would hold up others */

/* Only faults on packets ask whose a socket is. */
static bool is_on_packets(const struct sq_experiment *experiment, const struct sq_target *target)
{
	for (size_t i = 0; i < experiment->faults.n && !target->rest_of; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (!sq_fault_kind_is_call(fault->kind) && sq_fault_hits(fault, target))
			return true;
	}
	return false;
}

static void add_protection(const struct sq_protection *protection, struct sq_handover_scope *scope)
{
	for (size_t i = 0; i < protection->n; i++) {
		const struct sq_protected *item = &protection->item[i];

		sq_set_add(item->exact ? &scope->exact : &scope->carved, item->cgroup.path);
	}
}

static void add_targets(const struct sq_plan *plan, struct sq_handover_scope *scope)
{
	_cleanup_set_ struct sq_set seen = { 0 };

	for (size_t i = 0; i < plan->experiment->targets.n; i++) {
		const struct sq_resolved *target = &plan->target[i];

		if (!is_on_packets(plan->experiment, target->target))
			continue;
		for (size_t j = 0; j < target->n; j++)
			if (target->item[j].cgroup.id &&
			    sq_set_add(&seen, target->item[j].cgroup.path))
				sq_texts_add(&scope->paths, target->item[j].cgroup.path);
	}
}

static bool is_of(const struct sq_resolved *target, const char *path)
{
	for (size_t i = 0; i < target->n; i++)
		if (sq_cgroup_within(path, target->item[i].cgroup.path))
			return true;
	return false;
}

static const char *protocol_of(const struct sq_handed *handed)
{
	return handed->protocol == IPPROTO_TCP ? "TCP" : "UDP";
}

/* All of one kind in one sentence. */
static void tell(struct sq_plan *plan, const struct sq_resolved *target,
		 const struct sq_handover_scope *scope, const struct sq_handovers *handovers,
		 enum sq_handed_what what)
{
	/* of one, and of more */
	static const char *const is[][2] = {
		[SQ_HANDED_IN] = { "that its processes hold was made in another cgroup and handed "
				   "over, as systemd does for a .socket",
				   "that its processes hold were made in another cgroup and handed "
				   "over, as systemd does for a .socket" },
		[SQ_HANDED_OUT] = { "that belongs to it is held by others only",
				    "that belong to it are held by others only" },
		[SQ_HANDED_SHARED] = { "that its processes hold belongs to another cgroup and is "
				       "held by others too",
				       "that its processes hold belong to another cgroup and are "
				       "held by others too" },
	};
	static const char *const does[][2] = {
		[SQ_HANDED_IN] = { "it is hit too", "they are hit too" },
		[SQ_HANDED_OUT] = { "it is spared", "they are spared" },
		[SQ_HANDED_SHARED] = { "nobody knows whose a packet is, so faults on packets miss "
				       "it",
				       "nobody knows whose a packet is, so faults on packets miss "
				       "them" },
	};
	_cleanup_buffer_ struct sq_buffer ports = { 0 };
	_cleanup_free_ char *sockets = NULL;
	size_t n = 0;

	for (size_t i = 0; i < handovers->n; i++) {
		const struct sq_handed *handed = &handovers->item[i];
		char name[SQ_PROCESS_NAME] = "";

		if (handed->what != what || !is_of(target, scope->paths.item[handed->path]) ||
		    n++ >= MOST_PORTS)
			continue;
		sq_buffer_add(&ports, "%s%s port %u", n > 1 ? ", " : "", protocol_of(handed),
			      handed->port);
		if (what != SQ_HANDED_IN && sq_process_name(handed->pid, name))
			sq_buffer_add(&ports, " by '%s'", name);
	}
	if (!n)
		return;
	if (n > MOST_PORTS)
		sq_buffer_add(&ports, " and more");
	sockets = sq_number_of(n, "socket");
	sq_plan_warn(plan, "target '%s': %s %s (%s): %s", target->target->object.key, sockets,
		     is[what][n > 1], sq_buffer_text(&ports), does[what][n > 1]);
}

void sq_handover_tell(struct sq_plan *plan)
{
	_cleanup_(sq_handover_scope_clear) struct sq_handover_scope scope = { 0 };
	_cleanup_(sq_handovers_clear) struct sq_handovers handovers = { 0 };
	_cleanup_error_ struct sq_error *err = NULL;

	add_targets(plan, &scope);
	add_protection(&plan->protection, &scope);
	if (!scope.paths.n)
		return;
	if (sq_handovers_find(&scope, &handovers, &err)) {
		sq_plan_warn(plan, "whether sockets were handed over is not known: %s",
			     err->message);
		return;
	}
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		for (int what = SQ_HANDED_IN; what <= SQ_HANDED_SHARED; what++)
			if (is_on_packets(plan->experiment, plan->target[i].target))
				tell(plan, &plan->target[i], &scope, &handovers, what);
}

static void fail(struct sq_handing *handing, const char *why)
{
	handing->failed++;
	if (!handing->why)
		handing->why = sq_strdup(why);
}

static void mark(struct sq_run *run, const struct sq_handed *handed, const char *path)
{
	struct sq_handing *handing = &run->handing;
	_cleanup_error_ struct sq_error *err = NULL;
	uint64_t faults = 0;
	size_t row = 0;
	int fd;

	sq_numbers_add(&handing->known, handed->inode);
	if (handed->what == SQ_HANDED_SHARED) {
		handing->shared++;
		return;
	}
	if (handed->what == SQ_HANDED_IN && !sq_following_aim(run, path, &faults, &row))
		return; /* it has left meanwhile */
	fd = sq_handed_open(handed);
	if (fd == -ESRCH)
		return; /* it is closed, or held by others by now */
	if (fd < 0)
		fail(handing,
		     fd == -EPERM ? "reaching for it is not allowed (pidfd_getfd)" : strerror(-fd));
	else if (sq_injector_hand(run->injector, fd, faults, row, &err))
		fail(handing, err->message);
	else
		*(handed->what == SQ_HANDED_IN ? &handing->in : &handing->out) += 1;
	sq_close(fd);
	sq_journal_add(&run->journal, "handed_over",
		       sq_json("{s:s, s:s, s:i, s:b}", "path", path, "protocol",
			       protocol_of(handed), "port", (int)handed->port, "hit",
			       handed->what == SQ_HANDED_IN && fd >= 0 && !err));
}

bool sq_handing_take(struct sq_run *run, const struct sq_handover_scope *scope,
		     const struct sq_handovers *handovers)
{
	size_t before = run->handing.in;

	for (size_t i = 0; i < handovers->n; i++)
		mark(run, &handovers->item[i], scope->paths.item[handovers->item[i].path]);
	sq_numbers_sort(&run->handing.known);
	return run->handing.in > before;
}

int sq_handing_begin(struct sq_run *run, struct sq_error **err)
{
	_cleanup_(sq_handover_scope_clear) struct sq_handover_scope scope = { 0 };
	_cleanup_(sq_handovers_clear) struct sq_handovers handovers = { 0 };
	int r;

	add_targets(run->plan, &scope);
	add_protection(&run->plan->protection, &scope);
	if (!scope.paths.n)
		return 0;
	r = sq_handovers_find(&scope, &handovers, err);
	if (!r)
		sq_handing_take(run, &scope, &handovers);
	return r;
}

bool sq_handing_scope(struct sq_run *run, struct sq_handover_scope *ret)
{
	*ret = (struct sq_handover_scope){ 0 };
	sq_following_paths(run, is_on_packets, &ret->paths);
	if (!ret->paths.n || ret->paths.n > MOST_CGROUPS) {
		sq_handover_scope_clear(ret);
		return false;
	}
	add_protection(&run->plan->protection, ret);
	sq_plan_add_left_out(run->plan, &ret->carved);
	for (size_t i = 0; i < run->handing.known.n; i++)
		sq_numbers_add(&ret->known, run->handing.known.item[i]);
	return true;
}

void sq_handing_end(struct sq_run *run)
{
	struct sq_handing *handing = &run->handing;
	_cleanup_free_ char *in = NULL, *out = NULL, *shared = NULL, *failed = NULL;

	if (handing->in) {
		in = sq_asprintf("sockets that were made elsewhere and handed over to a target, "
				 "and were hit with it: %zu",
				 handing->in);
		sq_run_note(run, in);
	}
	if (handing->out) {
		out = sq_asprintf("sockets of targets that only others hold, and were spared: %zu",
				  handing->out);
		sq_run_note(run, out);
	}
	if (handing->shared) {
		shared = sq_asprintf("sockets that targets share with others and that belong to "
				     "other cgroups, and were missed: %zu",
				     handing->shared);
		sq_run_note(run, shared);
	}
	if (handing->failed) {
		failed = sq_asprintf("sockets that were handed over and went by the cgroup that "
				     "made them: %zu: %s",
				     handing->failed, handing->why);
		sq_run_note(run, failed);
	}
	handing->in = handing->out = handing->shared = handing->failed = 0;
}

void sq_handing_clear(struct sq_handing *handing)
{
	sq_numbers_clear(&handing->known);
	free(handing->why);
	*handing = (struct sq_handing){ 0 };
}
