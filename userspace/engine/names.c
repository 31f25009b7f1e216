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
#define SOON_NS SQ_S /* from a newcomer to the next round: by then it has mounted what it wants */
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

/*
 * A process for each view of names among the targets': mount namespace, root directory, network namespace. Told apart
 * by what only the kernel is asked for: the target's file system may not answer.
 */
struct views {
	struct view {
		pid_t pid;
		uint64_t started; /* with the pid it names the process for good */
		ino_t mount, net;
		char root[ROOT_SIZE]; /* within the mount namespace: where it is longer, its begin */
	} item[MOST_VIEWS];
	size_t n;
};

struct sq_resolver {
	struct sq_run *run;
	sd_event_source *timer;
	struct sq_names names; /* as they are known */
	struct lookup *lookup; /* those of the round under way */
	size_t n_lookups, running;
	pid_t *killed; /* and not reaped yet */
	size_t n_killed;
	struct views views; /* of the last round */
	uint64_t begun_ns; /* that one */
	bool came; /* somebody who is not among them: the next round is to be soon */
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

static void tell_more(struct sq_resolver *resolver, const struct sq_name *name)
{
	_cleanup_free_ char *note =
		sq_asprintf("the name '%s' has more than %d addresses: the others are not hit",
			    name->host, SQ_NAME_ADDRESSES);

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
		if (name->more && !old->more)
			tell_more(resolver, name);
		if (sq_name_same(name, old))
			continue;
		tell(resolver, name);
		changed = true;
	}
	return changed ? sq_injector_set_names(resolver->run->injector, fresh, err) : 0;
}

static void add_addresses(struct sq_name *name, const struct sq_name *others)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < others->n; i++)
		sq_name_add(name, sq_name_address(others, i, text));
}

/* When the next round begins. */
static void set_next(struct sq_resolver *resolver)
{
	uint64_t took_ns = MIN(sq_now() - resolver->begun_ns, EVERY_NS);

	sq_event_again(resolver->timer, resolver->came ? SOON_NS : EVERY_NS - took_ns);
}

/* All have ended, or the time is up: what came is what there is. */
static void finish_round(struct sq_resolver *resolver)
{
	struct sq_names fresh;
	struct sq_error *err = NULL;
	int r;

	sq_names_collect(resolver->run->experiment, &fresh);
	/* who does not answer in time may be hit where it was */
	for (size_t i = 0; resolver->running && i < fresh.n; i++)
		add_addresses(&fresh.item[i], &resolver->names.item[i]);
	for (size_t i = 0; i < resolver->n_lookups; i++) {
		_cleanup_free_ char *text = sq_buffer_take(&resolver->lookup[i].text);
		char *rest = text, *line;

		while ((line = strsep(&rest, "\n")))
			read_line(&fresh, line);
	}
	end_lookups(resolver);
	set_next(resolver);
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

static const struct view *find_view(const struct views *views, const struct view *view)
{
	for (size_t i = 0; i < views->n; i++)
		if (views->item[i].mount == view->mount && views->item[i].net == view->net &&
		    !strcmp(views->item[i].root, view->root))
			return &views->item[i];
	return NULL;
}

static void add_process(pid_t pid, void *data)
{
	struct views *views = data;
	struct view view = { .pid = pid };
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (views->n == MOST_VIEWS || !find_namespace(pid, "mnt", &view.mount) ||
	    !find_namespace(pid, "net", &view.net) ||
	    readlink(path, view.root, sizeof(view.root) - 1) < 0 ||
	    sq_process_start_time(pid, &view.started))
		return; /* it has ended */
	if (!find_view(views, &view))
		views->item[views->n++] = view;
}

static bool has_names(const struct sq_peers *peers)
{
	for (size_t i = 0; i < peers->n; i++)
		if (peers->item[i].host)
			return true;
	return false;
}

static bool is_concerned(const struct sq_experiment *experiment, const struct sq_target *target)
{
	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (sq_fault_hits(fault, target) &&
		    (has_names(&fault->to) || has_names(&fault->except)))
			return true;
	}
	return false;
}

/* Of the members of the targets as they are now. */
static void find_views(const struct sq_run *run, struct views *ret)
{
	_cleanup_texts_ struct sq_texts paths = { 0 };

	ret->n = 0;
	sq_following_paths(run, is_concerned, &paths);
	for (size_t i = 0; !run->following && i < run->experiment->targets.n; i++) {
		const struct sq_resolved *target = &run->plan->target[i];

		for (size_t j = 0; j < target->n && is_concerned(run->experiment, target->target);
		     j++)
			sq_texts_add(&paths, target->item[j].cgroup.path);
	}
	for (size_t i = 0; i < paths.n; i++)
		sq_cgroup_each_process(paths.item[i], add_process, ret, NULL);
}

static int start_round(struct sq_resolver *resolver, struct sq_error **err)
{
	struct views *views = &resolver->views;
	int r = 0;

	reap(resolver);
	resolver->begun_ns = sq_now();
	resolver->came = false;
	find_views(resolver->run, views);
	/* as we would, if nobody is there yet; later nobody is there who would be hit */
	if (!views->n && !resolver->started)
		views->item[views->n++] = (struct view){ .pid = 0 };
	resolver->lookup = sq_alloc((views->n + 1) * sizeof(*resolver->lookup));
	resolver->n_lookups = views->n;
	for (size_t i = 0; i < views->n; i++)
		resolver->lookup[i] = (struct lookup){ .resolver = resolver, .output_fd = -EBADF };
	for (size_t i = 0; i < views->n && !r; i++)
		r = start_lookup(resolver, &resolver->lookup[i], views->item[i].pid, err);
	if (r)
		end_lookups(resolver);
	return r;
}

/* Gives a round up that takes too long, or begins the next one. */
static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_resolver *resolver = data;
	_cleanup_error_ struct sq_error *err = NULL;

	if (resolver->running) {
		finish_round(resolver);
		return 0;
	}
	if (start_round(resolver, &err))
		sq_run_note(resolver->run, err->message);
	return sq_event_again(source, resolver->running ? PATIENCE_NS : EVERY_NS);
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
	r = sd_event_add_time_relative(run->event, &resolver->timer, CLOCK_MONOTONIC,
				       PATIENCE_NS / SQ_US, SQ_MS, on_time, resolver);
	if (r < 0)
		return sq_error_errno(err, -r, "cannot set a timer");
	r = start_round(resolver, err);
	while (!resolver->started && !run->stopping && !r)
		r = sq_run_wait(run, sq_now() + 10 * SQ_MS, err);
	if (!r && resolver->result) {
		r = resolver->result;
		if (err)
			*err = TAKE_PTR(resolver->err);
	}
	return r;
}

void sq_resolver_look(struct sq_resolver *resolver)
{
	struct views views;

	if (!resolver || resolver->came)
		return;
	find_views(resolver->run, &views);
	/* a namespace that is gone leaves its number to another */
	for (size_t i = 0; i < views.n; i++) {
		const struct view *known = find_view(&resolver->views, &views.item[i]);

		resolver->came |= !known || !sq_process_alive(known->pid, known->started);
	}
	if (resolver->came && !resolver->running)
		sq_event_again(resolver->timer, SOON_NS);
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
