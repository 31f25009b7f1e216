// SPDX-License-Identifier: GPL-2.0-only
#include "guard/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/time.h"

#define LOCK_NS SQ_S
#define LOCK_STEP_US 1000

int sq_latch_lock(void)
{
	_cleanup_close_ int fd = open(SQ_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t until = sq_now() + LOCK_NS;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && (errno != EWOULDBLOCK || sq_now() >= until))
			return -errno;
		usleep(LOCK_STEP_US);
	}
	return TAKE_FD(fd);
}

int sq_latch_keep(const struct sq_kill_switch *kill_switch, struct sq_error **err)
{
	_cleanup_close_ int lock_fd = sq_latch_lock();

	if (!sq_kill_switch_latched(kill_switch) || access(SQ_LATCH_FILE, F_OK) == 0)
		return 0;
	return sq_latch_set("a member of the group squall", "squall abort", err);
}

int sq_latch_set(const char *by, const char *why, struct sq_error **err)
{
	char when[SQ_RFC3339_SIZE];
	_cleanup_json_ json_t *json = sq_json("{s:s, s:s, s:s}", "by", by, "when",
					      sq_rfc3339(sq_wall(), when), "why", why);
	_cleanup_free_ char *text = sq_json_dump(json, JSON_INDENT(1));
	struct stat st;
	int r;

	r = sq_write_atomic(AT_FDCWD, SQ_LATCH_FILE, 0640, text, strlen(text));
	/* on a host where nothing has run yet */
	if (r == -ENOENT) {
		r = sq_paths_make(err);
		if (r)
			return r;
		r = sq_write_atomic(AT_FDCWD, SQ_LATCH_FILE, 0640, text, strlen(text));
	}
	if (r)
		return sq_error_errno(err, -r, "cannot write the latch '%s'", SQ_LATCH_FILE);
	/* the group may read it; the folder's group, as to look for it may take time */
	if (!stat(SQ_STATE_DIR, &st) && chown(SQ_LATCH_FILE, 0, st.st_gid) < 0)
		return sq_error_errno(err, errno, "cannot set the owner of '%s'", SQ_LATCH_FILE);
	return 0;
}

int sq_latch_get(struct sq_latch *latch, struct sq_error **err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	ssize_t n = sq_read_own(AT_FDCWD, SQ_LATCH_FILE, 65536, &text);

	if (n == -ENOENT)
		return 0;
	if (n == -EACCES)
		return sq_error_set(err, SQ_FAIL_UNSUPPORTED, EACCES,
				    "only root may read the latch: use sudo");
	if (n < 0)
		return sq_error_errno(err, (int)-n, "cannot read the latch '%s'", SQ_LATCH_FILE);
	/* an empty or damaged file is a latch too: the safe reading */
	json = json_loads(text, 0, NULL);
	*latch = (struct sq_latch){
		.by = sq_strdup(*sq_json_text(json, "by") ? sq_json_text(json, "by") : "somebody"),
		.when = sq_strdup(*sq_json_text(json, "when") ? sq_json_text(json, "when")
							      : "an unknown time"),
		.why = sq_strdup(sq_json_text(json, "why")),
	};
	return 1;
}

int sq_latch_remove(struct sq_error **err)
{
	if (unlink(SQ_LATCH_FILE) < 0 && errno != ENOENT)
		return sq_error_errno(err, errno, "cannot remove the latch '%s'", SQ_LATCH_FILE);
	return 0;
}

void sq_latch_clear(struct sq_latch *latch)
{
	free(latch->by);
	free(latch->why);
	free(latch->when);
	*latch = (struct sq_latch){ 0 };
}
