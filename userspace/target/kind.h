/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of target, among themselves: how each finds its cgroups. */
#ifndef SQ_TARGET_KIND_H
#define SQ_TARGET_KIND_H

#include "experiment/experiment.h"
#include "target/follow.h"
#include "util/error.h"
#include "util/text.h"

/* One cgroup that a kind has found, under the name by which it is drawn and left out. */
struct sq_found {
	char *name, *path;
};

struct sq_finding {
	struct sq_found *item;
	size_t n;
	bool shared; /* by a glob, a label or a list */
	bool every; /* asked for: also what is there twice under one name, while it is made anew */
	bool during; /* asked for in a run: what may not be hit is left out, where a plan is refused */
	struct sq_unfit *unfit; /* those */
	size_t n_unfit;
	struct sq_texts warnings; /* for the plan */
};

void sq_finding_add(struct sq_finding *finding, const char *name, const char *path);
void sq_finding_warn(struct sq_finding *finding, const char *format, ...) _printf_(2, 3);
void sq_finding_clear(struct sq_finding *finding);
void sq_found_clear(struct sq_found *found);

/* not.c: leaves out what @pattern names; what of that lies in others goes to @carved. Returns how many. */
size_t sq_finding_leave_out(struct sq_finding *finding, const char *pattern,
			    struct sq_texts *carved);

/* Leaves one out that may not be hit, for the reason of @err, which is cleared. */
void sq_finding_refuse(struct sq_finding *finding, const char *name, const char *path,
		       struct sq_error **err);

/* Tells of a glob that takes @found, which is most of @all @what: perhaps more than is meant. */
void sq_finding_tell_wide(struct sq_finding *finding, const struct sq_target *target,
			  const char *pattern, size_t found, size_t all, const char *what);

/*
 * The result @one of one pattern of a list, with its @error: the first is kept in *r and *err. Where it
 * says that nothing matches, or does not run, others are looked for all the same: false; else true.
 */
bool sq_match_ends(int one, struct sq_error *error, int *r, struct sq_error **err);

struct sq_kind {
	bool (*is)(const struct sq_target *target);
	/*
	 * Adds all that match; SQ_FAIL_REFUSED or SQ_FAIL_NOT_NOW where there is none, or none of one
	 * pattern of several: with -ENOENT or -ESRCH @finding holds those of the others.
	 */
	int (*match)(const struct sq_target *target, const char *run, struct sq_finding *finding,
		     struct sq_error **err);
	/*
	 * May a cgroup that comes or goes directly below @path change what matches? @uid is what
	 * sq_target_find_user() has found. NULL: any may.
	 */
	bool (*holds)(const struct sq_target *target, const char *uid, const char *path);
};

extern const struct sq_kind sq_kind_cgroup, sq_kind_systemd, sq_kind_process, sq_kind_container,
	sq_kind_pod;

/*
 * All that match @target, without those of 'not'; what of that lies in others goes to @carved. With
 * -ENOENT or -ESRCH @finding holds what some of several patterns match.
 */
int sq_target_match(const struct sq_target *target, const char *run, struct sq_finding *finding,
		    struct sq_texts *carved, struct sq_error **err);

/*
 * Whose manager or containers a target means, as a uid in digits: "" for everybody's. To be freed; NULL: the
 * system's.
 */
int sq_target_find_user(const struct sq_target *target, char **ret, struct sq_error **err);

/* not.c: is a cgroup that the kind has found left out by 'not'? */
bool sq_target_leaves_out(const struct sq_target *target, const char *name, const char *path);

/* What decides whether @name is drawn: the lowest are. */
uint64_t sq_target_hash(const struct sq_target *target, uint64_t seed, const char *name);

/* May a cgroup that comes or goes directly below @path change what matches? @uid: of its user, or NULL. */
bool sq_target_holds(const struct sq_target *target, const char *uid, const char *path);

/* The text of a hint "did you mean", out of @names; false where none comes near. */
bool sq_hint_nearest(const char *name, const char *const *names, size_t n, struct sq_error **err);

/* "2 cgroups with 5 processes": those below @path that have processes. To be freed. */
char *sq_tell_below(const char *path);

#endif
