// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel side has counted, and what of it the kernel holds. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "gen/squall.skel.h"
#include "inject/hist.h"
#include "inject/injector_state.h"
#include "inject/object.h"
#include "util/time.h"

#define BATCH 64 /* rows that are read in one go */

static size_t n_rows(const struct sq_injector *injector)
{
	return injector->n_faults * injector->setup.n_cgroups;
}

static void add_counters(struct sq_counters *sum, const struct sq_counters *one)
{
	sum->seen += one->seen;
	sum->injected += one->injected;
	sum->overflowed += one->overflowed;
	for (size_t i = 0; i < SQ_MISSED_REASONS; i++)
		sum->missed[i] += one->missed[i];
}

/* Reads some rows, from where the last call has stopped. */
static int count_some(struct sq_injector *injector, struct sq_error **err)
{
	size_t cpus = (size_t)libbpf_num_possible_cpus();
	_cleanup_free_ struct sq_counters *values = sq_alloc(BATCH * cpus * sizeof(*values));
	uint32_t n = (uint32_t)MIN(BATCH, n_rows(injector) - injector->counted), keys[BATCH];
	uint32_t last = (uint32_t)injector->counted - 1, end;

	if (!injector->counters)
		injector->counters = sq_alloc((n_rows(injector) + 1) * sizeof(*injector->counters));
	/* behind the last row the kernel says ENOENT, and has given it */
	if (bpf_map_lookup_batch(bpf_map__fd(injector->object->maps.sq_counters),
				 injector->counted ? &last : NULL, &end, keys, values, &n, NULL) &&
	    errno != ENOENT)
		return sq_error_errno(err, errno, "cannot read the counters");
	if (!n)
		return sq_error_set(err, SQ_FAIL_ERROR, ENOENT, "there are no counters to read");
	for (size_t i = 0; i < n; i++) {
		struct sq_counters *row = &injector->counters[injector->counted++];

		*row = (struct sq_counters){ 0 };
		for (size_t cpu = 0; cpu < cpus; cpu++)
			add_counters(row, &values[i * cpus + cpu]);
		row->seen = row->injected;
		for (size_t reason = 0; reason < SQ_MISSED_REASONS; reason++)
			row->seen += row->missed[reason];
	}
	return 0;
}

bool sq_injector_count_on(struct sq_injector *injector, uint64_t until_ns)
{
	if (injector->counted == n_rows(injector))
		injector->counted = 0;
	do {
		/* what cannot be read now stays as it was; at the end that is an error */
		if (count_some(injector, NULL))
			injector->counted = n_rows(injector);
	} while (injector->counted < n_rows(injector) && sq_now() < until_ns);
	return injector->counted == n_rows(injector);
}

static void undo(struct sq_counters *row, uint64_t n)
{
	row->injected -= n;
	row->missed[SQ_MISSED_ROOM] += n;
}

/* The line does not know the cgroup of what it let pass: each has its share of it, and the first of them the rest. */
static void share_undone(struct sq_injector *injector, size_t fault)
{
	struct sq_counters *rows = &injector->counters[fault * injector->setup.n_cgroups];
	uint64_t all = sq_injector_counters(injector, fault, -1).injected, rest;
	uint64_t undone = MIN(injector->line_stats.undone[fault], all);

	rest = undone;
	for (size_t i = 0; undone && i < injector->setup.n_cgroups; i++) {
		uint64_t share =
			(uint64_t)((double)undone * (double)rows[i].injected / (double)all);

		share = MIN(share, rest);
		undo(&rows[i], share);
		rest -= share;
	}
	for (size_t i = 0; rest && i < injector->setup.n_cgroups; i++) {
		uint64_t more = MIN(rest, rows[i].injected);

		undo(&rows[i], more);
		rest -= more;
	}
}

int sq_injector_count(struct sq_injector *injector, struct sq_error **err)
{
	int r = 0;

	for (injector->counted = 0; !r && injector->counted < n_rows(injector);)
		r = count_some(injector, err);
	for (size_t i = 0; !r && i < injector->n_faults; i++)
		share_undone(injector, i);
	return r;
}

struct sq_counters sq_injector_counters(const struct sq_injector *injector, size_t fault, int row)
{
	size_t n = injector->setup.n_cgroups;
	size_t first = row < 0 ? 0 : (size_t)row, end = row < 0 ? n : first + 1;
	struct sq_counters sum = { 0 };

	for (size_t i = first; injector->counters && i < end; i++)
		add_counters(&sum, &injector->counters[fault * n + i]);
	return sum;
}

uint64_t sq_injector_last_ns(const struct sq_injector *injector)
{
	struct sq_budget budget = { 0 };
	uint32_t whole = SQ_MAX_FAULTS;

	bpf_map_lookup_elem(bpf_map__fd(injector->object->maps.sq_budget), &whole, &budget);
	return budget.last_ns;
}

uint64_t sq_injector_claimed(const struct sq_injector *injector)
{
	uint64_t limit = injector->setup.experiment->blast_radius.faults;
	struct sq_budget budget = { 0 };
	uint32_t whole = SQ_MAX_FAULTS;

	bpf_map_lookup_elem(bpf_map__fd(injector->object->maps.sq_budget), &whole, &budget);
	/* what was claimed above the limit was counted there and not made */
	return limit ? MIN(budget.claimed, limit) : budget.claimed;
}

void sq_injector_delays(const struct sq_injector *injector, size_t fault, struct sq_delays *ret)
{
	static const double shares[] = { 0.5, 0.9, 0.99 };
	_cleanup_free_ struct sq_hist *hist = sq_alloc(sizeof(*hist));
	uint64_t quantile[ARRAY_SIZE(shares)];
	uint32_t key = (uint32_t)fault;

	*ret = (struct sq_delays){ 0 };
	if (bpf_map_lookup_elem(bpf_map__fd(injector->object->maps.sq_hist), &key, hist))
		return;
	ret->count = hist->count;
	sq_hist_quantiles(hist, shares, ARRAY_SIZE(shares), quantile);
	ret->p50_ns = quantile[0];
	ret->p90_ns = quantile[1];
	ret->p99_ns = quantile[2];
	ret->max_ns = hist->max_ns;
	ret->cut_ns = hist->cut_ns;
}

static void add_note(json_t *notes, uint64_t n, const char *what)
{
	_cleanup_free_ char *text = NULL;

	if (!n)
		return;
	text = sq_asprintf("%llu packets %s", (unsigned long long)n, what);
	json_array_append_new(notes, sq_json_string(text));
}

static uint64_t recursion_misses(int program_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd, &info, &size) ? 0 : info.recursion_misses;
}

/*
 * The kernel lets no two tasks be in one program of a trampoline or a tracepoint on one processor: where
 * the first was preempted there, what the second calls meanwhile is not hit.
 */
static void add_unhit(const struct sq_injector *injector, json_t *notes)
{
	const struct bpf_program *const programs[] = {
		injector->object->progs.sq_sys_enter,
		injector->object->progs.sq_call_begins,
		injector->object->progs.sq_call_decided,
	};
	_cleanup_free_ char *text = NULL;
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		n += recursion_misses(bpf_program__fd(programs[i]));
	/* where it is decided before, each that was not let in is counted */
	for (size_t i = 0; !sq_object_kprobes() && i < injector->n_calls; i++)
		n += recursion_misses(injector->call[i].fd);
	if (!n)
		return;
	text = sq_asprintf(
		"%llu calls, of whatever cgroup, passed unhit: the kernel ran no program for "
		"them, because another task had been preempted in one, or in bpf(), on "
		"their processor",
		(unsigned long long)n);
	json_array_append_new(notes, sq_json_string(text));
}

static uint64_t count_fragments(const struct sq_injector *injector)
{
	struct sq_line_shared shared = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(injector->object->maps.sq_line_shared), &zero, &shared);
	return shared.fragments;
}

json_t *sq_injector_notes(const struct sq_injector *injector)
{
	json_t *notes = json_array();

	add_unhit(injector, notes);
	add_note(notes, count_fragments(injector),
		 "that came in, of whomever, passed: fragments, of which only the first tells its "
		 "socket");
	if (injector->follower)
		sq_follower_notes(injector->follower, notes);
	return notes;
}

static void add_remade(json_t *notes, uint64_t n)
{
	_cleanup_free_ char *text = NULL;

	if (!n)
		return;
	text = sq_asprintf("somebody removed the delay line's device %llu times, or took it down: "
			   "what was on its way there was lost, and it was made again",
			   (unsigned long long)n);
	json_array_append_new(notes, sq_json_string(text));
}

json_t *sq_injector_late_notes(const struct sq_injector *injector)
{
	const struct sq_line_stats *stats = &injector->line_stats;
	json_t *notes = sq_json_texts(&injector->notes);

	add_note(notes, stats->no_room, "passed undelayed: the delay line was full");
	add_note(notes, stats->unmade,
		 "went on: they were cut off or fragments, of which no reset or answer can be "
		 "made");
	add_note(notes, stats->failed, "were lost: the delay line could not send them on");
	add_note(notes, stats->reused + stats->dropped,
		 "were lost: more came than the delay line could read");
	add_remade(notes, stats->remade);
	return notes;
}

static void add_program(json_t *programs, int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
		json_array_append_new(programs, json_integer(info.id));
}

static void add_link(json_t *links, int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
		json_array_append_new(links, json_integer(info.id));
}

json_t *sq_injector_objects(const struct sq_injector *injector)
{
	json_t *programs = json_array(), *maps = json_array(), *links = json_array();
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, injector->object->obj)
		add_program(programs, bpf_program__fd(program));
	for (size_t i = 0; i < injector->n_calls; i++)
		if (injector->call[i].copied)
			add_program(programs, injector->call[i].fd);
	bpf_object__for_each_map(map, injector->object->obj) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_map__fd(map);

		/* the kill switch is the host's, and stays */
		if (fd >= 0 && map != injector->object->maps.sq_switch &&
		    !bpf_obj_get_info_by_fd(fd, &info, &size))
			json_array_append_new(maps, json_integer(info.id));
	}
	for (size_t i = 0; i < injector->links.n; i++)
		add_link(links, injector->links.fd[i]);
	for (size_t i = 0; i < injector->spaces.devices.n; i++)
		add_link(links, injector->spaces.devices.item[i].link_fd);
	return sq_json("{s:o, s:o, s:o}", "programs", programs, "maps", maps, "links", links);
}
