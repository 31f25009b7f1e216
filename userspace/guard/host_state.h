/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the host that a run could change, taken before and after it. What is there afterwards
 * and was not before, and is the run's, was left; all other differences are somebody else's doing.
 * It costs some milliseconds, and no more with 10 000 cgroups: of those only squall's own are read.
 */
#ifndef SQ_GUARD_HOST_STATE_H
#define SQ_GUARD_HOST_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/text.h"

enum sq_part {
	SQ_PART_PROGRAMS, /* BPF's, by id */
	SQ_PART_MAPS,
	SQ_PART_LINKS,
	SQ_PART_CGROUPS, /* below squall's own */
	SQ_PART_MOUNTS, /* in squall's mount namespace */
	SQ_PART_FUSE, /* connections */
	SQ_PART_PROCESSES, /* children of squall's */
	SQ_PART_NAMESPACES, /* of the network, with a name */
	SQ_PART_FILES, /* that look like squall's, outside the journals */
	SQ_PART_SYSCTLS, /* about BPF, with their values */
	SQ_PART_DEVICES, /* from here on: of each network namespace that the run comes into */
	SQ_PART_QDISCS,
	SQ_PART_FILTERS, /* of clsact and ingress */
	SQ_PARTS,
};

struct sq_host_item {
	enum sq_part part;
	uint64_t space; /* the network namespace's inode, or 0 */
	uint64_t id; /* its number, where it has one */
	char *name; /* or NULL: it is found out only of what is told */
	bool squalls; /* a BPF object that is called as squall calls its own */
};

struct sq_host_state {
	struct sq_host_item *item;
	size_t n;
};

/* A network namespace, held open. */
struct sq_host_space {
	uint64_t inode;
	int fd;
};

struct sq_host_spaces {
	struct sq_host_space *item;
	size_t n;
};

/* host_state.c: adds what is there now; what cannot be read is not there, before and after. */
void sq_host_state_read(struct sq_host_state *state);

/* host_net.c: adds what is in one network namespace. */
void sq_host_state_read_space(struct sq_host_state *state, const struct sq_host_space *space);

/* Adds one item; takes over @name. */
void sq_host_state_add(struct sq_host_state *state, struct sq_host_item item);

void sq_host_state_clear(struct sq_host_state *state);

#define SQ_OBJECT_NAME 16 /* BPF_OBJ_NAME_LEN */

/* Of a BPF object; a link has none of its own: its program's. "" where it is gone, or has none. */
void sq_host_object_name(enum sq_part part, uint32_t id, char name[SQ_OBJECT_NAME]);

/* Does squall give such names? The kill switch is the host's, and does not count. */
bool sq_host_object_is_squalls(const char *name);

/* "programs", the key in the journal. */
const char *sq_part_name(enum sq_part part);

/* host_diff.c: both looks of one run. Starts as { 0 }. */
struct sq_host_watch {
	bool begun;
	struct sq_host_state before;
	struct sq_host_spaces spaces;
	uint64_t took_ns;
};

/* The first look. */
void sq_host_watch_begin(struct sq_host_watch *watch);

/* The run is about to come into the network namespace @fd: the first look at it, once. */
void sq_host_watch_space(struct sq_host_watch *watch, uint64_t inode, int fd);

/* The run has left it again: it is not looked at a second time. */
void sq_host_watch_leave(struct sq_host_watch *watch, uint64_t inode);

/* By what a run's own is known. */
struct sq_host_ours {
	const char *run;
	const json_t *events; /* its journal's */
	const char *device; /* the name of its delay line's, or "" */
	uint32_t fuse; /* the nap server's connection, or 0 */
	pid_t guard; /* that is still there, as it should be */
	pid_t notifier; /* likewise: it tells of the end; 0: there is none */
};

/*
 * The second look, repeated for up to @late_ns while something of the run is there, since the kernel
 * frees late. Adds a sentence to @left for each thing that stays, if it is not there yet. Returns the
 * journal's cleanup.state: {took_ms, compared: {PART: {before, after}}, others: [SENTENCE], other_runs:
 * [SENTENCE]}; of these, the kernel frees late what a run before this one has had.
 */
json_t *sq_host_watch_end(struct sq_host_watch *watch, const struct sq_host_ours *ours,
			  uint64_t late_ns, struct sq_texts *left);

void sq_host_watch_clear(struct sq_host_watch *watch);

#endif
