/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling the programs of the policy's `notify` folder what happens in a run. A process of its own
 * reads the run's events as they are written, so that no program holds the run up, and so that the end
 * of a run whose controller was killed is told too.
 */
#ifndef SQ_ENGINE_NOTIFY_H
#define SQ_ENGINE_NOTIFY_H

#include "engine/journal.h"
#include "util/error.h"

#define SQ_NOTIFY_NAME "squall-notify"

struct sq_notify {
	pid_t pid; /* 0: there is none */
	int pidfd;
};

/* Starts it for the run of @journal, where the policy has such a folder. */
int sq_notify_start(struct sq_notify *notify, const struct sq_journal *journal,
		    const struct sq_policy *policy, struct sq_error **err);

/* Waits a moment for it to have told of the end; it goes on by itself, and is soon over. */
void sq_notify_finish(struct sq_notify *notify);

/* Its main function: squall-notify RUN FOLDER [USER], the journal's folder at descriptor 3. */
int sq_notify_main(int argc, char **argv);

#endif
