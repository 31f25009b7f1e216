// SPDX-License-Identifier: GPL-2.0-only
#include "guard/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/paths.h"
#include "util/eventlog.h"
#include "util/fs.h"
#include "util/time.h"

#define NO_LOGIN ((uid_t)-1)

char *sq_operator(void)
{
	_cleanup_free_ char *text = NULL;
	const char *sudo = getenv("SUDO_USER");
	uid_t uid = NO_LOGIN;
	struct passwd *user;

	/* the login uid survives sudo and su; SUDO_USER is only what sudo says */
	if (sq_read_file(AT_FDCWD, "/proc/self/loginuid", 64, &text) > 0)
		uid = (uid_t)strtoul(text, NULL, 10);
	if (uid == NO_LOGIN && sudo && *sudo)
		return sq_strdup(sudo);
	if (uid == NO_LOGIN)
		uid = getuid();
	user = getpwuid(uid);
	return user ? sq_strdup(user->pw_name) : sq_asprintf("uid %u", (unsigned int)uid);
}

int sq_latch_set(const char *by, const char *why, struct sq_error **err)
{
	char when[SQ_RFC3339_SIZE];
	_cleanup_json_ json_t *json = sq_json("{s:s, s:s, s:s}", "by", by, "when",
					      sq_rfc3339(sq_wall(), when), "why", why);
	_cleanup_free_ char *text = json_dumps(json, JSON_INDENT(1));
	int r;

	if (!text)
		sq_oom();
	r = sq_write_atomic(AT_FDCWD, SQ_LATCH_FILE, 0640, text, strlen(text));
	return r ? sq_error_errno(err, -r, "cannot write the latch '%s'", SQ_LATCH_FILE) : 0;
}

int sq_latch_get(struct sq_latch *latch, struct sq_error **err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, SQ_LATCH_FILE, 65536, &text);

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
