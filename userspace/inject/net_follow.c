// SPDX-License-Identifier: GPL-2.0-only
#include "inject/net_follow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/event.h"
#include "util/time.h"

#define REST_NS (100 * SQ_MS) /* from one look at the devices to the next */
#define LEAVE_NS (2 * SQ_S) /* from one look at who has left to the next, at the least */
#define LEAVE_FACTOR 20 /* and by what it took: there may be thousands of cgroups */
#define LATE_NS SQ_S

struct sq_net_follower {
	struct sq_netspaces *spaces;
	pthread_t thread;
	int stop_fd, look_fd, news_fd;
	/* the thread's */
	uint64_t rest_ns; /* until then devices may change unseen */
	uint64_t leave_ns; /* when to look at who has left */
	bool told_late;
	struct sq_texts left;
	pthread_mutex_t lock;
	/* under the lock */
	struct sq_texts paths; /* the targets', where they are known anew */
	int *kept; /* descriptors of namespaces to keep */
	size_t n_kept;
	struct sq_texts notes;
};

static void note(struct sq_net_follower *follower, const char *text)
{
	pthread_mutex_lock(&follower->lock);
	sq_texts_add(&follower->notes, text);
	pthread_mutex_unlock(&follower->lock);
	sq_event_signal(follower->news_fd);
}

static void move(struct sq_texts *from, struct sq_texts *to)
{
	for (size_t i = 0; i < from->n; i++)
		sq_texts_add(to, from->item[i]);
	sq_texts_clear(from);
}

static void look(struct sq_net_follower *follower)
{
	_cleanup_error_ struct sq_error *err = NULL;
	struct sq_netspaces *spaces = follower->spaces;
	uint64_t count;

	if (read(follower->look_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&follower->lock);
	while (follower->n_kept)
		sq_netns_list_keep(&spaces->netns, follower->kept[--follower->n_kept]);
	if (follower->paths.n) {
		sq_texts_clear(&spaces->paths);
		spaces->paths = follower->paths;
		follower->paths = (struct sq_texts){ 0 };
	}
	pthread_mutex_unlock(&follower->lock);
	if (sq_netspaces_find(spaces, true, &err))
		note(follower, err->message);
}

static void attach(struct sq_net_follower *follower)
{
	_cleanup_error_ struct sq_error *err = NULL;
	uint64_t begun = sq_now(), took;
	int r = sq_netspaces_attach_next(follower->spaces, &err);

	took = sq_now() - begun;
	follower->rest_ns = begun + took + REST_NS;
	if (sq_lease_state(follower->spaces->lease) != SQ_LEASE_ALIVE)
		return; /* it was given up since the run ends */
	if (r)
		note(follower, err->message);
	if (!r && took > LATE_NS && !follower->told_late) {
		_cleanup_free_ char *text = sq_asprintf(
			"attaching to network devices that had come took %.1f s, as the kernel was "
			"busy with others: until then nothing was hit there",
			(double)took / SQ_S);

		note(follower, text);
		follower->told_late = true;
	}
}

static void let_go(struct sq_net_follower *follower)
{
	uint64_t begun = sq_now(), took;
	bool more = sq_netspaces_let_go_next(follower->spaces, &follower->left);

	took = sq_now() - begun;
	follower->leave_ns = begun + took + (more ? 0 : MAX(LEAVE_NS, LEAVE_FACTOR * took));
}

static bool is_busy(const struct sq_net_follower *follower)
{
	return sq_netspaces_has_changed(follower->spaces);
}

/* How long to wait for news, for poll(2). */
static int patience(const struct sq_net_follower *follower, bool rests, uint64_t now)
{
	uint64_t until = rests ? MIN(follower->rest_ns, follower->leave_ns) : follower->leave_ns;

	return is_busy(follower) || until <= now ? 0 : (int)((until - now) / SQ_MS) + 1;
}

static void *work(void *data)
{
	struct sq_net_follower *follower = data;
	struct pollfd fds[] = { { .fd = follower->stop_fd, .events = POLLIN },
				{ .fd = follower->look_fd, .events = POLLIN },
				{ .fd = follower->spaces->links_fd, .events = POLLIN } };

	for (;;) {
		uint64_t now = sq_now();
		bool rests = is_busy(follower) || now < follower->rest_ns;

		fds[2].revents = 0;
		if (poll(fds, rests ? 2 : 3, patience(follower, rests, now)) < 0 &&
		    errno != EINTR) {
			note(follower, "what comes to the targets' network is not followed any "
				       "more: there is no memory to wait");
			return NULL;
		}
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents)
			look(follower);
		if (fds[2].revents)
			sq_netspaces_look_at_links(follower->spaces);
		if (is_busy(follower))
			attach(follower);
		if (sq_now() >= follower->leave_ns)
			let_go(follower);
	}
}

int sq_net_follower_start(struct sq_net_follower **ret, struct sq_netspaces *spaces,
			  struct sq_error **err)
{
	struct sq_net_follower *follower = sq_alloc(sizeof(*follower));
	struct sq_texts none = { 0 };
	int r;

	*follower = (struct sq_net_follower){ .spaces = spaces,
					      .stop_fd = eventfd(0, EFD_CLOEXEC),
					      .look_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					      .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					      .leave_ns = sq_now() + LEAVE_NS };
	pthread_mutex_init(&follower->lock, NULL);
	r = follower->stop_fd < 0 || follower->look_fd < 0 || follower->news_fd < 0 ? errno : 0;
	if (!r)
		r = pthread_create(&follower->thread, NULL, work, follower);
	if (r) {
		follower->thread = 0;
		*ret = sq_net_follower_free(follower, &none, &none);
		return sq_error_errno(err, r, "cannot follow the targets' network devices");
	}
	*ret = follower;
	return 0;
}

void sq_net_follower_look(struct sq_net_follower *follower, const struct sq_texts *paths)
{
	pthread_mutex_lock(&follower->lock);
	sq_texts_clear(&follower->paths);
	for (size_t i = 0; i < paths->n; i++)
		sq_texts_add(&follower->paths, paths->item[i]);
	pthread_mutex_unlock(&follower->lock);
	sq_event_signal(follower->look_fd);
}

void sq_net_follower_keep(struct sq_net_follower *follower, int fd)
{
	pthread_mutex_lock(&follower->lock);
	*(int *)sq_append(&follower->kept, &follower->n_kept, sizeof(fd)) = fd;
	pthread_mutex_unlock(&follower->lock);
	sq_event_signal(follower->look_fd);
}

int sq_net_follower_fd(const struct sq_net_follower *follower)
{
	return follower->news_fd;
}

void sq_net_follower_take(struct sq_net_follower *follower, struct sq_texts *notes)
{
	uint64_t count;

	if (read(follower->news_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&follower->lock);
	move(&follower->notes, notes);
	pthread_mutex_unlock(&follower->lock);
}

struct sq_net_follower *sq_net_follower_free(struct sq_net_follower *follower,
					     struct sq_texts *left, struct sq_texts *notes)
{
	if (!follower)
		return NULL;
	sq_event_signal(follower->stop_fd);
	if (follower->thread)
		pthread_join(follower->thread, NULL);
	move(&follower->left, left);
	move(&follower->notes, notes);
	while (follower->n_kept)
		sq_close(follower->kept[--follower->n_kept]);
	free(follower->kept);
	sq_close(follower->stop_fd);
	sq_close(follower->look_fd);
	sq_close(follower->news_fd);
	sq_texts_clear(&follower->paths);
	pthread_mutex_destroy(&follower->lock);
	free(follower);
	return NULL;
}
