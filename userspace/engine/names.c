// SPDX-License-Identifier: GPL-2.0-only
#include "engine/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/state.h"
#include "util/event.h"
#include "util/process.h"
#include "util/time.h"

#define EVERY_NS (30 * SQ_S)
#define PATIENCE_NS (10 * SQ_S) /* of one round */
#define MOST_VIEWS 64 /* in which a name is resolved */
#define ROOT_SIZE 256
#define MOST_OUTPUT (1u << 20)

/* A process that resolves all names as one process of the targets would. */
struct lookup {
	struct sq_resolver *resolver;
	pid_t pid;
	int output_fd;
	sd_event_source *child, *output;
	struct sq_buffer text;
	size_t n;
	bool ended;
};

struct sq_resolver {
	struct sq_run *run;
	sd_event_source *timer;
	struct sq_names names; /* as they are known */
	struct lookup *lookup; /* those of the round under way */
	size_t n_lookups, running;
	pid_t *killed; /* and not reaped yet */
	size_t n_killed;
	bool waiting; /* the timer is about the round under way, not the next one */
	bool started; /* the first round is over */
	int result; /* of the first round */
	struct sq_error *err;
};

/* Those that were killed, once they are gone: the event loop waits for none of them. */
static void reap(struct sq_resolver *resolver)
{
	size_t left = 0;

	for (size_t i = 0; i < resolver->n_killed; i++)
		if (!waitpid(resolver->killed[i], NULL, WNOHANG))
			resolver->killed[left++] = resolver->killed[i];
	resolver->n_killed = left;
}

static void end_lookups(struct sq_resolver *resolver)
{
	for (size_t i = 0; i < resolver->n_lookups; i++) {
		struct lookup *lookup = &resolver->lookup[i];

		sd_event_source_disable_unref(lookup->output);
		sd_event_source_disable_unref(lookup->child);
		if (lookup->pid > 0 && !lookup->ended) {
			kill(-lookup->pid, SIGKILL);
			*(pid_t *)sq_append(&resolver->killed, &resolver->n_killed,
					    sizeof(*resolver->killed)) = lookup->pid;
		}
		sq_close(lookup->output_fd);
		sq_buffer_clear(&lookup->text);
	}
	free(resolver->lookup);
	resolver->lookup = NULL;
	resolver->n_lookups = resolver->running = 0;
}

/* "NAME ADDRESS" or "NAME ! WHY" */
static void read_line(struct sq_names *names, char *line)
{
	char *space = strchr(line, ' ');
	struct sq_name *name;

	if (!space)
		return;
	*space++ = '\0';
	name = sq_names_find(names, line);
	if (!name)
		return;
	if (*space == '!') {
		free(name->problem);
		name->problem = sq_utf8_clean(sq_strdup(space + 1 + (space[1] == ' ')));
	} else {
		sq_name_add(name, space);
	}
}

static void tell(struct sq_resolver *resolver, const struct sq_name *name)
{
	json_t *addresses = json_array();
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < name->n; i++)
		json_array_append_new(addresses, json_string(sq_name_address(name, i, text)));
	sq_journal_add(&resolver->run->journal, "resolved",
		       sq_json("{s:s, s:o}", "name", name->host, "addresses", addresses));
}

/* What a name was it stays, as long as nobody knows better. */
static void keep_old(struct sq_resolver *resolver, struct sq_name *name, const struct sq_name *old)
{
	_cleanup_free_ char *note = NULL;

	memcpy(name->address, old->address, sizeof(name->address));
	name->n = old->n;
	if (!name->problem)
		name->problem = sq_strdup("no answer in time");
	if (old->problem)
		return; /* it is known already */
	note = sq_asprintf(
		"the name '%s' does not resolve any more (%s): its addresses stay as they were",
		name->host, name->problem);
	sq_run_note(resolver->run, note);
}

static int take_over(struct sq_resolver *resolver, struct sq_names *fresh, struct sq_error **err)
{
	bool changed = false;

	for (size_t i = 0; i < fresh->n; i++) {
		struct sq_name *name = &fresh->item[i];
		const struct sq_name *old = &resolver->names.item[i];

		if (!name->n && !resolver->started) {
			sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
				     "the name '%s' does not resolve for the target: %s",
				     name->host,
				     name->problem ? name->problem : "no answer in 10 s");
			return sq_error_hint(err, "look at the target's /etc/resolv.conf, or write "
						  "an address instead");
		}
		if (!name->n)
			keep_old(resolver, name, old);
		if (sq_name_same(name, old))
			continue;
		tell(resolver, name);
		changed = true;
	}
	return changed ? sq_injector_set_names(resolver->run->injector, fresh, err) : 0;
}

/* All have ended, or the time is up: what came is what there is. */
static void finish_round(struct sq_resolver *resolver)
{
	struct sq_names fresh;
	struct sq_error *err = NULL;
	int r;

	sq_names_collect(resolver->run->experiment, &fresh);
	for (size_t i = 0; i < resolver->n_lookups; i++) {
		_cleanup_free_ char *text = sq_buffer_take(&resolver->lookup[i].text);
		char *rest = text, *line;

		while ((line = strsep(&rest, "\n")))
			read_line(&fresh, line);
	}
	end_lookups(resolver);
	r = take_over(resolver, &fresh, &err);
	if (r && resolver->started) {
		/* as they are known is as the kernel has them: the next round tries again */
		sq_run_note(resolver->run, err->message);
		sq_error_free(err);
		sq_names_clear(&fresh);
		return;
	}
	resolver->err = err;
	if (!resolver->started)
		resolver->result = r;
	resolver->started = true;
	sq_names_clear(&resolver->names);
	resolver->names = fresh;
}

static void read_output(struct lookup *lookup)
{
	char text[4096];
	ssize_t n;

	while ((n = read(lookup->output_fd, text, sizeof(text))) > 0) {
		lookup->n += (size_t)n;
		if (lookup->n <= MOST_OUTPUT)
			fwrite(text, 1, (size_t)n, sq_buffer_stream(&lookup->text));
	}
	if (n == 0)
		lookup->output = sd_event_source_disable_unref(lookup->output);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *data)
{
	read_output(data);
	return 0;
}

static int on_ended(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct lookup *lookup = data;

	read_output(lookup);
	lookup->ended = true;
	if (--lookup->resolver->running == 0)
		finish_round(lookup->resolver);
	return 0;
}

static int start_lookup(struct sq_resolver *resolver, struct lookup *lookup, pid_t pid,
			struct sq_error **err)
{
	_cleanup_free_ const char **argv = NULL;
	struct sq_event_program program = { .on_ended = on_ended,
					    .on_output = on_output,
					    .data = lookup };
	_cleanup_close_ int writer = -EBADF;
	char pid_text[16];
	size_t n = 0;
	int r;

	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	*(const char **)sq_append(&argv, &n, sizeof(*argv)) = SQ_RESOLVE_NAME;
	*(const char **)sq_append(&argv, &n, sizeof(*argv)) = pid_text;
	for (size_t i = 0; i < resolver->names.n; i++)
		*(const char **)sq_append(&argv, &n, sizeof(*argv)) = resolver->names.item[i].host;
	sq_append(&argv, &n, sizeof(*argv));
	r = sq_event_pipe(&lookup->output_fd, &writer, err);
	if (r)
		return r;
	r = sq_spawn(&(struct sq_spawn){ .argv = argv,
					 .program = "/proc/self/exe",
					 .cgroup_fd = resolver->run->self_fd,
					 .stdin_fd = -EBADF,
					 .stdout_fd = writer,
					 .stderr_fd = -EBADF },
		     &lookup->pid, &program.pidfd, err);
	if (r)
		return r;
	program.output_fd = lookup->output_fd;
	r = sq_event_watch(resolver->run->event, &program, &lookup->child, &lookup->output);
	if (r < 0)
		return sq_error_errno(err, -r, "cannot watch a program that resolves names");
	resolver->running++;
	return 0;
}

/*
 * A process for each view of names among the targets': mount namespace, root directory, network namespace. Told apart
 * by what only the kernel is asked for: the target's file system may not answer.
 */
struct search {
	struct view {
		pid_t pid;
		ino_t mount, net;
		char root[ROOT_SIZE]; /* within the mount namespace: where it is longer, its begin */
	} view[MOST_VIEWS];
	size_t n;
};

static bool find_namespace(pid_t pid, const char *name, ino_t *ret)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	if (stat(path, &st) < 0)
		return false;
	*ret = st.st_ino;
	return true;
}

static void add_process(pid_t pid, void *data)
{
	struct search *search = data;
	struct view view = { .pid = pid };
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (search->n == MOST_VIEWS || !find_namespace(pid, "mnt", &view.mount) ||
	    !find_namespace(pid, "net", &view.net) ||
	    readlink(path, view.root, sizeof(view.root) - 1) < 0)
		return; /* it has ended */
	for (size_t i = 0; i < search->n; i++)
		if (search->view[i].mount == view.mount && search->view[i].net == view.net &&
		    !strcmp(search->view[i].root, view.root))
			return;
	search->view[search->n++] = view;
}

static int start_round(struct sq_resolver *resolver, struct sq_error **err)
{
	const struct sq_texts *paths = &resolver->run->plan->paths;
	struct search search = { .n = 0 };
	int r = 0;

	reap(resolver);
	for (size_t i = 0; i < paths->n; i++)
		sq_cgroup_each_process(paths->item[i], add_process, &search, NULL);
	/* nobody is there yet: as we would */
	if (!search.n)
		search.n = 1;
	resolver->lookup = sq_alloc(search.n * sizeof(*resolver->lookup));
	resolver->n_lookups = search.n;
	resolver->waiting = true;
	for (size_t i = 0; i < search.n; i++)
		resolver->lookup[i] = (struct lookup){ .resolver = resolver, .output_fd = -EBADF };
	for (size_t i = 0; i < search.n && !r; i++)
		r = start_lookup(resolver, &resolver->lookup[i], search.view[i].pid, err);
	if (r)
		end_lookups(resolver);
	return r;
}

/* Gives a round up that takes too long, and begins the next one. */
static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_resolver *resolver = data;
	_cleanup_error_ struct sq_error *err = NULL;
	uint64_t next_ns = EVERY_NS - PATIENCE_NS;

	if (resolver->running)
		finish_round(resolver);
	if (resolver->waiting)
		resolver->waiting = false;
	else if (start_round(resolver, &err))
		sq_run_note(resolver->run, err->message);
	else
		next_ns = PATIENCE_NS;
	return sq_event_again(source, next_ns);
}

int sq_resolver_start(struct sq_run *run, struct sq_error **err)
{
	struct sq_resolver *resolver = sq_alloc(sizeof(*resolver));
	int r;

	resolver->run = run;
	sq_names_collect(run->experiment, &resolver->names);
	if (!resolver->names.n) {
		sq_resolver_free(resolver);
		return 0;
	}
	run->resolver = resolver;
	r = start_round(resolver, err);
	if (r)
		return r;
	r = sd_event_add_time_relative(run->event, &resolver->timer, CLOCK_MONOTONIC,
				       PATIENCE_NS / SQ_US, SQ_MS, on_time, resolver);
	if (r < 0)
		return sq_error_errno(err, -r, "cannot set a timer");
	r = 0;
	while (!resolver->started && !run->stopping && !r)
		r = sq_run_wait(run, sq_now() + 10 * SQ_MS, err);
	if (!r && resolver->result) {
		r = resolver->result;
		if (err)
			*err = TAKE_PTR(resolver->err);
	}
	return r;
}

struct sq_resolver *sq_resolver_free(struct sq_resolver *resolver)
{
	if (!resolver)
		return NULL;
	end_lookups(resolver);
	reap(resolver);
	free(resolver->killed);
	sd_event_source_disable_unref(resolver->timer);
	sq_names_clear(&resolver->names);
	sq_error_free(resolver->err);
	free(resolver);
	return NULL;
}
