/* SPDX-License-Identifier: GPL-2.0-only */
/* What a value shall be, as the experiment file writes it: 5, "< 5", "1..5", "!= ok", "~ ^ok". */
#ifndef SQ_EXPERIMENT_COMPARE_H
#define SQ_EXPERIMENT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

enum sq_compare_unit {
	SQ_UNIT_NUMBER, /* a bare number is exactly it; what is no number is a text */
	SQ_UNIT_DURATION, /* ns; a bare duration is the most there may be */
	SQ_UNIT_SIZE, /* bytes; a bare size is exactly it */
};

struct sq_compare {
	enum sq_compare_op {
		SQ_COMPARE_NONE, /* nothing is asked for */
		SQ_COMPARE_EQUAL,
		SQ_COMPARE_UNEQUAL,
		SQ_COMPARE_LESS,
		SQ_COMPARE_AT_MOST,
		SQ_COMPARE_MORE,
		SQ_COMPARE_AT_LEAST,
		SQ_COMPARE_BETWEEN, /* both ends included */
		SQ_COMPARE_MATCHES,
	} op;
	bool number; /* low (and high) hold it; else it is about `operand` */
	double low, high;
	const char *operand; /* in `text`: what is compared with */
	char *text; /* as written */
};

/* A map from JSON paths to what stands there. */
struct sq_compares {
	struct sq_path_compare {
		char *path;
		struct sq_compare compare;
	} * item;
	size_t n;
};

/*
 * 0, or a negative errno with *why completing "'TEXT' ...". To be cleared. Before it @ret must be
 * clear.
 */
int sq_compare_parse(const char *text, enum sq_compare_unit unit, struct sq_compare *ret,
		     const char **why);
void sq_compare_clear(struct sq_compare *compare);

/* Does it hold for a number? A comparison with a text does so only where it is "!=". */
bool sq_compare_number(const struct sq_compare *compare, double value);

/* Does it hold for a text? One that is a number compares as one. */
bool sq_compare_text(const struct sq_compare *compare, const char *value);

#endif
