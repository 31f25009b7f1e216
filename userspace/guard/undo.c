// SPDX-License-Identifier: GPL-2.0-only
#include "guard/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/netns.h"
#include "util/tc.h"
#include "util/time.h"

#define KILL_NS (2 * SQ_S)
#define LOCK_NS (2 * SQ_S)
#define LOCK_STEP_US 1000

static int announce(struct sq_eventlog *log, json_t *members, struct sq_error **err)
{
	int r = sq_eventlog_add(log, "creates", members);

	return r ? sq_error_errno(err, -r, "cannot write the journal") : 0;
}

int sq_undo_cgroup(struct sq_eventlog *log, const char *path, struct sq_error **err)
{
	return announce(log, sq_json("{s:s, s:s}", "kind", "cgroup", "path", path), err);
}

/*
 * Which clsact qdiscs are squall's: whoever finds none makes one and leaves a mark, and the last
 * run to go removes both. One that was there before stays.
 */
static char *clsact_mark(uint64_t netns, unsigned int ifindex)
{
	return sq_asprintf("%s/%llu-%u", SQ_CLSACT_DIR, (unsigned long long)netns, ifindex);
}

int sq_undo_lock(struct sq_error **err)
{
	uint64_t until = sq_now() + LOCK_NS;
	_cleanup_close_ int fd = -EBADF;
	int r = sq_make_dirs(SQ_CLSACT_DIR, 0750);

	if (r)
		return sq_error_errno(err, -r, "cannot make '%s'", SQ_CLSACT_DIR);
	fd = open(SQ_CLSACT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return sq_error_errno(err, errno, "cannot open '%s'", SQ_CLSACT_DIR);
	/* whoever holds it may have been stopped */
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || sq_now() >= until)
			return sq_error_errno(err, errno, "cannot lock '%s'", SQ_CLSACT_DIR);
		usleep(LOCK_STEP_US);
	}
	return TAKE_FD(fd);
}

int sq_undo_filter(struct sq_eventlog *log, uint64_t netns, unsigned int ifindex,
		   const char *device, bool ingress, uint32_t handle, uint32_t priority,
		   json_t **ret, struct sq_error **err)
{
	_cleanup_free_ char *mark = clsact_mark(netns, ifindex);
	bool marked = access(mark, F_OK) == 0;
	bool ours = marked || !sq_tc_has_clsact(ifindex);
	int r;

	*ret = sq_json("{s:s, s:I, s:i, s:s, s:b, s:i, s:i, s:b}", "kind", "filter", "netns",
		       (json_int_t)netns, "ifindex", (int)ifindex, "device", device, "ingress",
		       ingress, "handle", (int)handle, "priority", (int)priority, "clsact", ours);
	/* first what tells of the mark, then the mark, then what is marked */
	r = announce(log, json_incref(*ret), err);
	if (r || marked || !ours)
		return r;
	r = sq_write_atomic(AT_FDCWD, mark, 0640, "", 0);
	return r ? sq_error_errno(err, -r, "cannot write '%s'", mark) : 0;
}

static void undo_cgroup(const char *path, struct sq_texts *left)
{
	_cleanup_error_ struct sq_error *err = NULL;

	/* never trust a file with the path of something to kill */
	if (!sq_cgroup_within(path, SQ_CGROUP) || !strcmp(path, SQ_CGROUP) || strstr(path, "..")) {
		sq_texts_add(left, "the journal names a cgroup that is not squall's");
		return;
	}
	if (sq_cgroup_destroy(path, KILL_NS, &err))
		sq_texts_add(left, err->message);
}

static int undo_filter(void *data, struct sq_error **err)
{
	const json_t *event = data;
	unsigned int ifindex = (unsigned int)sq_json_int(event, "ifindex");
	_cleanup_free_ char *mark = clsact_mark((uint64_t)sq_json_int(event, "netns"), ifindex);
	_cleanup_close_ int lock = -EBADF;
	bool ingress = json_is_true(json_object_get(event, "ingress"));
	int r = sq_tc_detach(ifindex, ingress, (uint32_t)sq_json_int(event, "handle"),
			     (uint32_t)sq_json_int(event, "priority"), err);

	if (r || !json_is_true(json_object_get(event, "clsact")))
		return r;
	lock = sq_undo_lock(err);
	if (lock < 0)
		return lock;
	/* without a mark it is somebody else's: another run has removed ours already */
	if (access(mark, F_OK) < 0 || sq_tc_has_filters(ifindex))
		return 0;
	r = sq_tc_clsact_remove(ifindex, err);
	if (!r)
		unlink(mark);
	return r;
}

/*
 * A namespace that is gone has taken its devices along. A mark that outlived it would speak of
 * another's, since the numbers are given again.
 */
static void forget_clsact(const json_t *event)
{
	_cleanup_free_ char *mark = clsact_mark((uint64_t)sq_json_int(event, "netns"),
						(unsigned int)sq_json_int(event, "ifindex"));

	unlink(mark);
}

void sq_undo_one(json_t *event, int netns_fd, struct sq_texts *left)
{
	const char *kind = sq_json_text(event, "kind");
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_close_ int found = -EBADF;

	if (!strcmp(kind, "cgroup")) {
		undo_cgroup(sq_json_text(event, "path"), left);
	} else if (!strcmp(kind, "filter")) {
		if (netns_fd < 0) {
			found = sq_netns_find((uint64_t)sq_json_int(event, "netns"));
			netns_fd = found;
		}
		if (netns_fd == -ENOENT) {
			forget_clsact(event);
		} else if (netns_fd < 0) {
			sq_error_errno(&err, -netns_fd,
				       "device '%s': cannot look for its network namespace",
				       sq_json_text(event, "device"));
			sq_texts_add(left, err->message);
		} else if (sq_netns_call(netns_fd, undo_filter, event, &err)) {
			sq_error_wrap(&err, "device '%s'", sq_json_text(event, "device"));
			sq_texts_add(left, err->message);
		}
	}
}

void sq_undo_all(const json_t *events, struct sq_texts *left)
{
	for (size_t i = json_array_size(events); i-- > 0;) {
		json_t *event = json_array_get(events, i);

		if (!strcmp(sq_json_text(event, "event"), "creates"))
			sq_undo_one(event, -EBADF, left);
	}
}
