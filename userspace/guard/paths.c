// SPDX-License-Identifier: GPL-2.0-only
#include "guard/paths.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/user.h"

unsigned int sq_paths_group(void)
{
	struct stat st;

	return stat(SQ_RUN_DIR, &st) < 0 ? 0 : st.st_gid;
}

/* Where the group's directory does not answer, the group stays whose the folder is. */
static gid_t find_group(void)
{
	gid_t group = 0;

	return sq_group_find("squall", &group) == -ETIMEDOUT ? sq_paths_group() : group;
}

int sq_paths_make(struct sq_error **err)
{
	static const char *const folders[] = { SQ_RUN_DIR, SQ_LIVE_DIR, SQ_STATE_DIR,
					       SQ_JOURNAL_DIR, SQ_DAY_DIR };
	gid_t group = find_group();

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct stat st;
		int r = sq_make_dirs(folders[i], 0750);

		if (r)
			return sq_error_errno(err, -r, "cannot make the folder '%s'", folders[i]);
		if (lstat(folders[i], &st) < 0 || !S_ISDIR(st.st_mode) || !sq_is_roots(&st))
			return sq_error_set(err, SQ_FAIL_ERROR, EPERM,
					    "'%s' must be a folder of "
					    "root's that nobody else can write",
					    folders[i]);
		if (chown(folders[i], 0, group) < 0 || chmod(folders[i], 0750) < 0)
			return sq_error_errno(err, errno, "cannot set the owner of '%s'",
					      folders[i]);
	}
	return 0;
}
