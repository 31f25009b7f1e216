// SPDX-License-Identifier: GPL-2.0-only
#include "inject/call_support.h"

#include "inject/calls.h"
#include "inject/object.h"
#include "inject/wrappers.h"

/* Asked for once in the life of the process. */
struct finding {
	bool known;
	struct sq_error *err;
};

static struct finding changes[64 * SQ_CALLS_WORDS], meets[64 * SQ_CALLS_WORDS];

static const struct sq_error *problem_with(struct finding *findings, unsigned int number,
					   int (*try)(const char *call, struct sq_error **err))
{
	struct finding *finding = &findings[number];

	if (!finding->known)
		try(sq_call_name(number), &finding->err);
	finding->known = true;
	return finding->err;
}

static bool names_peers(const struct sq_fault *fault)
{
	return fault->to.n || fault->except.n || fault->ports.n;
}

/* What a fault wants to know of a call, a hook has to see. */
static bool sees_enough(const struct sq_fault *fault, bool paths, bool peers)
{
	return (!fault->paths.n || paths) && (!names_peers(fault) || peers);
}

/* The first of the hooks that see the call and all of it that the fault wants to know. */
static enum sq_hook choose_hook(const struct sq_fault *fault, const char *call, bool nap,
				enum sq_look look, sq_hook_problem_t problem,
				const struct sq_error **why)
{
	for (size_t i = 0; i < sq_call_hooks_n; i++) {
		const struct sq_call_hook *hook = &sq_call_hooks[i];

		if (hook->nap != nap || !sq_call_hook_has(hook, call) ||
		    !sees_enough(fault, hook->paths, hook->peers))
			continue;
		*why = problem(hook->hook, look);
		if (!*why)
			return hook->hook;
	}
	return SQ_HOOKS;
}

static enum sq_hook choose_for_error(const struct sq_fault *fault, unsigned int number,
				     enum sq_look look, sq_hook_problem_t problem,
				     const struct sq_error **why)
{
	const char *call = sq_call_name(number);

	if (sees_enough(fault, sq_call_takes_file(call), false)) {
		*why = problem_with(changes, number, sq_object_try_call);
		if (!*why)
			*why = problem(SQ_HOOK_CALL, look);
		if (!*why)
			return SQ_HOOK_CALL;
	}
	return choose_hook(fault, call, false, look, problem, why);
}

/* Where every call is met comes first: the nap is after the call's effect there. */
static enum sq_hook choose_for_latency(const struct sq_fault *fault, unsigned int number,
				       enum sq_look look, sq_hook_problem_t problem,
				       const struct sq_error **why)
{
	const char *call = sq_call_name(number);
	enum sq_hook hook;

	if (sees_enough(fault, sq_call_takes_file(call), sq_call_takes_socket(call))) {
		*why = problem(SQ_HOOK_SYSENTER, look);
		if (!*why)
			*why = problem_with(meets, number, sq_object_meets_call);
		if (!*why)
			return SQ_HOOK_SYSENTER;
	}
	hook = choose_hook(fault, call, true, look, problem, why);
	if (hook != SQ_HOOKS || !sq_call_has_wrapper(call) ||
	    !sees_enough(fault, sq_call_takes_file(call), false))
		return hook;
	*why = problem(SQ_HOOK_WRAPPER, look);
	return *why ? SQ_HOOKS : SQ_HOOK_WRAPPER;
}

typedef enum sq_hook (*choose_t)(const struct sq_fault *fault, unsigned int number,
				 enum sq_look look, sq_hook_problem_t problem,
				 const struct sq_error **why);

/* What carries the call if the fault wants to know nothing of it: then that is why it has no hook. */
static enum sq_hook without_filters(const struct sq_fault *fault, choose_t choose,
				    unsigned int number, enum sq_look look,
				    sq_hook_problem_t problem)
{
	const struct sq_error *why = NULL;
	struct sq_fault plain = *fault;

	plain.paths.n = plain.to.n = plain.except.n = plain.ports.n = 0;
	return choose(&plain, number, look, problem, &why);
}

/* What would work instead: this fault on another kernel, another fault or another call on this one. */
static char *what_works(const char *call)
{
	bool by_lsm = false;

	for (size_t i = 0; i < sq_call_hooks_n; i++)
		by_lsm |= sq_call_hooks[i].lsm && sq_call_hook_has(&sq_call_hooks[i], call);
	return sq_asprintf(
		"%s%s%sDebian's 7.x and kernels with CONFIG_FUNCTION_ERROR_INJECTION can "
		"make nearly every call fail; here %s`squall doctor` lists those that can",
		by_lsm ? "Linux 6.1 and later with bpf among the security modules (lsm=) "
			 "can make "
		       : "",
		by_lsm ? call : "", by_lsm ? " fail; " : "",
		sq_object_task_work() ? "syscall.latency can delay it, and " : "");
}

/* @plain carries the call where it needs to see neither files nor peers; SQ_HOOKS: nothing does. */
static void refuse(const struct sq_fault *fault, const char *call, enum sq_hook plain,
		   const struct sq_error *why, struct sq_support *ret)
{
	bool latency = fault->kind->id == SQ_FAULT_SYSCALL_LATENCY;
	const char *what = latency ? "held back" : "made to fail";

	ret->ok = false;
	if (ret->why)
		return;
	if (plain == SQ_HOOKS)
		ret->why = sq_asprintf("%s cannot be %s: %s", call, what,
				       why ? why->message : "no hook that squall knows sees it");
	else if (fault->paths.n)
		ret->why = sq_asprintf("the files of %s cannot be told apart where it is %s here "
				       "(%s): leave out 'paths'",
				       call, what, sq_hook_name(plain));
	else
		ret->why = sq_asprintf("the peer of %s cannot be told where it is %s here (%s): "
				       "leave out 'to', 'except' and 'ports'",
				       call, what, sq_hook_name(plain));
	if (latency)
		ret->hint = sq_strdup("`squall doctor` lists the calls that can; Linux 6.18 and "
				      "later have what every call takes");
	else
		ret->hint =
			why && plain == SQ_HOOKS
				? what_works(call)
				: sq_strdup("`squall doctor` lists what can fail on this kernel");
}

static void add_name(struct sq_buffer *text, const char *name)
{
	sq_buffer_add(text, "%s%s", text->stream ? ", " : "", name);
}

void sq_call_support(const struct sq_fault *fault, enum sq_look look, sq_hook_problem_t problem,
		     struct sq_support *ret, struct sq_buffer *text)
{
	choose_t choose = fault->kind->id == SQ_FAULT_SYSCALL_LATENCY ? choose_for_latency
								      : choose_for_error;

	for (unsigned int number = 0; number < 64 * SQ_CALLS_WORDS; number++) {
		const struct sq_error *why = NULL;
		enum sq_hook hook;

		if (!sq_calls_have(&fault->calls, number))
			continue;
		hook = choose(fault, number, look, problem, &why);
		if (hook == SQ_HOOKS) {
			refuse(fault, sq_call_name(number),
			       without_filters(fault, choose, number, look, problem), why, ret);
			continue;
		}
		if (!(ret->hooks & BIT(hook)))
			add_name(text, sq_hook_name(hook));
		ret->hooks |= BIT(hook);
		sq_calls_add(&ret->by_hook[hook], number);
	}
}
