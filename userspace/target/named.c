// SPDX-License-Identifier: GPL-2.0-only
#include "target/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/kind.h"
#include "util/cgroup.h"

static const struct sq_protect *entry(const struct sq_objects *list, size_t i)
{
	return (const struct sq_protect *)list->item + i;
}

static bool any(const struct sq_objects *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (entry(list, i)->container.n || entry(list, i)->pod.n)
			return true;
	return false;
}

bool sq_named_any(const struct sq_experiment *experiment, const struct sq_policy *policy)
{
	return any(&experiment->blast_radius.protect) ||
	       (policy && (any(&policy->targets.allow) || any(&policy->targets.protect)));
}

/* As systemd writes them, folders may have a backslash in their names, which would be a glob's. */
static void add_pattern(struct sq_texts *patterns, const char *path)
{
	_cleanup_free_ char *pattern = sq_strdup(path);

	for (char *p = pattern; *p; p++)
		if (*p == '\\')
			*p = '?';
	sq_texts_add(patterns, pattern);
}

/* What stands in the error behind "target 'KEY': ". */
static void add_missing(const struct sq_target *target, const struct sq_error *error,
			struct sq_texts *missing)
{
	size_t start = strlen("target '': ") + strlen(target->object.key);

	if (missing && error && strlen(error->message) > start)
		sq_texts_add(missing, error->message + start);
}

static int find_one(const struct sq_kind *kind, const struct sq_target *target,
		    struct sq_texts *patterns, struct sq_texts *missing, struct sq_error **err)
{
	_cleanup_(sq_finding_clear) struct sq_finding finding = { .every = true };
	struct sq_error *error = NULL;
	int r = kind->match(target, "", &finding, &error);

	for (size_t i = 0; i < finding.n; i++)
		add_pattern(patterns, finding.item[i].path);
	if (!r || r == -ENOENT || r == -ESRCH) {
		add_missing(target, error, missing);
		sq_error_free(error);
		return 0;
	}
	if (err)
		*err = error;
	else
		sq_error_free(error);
	return r;
}

static int find_all(const struct sq_objects *list, const char *name, struct sq_texts *patterns,
		    struct sq_texts *missing, struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < list->n && !r; i++) {
		const struct sq_protect *item = entry(list, i);
		/* which borrows all it has */
		const struct sq_target target = { .object = { .key = (char *)name },
						  .container = item->container,
						  .pod = item->pod,
						  .labels = item->labels };

		if (item->container.n)
			r = find_one(&sq_kind_container, &target, patterns, missing, err);
		if (item->pod.n && !r)
			r = find_one(&sq_kind_pod, &target, patterns, missing, err);
	}
	return r;
}

int sq_named_find(const struct sq_experiment *experiment, const struct sq_policy *policy,
		  struct sq_named *ret, struct sq_error **err)
{
	int r;

	*ret = (struct sq_named){ 0 };
	r = find_all(&experiment->blast_radius.protect, "blast_radius.protect", &ret->protect,
		     &ret->missing, err);
	if (policy && !r)
		r = find_all(&policy->targets.protect, "targets.protect of the policy",
			     &ret->of_host, NULL, err);
	if (policy && !r)
		r = find_all(&policy->targets.allow, "targets.allow of the policy", &ret->allow,
			     NULL, err);
	return r;
}

struct patterns {
	struct sq_texts all;
	bool *found;
	size_t left;
};

static int look_at(const char *path, int fd, void *data)
{
	struct patterns *patterns = data;

	for (size_t i = 0; i < patterns->all.n; i++) {
		if (patterns->found[i] || !sq_cgroup_matches(path, patterns->all.item[i]))
			continue;
		patterns->found[i] = true;
		patterns->left--;
	}
	return !patterns->left;
}

void sq_named_missing(const struct sq_experiment *experiment, const struct sq_named *named,
		      struct sq_texts *ret)
{
	const struct sq_objects *list = &experiment->blast_radius.protect;
	struct patterns patterns = { 0 };

	for (size_t i = 0; i < list->n; i++)
		for (size_t j = 0; j < entry(list, i)->cgroup.n; j++)
			sq_texts_add(&patterns.all, entry(list, i)->cgroup.item[j]);
	patterns.left = patterns.all.n;
	patterns.found = sq_alloc((patterns.all.n + 1) * sizeof(*patterns.found));
	/* where the tree cannot be read nobody knows */
	if (patterns.left && sq_cgroup_walk("/", look_at, &patterns, NULL) < 0)
		patterns.left = 0;
	for (size_t i = 0; i < patterns.all.n && patterns.left; i++) {
		_cleanup_free_ char *text =
			sq_asprintf("no cgroup matches '%s'", patterns.all.item[i]);

		if (!patterns.found[i])
			sq_texts_add(ret, text);
	}
	for (size_t i = 0; i < named->missing.n; i++)
		sq_texts_add(ret, named->missing.item[i]);
	sq_texts_clear(&patterns.all);
	free(patterns.found);
}

void sq_named_clear(struct sq_named *named)
{
	sq_texts_clear(&named->missing);
	sq_texts_clear(&named->protect);
	sq_texts_clear(&named->of_host);
	sq_texts_clear(&named->allow);
}
