// SPDX-License-Identifier: GPL-2.0-only
#include "engine/prune.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/day.h"
#include "engine/runs.h"
#include "guard/paths.h"
#include "guard/registry.h"
#include "util/fs.h"
#include "util/time.h"

#define REMOVED ".pruned-" /* before the name of what is being removed; nobody lists such names */
#define BLOCK 512u /* of st_blocks */

/* 20261124-105712-kqzt: what else somebody keeps in the folder is not ours to remove. */
static bool is_run_name(const char *name)
{
	static const char form[] = "00000000-000000-aaaa";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '0'   ? !isdigit((unsigned char)name[i])
		    : form[i] == 'a' ? !islower((unsigned char)name[i])
				     : name[i] != form[i])
			return false;
	return !name[i];
}

/* What it takes on the disk, and when a file in it was written to last. */
static int measure(struct sq_prunable *one, char *path)
{
	char *const paths[] = { path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	if (!fts)
		return -errno;
	while ((entry = fts_read(fts))) {
		const struct stat *st = entry->fts_statp;
		uint64_t written;

		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
			r = -entry->fts_errno;
		/* what goes meanwhile takes nothing; a folder is met twice */
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS || entry->fts_info == FTS_DP)
			continue;
		written = (uint64_t)st->st_mtim.tv_sec * SQ_S + (uint64_t)st->st_mtim.tv_nsec;
		one->bytes += (uint64_t)st->st_blocks * BLOCK;
		/* folders and links have another time in a backup that was restored */
		if (entry->fts_info == FTS_F)
			one->written_ns = MAX(one->written_ns, written);
	}
	fts_close(fts);
	return r;
}

static bool is_entered(const struct sq_live_runs *runs, const char *name)
{
	for (size_t i = 0; i < runs->n; i++)
		if (!strcmp(runs->item[i].run, name))
			return true;
	return false;
}

static const char *folder_of(bool day)
{
	return day ? SQ_DAY_DIR : SQ_JOURNAL_DIR;
}

/* Puts it on the list, but for what is no folder; then *ret is NULL. */
static int look_at(struct sq_prunables *all, const char *name, bool day, struct sq_prunable **ret,
		   struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", folder_of(day), name);
	struct sq_prunable *one;
	struct stat st;
	int r;

	*ret = NULL;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	one = sq_append(&all->item, &all->n, sizeof(*all->item));
	one->name = sq_strdup(name);
	one->day = day;
	r = measure(one, path);
	if (r)
		return sq_error_errno(err, -r, "cannot look at '%s'", path);
	all->bytes += one->bytes;
	*ret = one;
	return 0;
}

static int look_at_runs(struct sq_prunables *all, struct sq_error **err)
{
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	_cleanup_texts_ struct sq_texts names = { 0 };
	int r = sq_runs_list(&names, err);
	struct sq_prunable *run;

	/* the registry after the journals: a run that began meanwhile is seen in it */
	if (!r)
		r = sq_registry_list(&runs, err);
	for (size_t i = 0; i < names.n && !r; i++) {
		_cleanup_free_ char *document =
			sq_asprintf(SQ_JOURNAL_DIR "/%s/journal.json", names.item[i]);

		if (!is_run_name(names.item[i]))
			continue;
		r = look_at(all, names.item[i], false, &run, err);
		if (!r && run)
			run->held = is_entered(&runs, run->name) || access(document, F_OK) < 0;
	}
	return r;
}

/* A day that somebody has killed has nothing to be recovered: its runs have. */
static int look_at_days(struct sq_prunables *all, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	char under_way[SQ_DAY_NAME_SIZE] = "";
	int r = sq_days_list(&names, err);
	bool any = sq_day_under_way(under_way);
	struct sq_prunable *day;

	for (size_t i = 0; i < names.n && !r; i++) {
		if (!is_run_name(names.item[i] + strlen(SQ_DAY_PREFIX)))
			continue;
		r = look_at(all, names.item[i], true, &day, err);
		/* one that has just begun has not said its name yet */
		if (!r && day)
			day->held = any && (!*under_way || !strcmp(under_way, day->name));
	}
	return r;
}

static void mark(struct sq_prunables *all, struct sq_prunable *one, enum sq_prune_why why)
{
	one->why = why;
	all->removed++;
	all->removed_bytes += one->bytes;
}

static int by_age(const void *a, const void *b)
{
	const struct sq_prunable *x = a, *y = b;

	if (x->written_ns != y->written_ns)
		return x->written_ns < y->written_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

int sq_prune_choose(const struct sq_policy_journal *limits, uint64_t now_ns,
		    struct sq_prunables *ret, struct sq_error **err)
{
	int r;

	*ret = (struct sq_prunables){ 0 };
	r = look_at_runs(ret, err);
	if (!r)
		r = look_at_days(ret, err);
	if (r)
		return r;
	if (ret->n)
		qsort(ret->item, ret->n, sizeof(*ret->item), by_age);
	for (size_t i = 0; i < ret->n && limits->keep_ns; i++)
		if (!ret->item[i].held && ret->item[i].written_ns < now_ns &&
		    now_ns - ret->item[i].written_ns > limits->keep_ns)
			mark(ret, &ret->item[i], SQ_PRUNE_AGE);
	for (size_t i = 0; i < ret->n && limits->total_bytes; i++)
		if (ret->bytes - ret->removed_bytes > limits->total_bytes && !ret->item[i].held &&
		    !ret->item[i].why)
			mark(ret, &ret->item[i], SQ_PRUNE_TOTAL);
	return 0;
}

void sq_prunables_clear(struct sq_prunables *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->item[i].name);
	free(all->item);
	*all = (struct sq_prunables){ 0 };
}

static int open_all(bool day, struct sq_error **err)
{
	int fd = open(folder_of(day), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? sq_error_errno(err, errno, "cannot open '%s'", folder_of(day)) : fd;
}

int sq_prune_remove(const struct sq_prunable *one, struct sq_error **err)
{
	_cleanup_close_ int dir_fd = open_all(one->day, err);
	_cleanup_free_ char *hidden = sq_asprintf(REMOVED "%s", one->name);
	int r = 0;

	if (dir_fd < 0)
		return dir_fd;
	if (renameat(dir_fd, one->name, dir_fd, hidden) < 0)
		r = errno == ENOENT ? 0 : -errno; /* another prune was faster */
	else
		r = sq_remove_tree(dir_fd, hidden);
	return r ? sq_error_errno(err, -r, "cannot remove '%s/%s'", folder_of(one->day), one->name)
		 : 0;
}

/* Has a prune that was killed left this? */
static bool is_half_removed(const char *name, bool day)
{
	_cleanup_free_ char *prefix = sq_asprintf(REMOVED "%s", day ? SQ_DAY_PREFIX : "");

	return !strncmp(name, prefix, strlen(prefix)) && is_run_name(name + strlen(prefix));
}

static int sweep(bool day, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_close_ int dir_fd = -EBADF;
	DIR *dir = opendir(folder_of(day));
	struct dirent *entry;
	int r;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : sq_error_errno(err, errno, "cannot read '%s'", folder_of(day));
	while ((entry = readdir(dir)))
		if (is_half_removed(entry->d_name, day))
			sq_texts_add(&names, entry->d_name);
	closedir(dir);
	dir_fd = open_all(day, err);
	if (dir_fd < 0)
		return dir_fd;
	for (size_t i = 0; i < names.n; i++) {
		r = sq_remove_tree(dir_fd, names.item[i]);
		if (r)
			return sq_error_errno(err, -r, "cannot remove '%s/%s'", folder_of(day),
					      names.item[i]);
	}
	return 0;
}

int sq_prune_sweep(struct sq_error **err)
{
	int r = sweep(false, err);

	return r ? r : sweep(true, err);
}
