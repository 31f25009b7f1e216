// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vitals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/json.h"
#include "util/process.h"
#include "util/time.h"

#define MOST_WATCHED 256 /* processes, each with a descriptor: the usual limit is 1024 */
#define MOST_TOLD 5 /* of a cgroup; the others are counted */
#define LOOK_NS SQ_S
#define SLICE_NS \
	(2 * SQ_MS) /* of one tick: what renews the lease does not wait for thousands of cgroups */
#define UNREAPED_NS (2 * SQ_S) /* so long its parent may take to ask for the exit code */

/* linux/pidfd.h has it since 6.13, the exit code since 6.15. */
struct pidfd_info_exit {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};

#define INFO_EXIT (1ull << 3)
#define GET_INFO _IOWR(0xff, 11, struct pidfd_info_exit)

struct process {
	pid_t pid;
	int fd;
	char name[SQ_PROCESS_NAME];
	bool from_begin; /* it was there when the faults began */
	bool seen; /* at this look */
	uint64_t ended_ns;
	size_t cgroup;
};

struct cgroup {
	const char *path;
	bool started; /* by squall, which tells of its end itself */
	char *unit;
	uint64_t before, after; /* processes */
	uint64_t ended, crashed, told;
	bool failed; /* one of its processes ended otherwise than with exit code 0 */
	uint64_t oom_kills_before, oom_kills;
};

struct sq_vitals {
	void (*tell)(void *data, const char *what);
	void *data;
	struct cgroup *cgroup;
	size_t n;
	struct process *process;
	size_t n_processes;
	uint64_t looked_ns;
	size_t next; /* the cgroup that this look goes on with; all of them: it is over */
	bool begun;
};

static void say(struct sq_vitals *vitals, const char *format, ...) _printf_(2, 3);

static void say(struct sq_vitals *vitals, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	vitals->tell(vitals->data, text);
}

static bool is_unit(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strcmp(dot, ".service");
}

static bool is_started(const struct sq_plan *plan, const char *path)
{
	/* what squall starts is one cgroup */
	for (size_t i = 0; i < plan->experiment->targets.n; i++)
		if (sq_target_is_started(plan->target[i].target) && plan->target[i].n &&
		    !strcmp(plan->target[i].item[0].cgroup.path, path))
			return true;
	return false;
}

struct sq_vitals *sq_vitals_new(const struct sq_plan *plan,
				void (*tell)(void *data, const char *what), void *data)
{
	struct sq_vitals *vitals = sq_alloc(sizeof(*vitals));
	bool systemd = access("/run/systemd/system", F_OK) == 0;

	vitals->tell = tell;
	vitals->data = data;
	vitals->n = plan->paths.n;
	vitals->cgroup = sq_alloc((vitals->n + 1) * sizeof(*vitals->cgroup));
	for (size_t i = 0; i < vitals->n; i++) {
		const char *path = plan->paths.item[i], *name = sq_base_name(path);

		vitals->cgroup[i] = (struct cgroup){
			.path = path,
			.started = is_started(plan, path),
			.unit = systemd && is_unit(name) ? sq_strdup(name) : NULL,
		};
	}
	return vitals;
}

struct sq_vitals *sq_vitals_free(struct sq_vitals *vitals)
{
	if (!vitals)
		return NULL;
	for (size_t i = 0; i < vitals->n_processes; i++)
		sq_close(vitals->process[i].fd);
	for (size_t i = 0; i < vitals->n; i++)
		free(vitals->cgroup[i].unit);
	free(vitals->process);
	free(vitals->cgroup);
	free(vitals);
	return NULL;
}

/* Of the cgroup and all below it; 0 where there is no memory controller. */
static uint64_t oom_kills(const char *path)
{
	_cleanup_close_ int fd = sq_cgroup_open(path, NULL);
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (fd < 0 || sq_read_file(fd, "memory.events", 4096, &text) < 0)
		return 0;
	line = strstr(text, "oom_kill ");
	return line ? strtoull(line + strlen("oom_kill "), NULL, 10) : 0;
}

struct visit {
	struct sq_vitals *vitals;
	size_t cgroup;
	uint64_t n;
};

static void meet(pid_t pid, void *data)
{
	struct visit *visit = data;
	struct sq_vitals *vitals = visit->vitals;
	struct process *process;
	int fd;

	visit->n++;
	for (size_t i = 0; i < vitals->n_processes; i++) {
		if (vitals->process[i].pid != pid || vitals->process[i].ended_ns)
			continue;
		vitals->process[i].seen = true;
		return;
	}
	if (vitals->n_processes >= MOST_WATCHED)
		return;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return; /* gone meanwhile, or a thread's */
	process = sq_append(&vitals->process, &vitals->n_processes, sizeof(*process));
	*process = (struct process){ .pid = pid,
				     .fd = fd,
				     .from_begin = !vitals->begun,
				     .seen = true,
				     .cgroup = visit->cgroup };
	sq_process_name(pid, process->name);
}

static uint64_t visit_all(struct sq_vitals *vitals, size_t i)
{
	struct visit visit = { .vitals = vitals, .cgroup = i };

	sq_cgroup_each_process(vitals->cgroup[i].path, meet, &visit, NULL);
	return visit.n;
}

void sq_vitals_begin(struct sq_vitals *vitals)
{
	for (size_t i = 0; i < vitals->n; i++) {
		struct cgroup *cgroup = &vitals->cgroup[i];

		cgroup->before = cgroup->after = visit_all(vitals, i);
		cgroup->oom_kills_before = oom_kills(cgroup->path);
	}
	vitals->begun = true;
	vitals->looked_ns = sq_now();
	vitals->next = vitals->n;
}

/* How it has ended, in words; *ret_crashed where a signal of a bug did it. NULL: nobody knows yet. */
static char *ending(const struct process *process, bool *ret_crashed, bool *ret_failed)
{
	static const int bugs[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP };
	struct pidfd_info_exit info = { .mask = INFO_EXIT };
	int status;

	*ret_crashed = *ret_failed = false;
	if (ioctl(process->fd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
		return sq_now() < process->ended_ns + UNREAPED_NS ? NULL : sq_strdup("ended");
	status = info.exit_code;
	*ret_failed = status != 0;
	if (WIFEXITED(status))
		return sq_asprintf("ended with exit code %d", WEXITSTATUS(status));
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++)
		*ret_crashed |= WTERMSIG(status) == bugs[i];
	*ret_crashed |= WCOREDUMP(status);
	return sq_asprintf("was killed by SIG%s%s", sq_signal_name(WTERMSIG(status)),
			   WCOREDUMP(status) ? " and dumped core" : "");
}

/* True where all that there is to tell of it has been told. */
static bool bury(struct sq_vitals *vitals, struct process *process)
{
	struct cgroup *cgroup = &vitals->cgroup[process->cgroup];
	bool crashed, failed;
	_cleanup_free_ char *how = ending(process, &crashed, &failed);

	if (!how)
		return false;
	cgroup->ended++;
	cgroup->crashed += crashed;
	cgroup->failed |= failed;
	/* workers come and go; one that was there, or that crashed, is news */
	if ((!crashed && (!process->from_begin || cgroup->started)) || cgroup->told++ >= MOST_TOLD)
		return true;
	say(vitals, "process %d (%s) of the target '%s' %s", (int)process->pid, process->name,
	    cgroup->path, how);
	return true;
}

/* Those that have ended are taken off the list. */
static void look_for_the_dead(struct sq_vitals *vitals)
{
	size_t kept = 0;

	for (size_t i = 0; i < vitals->n_processes; i++) {
		struct process *process = &vitals->process[i];
		struct pollfd poll_fd = { .fd = process->fd, .events = POLLIN };

		if (!process->ended_ns && poll(&poll_fd, 1, 0) > 0)
			process->ended_ns = sq_now();
		if (process->ended_ns && bury(vitals, process)) {
			sq_close(process->fd);
			continue;
		}
		vitals->process[kept++] = *process;
	}
	vitals->n_processes = kept;
}

static void look_for_memory(struct sq_vitals *vitals, struct cgroup *cgroup)
{
	uint64_t kills = oom_kills(cgroup->path), before = cgroup->oom_kills_before;

	/* a cgroup that was removed and made again counts from 0 */
	kills = kills > before ? kills - before : 0;
	if (kills > cgroup->oom_kills) {
		_cleanup_free_ char *more = sq_number_of(kills - cgroup->oom_kills, "process");

		say(vitals, "the kernel killed %s of the target '%s' for want of memory", more,
		    cgroup->path);
	}
	cgroup->oom_kills = MAX(cgroup->oom_kills, kills);
}

/* Until @until_ns; one cgroup at least. */
static void look_until(struct sq_vitals *vitals, uint64_t until_ns)
{
	while (vitals->next < vitals->n) {
		size_t i = vitals->next++;

		look_for_memory(vitals, &vitals->cgroup[i]);
		vitals->cgroup[i].after = visit_all(vitals, i);
		if (sq_now() >= until_ns)
			return;
	}
}

static void begin_look(struct sq_vitals *vitals)
{
	vitals->looked_ns = sq_now();
	vitals->next = 0;
	look_for_the_dead(vitals);
}

void sq_vitals_look(struct sq_vitals *vitals)
{
	if (!vitals || !vitals->begun)
		return;
	if (vitals->next == vitals->n && sq_now() >= vitals->looked_ns + LOOK_NS)
		begin_look(vitals);
	look_until(vitals, sq_now() + SLICE_NS);
}

char *sq_vitals_judge(struct sq_vitals *vitals)
{
	/* a run that ends while it is made has none yet */
	if (!vitals || !vitals->begun)
		return NULL;
	begin_look(vitals);
	look_until(vitals, UINT64_MAX);
	for (size_t i = 0; i < vitals->n; i++) {
		const struct cgroup *cgroup = &vitals->cgroup[i];

		/* a program that squall started may have done its work */
		if (cgroup->before && !cgroup->after && (!cgroup->started || cgroup->failed))
			return sq_asprintf("the target '%s' did not survive: of its %llu processes "
					   "none is left, nor another one come",
					   cgroup->path, (unsigned long long)cgroup->before);
	}
	return NULL;
}

const char *sq_vitals_unit(const struct sq_vitals *vitals, size_t i)
{
	return i < vitals->n ? vitals->cgroup[i].unit : NULL;
}

json_t *sq_vitals_json(const struct sq_vitals *vitals)
{
	json_t *cgroups = json_array();

	for (size_t i = 0; i < vitals->n; i++) {
		const struct cgroup *cgroup = &vitals->cgroup[i];

		json_array_append_new(cgroups, sq_json("{s:s, s:I, s:I, s:I, s:I, s:I}", "path",
						       cgroup->path, "processes_before",
						       (json_int_t)cgroup->before,
						       "processes_after", (json_int_t)cgroup->after,
						       "ended", (json_int_t)cgroup->ended,
						       "crashed", (json_int_t)cgroup->crashed,
						       "oom_kills", (json_int_t)cgroup->oom_kills));
	}
	return sq_json("{s:o}", "cgroups", cgroups);
}
