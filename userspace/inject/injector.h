/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run's faults in the kernel: loads the programs, starts the helpers that they need, aims them at
 * the targets, arms and disarms them, and reads their counters.
 */
#ifndef SQ_INJECT_INJECTOR_H
#define SQ_INJECT_INJECTOR_H

#include <jansson.h>

#include "abi.h"
#include "experiment/experiment.h"
#include "guard/lease.h"
#include "inject/names.h"
#include "util/cgroup.h"
#include "util/error.h"
#include "util/eventlog.h"
#include "util/helper.h"

struct sq_injector;

/* A cgroup that faults are aimed at. */
struct sq_aim {
	const struct sq_cgroup *cgroup;
	uint64_t faults; /* bit N: fault N of the experiment */
};

/* A cgroup that is carved out. */
struct sq_carve {
	const struct sq_cgroup *cgroup;
	uint32_t flags; /* SQ_SCOPE_* */
};

struct sq_injector_setup {
	const struct sq_experiment *experiment;
	struct sq_lease *lease;
	int switch_fd;
	struct sq_helpers *helpers;
	struct sq_eventlog *log;
	const struct sq_peers *control; /* peers that are hit only where a fault includes them */
	size_t n_cgroups; /* how many targets there may be */
	size_t n_carved; /* how many cgroups are carved out of them at the start */
	bool observe; /* count what would be hit, and act on nothing */
	/*
	 * Called before anything is made in a network namespace, and again where somebody comes back while it is being
	 * left; the descriptor stays the injector's. As the next one, by a thread of its own between
	 * sq_injector_follow_spaces() and sq_injector_disarm().
	 */
	void (*enters)(void *data, uint64_t netns, int netns_fd);
	/* Called when nothing is there any more. */
	void (*leaves)(void *data, uint64_t netns);
	void *data;
};

/* Loads the programs; nothing is attached yet. SQ_FAIL_UNSUPPORTED where the kernel cannot. */
int sq_injector_load(struct sq_injector **ret, const struct sq_injector_setup *setup,
		     struct sq_error **err);

/*
 * Tells what the host names have resolved to, at any time after the programs are loaded. Until then
 * a name is nobody.
 */
int sq_injector_set_names(struct sq_injector *injector, const struct sq_names *names,
			  struct sq_error **err);

/* Starts the delay line and the nap server, where a fault needs them. */
int sq_injector_start_helpers(struct sq_injector *injector, struct sq_error **err);

/* Says which cgroups are hit by which faults. The row of each in the counters is its index. */
int sq_injector_aim(struct sq_injector *injector, const struct sq_aim *aims, size_t n_aims,
		    const struct sq_carve *carves, size_t n_carves, struct sq_error **err);

/*
 * Aims at a cgroup while faults act: at row @row of the counters, one that there is already, or the
 * next. Namespaces of processes that come into it later are found by sq_injector_refresh().
 */
int sq_injector_join(struct sq_injector *injector, const struct sq_aim *aim, size_t row,
		     struct sq_error **err);

/* Takes the aim off the cgroup with this id. */
void sq_injector_leave(struct sq_injector *injector, uint64_t id);

/* Aims again at a cgroup that one target has left and another still has: it has joined with this row before. */
int sq_injector_stay(struct sq_injector *injector, const struct sq_aim *aim, size_t row,
		     struct sq_error **err);

/* Carves a cgroup out. */
int sq_injector_carve(struct sq_injector *injector, const struct sq_cgroup *cgroup, uint32_t flags,
		      struct sq_error **err);

/*
 * The socket @socket_fd, and what it accepts from now on, is hit by @faults as the target at @row of the
 * counters, whichever cgroup made it; by none: it is spared. Its namespace gets its programs with
 * sq_injector_attach() or, while faults act, soon. Lasts until the injector is freed.
 */
int sq_injector_hand(struct sq_injector *injector, int socket_fd, uint64_t faults, size_t row,
		     struct sq_error **err);

/*
 * Counts the processes that were moved into a target, or came to one with a network namespace that is
 * not known yet: when it has changed there is something to look for.
 */
uint64_t sq_injector_arrivals(const struct sq_injector *injector);

/*
 * Starts a thread that attaches to network devices and namespaces which come to the targets, and leaves namespaces in
 * which no process of theirs has been for some seconds, so that they end when others let them go; squall's own stays.
 * Nothing, where no fault needs that. Signals are the caller's to have blocked.
 */
int sq_injector_follow_spaces(struct sq_injector *injector, struct sq_error **err);

/* Looks for network namespaces, soon, and looks up paths in mounts, that the targets' processes have now. */
void sq_injector_refresh(struct sq_injector *injector);

/* Readable when that thread has something to say, or negative; sq_injector_take_notes() adds it to @notes. */
int sq_injector_spaces_fd(const struct sq_injector *injector);
void sq_injector_take_notes(struct sq_injector *injector, struct sq_texts *notes);

/* Attaches everything. Nothing acts before sq_injector_arm(). */
int sq_injector_attach(struct sq_injector *injector, struct sq_error **err);

/* Sets the windows of all faults, counted from @start_ns (sq_now()). */
int sq_injector_arm(struct sq_injector *injector, uint64_t start_ns, struct sq_error **err);

/*
 * Waits until what faults delay is out of the line in the kernel, which gives nothing back before its time, 1.1 s at
 * the most. The lease has ended before. While the programs are there what is sent meanwhile follows; afterwards it
 * would overtake what is held.
 */
void sq_injector_let_out(const struct sq_injector *injector);

/*
 * Detaches everything, lets held packets go and ends the helpers. The lease has ended before. Adds
 * a sentence to @left for what could not be detached.
 */
void sq_injector_disarm(struct sq_injector *injector, struct sq_texts *left);

struct sq_injector *sq_injector_free(struct sq_injector *injector);

/*
 * Reads all counters from the kernel, once the programs are loaded. What the line let pass, as of sq_injector_disarm(),
 * undelayed for want of room or without the reset or answer that could not be made, counts as without room. Negative
 * errno.
 */
int sq_injector_count(struct sq_injector *injector, struct sq_error **err);

/*
 * The same bit by bit, of as many as there is time for until @until_ns (of sq_now()): what renews the
 * lease does not wait for the counters of thousands of cgroups. True: all have been read, and the next
 * call begins anew; false: it goes on.
 */
bool sq_injector_count_on(struct sq_injector *injector, uint64_t until_ns);

/* One fault's counters as they were read, all CPUs together; of one target, or of all with @row -1. */
struct sq_counters sq_injector_counters(const struct sq_injector *injector, size_t fault, int row);

/* When the last injection was decided, by the kernel's clock as of sq_now(); 0: there was none. */
uint64_t sq_injector_last_ns(const struct sq_injector *injector);

/* How many injections the whole run has claimed. */
uint64_t sq_injector_claimed(const struct sq_injector *injector);

/* The realised delays of a fault: quantiles in ns, all 0 where it delays nothing. */
struct sq_delays {
	uint64_t count, p50_ns, p90_ns, p99_ns, max_ns;
	uint64_t cut_ns; /* when a nap last ended before its time, as of sq_now(); 0: none did */
};

void sq_injector_delays(const struct sq_injector *injector, size_t fault, struct sq_delays *ret);

/*
 * The processes that a fault on calls has hit most, at most ten, and the files they were about: [{process,
 * path, injected}], the path's last two names. New; empty for packets, which have no process.
 */
json_t *sq_injector_victims(const struct sq_injector *injector, size_t fault);

/* What the injector wants to say for the report about calls, before sq_injector_disarm(). New. */
json_t *sq_injector_notes(const struct sq_injector *injector);

/*
 * What it wants to say after sq_injector_disarm(): of the delay line, such as packets without room, and of what
 * sq_injector_take_notes() was not asked for in time. New.
 */
json_t *sq_injector_late_notes(const struct sq_injector *injector);

/* The ids of programs, maps and links, for the journal: {programs: [], maps: [], links: []}. */
json_t *sq_injector_objects(const struct sq_injector *injector);

#endif
