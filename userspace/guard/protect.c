// SPDX-License-Identifier: GPL-2.0-only
#include "guard/protect.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/fs.h"
#include "util/process.h"

static const struct {
	const char *pattern, *why;
} defaults[] = {
	{ "/init.scope", "PID 1" },
	{ "/system.slice/ssh.service", "the way to log in" },
	{ "/system.slice/sshd.service", "the way to log in" },
	{ "/system.slice/ssh@*.service", "the way to log in" },
	{ "/system.slice/*/ssh@*.service", "the way to log in" },
	{ "/system.slice/getty@*.service", "the console" },
	{ "/system.slice/system-getty.slice", "the console" },
	{ "/system.slice/system-serial?x2dgetty.slice", "the console" },
	{ "/system.slice/serial-getty@*.service", "the console" },
	{ "/user.slice/user-0.slice/user@0.service", "root's user manager" },
	{ "/system.slice/systemd-*", "a part of systemd" },
	{ "/system.slice/dbus.service", "the system bus" },
	{ "/system.slice/dbus-broker.service", "the system bus" },
	{ "/system.slice/kubelet.service", "the kubelet" },
	{ "/kubelet", "the kubelet" },
	{ "/kubelet.slice", "the kubelet" },
	{ "/podruntime.slice", "the container runtime" },
	{ "/system.slice/containerd.service", "the container runtime" },
	{ "/system.slice/docker.service", "the container runtime" },
	{ "/system.slice/crio.service", "the container runtime" },
	{ "/system.slice/podman.service", "the container runtime" },
	{ "/system.slice/k3s*.service", "Kubernetes" },
	{ SQ_CGROUP "/*/.*", "squall" },
};

const char *sq_protection_by_default(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (sq_cgroup_matches(path, defaults[i].pattern))
			return defaults[i].why;
	return NULL;
}

/* What is gone needs no protection; anything else that fails would leave it without. */
static int add(struct sq_protection *protection, const char *path, bool exact, bool self,
	       const char *why, struct sq_error **err)
{
	struct sq_protected *item;
	struct sq_cgroup cgroup;
	int r = sq_cgroup_find(path, &cgroup, err);

	if (r)
		return sq_cgroup_is_gone(r) ? 0 : r;
	item = sq_append(&protection->item, &protection->n, sizeof(*item));
	*item = (struct sq_protected){
		.cgroup = cgroup, .exact = exact, .self = self, .why = sq_strdup(why)
	};
	return 0;
}

/* The uids of kube-system's pods, as the kubelet's log folders name them: NAMESPACE_POD_UID. */
static int find_kube_system(struct sq_texts *uids, struct sq_error **err)
{
	static const char prefix[] = "kube-system_", path[] = "/var/log/pods";
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : sq_error_errno(err, errno, "cannot read '%s'", path);
	while ((entry = readdir(dir))) {
		const char *uid = strrchr(entry->d_name, '_');
		_cleanup_free_ char *copy = NULL;

		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		sq_texts_add(uids, uid + 1);
		/* the systemd cgroup driver writes '_' for '-' */
		copy = sq_strdup(uid + 1);
		for (char *p = copy; *p; p++)
			if (*p == '-')
				*p = '_';
		sq_texts_add(uids, copy);
	}
	closedir(dir);
	return 0;
}

struct search {
	const struct sq_texts *patterns, *of_host;
	const struct sq_set *left_out;
	struct sq_set seen; /* what was found: of nested targets what is in both */
	struct sq_texts pods;
	struct sq_protection *found;
	struct sq_error **err;
	int result;
};

static const char *match(const struct search *search, const char *path)
{
	const char *name = sq_base_name(path), *why = sq_protection_by_default(path);

	if (why)
		return why;
	for (size_t i = 0; i < search->pods.n; i++)
		if (strstr(name, "pod") && strstr(name, search->pods.item[i]))
			return "a pod of kube-system";
	for (size_t i = 0; i < search->patterns->n; i++)
		if (sq_cgroup_matches(path, search->patterns->item[i]))
			return "the experiment's blast_radius.protect";
	for (size_t i = 0; i < search->of_host->n; i++)
		if (sq_cgroup_matches(path, search->of_host->item[i]))
			return "the policy's targets.protect";
	return sq_set_has(search->left_out, path) ? "'not' leaves it out" : NULL;
}

static int look_at(const char *path, int fd, void *data)
{
	struct search *search = data;
	const char *why = match(search, path);

	if (!why)
		return 0;
	if (!sq_set_add(&search->seen, path))
		return -1;
	search->result = add(search->found, path, false, false, why, search->err);
	if (search->result)
		return 1;
	return -1; /* what is below is protected with it */
}

/* A target inside of something protected is protected. What neighbours lie in was looked at with @before. */
static void look_above(struct search *search, const char *path, const char *before)
{
	_cleanup_free_ char *copy = sq_strdup(path);
	size_t folder = (size_t)(sq_base_name(path) - path);

	if (before && (size_t)(sq_base_name(before) - before) == folder &&
	    !strncmp(before, path, folder))
		return;

	for (char *slash = strrchr(copy, '/'); slash && slash != copy && !search->result;
	     slash = strrchr(copy, '/')) {
		*slash = '\0';
		look_at(copy, -1, search);
	}
}

/* The cgroups of this process and of those that it descends from: the operator's shell, sshd. */
static int add_ancestors(struct sq_protection *protection, struct sq_error **err)
{
	_cleanup_set_ struct sq_set seen = { 0 };
	pid_t pid = getpid();

	for (int depth = 0; pid > 0 && depth < 64; depth++) {
		_cleanup_free_ char *path = NULL;
		int r = sq_cgroup_of(pid, &path, err);

		if (!r && sq_set_add(&seen, path))
			r = add(protection, path, true, false,
				depth ? "squall was started from here" : "squall runs here", err);
		if (r && !sq_cgroup_is_gone(r))
			return r;
		r = sq_process_parent(pid);
		if (r < 0 && !sq_cgroup_is_gone(r))
			return sq_error_errno(err, -r, "cannot find the parent of process %d",
					      (int)pid);
		pid = r;
	}
	return 0;
}

/* As strcmp(), with '/' before all others. */
static int compare_paths(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int by_tree(const void *a, const void *b)
{
	return compare_paths(((const struct sq_protected *)a)->cgroup.path,
			     ((const struct sq_protected *)b)->cgroup.path);
}

int sq_protection_find(const struct sq_texts *targets, const struct sq_texts *patterns,
		       const struct sq_texts *of_host, const struct sq_set *left_out,
		       const char *own, struct sq_protection *ret, struct sq_error **err)
{
	static const struct sq_set nothing;
	struct sq_error *gone = NULL;
	struct search search = { .patterns = patterns,
				 .of_host = of_host,
				 .left_out = left_out ? left_out : &nothing,
				 .found = ret,
				 .err = &gone };
	int r;

	*ret = (struct sq_protection){ 0 };
	r = find_kube_system(&search.pods, &gone);
	if (!r && own && sq_set_add(&search.seen, own))
		r = add(ret, own, false, true, "squall", &gone);
	if (!r)
		r = add_ancestors(ret, &gone);
	for (size_t i = 0; i < targets->n && !r; i++) {
		look_above(&search, targets->item[i], i ? targets->item[i - 1] : NULL);
		if (!search.result)
			r = sq_cgroup_walk(targets->item[i], look_at, &search, &gone);
		if (sq_cgroup_is_gone(r))
			r = 0; /* with all that was in it */
		if (search.result)
			r = search.result;
	}
	/* on the way there may have been one about something that was gone, which is none */
	if (r && err)
		*err = TAKE_PTR(gone);
	sq_error_free(gone);
	sq_texts_clear(&search.pods);
	sq_set_clear(&search.seen);
	if (r)
		sq_protection_clear(ret);
	else if (ret->n)
		qsort(ret->item, ret->n, sizeof(*ret->item), by_tree);
	return r;
}

void sq_protection_clear(struct sq_protection *protection)
{
	for (size_t i = 0; i < protection->n; i++) {
		sq_cgroup_clear(&protection->item[i].cgroup);
		free(protection->item[i].why);
	}
	free(protection->item);
	*protection = (struct sq_protection){ 0 };
}

size_t sq_protection_first(const struct sq_protection *protection, const char *path)
{
	size_t low = 0, high = protection->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_paths(protection->item[middle].cgroup.path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *sq_protection_of(const struct sq_protection *protection, const char *path)
{
	_cleanup_free_ char *above = sq_strdup(path);

	/* itself, then what it lies in; the root is the last */
	for (char *end = above + strlen(above); end; end = strrchr(above, '/')) {
		*end = '\0';
		for (size_t i = sq_protection_first(protection, *above ? above : "/");
		     i < protection->n &&
		     !strcmp(protection->item[i].cgroup.path, *above ? above : "/");
		     i++)
			if (!protection->item[i].exact)
				return protection->item[i].why;
	}
	return NULL;
}

uint64_t sq_protection_processes(const struct sq_protection *protection, const char *path)
{
	uint64_t sum = 0;

	for (size_t i = sq_protection_first(protection, path);
	     i < protection->n && sq_cgroup_within(protection->item[i].cgroup.path, path); i++) {
		const struct sq_protected *item = &protection->item[i];
		uint64_t n = 0;

		if (item->exact) {
			_cleanup_free_ pid_t *pids = NULL;
			_cleanup_close_ int fd = sq_cgroup_open(item->cgroup.path, NULL);
			size_t count = 0;

			if (fd >= 0 && !sq_cgroup_pids(fd, &pids, &count, NULL))
				n = count;
		} else if (sq_cgroup_count(item->cgroup.path, &n, NULL)) {
			n = 0;
		}
		sum += n;
	}
	return sum;
}
