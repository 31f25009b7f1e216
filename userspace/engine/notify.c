// SPDX-License-Identifier: GPL-2.0-only
#include "engine/notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/syslog.h"
#include "guard/registry.h"
#include "util/event.h"
#include "util/fs.h"
#include "util/process.h"
#include "util/time.h"

#define EVENTS "events.jsonl"
#define FD_JOURNAL 3
#define PROGRAM_NS (5 * SQ_S) /* for one program and one event */
#define END_NS (10 * SQ_S) /* for all that is left to tell once the run has ended */
#define FINISH_MS 2000
#define STEP_US 50000
#define ORPHANED_NS (8 * SQ_S) /* what a guard takes to write the end of a run that died */
#define MOST_FAILURES 3 /* of a program: then it is left out */
#define LARGEST_EVENT (1u << 20)

struct program {
	char *path;
	unsigned int failures;
};

struct notifier {
	const char *run, *folder;
	struct sq_user user;
	bool as_user;
	struct program *program;
	size_t n;
	struct sq_journal journal;
	int events_fd;
	char *text; /* read and not told yet, half a line at its end perhaps */
	size_t size;
	uint64_t until_ns; /* the run has ended: by then all must be told; 0: it has not */
	char *title, *host;
};

int sq_notify_start(struct sq_notify *notify, const struct sq_journal *journal,
		    const struct sq_policy *policy, struct sq_error **err)
{
	const char *argv[] = { SQ_NOTIFY_NAME, journal->run, policy ? policy->notify : NULL,
			       policy ? policy->exec_user : NULL, NULL };
	struct sq_spawn spawn = { .argv = argv,
				  .program = "/proc/self/exe",
				  .cgroup_fd = -EBADF,
				  .stdin_fd = -EBADF,
				  .stdout_fd = -EBADF,
				  .stderr_fd = -EBADF,
				  .keep_fds = &journal->dir_fd,
				  .n_keep_fds = 1 };

	if (!policy || !policy->notify)
		return 0;
	return sq_spawn(&spawn, &notify->pid, &notify->pidfd, err);
}

void sq_notify_finish(struct sq_notify *notify)
{
	struct pollfd fd = { .fd = notify->pidfd, .events = POLLIN };
	siginfo_t info;

	if (notify->pid && poll(&fd, 1, FINISH_MS) > 0)
		waitid(P_PIDFD, (id_t)notify->pidfd, &info, WEXITED | WNOHANG);
	if (notify->pid)
		sq_close(notify->pidfd);
	notify->pid = 0;
}

/* Only root's: they may be given root's rights, and the run's record in any case. */
static bool is_trusted(const char *path, mode_t type)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && sq_is_roots(&st);
}

static void note(struct notifier *notifier, const char *format, ...) _printf_(2, 3);

static void note(struct notifier *notifier, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = sq_vasprintf(format, arguments);
	va_end(arguments);
	sq_journal_add(&notifier->journal, "note", sq_json("{s:s}", "text", text));
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct program *)a)->path, ((const struct program *)b)->path);
}

static void find_programs(struct notifier *notifier)
{
	DIR *dir = is_trusted(notifier->folder, S_IFDIR) ? opendir(notifier->folder) : NULL;
	struct dirent *entry;

	if (!dir)
		note(notifier, "notify: nobody is told: '%s' is no folder that only root can write",
		     notifier->folder);
	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = sq_asprintf("%s/%s", notifier->folder, entry->d_name);

		/* what editors and dpkg leave beside a file, and what is not to be run */
		if (entry->d_name[0] == '.' || strchr(entry->d_name, '~') ||
		    strstr(entry->d_name, ".dpkg-") || access(path, X_OK) < 0)
			continue;
		if (is_trusted(path, S_IFREG))
			((struct program *)sq_append(&notifier->program, &notifier->n,
						     sizeof(*notifier->program)))
				->path = TAKE_PTR(path);
		else if (!is_trusted(path, S_IFDIR))
			note(notifier, "notify: '%s' is left out: others than root can write it",
			     path);
	}
	if (dir)
		closedir(dir);
	if (notifier->n)
		qsort(notifier->program, notifier->n, sizeof(*notifier->program), by_path);
}

/* A file that nobody else has, with the event in it. */
static int event_file(const char *text)
{
	int fd = memfd_create("squall-event", MFD_CLOEXEC);

	if (fd >= 0 && (sq_write_all(fd, text, strlen(text)) || lseek(fd, 0, SEEK_SET) < 0))
		fd = sq_close(fd);
	return fd;
}

/* Why it failed, or NULL; with all that it has started it is gone afterwards. */
static char *await(pid_t pid, int pidfd, int said_fd, uint64_t patience_ns)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };
	int n = poll(&fd, 1, (int)(patience_ns / SQ_MS)), status = 0;
	char said[200];
	ssize_t length;

	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (n <= 0)
		return sq_asprintf("took longer than %d s and was ended",
				   (int)(patience_ns / SQ_S));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	length = read(said_fd, said, sizeof(said) - 1);
	said[MAX(length, 0)] = '\0';
	said[strcspn(said, "\n")] = '\0';
	sq_utf8_clean(said);
	if (WIFSIGNALED(status))
		return sq_asprintf("was killed by SIG%s", sq_signal_name(WTERMSIG(status)));
	return sq_asprintf("failed with exit code %d%s%s", WEXITSTATUS(status), *said ? ": " : "",
			   said);
}

static char *run_program(struct notifier *notifier, const struct program *program, const char *text,
			 uint64_t patience_ns)
{
	const char *argv[] = { program->path, NULL };
	_cleanup_close_ int stdin_fd = event_file(text), pidfd = -EBADF, reader = -EBADF,
			    writer = -EBADF;
	_cleanup_error_ struct sq_error *err = NULL;
	pid_t pid;

	if (stdin_fd < 0)
		return sq_asprintf("could not be started: %s", strerror(errno));
	if (sq_event_pipe(&reader, &writer, &err) ||
	    sq_spawn(&(struct sq_spawn){ .argv = argv,
					 .directory = "/",
					 .cgroup_fd = -EBADF,
					 .stdin_fd = stdin_fd,
					 .stdout_fd = -EBADF,
					 .stderr_fd = writer,
					 .user = notifier->as_user ? &notifier->user : NULL },
		     &pid, &pidfd, &err))
		return sq_strdup(err->message);
	return await(pid, pidfd, reader, patience_ns);
}

static void tell_program(struct notifier *notifier, struct program *program, const char *event,
			 const char *text)
{
	uint64_t now = sq_now(), patience = PROGRAM_NS;
	_cleanup_free_ char *why = NULL;

	if (notifier->until_ns)
		patience = notifier->until_ns > now ? MIN(patience, notifier->until_ns - now) : 0;
	if (!patience || program->failures >= MOST_FAILURES)
		return;
	why = run_program(notifier, program, text, patience);
	if (!why)
		return;
	program->failures++;
	note(notifier, "notify: '%s' %s, told of '%s'%s", sq_base_name(program->path), why, event,
	     program->failures < MOST_FAILURES ? "" : "; it is told of nothing any more");
}

/* What people look for, but not squall's own notes: one of them may say that a program has failed. */
static bool is_told(const char *name, const json_t *event)
{
	_cleanup_free_ char *message = sq_syslog_message(name, event);

	return message && (strcmp(name, "note") != 0 || *sq_json_text(event, "by"));
}

static void tell(struct notifier *notifier, json_t *event)
{
	const char *name = sq_json_text(event, "event");
	const json_t *document = json_object_get(event, "document");
	_cleanup_json_ json_t *more = NULL;
	_cleanup_free_ char *text = NULL;

	if (document && !notifier->title)
		notifier->title =
			sq_strdup(sq_json_text(json_object_get(document, "experiment"), "title"));
	if (!strcmp(name, "ended"))
		notifier->until_ns = sq_now() + END_NS;
	if (!is_told(name, event))
		return;
	more = sq_json("{s:s, s:s, s:s, s:s}", "schema", "squall/event/1", "run", notifier->run,
		       "title", notifier->title ? notifier->title : "", "host", notifier->host);
	json_object_update(event, more);
	text = sq_json_dump(event, JSON_COMPACT);
	for (size_t i = 0; i < notifier->n; i++)
		tell_program(notifier, &notifier->program[i], name, text);
}

/* Tells of every whole line there is; false: nothing new. */
static bool read_events(struct notifier *notifier)
{
	char *line, *end;
	ssize_t n;

	notifier->text = sq_realloc(notifier->text, notifier->size + 65536 + 1);
	n = read(notifier->events_fd, notifier->text + notifier->size, 65536);
	if (n <= 0)
		return false;
	notifier->size += (size_t)n;
	notifier->text[notifier->size] = '\0';
	for (line = notifier->text; (end = strchr(line, '\n')); line = end + 1) {
		json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (json_is_object(event))
			tell(notifier, event);
		json_decref(event);
	}
	notifier->size -= (size_t)(line - notifier->text);
	memmove(notifier->text, line, notifier->size);
	if (notifier->size > LARGEST_EVENT)
		notifier->size = 0;
	return true;
}

static void follow(struct notifier *notifier)
{
	uint64_t heard = sq_now();

	while (!notifier->until_ns) {
		if (read_events(notifier)) {
			heard = sq_now();
			continue;
		}
		usleep(STEP_US);
		/* nobody is there any more to write its end */
		if (sq_now() > heard + ORPHANED_NS && sq_registry_wait(notifier->run, 0))
			return;
	}
	read_events(notifier);
}

int sq_notify_main(int argc, char **argv)
{
	struct notifier notifier = { .journal = { .dir_fd = -EBADF, .log.fd = -EBADF } };
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	struct utsname host = { 0 };

	if (argc < 3)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	uname(&host);
	notifier.run = argv[1];
	notifier.folder = argv[2];
	notifier.host = host.nodename;
	notifier.events_fd = openat(FD_JOURNAL, EVENTS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	fcntl(FD_JOURNAL, F_SETFD, FD_CLOEXEC);
	if (notifier.events_fd < 0 ||
	    sq_journal_open_at(&notifier.journal, FD_JOURNAL, notifier.run, NULL))
		return 1;
	notifier.as_user = argc > 3;
	if (notifier.as_user && (sq_user_find(argv[3], &notifier.user) || notifier.user.uid == 0))
		note(&notifier,
		     "notify: nobody is told: the policy's exec_user '%s' cannot be used", argv[3]);
	else
		find_programs(&notifier);
	if (notifier.n)
		follow(&notifier);
	for (size_t i = 0; i < notifier.n; i++)
		free(notifier.program[i].path);
	free(notifier.program);
	free(notifier.text);
	free(notifier.title);
	sq_close(notifier.events_fd);
	sq_journal_close(&notifier.journal);
	return 0;
}
