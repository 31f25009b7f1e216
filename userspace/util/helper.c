// SPDX-License-Identifier: GPL-2.0-only
#include "util/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/fs.h"
#include "util/privileges.h"
#include "util/process.h"
#include "util/time.h"

#define PAGE_FD 3
#define START_NS (10 * SQ_S)
#define END_NS (5 * SQ_S)
#define REAP_NS (10 * SQ_S)
#define REAP_STEP_US 200
#define WAIT_STEP_MS 10
#define CANNOT_DROP "cannot give up the rights that are not needed"

const char *sq_helper_name(enum sq_helper_id id)
{
	static const char *const names[SQ_HELPERS] = { "squall-guard", "squall-nap",
						       "squall-line" };

	return names[id];
}

int sq_helpers_open(struct sq_helpers *helpers, struct sq_error **err)
{
	pthread_mutexattr_t robust;
	void *page;

	*helpers = (struct sq_helpers){ .cgroup_fd = -EBADF };
	for (int i = 0; i < SQ_HELPERS; i++)
		helpers->helper[i].pidfd = -EBADF;
	helpers->page_fd = memfd_create("squall-helpers", MFD_CLOEXEC);
	if (helpers->page_fd < 0 || ftruncate(helpers->page_fd, sizeof(*helpers->page)) < 0)
		return sq_error_errno(err, errno, "cannot make a page to share");
	page = mmap(NULL, sizeof(*helpers->page), PROT_READ | PROT_WRITE, MAP_SHARED,
		    helpers->page_fd, 0);
	if (page == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map a page to share");
	helpers->page = page;
	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&helpers->page->controller, &robust);
	pthread_mutexattr_destroy(&robust);
	pthread_mutex_lock(&helpers->page->controller);
	return 0;
}

void sq_helpers_close(struct sq_helpers *helpers, bool finished)
{
	if (!helpers->page)
		return;
	__atomic_store_n(&helpers->page->finished, finished, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&helpers->page->controller);
	for (int i = 0; i < SQ_HELPERS; i++)
		sq_helper_wait(helpers, i, END_NS);
	munmap(helpers->page, sizeof(*helpers->page));
	helpers->page = NULL;
	helpers->page_fd = sq_close(helpers->page_fd);
	helpers->cgroup_fd = sq_close(helpers->cgroup_fd);
}

/* How a helper that said nothing has ended. */
static int tell_end(int pidfd, char *text, size_t size)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return snprintf(text, size, "it did not get ready within %llu s",
				(unsigned long long)(START_NS / SQ_S));
	return info.si_code == CLD_EXITED
		       ? snprintf(text, size, "it ended with exit code %d", info.si_status)
		       : snprintf(text, size, "it was killed by SIG%s",
				  sq_signal_name(info.si_status));
}

static int await_ready(struct sq_helpers *helpers, enum sq_helper_id id, int complaints,
		       struct sq_error **err)
{
	uint64_t until = sq_now() + START_NS;
	char text[512];
	ssize_t n;

	while (sq_now() < until) {
		struct pollfd poll_fd = { .fd = helpers->helper[id].pidfd, .events = POLLIN };

		if (__atomic_load_n(&helpers->page->helper[id].ready, __ATOMIC_ACQUIRE))
			return 0;
		if (poll(&poll_fd, 1, 1) > 0)
			break;
	}
	n = read(complaints, text, sizeof(text) - 1);
	if (n <= 0)
		n = tell_end(helpers->helper[id].pidfd, text, sizeof(text));
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	sq_helper_wait(helpers, id, 0);
	return sq_error_set(err, SQ_FAIL_ERROR, ECHILD, "%s did not start: %s", sq_helper_name(id),
			    text);
}

int sq_helper_start(struct sq_helpers *helpers, enum sq_helper_id id, const char *const *arguments,
		    const int *fds, size_t n_fds, struct sq_error **err)
{
	_cleanup_free_ const char **argv = NULL;
	_cleanup_free_ int *keep = sq_alloc((n_fds + 1) * sizeof(*keep));
	_cleanup_close_ int reader = -EBADF, writer = -EBADF;
	struct sq_spawn spawn = { .program = "/proc/self/exe",
				  .cgroup_fd = helpers->cgroup_fd,
				  .stdin_fd = -EBADF,
				  .stdout_fd = -EBADF,
				  .keep_fds = keep,
				  .n_keep_fds = n_fds + 1 };
	size_t n = 0;
	int ends[2], r;

	*(const char **)sq_append(&argv, &n, sizeof(*argv)) = sq_helper_name(id);
	for (; *arguments; arguments++)
		*(const char **)sq_append(&argv, &n, sizeof(*argv)) = *arguments;
	sq_append(&argv, &n, sizeof(*argv));
	spawn.argv = argv;
	keep[0] = helpers->page_fd;
	if (n_fds)
		memcpy(keep + 1, fds, n_fds * sizeof(*fds));
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return sq_error_errno(err, errno, "cannot make a pipe");
	reader = ends[0];
	spawn.stderr_fd = writer = ends[1];
	helpers->page->helper[id] = (struct sq_helper_state){ .beat_ns = sq_now() };
	r = sq_spawn(&spawn, &helpers->helper[id].pid, &helpers->helper[id].pidfd, err);
	if (r)
		return r;
	sq_close(TAKE_FD(writer));
	return await_ready(helpers, id, reader, err);
}

/* A kill that fails is made again, and what does not die all the same is not waited for for ever. */
static void end(pid_t pid)
{
	uint64_t until = sq_now() + REAP_NS;

	while (!waitpid(pid, NULL, WNOHANG) && sq_now() < until) {
		kill(pid, SIGKILL);
		usleep(REAP_STEP_US);
	}
}

int sq_helper_wait(struct sq_helpers *helpers, enum sq_helper_id id, uint64_t timeout_ns)
{
	struct pollfd poll_fd = { .fd = helpers->helper[id].pidfd, .events = POLLIN };
	uint64_t until = sq_now() + timeout_ns;
	int r = 0, n;

	if (helpers->helper[id].pidfd < 0)
		return 0;
	/* one that is stopped is not waited for */
	while ((n = poll(&poll_fd, 1, WAIT_STEP_MS)) <= 0 && sq_now() < until &&
	       sq_helper_silence(helpers, id) < SQ_HELPER_SILENT_NS)
		continue;
	if (n <= 0)
		r = -ETIMEDOUT;
	end(helpers->helper[id].pid);
	helpers->helper[id].pidfd = sq_close(helpers->helper[id].pidfd);
	return r;
}

bool sq_helper_has_ended(const struct sq_helpers *helpers, enum sq_helper_id id)
{
	return helpers->page && __atomic_load_n(&helpers->page->helper[id].ended, __ATOMIC_ACQUIRE);
}

uint64_t sq_helper_silence(const struct sq_helpers *helpers, enum sq_helper_id id)
{
	struct pollfd poll_fd = { .fd = helpers->helper[id].pidfd, .events = POLLIN };
	uint64_t beat, now = sq_now();
	bool dead;

	if (poll_fd.fd < 0)
		return 0;
	/* in this order: it says that it ends before it does */
	dead = poll(&poll_fd, 1, 0) > 0;
	if (sq_helper_has_ended(helpers, id))
		return 0;
	if (dead)
		return UINT64_MAX;
	beat = __atomic_load_n(&helpers->page->helper[id].beat_ns, __ATOMIC_RELAXED);
	return now > beat ? now - beat : 0;
}

static void *watch_controller(void *data)
{
	struct sq_helper *helper = data;
	uint64_t one = 1;

	helper->watch_error = sq_privileges_drop(SQ_ROLE_NOTHING);
	sem_post(&helper->watching);
	/* EOWNERDEAD: it died; 0: it let go, and is about to end */
	pthread_mutex_lock(&helper->page->controller);
	while (write(helper->orphaned_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	return NULL;
}

/* For a helper's own good; each may be forbidden, and then it goes on without. */
static void harden(enum sq_helper_id id)
{
	static const int ignored[] = { SIGTSTP, SIGTTIN, SIGTTOU, SIGHUP, SIGINT, SIGQUIT, SIGPIPE };
	struct sched_param priority = { .sched_priority = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sq_cgroup_leave_freezer();
	prctl(PR_SET_NAME, sq_helper_name(id));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, 1);
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	if (sched_setscheduler(0, SCHED_RR, &priority) < 0)
		setpriority(PRIO_PROCESS, 0, -20);
	sq_write_existing(AT_FDCWD, "/proc/self/oom_score_adj", "-1000", 5);
}

int sq_helper_enter(struct sq_helper *helper, enum sq_helper_id id, struct sq_error **err)
{
	void *page =
		mmap(NULL, sizeof(*helper->page), PROT_READ | PROT_WRITE, MAP_SHARED, PAGE_FD, 0);
	pthread_t thread;
	int r;

	if (page == MAP_FAILED)
		return sq_error_errno(err, errno, "%s is not meant to be run by hand",
				      sq_helper_name(id));
	close(PAGE_FD);
	helper->page = page;
	helper->state = &helper->page->helper[id];
	harden(id);
	helper->orphaned_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (helper->orphaned_fd < 0)
		return sq_error_errno(err, errno, "cannot make an eventfd");
	sem_init(&helper->watching, 0, 0);
	r = pthread_create(&thread, NULL, watch_controller, helper);
	if (r)
		return sq_error_errno(err, r, "cannot start a thread");
	/* the filter of system calls, which is for all threads, would forbid it to give up its rights */
	while (sem_wait(&helper->watching) < 0 && errno == EINTR)
		continue;
	return helper->watch_error ? sq_error_errno(err, -helper->watch_error, CANNOT_DROP) : 0;
}

void sq_helper_beat(struct sq_helper *helper)
{
	__atomic_store_n(&helper->state->beat_ns, sq_now(), __ATOMIC_RELAXED);
}

int sq_helper_ready(struct sq_helper *helper, uint32_t value, uint32_t second,
		    struct sq_error **err)
{
	static const enum sq_role roles[SQ_HELPERS] = {
		[SQ_HELPER_GUARD] = SQ_ROLE_GUARD,
		[SQ_HELPER_NAP] = SQ_ROLE_NAP,
		[SQ_HELPER_LINE] = SQ_ROLE_LINE,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = sq_privileges_drop(roles[helper->state - helper->page->helper]);

	if (r) {
		sq_close(null);
		return sq_error_errno(err, -r, CANNOT_DROP);
	}
	helper->state->value[0] = value;
	helper->state->value[1] = second;
	helper->state->pid = getpid();
	sq_process_start_time(getpid(), &helper->state->start_time);
	sq_helper_beat(helper);
	if (null >= 0)
		dup2(null, STDERR_FILENO); /* nobody reads there any more */
	sq_close(null);
	__atomic_store_n(&helper->state->ready, 1, __ATOMIC_RELEASE);
	return 0;
}

void sq_helper_end(struct sq_helper *helper)
{
	__atomic_store_n(&helper->state->ended, 1, __ATOMIC_RELEASE);
}

int sq_helper_fail(struct sq_error *err)
{
	dprintf(STDERR_FILENO, "%s\n", err->message);
	sq_error_free(err);
	return 1;
}
