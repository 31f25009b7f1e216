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
static int measure(struct sq_prunable *run, char *path)
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
		run->bytes += (uint64_t)st->st_blocks * BLOCK;
		/* folders and links have another time in a backup that was restored */
		if (entry->fts_info == FTS_F)
			run->written_ns = MAX(run->written_ns, written);
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

static int look_at(struct sq_prunables *all, const char *name, const struct sq_live_runs *runs,
		   struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, name);
	_cleanup_free_ char *document = sq_asprintf("%s/journal.json", path);
	struct sq_prunable *run;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	run = sq_append(&all->item, &all->n, sizeof(*all->item));
	run->run = sq_strdup(name);
	run->held = is_entered(runs, name) || access(document, F_OK) < 0;
	r = measure(run, path);
	if (r)
		return sq_error_errno(err, -r, "cannot look at the journal '%s'", path);
	all->bytes += run->bytes;
	return 0;
}

static void mark(struct sq_prunables *all, struct sq_prunable *run, enum sq_prune_why why)
{
	run->why = why;
	all->removed++;
	all->removed_bytes += run->bytes;
}

static int by_age(const void *a, const void *b)
{
	const struct sq_prunable *x = a, *y = b;

	if (x->written_ns != y->written_ns)
		return x->written_ns < y->written_ns ? -1 : 1;
	return strcmp(x->run, y->run);
}

int sq_prune_choose(const struct sq_policy_journal *limits, uint64_t now_ns,
		    struct sq_prunables *ret, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	int r = sq_runs_list(&names, err);

	*ret = (struct sq_prunables){ 0 };
	/* the registry after the journals: a run that began meanwhile is seen in it */
	if (!r)
		r = sq_registry_list(&runs, err);
	for (size_t i = 0; i < names.n && !r; i++)
		if (is_run_name(names.item[i]))
			r = look_at(ret, names.item[i], &runs, err);
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
		free(all->item[i].run);
	free(all->item);
	*all = (struct sq_prunables){ 0 };
}

static int open_all(struct sq_error **err)
{
	int fd = open(SQ_JOURNAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? sq_error_errno(err, errno, "cannot open '%s'", SQ_JOURNAL_DIR) : fd;
}

int sq_prune_remove(const char *run, struct sq_error **err)
{
	_cleanup_close_ int dir_fd = open_all(err);
	_cleanup_free_ char *hidden = sq_asprintf(REMOVED "%s", run);
	int r = 0;

	if (dir_fd < 0)
		return dir_fd;
	if (renameat(dir_fd, run, dir_fd, hidden) < 0)
		r = errno == ENOENT ? 0 : -errno; /* another prune was faster */
	else
		r = sq_remove_tree(dir_fd, hidden);
	return r ? sq_error_errno(err, -r, "cannot remove the journal '%s/%s'", SQ_JOURNAL_DIR, run)
		 : 0;
}

int sq_prune_sweep(struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_close_ int dir_fd = -EBADF;
	DIR *dir = opendir(SQ_JOURNAL_DIR);
	struct dirent *entry;
	int r;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : sq_error_errno(err, errno, "cannot read '%s'", SQ_JOURNAL_DIR);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, REMOVED, strlen(REMOVED)) &&
		    is_run_name(entry->d_name + strlen(REMOVED)))
			sq_texts_add(&names, entry->d_name);
	closedir(dir);
	dir_fd = open_all(err);
	if (dir_fd < 0)
		return dir_fd;
	for (size_t i = 0; i < names.n; i++) {
		r = sq_remove_tree(dir_fd, names.item[i]);
		if (r)
			return sq_error_errno(err, -r, "cannot remove '%s/%s'", SQ_JOURNAL_DIR,
					      names.item[i]);
	}
	return 0;
}
