/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors kept for the end: who has none left could not even look at what is to be cleaned up. */
#ifndef SQ_UTIL_SPARE_H
#define SQ_UTIL_SPARE_H

#define SQ_SPARES 24

struct sq_spare {
	int n, fd[SQ_SPARES];
};

/* Takes them; as many as there are. */
void sq_spare_take(struct sq_spare *spare);

/* Gives them back; safe to be called again, and on { 0 }. */
void sq_spare_give(struct sq_spare *spare);

#endif
