// SPDX-License-Identifier: GPL-2.0-only
/* The difference between two looks at the host, and whose doing each part of it is. */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/host_holders.h"
#include "guard/host_state.h"
#include "guard/paths.h"
#include "util/cgroup.h"
#include "util/json.h"
#include "util/process.h"
#include "util/time.h"

#define PAUSE_US 20000
#define LEAST_LOOKS 100
#define MOST_TOLD 3 /* of one kind that came, or went */

enum whose {
	OTHERS,
	OTHER_RUNS, /* of squall's, or what one that has ended had */
	OURS,
	NOBODYS, /* squall's by its name, but no journal and no process knows it */
};

struct diff {
	const struct sq_host_ours *ours;
	struct sq_holders holders;
	bool has_holders; /* looked for once in a comparison, and only if there is need */
	struct sq_texts left;
	struct {
		struct sq_texts first;
		size_t n;
	} others[SQ_PARTS][2]; /* what went and what came */
	size_t other_runs[SQ_PARTS][2];
};

static int compare(const void *a, const void *b)
{
	const struct sq_host_item *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

/* Does the run's journal say that it has loaded this object? */
static bool is_loaded(const json_t *events, enum sq_part part, uint32_t id)
{
	const json_t *event, *one;
	size_t i, j;

	json_array_foreach(events, i, event)
		if (!strcmp(sq_json_text(event, "event"), "loaded"))
			json_array_foreach(json_object_get(event, sq_part_name(part)), j, one)
				if ((uint32_t)json_integer_value(one) == id)
					return true;
	return false;
}

static enum whose whose_object(struct diff *diff, const struct sq_host_item *item)
{
	char name[SQ_OBJECT_NAME];

	if (is_loaded(diff->ours->events, item->part, (uint32_t)item->id))
		return OURS;
	sq_host_object_name(item->part, (uint32_t)item->id, name);
	if (!sq_host_object_is_squalls(name))
		return OTHERS;
	if (!diff->has_holders)
		sq_holders_find(&diff->holders, diff->ours->run);
	diff->has_holders = true;
	return sq_holders_other(&diff->holders, item->part, (uint32_t)item->id) ? OTHER_RUNS
										: NOBODYS;
}

/* Does the run's journal announce a filter there? @made: and that it makes the qdisc, too. */
static bool is_announced(const json_t *events, const struct sq_host_item *item, bool made)
{
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
		if (!strcmp(sq_json_text(event, "event"), "creates") &&
		    !strcmp(sq_json_text(event, "kind"), "filter") &&
		    (uint64_t)sq_json_int(event, "netns") == item->space &&
		    (uint64_t)sq_json_int(event, "ifindex") == item->id &&
		    (!made || json_is_true(json_object_get(event, "clsact"))))
			return true;
	return false;
}

/* With a mark another run of squall's still needs it, and will remove it. */
static bool is_our_qdisc(const struct diff *diff, const struct sq_host_item *item)
{
	_cleanup_free_ char *mark = sq_asprintf("%s/%llu-%llu", SQ_CLSACT_DIR,
						(unsigned long long)item->space,
						(unsigned long long)item->id);

	return !strncmp(item->name, "clsact", 6) && is_announced(diff->ours->events, item, true) &&
	       access(mark, F_OK) < 0;
}

/* By the handle, which has the run's slot: what squall gives it is in the announcement. */
static bool is_our_filter(const struct diff *diff, const struct sq_host_item *item)
{
	const json_t *event;
	size_t i;

	json_array_foreach(diff->ours->events, i, event) {
		_cleanup_free_ char *name = NULL;

		if (strcmp(sq_json_text(event, "kind"), "filter") != 0 ||
		    (uint64_t)sq_json_int(event, "netns") != item->space ||
		    (uint64_t)sq_json_int(event, "ifindex") != item->id)
			continue;
		name = sq_asprintf("%s, priority %u, handle %u",
				   json_is_true(json_object_get(event, "ingress")) ? "ingress"
										   : "egress",
				   (unsigned int)sq_json_int(event, "priority"),
				   (unsigned int)sq_json_int(event, "handle"));
		if (!strcmp(name, item->name))
			return true;
	}
	return false;
}

static enum whose whose_is(struct diff *diff, const struct sq_host_item *item)
{
	const struct sq_host_ours *ours = diff->ours;
	_cleanup_free_ char *cgroup = sq_asprintf("%s/%s", SQ_CGROUP, ours->run);
	bool is = false;

	switch (item->part) {
	case SQ_PART_PROGRAMS:
	case SQ_PART_MAPS:
	case SQ_PART_LINKS:
		return whose_object(diff, item);
	case SQ_PART_CGROUPS:
		return sq_cgroup_within(item->name, cgroup) ? OURS : OTHER_RUNS;
	case SQ_PART_MOUNTS: /* the kill switch's is everybody's */
		is = !strncmp(item->name, SQ_RUN_DIR "/", strlen(SQ_RUN_DIR "/")) &&
		     strcmp(item->name, SQ_BPF_DIR) != 0;
		break;
	case SQ_PART_FUSE:
		is = ours->fuse && item->id == ours->fuse;
		break;
	case SQ_PART_PROCESSES:
		is = item->id != (uint64_t)ours->guard && item->id != (uint64_t)ours->notifier;
		break;
	case SQ_PART_NAMESPACES:
	case SQ_PART_FILES:
		is = strstr(item->name, ours->run) != NULL;
		break;
	case SQ_PART_DEVICES:
		/* or the near end of the line in the kernel */
		is = !strncmp(item->name, ours->device, strlen(ours->device)) &&
		     strchr("-", item->name[strlen(ours->device)]);
		break;
	case SQ_PART_QDISCS:
		is = is_our_qdisc(diff, item);
		break;
	case SQ_PART_FILTERS:
		is = is_our_filter(diff, item);
		break;
	default:
		break;
	}
	return is ? OURS : OTHERS;
}

/* "BPF program 17 'name'", a sentence's beginning, to be freed; without the name as recover.c tells it. */
static char *describe(const struct sq_host_item *item, bool with_name)
{
	static const char *const objects[] = { "BPF program", "BPF map", "BPF link" };
	char name[SQ_OBJECT_NAME] = "", process[SQ_PROCESS_NAME] = "";

	switch (item->part) {
	case SQ_PART_PROGRAMS:
	case SQ_PART_MAPS:
	case SQ_PART_LINKS:
		if (with_name)
			sq_host_object_name(item->part, (uint32_t)item->id, name);
		return sq_asprintf("%s %u%s%s%s", objects[item->part], (unsigned int)item->id,
				   *name ? " '" : "", name, *name ? "'" : "");
	case SQ_PART_FUSE:
		return sq_asprintf("FUSE connection %u", (unsigned int)item->id);
	case SQ_PART_PROCESSES:
		sq_process_name((pid_t)item->id, process);
		return sq_asprintf("process %u%s%s%s", (unsigned int)item->id, *process ? " '" : "",
				   process, *process ? "'" : "");
	case SQ_PART_CGROUPS:
		return sq_asprintf("cgroup '%s'", item->name);
	case SQ_PART_MOUNTS:
		return sq_asprintf("mount '%s'", item->name);
	case SQ_PART_NAMESPACES:
		return sq_asprintf("network namespace '%s'", item->name);
	case SQ_PART_FILES:
		return sq_asprintf("file '%s'", item->name);
	case SQ_PART_SYSCTLS:
		return sq_asprintf("setting '%s'", item->name);
	case SQ_PART_DEVICES:
		return sq_asprintf("network device '%s'", item->name);
	default:
		return sq_asprintf("%s '%s' of device %u",
				   item->part == SQ_PART_QDISCS ? "qdisc" : "filter", item->name,
				   (unsigned int)item->id);
	}
}

static void add_change(struct diff *diff, const struct sq_host_item *item, bool came)
{
	bool squalls = item->squalls || item->part == SQ_PART_CGROUPS;
	enum whose whose = came ? whose_is(diff, item) : squalls ? OTHER_RUNS : OTHERS;
	_cleanup_free_ char *what = NULL, *text = NULL;

	/* a zombie is gone, once somebody waits for it */
	if (whose == OTHERS && item->part == SQ_PART_PROCESSES)
		return;
	if (whose == OTHER_RUNS) {
		diff->other_runs[item->part][came]++;
		return;
	}
	if (whose == OTHERS && diff->others[item->part][came].n++ >= MOST_TOLD)
		return;
	what = describe(item, whose == OTHERS);
	if (whose == OTHERS) {
		sq_texts_add(&diff->others[item->part][came].first, what);
		return;
	}
	text = sq_asprintf("%s is still there", what);
	sq_texts_add(&diff->left, text);
}

/* Both are sorted. */
static void find_changes(struct diff *diff, const struct sq_host_state *before,
			 const struct sq_host_state *after)
{
	size_t i = 0, j = 0;

	while (i < before->n || j < after->n) {
		int order = i == before->n  ? 1
			    : j == after->n ? -1
					    : compare(&before->item[i], &after->item[j]);

		if (order < 0)
			add_change(diff, &before->item[i], false);
		else if (order > 0)
			add_change(diff, &after->item[j], true);
		i += order <= 0;
		j += order >= 0;
	}
}

static void sort(struct sq_host_state *state)
{
	if (state->n)
		qsort(state->item, state->n, sizeof(*state->item), compare);
}

static void diff_clear(struct diff *diff)
{
	sq_holders_clear(&diff->holders);
	sq_texts_clear(&diff->left);
	diff->has_holders = false;
	for (enum sq_part part = 0; part < SQ_PARTS; part++)
		for (int came = 0; came < 2; came++) {
			sq_texts_clear(&diff->others[part][came].first);
			diff->others[part][came].n = 0;
			diff->other_runs[part][came] = 0;
		}
}

void sq_host_watch_begin(struct sq_host_watch *watch)
{
	uint64_t begun = sq_now();

	sq_host_state_read(&watch->before);
	watch->begun = true;
	watch->took_ns += sq_now() - begun;
}

void sq_host_watch_space(struct sq_host_watch *watch, uint64_t inode, int fd)
{
	struct sq_host_space *space;
	uint64_t begun = sq_now();
	int own;

	for (size_t i = 0; i < watch->spaces.n; i++)
		if (watch->spaces.item[i].inode == inode)
			return;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!watch->begun || own < 0) {
		sq_close(own);
		return;
	}
	space = sq_append(&watch->spaces.item, &watch->spaces.n, sizeof(*space));
	*space = (struct sq_host_space){ .inode = inode, .fd = own };
	sq_host_state_read_space(&watch->before, space);
	watch->took_ns += sq_now() - begun;
}

void sq_host_watch_leave(struct sq_host_watch *watch, uint64_t inode)
{
	struct sq_host_state *before = &watch->before;
	size_t kept = 0;

	for (size_t i = 0; i < before->n; i++) {
		if (before->item[i].space == inode)
			free(before->item[i].name);
		else
			before->item[kept++] = before->item[i];
	}
	before->n = kept;
	for (size_t i = watch->spaces.n; i-- > 0;) {
		if (watch->spaces.item[i].inode != inode)
			continue;
		sq_close(watch->spaces.item[i].fd);
		watch->spaces.item[i] = watch->spaces.item[--watch->spaces.n];
	}
}

static json_t *compared_json(const struct sq_host_state *before, const struct sq_host_state *after)
{
	json_int_t n[SQ_PARTS][2] = { 0 };
	json_t *compared = json_object();

	for (size_t i = 0; i < before->n; i++)
		n[before->item[i].part][0]++;
	for (size_t i = 0; i < after->n; i++)
		n[after->item[i].part][1]++;
	for (enum sq_part part = 0; part < SQ_PARTS; part++)
		json_object_set_new(
			compared, sq_part_name(part),
			sq_json("{s:I, s:I}", "before", n[part][0], "after", n[part][1]));
	return compared;
}

/* "BPF program 17 'a', BPF program 18 'b' and 4 more came", a sentence for each kind. */
static json_t *others_json(const struct diff *diff)
{
	json_t *list = json_array();

	for (enum sq_part part = 0; part < SQ_PARTS; part++)
		for (int came = 1; came >= 0; came--) {
			const struct sq_texts *first = &diff->others[part][came].first;
			_cleanup_buffer_ struct sq_buffer text = { 0 };

			for (size_t i = 0; i < first->n; i++)
				sq_buffer_add(&text, "%s%s", i ? ", " : "", first->item[i]);
			if (!first->n)
				continue;
			if (diff->others[part][came].n > first->n)
				sq_buffer_add(&text, " and %zu more",
					      diff->others[part][came].n - first->n);
			sq_buffer_add(&text, " %s", came ? "came" : "went");
			json_array_append_new(list, sq_json_string(sq_buffer_text(&text)));
		}
	return list;
}

/* "17 maps went", a sentence for each kind. */
static json_t *other_runs_json(const struct diff *diff)
{
	static const char *const names[][2] = { [SQ_PART_PROGRAMS] = { "BPF program",
								       "BPF programs" },
						[SQ_PART_MAPS] = { "BPF map", "BPF maps" },
						[SQ_PART_LINKS] = { "BPF link", "BPF links" },
						[SQ_PART_CGROUPS] = { "cgroup", "cgroups" } };
	json_t *list = json_array();

	for (size_t part = 0; part < ARRAY_SIZE(names); part++)
		for (int came = 1; came >= 0; came--) {
			size_t n = diff->other_runs[part][came];
			_cleanup_free_ char *text = n ? sq_asprintf("%zu %s %s", n,
								    names[part][n > 1],
								    came ? "came" : "went")
						      : NULL;

			if (text)
				json_array_append_new(list, sq_json_string(text));
		}
	return list;
}

/* Is it, maybe with more of it than we know? */
static bool is_told(const struct sq_texts *left, const char *text)
{
	for (size_t i = 0; i < left->n; i++)
		if (!strncmp(left->item[i], text, strlen(text)))
			return true;
	return false;
}

json_t *sq_host_watch_end(struct sq_host_watch *watch, const struct sq_host_ours *ours,
			  uint64_t late_ns, struct sq_texts *left)
{
	uint64_t begun = sq_now(), took_ns;
	struct diff diff = { .ours = ours };
	struct sq_host_state after = { 0 };
	json_t *state;

	if (!watch->begun)
		return NULL;
	sort(&watch->before);
	for (unsigned int looked = 1;; looked++) {
		uint64_t look = sq_now();

		sq_host_state_read(&after);
		for (size_t i = 0; i < watch->spaces.n; i++)
			sq_host_state_read_space(&after, &watch->spaces.item[i]);
		sort(&after);
		find_changes(&diff, &watch->before, &after);
		took_ns = sq_now() - look; /* of the last one: the others were waiting */
		if (!diff.left.n || sq_time_to_give_up(begun, late_ns, looked, LEAST_LOOKS))
			break;
		diff_clear(&diff);
		sq_host_state_clear(&after);
		usleep(PAUSE_US);
	}
	for (size_t i = 0; i < diff.left.n; i++)
		if (!is_told(left, diff.left.item[i]))
			sq_texts_add(left, diff.left.item[i]);
	state = sq_json("{s:f, s:o, s:o, s:o}", "took_ms",
			(double)(watch->took_ns + took_ns) / SQ_MS, "compared",
			compared_json(&watch->before, &after), "others", others_json(&diff),
			"other_runs", other_runs_json(&diff));
	sq_host_state_clear(&after);
	diff_clear(&diff);
	return state;
}

void sq_host_watch_clear(struct sq_host_watch *watch)
{
	sq_host_state_clear(&watch->before);
	for (size_t i = 0; i < watch->spaces.n; i++)
		sq_close(watch->spaces.item[i].fd);
	free(watch->spaces.item);
	*watch = (struct sq_host_watch){ 0 };
}
