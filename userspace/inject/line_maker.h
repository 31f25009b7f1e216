/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes and removes what the delay line has in network namespaces. Each waits for the kernel's one lock for all network
 * devices, which others may have for seconds: a thread does that, and what the line holds does not wait for it.
 */
#ifndef SQ_INJECT_LINE_MAKER_H
#define SQ_INJECT_LINE_MAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "guard/lease.h"
#include "inject/line_private.h"
#include "inject/line_space.h"

enum sq_line_work_kind {
	SQ_LINE_MAKE, /* all there is in a namespace */
	SQ_LINE_REMAKE, /* its device alone, which somebody has removed or set down; or has not */
	SQ_LINE_UNMAKE,
};

/* What is to be done, and then what was made. */
struct sq_line_work {
	enum sq_line_work_kind kind;
	size_t place;
	int netns_fd; /* the work's own; none is needed to unmake */
	struct sq_line_space space;
	struct sq_line_pair pair;
	bool remade;
	int result; /* 0 or a negative errno, with *err */
	struct sq_error *err;
};

struct sq_line_maker {
	const struct sq_lease *lease;
	bool backs, pairs; /* what there is beside devices */
	struct sq_line_private private;
	pthread_t thread;
	bool ending;
	int work[2], done[2]; /* pipes of pointers to works, to the thread and back */
};

/* Starts the thread. What is above it in @maker is set. */
int sq_line_maker_start(struct sq_line_maker *maker, struct sq_error **err);

/* New: nothing is made. */
struct sq_line_work *sq_line_work_new(enum sq_line_work_kind kind, size_t place);

/* Hands over @work, which is done in the order of these calls. */
void sq_line_maker_do(struct sq_line_maker *maker, struct sq_line_work *work);

/* Readable when one is done; the caller's, for sq_line_work_free(). NULL: there is none. */
int sq_line_maker_fd(const struct sq_line_maker *maker);
struct sq_line_work *sq_line_maker_take(struct sq_line_maker *maker);

/* Frees it, and not what it has made. */
struct sq_line_work *sq_line_work_free(struct sq_line_work *work);

/* Makes nothing more, unmakes all that it has been told to and what was made and not taken, and ends the thread. */
void sq_line_maker_end(struct sq_line_maker *maker);

/* So that it may be closed though it was never opened. */
void sq_line_nothing(struct sq_line_space *space, struct sq_line_pair *pair);

#endif
