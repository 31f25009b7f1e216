// SPDX-License-Identifier: GPL-2.0-only
#include "guard/admission.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "guard/operator.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/time.h"

/* What is wrong with a file or a folder that only root should be able to change, or NULL. */
static const char *untrusted(const struct stat *st)
{
	if (st->st_uid != 0)
		return "does not belong to root";
	return sq_is_roots(st) ? NULL : "can be written by others than root";
}

static int check_policy_file(struct sq_error **err)
{
	_cleanup_free_ char *folder =
		sq_strndup(SQ_POLICY_FILE, strlen(SQ_POLICY_FILE) - strlen("/policy.yaml"));
	const char *const paths[] = { folder, SQ_POLICY_FILE }, *why = NULL;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !why; i++) {
		if (lstat(paths[i], &st) < 0)
			return errno == ENOENT ? -ENOENT
					       : sq_error_errno(err, errno, "cannot look at '%s'",
								paths[i]);
		why = untrusted(&st);
		if (S_ISLNK(st.st_mode))
			why = "is a symbolic link";
		else if (i && !S_ISREG(st.st_mode))
			why = "is not a file";
		if (!why)
			continue;
		sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
			     "the host's policy is not to be trusted: '%s' %s", paths[i], why);
		/* what chown and chmod would change is elsewhere */
		if (i ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode))
			return sq_error_hint(
				err,
				"put the %s itself there, root's own; until then no run "
				"starts",
				i ? "file" : "folder");
		return sq_error_hint(err,
				     "chown root '%s' && chmod go-w '%s'; until then no run "
				     "starts",
				     paths[i], paths[i]);
	}
	return 0;
}

int sq_policy_of_host(struct sq_policy **ret, struct sq_diags *diags, struct sq_error **err)
{
	int r = check_policy_file(err);

	*ret = NULL;
	if (r)
		return r == -ENOENT ? 0 : r;
	*ret = sq_policy_load(SQ_POLICY_FILE, diags);
	if (*ret)
		return 0;
	sq_error_set(err, SQ_FAIL_REFUSED, EINVAL,
		     "the host's policy '" SQ_POLICY_FILE "' is invalid, so no run starts");
	return sq_error_hint(err, "`squall validate --policy FILE` checks a policy");
}

static void add(struct sq_buffer *text, const char *format, ...) _printf_(2, 3);

static void add(struct sq_buffer *text, const char *format, ...)
{
	va_list arguments;

	if (text->stream)
		sq_buffer_add(text, "; ");
	va_start(arguments, format);
	vfprintf(sq_buffer_stream(text), format, arguments);
	va_end(arguments);
}

static void add_groups(const struct sq_texts *groups, struct sq_buffer *text)
{
	for (size_t i = 0; i < groups->n; i++)
		sq_buffer_add(text, "%s%s", i ? ", " : "", groups->item[i]);
}

int sq_admission_role(const struct sq_texts *groups, const char *what, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer names = { 0 };
	struct sq_user user = { 0 };
	gid_t gid;
	int r;

	if (!groups->n)
		return 0;
	r = sq_operator_find(&user);
	if (r)
		return sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
				    "cannot find out who you are, so the policy's roles are not "
				    "fulfilled: %s",
				    strerror(-r));
	/* root himself can change the policy; who became root by sudo cannot hide behind it */
	if (user.uid == 0)
		return 0;
	for (size_t i = 0; i < groups->n; i++)
		if (!sq_group_find(groups->item[i], &gid) && sq_user_is_in(&user, gid))
			return 0;
	add_groups(groups, &names);
	return sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
			    "the policy lets only members of %s %s; %s is none",
			    sq_buffer_text(&names), what, user.name);
}

/* Is every folder from the policy's down to the file root's alone? */
static bool is_kept_in(const char *path, const char *folder)
{
	_cleanup_free_ char *part = sq_strdup(path), *root = realpath(folder, NULL);
	size_t n = root ? strlen(root) : 0;
	struct stat st;

	if (!root || strncmp(path, root, n) != 0 || path[n] != '/')
		return false;
	while (strlen(part) >= n) {
		if (lstat(part, &st) < 0 || !sq_is_roots(&st))
			return false;
		*strrchr(part, '/') = '\0';
	}
	return true;
}

static void check_file(const struct sq_policy *policy, const struct sq_request *request,
		       struct sq_buffer *text)
{
	_cleanup_free_ char *path = request->file ? realpath(request->file, NULL) : NULL;

	if (!policy->experiments.n || sq_operator_is_person())
		return;
	for (size_t i = 0; path && i < policy->experiments.n; i++)
		if (is_kept_in(path, policy->experiments.item[i]))
			return;
	add(text,
	    "experiments may only come from '%s', from files that only root can write, unless "
	    "root starts them at a terminal",
	    policy->experiments.item[0]);
}

static void check_required(const struct sq_policy *policy, const struct sq_experiment *experiment,
			   const struct sq_request *request, struct sq_buffer *text)
{
	const bool has[SQ_REQUIREMENTS] = {
		[SQ_REQUIRE_REASON] = request->planned || (request->reason && *request->reason),
		[SQ_REQUIRE_TASK_ID] = request->planned || (request->task_id && *request->task_id),
		[SQ_REQUIRE_STEADY_STATE] = experiment->probes.n > 0,
		[SQ_REQUIRE_STOP_IF] = experiment->stop_if.n > 0,
	};
	static const char *const how[SQ_REQUIREMENTS] = { "give --reason TEXT", "give --task-id ID",
							  "the file has no 'steady_state'",
							  "the file has no 'stop_if'" };

	for (size_t i = 0; i < SQ_REQUIREMENTS; i++)
		if ((policy->require >> i & 1) && !has[i])
			add(text, "it requires '%s': %s", sq_requirements[i], how[i]);
}

static void check_faults(const struct sq_policy *policy, const struct sq_experiment *experiment,
			 struct sq_buffer *text)
{
	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];
		const char *entry = sq_policy_denies(policy, fault);

		if (entry)
			add(text, "fault '%s' is denied by '%s'", fault->name, entry);
		for (size_t j = 0; sq_fault_includes[j]; j++)
			if ((fault->include & ~policy->faults.include) >> j & 1)
				add(text,
				    "fault '%s' may not include the %s: the policy has no "
				    "'faults: {include: %s}'",
				    fault->name, sq_fault_includes[j], sq_fault_includes[j]);
	}
}

static void check_environment(const struct sq_policy *policy,
			      const struct sq_experiment *experiment, struct sq_buffer *text)
{
	_cleanup_buffer_ struct sq_buffer names = { 0 };
	const char *ours = policy ? policy->environment : NULL;

	if (!experiment->environments.n || (ours && sq_texts_have(&experiment->environments, ours)))
		return;
	add_groups(&experiment->environments, &names);
	if (ours)
		add(text, "the experiment is for %s, and this host is %s", sq_buffer_text(&names),
		    ours);
	else
		add(text,
		    "the experiment is for %s, and this host does not say what it is ('environment' in "
		    "'" SQ_POLICY_FILE "')",
		    sq_buffer_text(&names));
}

int sq_admission_check(const struct sq_policy *policy, const struct sq_experiment *experiment,
		       const struct sq_request *request, struct sq_error **err)
{
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	_cleanup_error_ struct sq_error *role = NULL;
	uint64_t now = sq_wall();

	check_environment(policy, experiment, &text);
	if (policy) {
		if (!request->planned &&
		    sq_admission_role(&policy->roles.start, "start runs", &role))
			add(&text, "%s", role->message);
		if (!request->planned)
			check_file(policy, request, &text);
		check_required(policy, experiment, request, &text);
		check_faults(policy, experiment, &text);
	}
	if (text.stream)
		return sq_error_set(err, SQ_FAIL_REFUSED, EPERM, "%s: %s",
				    policy ? "the policy forbids the run"
					   : "it is not for this host",
				    sq_buffer_text(&text));
	return policy ? sq_calendar_check(policy, now, now + sq_experiment_total_ns(experiment),
					  err)
		      : 0;
}

static bool matches_one(const char *path, const struct sq_texts *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (sq_cgroup_matches(path, patterns->item[i]))
			return true;
	return false;
}

bool sq_admission_allows(const struct sq_policy *policy, const struct sq_texts *named,
			 const char *path)
{
	const struct sq_objects *allow = &policy->targets.allow;
	_cleanup_free_ char *part = sq_strdup(path);

	/* itself, or something above it */
	for (; allow->n && *part; *strrchr(part, '/') = '\0') {
		if (matches_one(part, named))
			return true;
		for (size_t i = 0; i < allow->n; i++)
			if (matches_one(part, &((const struct sq_protect *)allow->item)[i].cgroup))
				return true;
	}
	return !allow->n;
}
