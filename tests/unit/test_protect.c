// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guard/protect.h"
#include "tests/unit/unit.h"

static const struct sq_texts none;

static struct sq_protected items[] = {
	{ .cgroup = { .path = (char *)"/system.slice/ssh.service" }, .why = (char *)"the way in" },
	{ .cgroup = { .path = (char *)"/user.slice/a" }, .exact = true, .why = (char *)"a shell" },
};
static const struct sq_protection protection = { items, ARRAY_SIZE(items) };

static void test_protected_is_the_cgroup_and_all_below(void **state)
{
	assert_string_equal(sq_protection_of(&protection, "/system.slice/ssh.service"),
			    "the way in");
	assert_string_equal(sq_protection_of(&protection, "/system.slice/ssh.service/x/y"),
			    "the way in");
}

static void test_protected_is_nothing_beside_or_above(void **state)
{
	assert_null(sq_protection_of(&protection, "/system.slice/ssh.service2"));
	assert_null(sq_protection_of(&protection, "/system.slice"));
	assert_null(sq_protection_of(&protection, "/"));
}

/* Where squall was started from: that process is spared, a target around it is not refused. */
static void test_an_exact_one_protects_no_whole_cgroup(void **state)
{
	assert_null(sq_protection_of(&protection, "/user.slice/a"));
	assert_null(sq_protection_of(&protection, "/user.slice/a/b"));
}

/* As the tree goes, and not as bytes do: what is below stands together. */
static void test_what_lies_in_a_target_stands_together(void **state)
{
	static struct sq_protected tree[] = {
		{ .cgroup = { .path = (char *)"/a" }, .exact = true, .why = (char *)"1" },
		{ .cgroup = { .path = (char *)"/a/b" }, .why = (char *)"2" },
		{ .cgroup = { .path = (char *)"/a/b/c" }, .why = (char *)"3" },
		{ .cgroup = { .path = (char *)"/a-b" }, .why = (char *)"4" },
		{ .cgroup = { .path = (char *)"/a.b/c" }, .why = (char *)"5" },
	};
	static const struct sq_protection all = { tree, ARRAY_SIZE(tree) };

	assert_int_equal(sq_protection_first(&all, "/"), 0);
	assert_int_equal(sq_protection_first(&all, "/a"), 0);
	assert_int_equal(sq_protection_first(&all, "/a/b"), 1);
	assert_int_equal(sq_protection_first(&all, "/a-b"), 3);
	assert_int_equal(sq_protection_first(&all, "/a.b"), 4);
	assert_int_equal(sq_protection_first(&all, "/b"), 5);
	assert_null(sq_protection_of(&all, "/a/x"));
	assert_string_equal(sq_protection_of(&all, "/a/b/x/y"), "2");
	assert_string_equal(sq_protection_of(&all, "/a-b"), "4");
	assert_null(sq_protection_of(&all, "/a.b"));
}

/* Each entry of squall's own list, and what only looks like it. */
static void test_each_default_protects_what_it_names(void **state)
{
	static const struct {
		const char *path, *why;
	} is[] = {
		{ "/init.scope", "PID 1" },
		{ "/system.slice/ssh.service", "the way to log in" },
		{ "/system.slice/sshd.service", "the way to log in" },
		{ "/system.slice/ssh@3-10.0.0.1:22-10.0.0.2:5000.service", "the way to log in" },
		{ "/system.slice/system-ssh.slice/ssh@1.service", "the way to log in" },
		{ "/system.slice/getty@tty1.service", "the console" },
		{ "/system.slice/system-getty.slice", "the console" },
		{ "/system.slice/system-serial\\x2dgetty.slice", "the console" },
		{ "/system.slice/serial-getty@ttyS0.service", "the console" },
		{ "/user.slice/user-0.slice/user@0.service", "root's user manager" },
		{ "/system.slice/systemd-journald.service", "a part of systemd" },
		{ "/system.slice/systemd-logind.service", "a part of systemd" },
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
		{ "/system.slice/k3s.service", "Kubernetes" },
		{ "/system.slice/k3s-agent.service", "Kubernetes" },
		{ "/squall/20261126-050719-imeq/.self", "squall" },
	};
	static const char *const is_not[] = {
		"/",
		"/system.slice",
		"/system.slice/nginx.service",
		"/system.slice/ssh-tunnel.service",
		"/user.slice/user-1000.slice/user@1000.service",
		"/kubepods.slice",
		"/app.slice/init.scope",
		"/squall/20261126-050719-imeq/web",
	};

	for (size_t i = 0; i < ARRAY_SIZE(is); i++) {
		const char *why = sq_protection_by_default(is[i].path);

		if (!why)
			fail_msg("'%s' is not protected", is[i].path);
		assert_string_equal(why, is[i].why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(is_not); i++)
		if (sq_protection_by_default(is_not[i]))
			fail_msg("'%s' is protected", is_not[i]);
}

static bool have(const struct sq_protection *found, const char *path, bool exact)
{
	for (size_t i = 0; i < found->n; i++)
		if (!strcmp(found->item[i].cgroup.path, path) && found->item[i].exact == exact)
			return true;
	return false;
}

/* The rest looks at this host's cgroups, which takes root. */
static void look_at_host(void)
{
	if (geteuid() != 0 || sq_cgroup_root(NULL) < 0)
		skip();
}

static void test_squall_itself_is_always_protected(void **state)
{
	_cleanup_texts_ struct sq_texts targets = { 0 }, patterns = { 0 };
	_cleanup_free_ char *own = NULL;
	struct sq_protection found;

	look_at_host();
	assert_int_equal(sq_cgroup_of(getpid(), &own, NULL), 0);
	assert_int_equal(sq_protection_find(&targets, &patterns, &none, NULL, NULL, &found, NULL),
			 0);
	assert_true(have(&found, own, true));
	sq_protection_clear(&found);
	assert_int_equal(found.n, 0);
}

static void test_patterns_protect_what_is_in_a_target_and_above(void **state)
{
	_cleanup_free_ char *top = sq_asprintf("/squall-unit-%d", (int)getpid());
	_cleanup_free_ char *escaped = sq_asprintf("%s/db@eu\\x2d1.service", top);
	_cleanup_free_ char *other = sq_asprintf("%s/other", top);
	_cleanup_free_ char *deep = sq_asprintf("%s/deep", escaped);
	_cleanup_texts_ struct sq_texts all = { 0 }, below = { 0 }, patterns = { 0 };
	struct sq_protection found, found_below;
	int r;

	look_at_host();
	assert_int_equal(sq_cgroup_make(deep, NULL), 0);
	assert_int_equal(sq_cgroup_make(other, NULL), 0);
	sq_texts_add(&all, top);
	sq_texts_add(&below, deep);
	sq_texts_add(&patterns, escaped);
	r = sq_protection_find(&all, &patterns, &none, NULL, NULL, &found, NULL);
	assert_int_equal(
		sq_protection_find(&below, &patterns, &none, NULL, NULL, &found_below, NULL), 0);
	sq_cgroup_destroy(top, 1000000000, NULL);
	assert_int_equal(r, 0);
	assert_true(have(&found, escaped, false));
	assert_false(have(&found, deep, false)); /* it is in the one above */
	assert_false(have(&found, other, false));
	assert_null(sq_protection_of(&found, other));
	assert_string_equal(sq_protection_of(&found, deep),
			    "the experiment's blast_radius.protect");
	/* a target in something protected is protected */
	assert_string_equal(sq_protection_of(&found_below, deep),
			    "the experiment's blast_radius.protect");
	sq_protection_clear(&found);
	sq_protection_clear(&found_below);
}

/* Too few descriptors, wherever they run out: a failure, never a cgroup less in the list. */
static void test_what_cannot_be_looked_at_is_a_failure(void **state)
{
	_cleanup_free_ char *top = sq_asprintf("/squall-unit-%d", (int)getpid());
	_cleanup_free_ char *deep = sq_asprintf("%s/a/b/kept", top);
	_cleanup_texts_ struct sq_texts targets = { 0 }, patterns = { 0 };
	struct sq_protection found;
	struct rlimit was, limit;
	int free_fd, r = -EMFILE, failed = 0;

	look_at_host();
	assert_int_equal(sq_cgroup_make(deep, NULL), 0);
	sq_texts_add(&targets, top);
	sq_texts_add(&patterns, deep);
	getrlimit(RLIMIT_NOFILE, &was);
	free_fd = dup(STDERR_FILENO);
	close(free_fd);
	for (int room = 0; room < 16 && r; room++) {
		_cleanup_error_ struct sq_error *err = NULL;

		limit = (struct rlimit){ (rlim_t)(free_fd + room), was.rlim_max };
		setrlimit(RLIMIT_NOFILE, &limit);
		r = sq_protection_find(&targets, &patterns, &none, NULL, NULL, &found, &err);
		setrlimit(RLIMIT_NOFILE, &was);
		failed += r != 0;
		if ((r && (r != -EMFILE || !err)) || (!r && !have(&found, deep, false)))
			break;
	}
	sq_cgroup_destroy(top, 1000000000, NULL);
	assert_int_equal(r, 0);
	assert_true(failed > 2);
	assert_true(have(&found, deep, false));
	sq_protection_clear(&found);
}

UNIT(UNIT_TEST(test_protected_is_the_cgroup_and_all_below),
     UNIT_TEST(test_what_lies_in_a_target_stands_together),
     UNIT_TEST(test_protected_is_nothing_beside_or_above),
     UNIT_TEST(test_an_exact_one_protects_no_whole_cgroup),
     UNIT_TEST(test_each_default_protects_what_it_names),
     UNIT_TEST(test_squall_itself_is_always_protected),
     UNIT_TEST(test_patterns_protect_what_is_in_a_target_and_above),
     UNIT_TEST(test_what_cannot_be_looked_at_is_a_failure))
