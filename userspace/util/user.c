// SPDX-License-Identifier: GPL-2.0-only
#include "util/user.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/mem.h"
#include "util/privileges.h"

#define LOOKUP_S 1
#define TEXT_SIZE 65536

/* What both sides of a look-up share; whoever is done last frees it. */
struct lookup {
	int users;
	sem_t done;
	bool group, by_name;
	struct sq_user answer; /* its name or its uid is the question */
	int result;
	char text[TEXT_SIZE];
};

static void put(struct lookup *lookup)
{
	if (__atomic_sub_fetch(&lookup->users, 1, __ATOMIC_ACQ_REL))
		return;
	sem_destroy(&lookup->done);
	free(lookup);
}

static int ask_group(struct lookup *lookup)
{
	struct group group, *found = NULL;
	int r = getgrnam_r(lookup->answer.name, &group, lookup->text, TEXT_SIZE, &found);

	if (!found)
		return r ? -r : -ENOENT;
	lookup->answer.gid = found->gr_gid;
	return 0;
}

static int ask_user(struct lookup *lookup)
{
	struct sq_user *answer = &lookup->answer;
	struct passwd user, *found = NULL;
	int r = lookup->by_name ? getpwnam_r(answer->name, &user, lookup->text, TEXT_SIZE, &found)
				: getpwuid_r(answer->uid, &user, lookup->text, TEXT_SIZE, &found);

	if (!found)
		return r ? -r : -ENOENT;
	snprintf(answer->name, sizeof(answer->name), "%s", found->pw_name);
	answer->uid = found->pw_uid;
	answer->gid = found->pw_gid;
	if (strlen(found->pw_dir) < sizeof(answer->home))
		snprintf(answer->home, sizeof(answer->home), "%s", found->pw_dir);
	answer->n_groups = SQ_USER_GROUPS;
	if (getgrouplist(answer->name, answer->gid, answer->groups, &answer->n_groups) < 0)
		answer->n_groups = SQ_USER_GROUPS;
	return 0;
}

static void *look_up(void *data)
{
	struct lookup *lookup = data;

	sq_privileges_drop(SQ_ROLE_NOTHING);
	lookup->result = lookup->group ? ask_group(lookup) : ask_user(lookup);
	sem_post(&lookup->done);
	put(lookup);
	return NULL;
}

/* Takes over @lookup. */
static int ask(struct lookup *lookup, struct sq_user *ret)
{
	struct timespec until;
	pthread_t thread;
	int r = -ETIMEDOUT;

	lookup->users = 2;
	sem_init(&lookup->done, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOKUP_S;
	if (pthread_create(&thread, NULL, look_up, lookup)) {
		lookup->users = 1;
		put(lookup);
		return -EAGAIN;
	}
	pthread_detach(thread);
	if (!sem_clockwait(&lookup->done, CLOCK_MONOTONIC, &until)) {
		r = lookup->result;
		if (!r)
			*ret = lookup->answer;
	}
	put(lookup);
	return r;
}

static struct lookup *question(const char *name)
{
	struct lookup *lookup = sq_alloc(sizeof(*lookup));

	lookup->by_name = name != NULL;
	snprintf(lookup->answer.name, sizeof(lookup->answer.name), "%s", name ? name : "");
	return lookup;
}

int sq_user_find(const char *name, struct sq_user *ret)
{
	return ask(question(name), ret);
}

int sq_user_of(uid_t uid, struct sq_user *ret)
{
	struct lookup *lookup = question(NULL);

	lookup->answer.uid = uid;
	return ask(lookup, ret);
}

int sq_group_find(const char *name, gid_t *ret)
{
	struct lookup *lookup = question(name);
	struct sq_user answer;
	int r;

	lookup->group = true;
	r = ask(lookup, &answer);
	if (!r)
		*ret = answer.gid;
	return r;
}

char *sq_user_name(uid_t uid)
{
	struct sq_user user;

	return sq_user_of(uid, &user) ? sq_asprintf("uid %u", (unsigned int)uid)
				      : sq_strdup(user.name);
}

bool sq_user_is_in(const struct sq_user *user, gid_t gid)
{
	bool is = user->gid == gid;

	for (int i = 0; i < user->n_groups; i++)
		is |= user->groups[i] == gid;
	return is;
}
