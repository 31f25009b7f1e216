// SPDX-License-Identifier: GPL-2.0-only
#include "engine/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/journal.h"
#include "engine/verdict.h"
#include "guard/guardian.h"
#include "guard/paths.h"
#include "guard/recover.h"
#include "guard/registry.h"
#include "util/cgroup.h"
#include "util/fs.h"
#include "util/helper.h"
#include "util/time.h"

#define GUARD_NS (15 * SQ_S) /* it waits 10 s for the kernel and twice 2 s for processes */

static bool has_event(const json_t *events, const char *name)
{
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
		if (!strcmp(sq_json_text(event, "event"), name))
			return true;
	return false;
}

/* From the first event to the last that there was: when it died is known no better. */
static double lasted_s(const json_t *events)
{
	size_t n = json_array_size(events);
	uint64_t first, last;

	if (!n)
		return 0;
	first = sq_rfc3339_parse(sq_json_text(json_array_get(events, 0), "t"));
	last = sq_rfc3339_parse(sq_json_text(json_array_get(events, n - 1), "t"));
	return first && last > first ? (double)(last - first) / SQ_S : 0;
}

/* Removes what a dead run left, and writes the end of its journal. */
static int finish_run(struct sq_journal *journal, const char *by, struct sq_texts *left,
		      struct sq_error **err)
{
	_cleanup_json_ json_t *events = NULL;
	_cleanup_free_ char *note = NULL;
	uint64_t begun = sq_now();
	enum sq_verdict verdict;
	int r = sq_journal_events(journal, &events, err);

	if (r)
		return r;
	sq_recover_run(events, left);
	if (!has_event(events, "ended")) {
		verdict = left->n ? SQ_UNCLEAN : SQ_ABORTED;
		if (!has_event(events, "abort"))
			sq_journal_add(
				journal, "abort",
				sq_json("{s:s, s:s}", "by", by, "reason", "the controller died"));
		sq_journal_add(journal, "cleanup",
			       sq_json("{s:b, s:f, s:o, s:s}", "clean", !left->n, "took_ms",
				       (double)(sq_now() - begun) / SQ_MS, "leftovers",
				       sq_json_texts(left), "by", by));
		sq_journal_add(journal, "ended",
			       sq_json("{s:s, s:i, s:s, s:f}", "verdict", sq_verdict_name(verdict),
				       "exit", sq_verdict_exit(verdict), "reason",
				       left->n ? left->item[0] : "the controller died",
				       "duration_s", lasted_s(events)));
	} else if (!left->n) {
		/* its verdict stays: that it was unclean remains true */
		note = sq_asprintf("%s: nothing of the run is left", by);
		sq_journal_add(journal, "note", sq_json("{s:s}", "text", note));
	}
	sq_journal_sync(journal);
	return sq_journal_finish(journal, NULL, err);
}

static int take_over(struct sq_helper *helper, const char *run, struct sq_error **err)
{
	_cleanup_(sq_journal_close) struct sq_journal journal = { .dir_fd = -EBADF,
								  .log.fd = -EBADF };
	_cleanup_texts_ struct sq_texts left = { 0 };
	int r = sq_guardian_watch(helper, err);

	/* the controller may die before it takes its entry away: it has nothing else left to do */
	if (!r && !helper->page->left)
		sq_registry_remove(run);
	if (r <= 0)
		return r;
	sq_journal_take_over(&journal, SQ_GUARDIAN_FD_JOURNAL, run);
	r = finish_run(&journal, "squall-guard", &left, err);
	/* what is left keeps its entry, for `squall recover` */
	if (!r && !left.n)
		sq_registry_remove(run);
	return r;
}

int sq_guard_main(int argc, char **argv)
{
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_helper helper;

	if (argc != 2 || sq_helper_enter(&helper, SQ_HELPER_GUARD, &err))
		return err ? sq_helper_fail(TAKE_PTR(err)) : 1;
	/* out of the run's cgroups, which it may have to remove */
	if (sq_cgroup_enter("/", &err))
		return sq_helper_fail(TAKE_PTR(err));
	sq_registry_enter_guard(argv[1]);
	if (sq_helper_ready(&helper, 0, 0, &err))
		return sq_helper_fail(TAKE_PTR(err));
	if (take_over(&helper, argv[1], &err) < 0)
		return 1;
	sq_helper_end(&helper);
	return 0;
}

/* A dead controller's guard cleans up by itself, unless it was stopped or hangs. */
static void end_guards(struct sq_live_runs *runs, const char *only)
{
	for (size_t i = 0; i < runs->n; i++) {
		struct sq_live_run *run = &runs->item[i];

		if (!run->orphaned || (only && strcmp(run->run, only) != 0))
			continue;
		if (sq_registry_guard_is_stopped(run->run) || !sq_registry_wait(run->run, GUARD_NS))
			sq_registry_end_guard(run->run);
		run->alive = !sq_registry_wait(run->run, GUARD_NS);
	}
}

static bool is_alive(const struct sq_live_runs *runs, const char *name)
{
	for (size_t i = 0; i < runs->n; i++)
		if (!strcmp(runs->item[i].run, name) && runs->item[i].alive)
			return true;
	return false;
}

/* Runs whose journal has no end: after a reboot too, when the registry knows nothing of them. */
static int find_unfinished(struct sq_texts *names, struct sq_error **err)
{
	DIR *dir = opendir(SQ_JOURNAL_DIR);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : sq_error_errno(err, errno, "cannot read '%s'", SQ_JOURNAL_DIR);
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = sq_asprintf("%s/journal.json", entry->d_name);

		if (entry->d_name[0] != '.' && faccessat(dirfd(dir), path, F_OK, 0) < 0)
			sq_texts_add(names, entry->d_name);
	}
	closedir(dir);
	return 0;
}

static bool is_entered(const char *run)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_LIVE_DIR, run);

	return access(path, F_OK) == 0;
}

static bool has_document(const char *run)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s/journal.json", SQ_JOURNAL_DIR, run);

	return access(path, F_OK) == 0;
}

static void recover_one(const char *name, struct sq_texts *left)
{
	_cleanup_(sq_journal_close) struct sq_journal journal = { .dir_fd = -EBADF,
								  .log.fd = -EBADF };
	_cleanup_error_ struct sq_error *err = NULL;
	int dir_fd = sq_journal_open_dir(name), r = 0;

	/* a run that died before it had a journal made nothing but its entry */
	if (dir_fd >= 0) {
		sq_journal_take_over(&journal, dir_fd, name);
		r = finish_run(&journal, "squall recover", left, &err);
	} else if (dir_fd != -ENOENT) {
		r = sq_error_errno(&err, -dir_fd, "cannot open the journal of run %s", name);
	}
	if (r)
		sq_texts_add(left, err->message);
	if (!left->n)
		sq_registry_remove(name);
}

struct finds {
	void (*found)(void *data, const char *run, const struct sq_texts *left);
	void *data;
};

/* What a `doctor` that was killed has tried cgroup hooks on; one that lives has its cgroup still. */
static int remove_probe(const char *path, int fd, void *data)
{
	const struct finds *finds = data;
	const char *name = sq_base_name(path);
	int pid;

	if (!strcmp(path, SQ_CGROUP))
		return 0;
	if (sscanf(name, "probe-%d", &pid) == 1 && kill(pid, 0) < 0 && errno == ESRCH &&
	    !sq_cgroup_remove_empty(path))
		finds->found(finds->data, name, NULL);
	return -1;
}

/* Of one run by name: there must have been one, and it must be over. */
static int check_name(const struct sq_live_runs *runs, const char *only, struct sq_error **err)
{
	_cleanup_free_ char *path = sq_asprintf("%s/%s", SQ_JOURNAL_DIR, only);

	for (size_t i = 0; i < runs->n; i++) {
		if (strcmp(runs->item[i].run, only) != 0)
			continue;
		if (!runs->item[i].alive || runs->item[i].orphaned)
			return 0;
		sq_error_set(err, SQ_FAIL_INVALID, EBUSY, "the run '%s' is under way", only);
		return sq_error_hint(err, "`squall abort %s` stops it", only);
	}
	if (*only != '.' && !strchr(only, '/') && access(path, F_OK) == 0)
		return 0;
	sq_error_set(err, SQ_FAIL_INVALID, ENOENT, "there is no run '%s'", only);
	return sq_error_hint(err, "`squall runs` lists them");
}

int sq_recover_all(const char *only,
		   void (*found)(void *data, const char *run, const struct sq_texts *left),
		   void *data, struct sq_error **err)
{
	_cleanup_texts_ struct sq_texts names = { 0 };
	_cleanup_(sq_live_runs_clear) struct sq_live_runs runs = { 0 };
	int r = find_unfinished(&names, err);

	/* the registry after the journals: a run that began meanwhile is seen alive */
	if (!r)
		r = sq_registry_list(&runs, err);
	if (!r && only)
		r = check_name(&runs, only, err);
	if (r)
		return r;
	end_guards(&runs, only);
	for (size_t i = 0; i < runs.n; i++)
		if (!runs.item[i].alive && !sq_texts_have(&names, runs.item[i].run))
			sq_texts_add(&names, runs.item[i].run);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_texts_ struct sq_texts left = { 0 };
		_cleanup_close_ int lock_fd = -EBADF;

		if (is_alive(&runs, names.item[i]) || (only && strcmp(names.item[i], only) != 0))
			continue;
		lock_fd = sq_registry_hold_dead(names.item[i]);
		if (lock_fd < 0 && lock_fd != -ENOENT)
			continue;
		/* it may have come to its own end since the folder was read, or its guard's */
		if (!is_entered(names.item[i]) && has_document(names.item[i]))
			continue;
		recover_one(names.item[i], &left);
		found(data, names.item[i], left.n ? &left : NULL);
	}
	if (!only)
		sq_cgroup_walk(SQ_CGROUP, remove_probe, &(struct finds){ found, data }, NULL);
	sq_cgroup_remove_empty(SQ_CGROUP);
	return 0;
}
