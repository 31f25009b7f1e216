// SPDX-License-Identifier: GPL-2.0-only
#include "target/follow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "target/kind.h"
#include "target/watch.h"
#include "util/cgroup.h"
#include "util/event.h"
#include "util/privileges.h"
#include "util/set.h"
#include "util/time.h"

/* After a change: at once, and later for what enters a cgroup after it was made. */
static const uint64_t looks_ns[] = { 20 * SQ_MS, 250 * SQ_MS, 800 * SQ_MS };

/* From the end of a look to the next at the least, by what it took: where changes never end. */
#define REST_FACTOR 3
#define MOST_REST_NS (400 * SQ_MS)

/* Between looks where not all can be watched. */
#define UNWATCHED_NS (500 * SQ_MS)

struct sq_follow {
	const struct sq_experiment *experiment;
	const struct sq_policy *policy;
	struct sq_set roots, ways; /* those, and all above them */
	char **uid; /* of each target's user, or NULL */
	char *run;
	struct sq_watch watch;
	int stop_fd, news_fd, poke_fd;
	pthread_t thread;
	pthread_mutex_t lock;
	struct sq_sight *news; /* under the lock, with what follows down to trouble */
	struct sq_texts joined; /* to be roots as well */
	struct sq_named named; /* of the same look */
	bool named_known;
	struct sq_handover_scope scope;
	struct sq_handovers handovers; /* found in it */
	size_t scopes; /* how many there have been */
	char *trouble; /* what is to be told of the watches, once */
	bool told;
	uint64_t changed_ns; /* 0: nothing to look for */
	size_t looks; /* since then */
	uint64_t looked_ns, rest_ns; /* when the last one ended, and for how long to rest */
};

static bool is_followed(const struct sq_target *target)
{
	return !target->command.n && !target->rest_of;
}

void sq_sights_free(struct sq_sight *sights, size_t n)
{
	for (size_t i = 0; sights && i < n; i++) {
		for (size_t j = 0; j < sights[i].n; j++) {
			free(sights[i].item[j].name);
			free(sights[i].item[j].path);
		}
		free(sights[i].item);
		sq_unfit_free(sights[i].unfit, sights[i].n_unfit);
		sq_texts_clear(&sights[i].carved);
	}
	free(sights);
}

static void add_root(struct sq_follow *follow, const char *path)
{
	_cleanup_free_ char *above = sq_strdup(path);

	if (!sq_set_add(&follow->roots, path))
		return;
	for (char *end = strrchr(above, '/'); end; end = strrchr(above, '/')) {
		end[end == above] = '\0'; /* the root keeps its name */
		if (!sq_set_add(&follow->ways, above) || end == above)
			return;
	}
}

/* Each look adds what is new. */
static int watch_one(const char *path, int fd, void *data)
{
	struct sq_follow *follow = data;
	bool holds = false;

	for (size_t i = 0; i < follow->experiment->targets.n; i++) {
		const struct sq_target *target = &sq_targets(follow->experiment)[i];

		holds |= is_followed(target) && sq_target_holds(target, follow->uid[i], path);
	}
	holds |= sq_set_has(&follow->roots, path) || sq_set_has_above(&follow->roots, path);
	/* on the way to a root, too: those may lie where nothing else is looked for */
	if (!holds && sq_set_has(&follow->ways, path))
		return 0;
	if (!holds)
		return -1;
	sq_watch_add(&follow->watch, fd);
	return 0;
}

static void watch_all(struct sq_follow *follow)
{
	_cleanup_texts_ struct sq_texts joined = { 0 };
	int r;

	pthread_mutex_lock(&follow->lock);
	joined = follow->joined;
	follow->joined = (struct sq_texts){ 0 };
	pthread_mutex_unlock(&follow->lock);
	for (size_t i = 0; i < joined.n; i++)
		add_root(follow, joined.item[i]);
	sq_watch_begin(&follow->watch);
	r = sq_cgroup_walk("/", watch_one, follow, NULL);
	if (r < 0) {
		/* how much there is below what cannot be read nobody knows */
		follow->watch.refused++;
		follow->watch.errnum = -r;
	}
	if (!follow->watch.refused || follow->told)
		return;
	follow->told = true;
	pthread_mutex_lock(&follow->lock);
	follow->trouble = sq_watch_trouble(&follow->watch);
	pthread_mutex_unlock(&follow->lock);
}

static void look_at(const struct sq_follow *follow, const struct sq_target *target,
		    struct sq_sight *sight)
{
	_cleanup_(sq_finding_clear) struct sq_finding finding = { .during = true };
	_cleanup_error_ struct sq_error *err = NULL;
	int r = sq_target_match(target, follow->run, &finding, &sight->carved, &err);

	/* that nothing matches one of the patterns is an answer, others are none */
	sight->known = !r || r == -ENOENT || r == -ESRCH;
	sight->shared = finding.shared;
	sight->unfit = TAKE_PTR(finding.unfit);
	sight->n_unfit = finding.n_unfit;
	finding.n_unfit = 0;
	for (size_t i = 0; i < finding.n && sight->known; i++) {
		struct sq_cgroup cgroup;
		struct sq_seen *seen;

		if (sq_cgroup_find(finding.item[i].path, &cgroup, NULL))
			continue;
		seen = sq_append(&sight->item, &sight->n, sizeof(*sight->item));
		*seen = (struct sq_seen){
			sq_strdup(finding.item[i].name), TAKE_PTR(cgroup.path), cgroup.id,
			sq_target_hash(target, follow->experiment->seed, finding.item[i].name)
		};
	}
}

/* The scope's turn is over where there is another by the time that it was looked at. */
static void look_for_sockets(struct sq_follow *follow)
{
	_cleanup_(sq_handover_scope_clear) struct sq_handover_scope scope = { 0 };
	_cleanup_(sq_handovers_clear) struct sq_handovers found = { 0 };
	size_t number;

	pthread_mutex_lock(&follow->lock);
	scope = follow->scope;
	follow->scope = (struct sq_handover_scope){ 0 };
	number = follow->scopes;
	pthread_mutex_unlock(&follow->lock);
	/* what fails here is tried again with the next change */
	if (!scope.paths.n || sq_handovers_find(&scope, &found, NULL))
		return;
	pthread_mutex_lock(&follow->lock);
	if (number == follow->scopes) {
		sq_handovers_clear(&follow->handovers);
		follow->handovers = found;
		found = (struct sq_handovers){ 0 };
	}
	pthread_mutex_unlock(&follow->lock);
}

static void look(struct sq_follow *follow)
{
	size_t n = follow->experiment->targets.n;
	struct sq_sight *sights = sq_alloc((n + 1) * sizeof(*sights));
	_cleanup_(sq_named_clear) struct sq_named named = { 0 };
	uint64_t begun = sq_now();
	bool known;

	/* first, so that what comes while we look is looked for again */
	watch_all(follow);
	for (size_t i = 0; i < n; i++) {
		const struct sq_target *target = &sq_targets(follow->experiment)[i];

		sights[i].target = target;
		if (is_followed(target))
			look_at(follow, target, &sights[i]);
	}
	/* after the targets: a container that is one has its name by now */
	known = !sq_named_find(follow->experiment, follow->policy, &named, NULL);
	for (size_t i = 0; i < n; i++)
		sights[i].known &= known;
	look_for_sockets(follow);
	pthread_mutex_lock(&follow->lock);
	if (known) {
		sq_named_clear(&follow->named);
		follow->named = named;
		follow->named_known = true;
		named = (struct sq_named){ 0 };
	}
	sq_sights_free(follow->news, n);
	follow->news = sights;
	pthread_mutex_unlock(&follow->lock);
	follow->looked_ns = sq_now();
	follow->rest_ns = MIN((follow->looked_ns - begun) * REST_FACTOR, MOST_REST_NS);
	sq_event_signal(follow->news_fd);
}

/* One look is enough: who has come is there. Those that are to come anyway see it too. */
static void heed_poke(struct sq_follow *follow)
{
	uint64_t pokes;

	if (read(follow->poke_fd, &pokes, sizeof(pokes)) < 0 || follow->changed_ns)
		return;
	follow->looks = ARRAY_SIZE(looks_ns) - 1;
	follow->changed_ns = sq_now() + looks_ns[0] - looks_ns[follow->looks];
}

/* How long to wait for the next look, in ms; -1: for a change. */
static int patience(const struct sq_follow *follow)
{
	uint64_t now = sq_now(), at;

	if (!follow->changed_ns && !follow->watch.refused)
		return -1;
	at = follow->changed_ns ? follow->changed_ns + looks_ns[follow->looks]
				: follow->looked_ns + UNWATCHED_NS;
	at = MAX(at, follow->looked_ns + follow->rest_ns);
	return at > now ? (int)((at - now) / SQ_MS) + 1 : 0;
}

static void *work(void *data)
{
	struct sq_follow *follow = data;
	struct pollfd fds[] = { { .fd = follow->stop_fd, .events = POLLIN },
				{ .fd = follow->watch.fd, .events = POLLIN },
				{ .fd = follow->poke_fd, .events = POLLIN } };

	sq_privileges_drop(SQ_ROLE_CONTROLLER);
	for (;;) {
		bool rest = follow->changed_ns && follow->looks == 0;

		/* changes that come one on the other's heels are looked for together */
		fds[1].revents = fds[2].revents = 0;
		if (poll(fds, rest ? 1 : 3, patience(follow)) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		if ((fds[1].revents & POLLIN) && sq_watch_drain(&follow->watch)) {
			follow->changed_ns = sq_now();
			follow->looks = 0;
		}
		if (fds[2].revents & POLLIN)
			heed_poke(follow);
		if (patience(follow) == 0) {
			look(follow);
			if (follow->changed_ns && ++follow->looks == ARRAY_SIZE(looks_ns))
				follow->changed_ns = 0;
		}
	}
}

static int find_users(struct sq_follow *follow, struct sq_error **err)
{
	int r = 0;

	for (size_t i = 0; i < follow->experiment->targets.n && !r; i++) {
		const struct sq_target *target = &sq_targets(follow->experiment)[i];

		if (is_followed(target))
			r = sq_target_find_user(target, &follow->uid[i], err);
	}
	return r;
}

static int start(struct sq_follow *follow, struct sq_error **err)
{
	int r = pthread_create(&follow->thread, NULL, work, follow);

	if (!r)
		return 0;
	follow->thread = 0;
	return sq_error_errno(err, r, "cannot start the thread that follows the targets");
}

int sq_follow_new(struct sq_follow **ret, const struct sq_experiment *experiment,
		  const struct sq_policy *policy, const struct sq_texts *roots, const char *run,
		  struct sq_error **err)
{
	struct sq_follow *follow;
	bool any = false;
	int r;

	*ret = NULL;
	for (size_t i = 0; i < experiment->targets.n; i++)
		any |= is_followed(&sq_targets(experiment)[i]);
	if (!any)
		return 0;
	follow = sq_alloc(sizeof(*follow));
	*follow = (struct sq_follow){ .experiment = experiment,
				      .policy = policy,
				      .run = sq_strdup(run),
				      .uid = sq_alloc((experiment->targets.n + 1) *
						      sizeof(*follow->uid)),
				      .stop_fd = eventfd(0, EFD_CLOEXEC),
				      .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				      .poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				      .changed_ns = sq_now() };
	r = follow->stop_fd < 0 || follow->news_fd < 0 || follow->poke_fd < 0 ? errno : 0;
	pthread_mutex_init(&follow->lock, NULL);
	sq_watch_open(&follow->watch);
	for (size_t i = 0; i < roots->n; i++)
		add_root(follow, roots->item[i]);
	if (r)
		r = sq_error_errno(err, r, "cannot follow the targets");
	if (!r)
		r = find_users(follow, err);
	if (!r)
		r = start(follow, err);
	*ret = r ? sq_follow_free(follow) : follow;
	return r;
}

int sq_follow_fd(const struct sq_follow *follow)
{
	return follow->news_fd;
}

struct sq_sight *sq_follow_take(struct sq_follow *follow)
{
	struct sq_sight *sights;
	uint64_t count;

	if (read(follow->news_fd, &count, sizeof(count)) < 0)
		return NULL;
	pthread_mutex_lock(&follow->lock);
	sights = TAKE_PTR(follow->news);
	pthread_mutex_unlock(&follow->lock);
	return sights;
}

void sq_follow_take_named(struct sq_follow *follow, struct sq_named *named)
{
	pthread_mutex_lock(&follow->lock);
	if (follow->named_known) {
		sq_named_clear(named);
		*named = follow->named;
		follow->named = (struct sq_named){ 0 };
		follow->named_known = false;
	}
	pthread_mutex_unlock(&follow->lock);
}

char *sq_follow_take_trouble(struct sq_follow *follow)
{
	char *trouble;

	pthread_mutex_lock(&follow->lock);
	trouble = TAKE_PTR(follow->trouble);
	pthread_mutex_unlock(&follow->lock);
	return trouble;
}

void sq_follow_poke(struct sq_follow *follow)
{
	sq_event_signal(follow->poke_fd);
}

void sq_follow_joined(struct sq_follow *follow, const char *path)
{
	pthread_mutex_lock(&follow->lock);
	sq_texts_add(&follow->joined, path);
	pthread_mutex_unlock(&follow->lock);
	sq_follow_poke(follow);
}

void sq_follow_sockets(struct sq_follow *follow, struct sq_handover_scope *scope)
{
	pthread_mutex_lock(&follow->lock);
	sq_handover_scope_clear(&follow->scope);
	sq_handovers_clear(&follow->handovers);
	follow->scope = *scope;
	follow->scopes++;
	pthread_mutex_unlock(&follow->lock);
	*scope = (struct sq_handover_scope){ 0 };
}

void sq_follow_take_handovers(struct sq_follow *follow, struct sq_handovers *ret)
{
	pthread_mutex_lock(&follow->lock);
	*ret = follow->handovers;
	follow->handovers = (struct sq_handovers){ 0 };
	pthread_mutex_unlock(&follow->lock);
}

struct sq_follow *sq_follow_free(struct sq_follow *follow)
{
	uint64_t one = 1;

	if (!follow)
		return NULL;
	/* it ends when it has looked: nothing that it waits for takes longer than seconds */
	if (follow->thread && write(follow->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(follow->thread, NULL);
	sq_sights_free(follow->news, follow->experiment->targets.n);
	sq_set_clear(&follow->roots);
	sq_set_clear(&follow->ways);
	sq_watch_close(&follow->watch);
	sq_close(follow->stop_fd);
	sq_close(follow->news_fd);
	sq_close(follow->poke_fd);
	sq_texts_clear(&follow->joined);
	sq_named_clear(&follow->named);
	sq_handover_scope_clear(&follow->scope);
	sq_handovers_clear(&follow->handovers);
	pthread_mutex_destroy(&follow->lock);
	for (size_t i = 0; i < follow->experiment->targets.n; i++)
		free(follow->uid[i]);
	free(follow->uid);
	free(follow->trouble);
	free(follow->run);
	free(follow);
	return NULL;
}
