/* SPDX-License-Identifier: GPL-2.0-only */
/* Many numbers, in which one is looked for often. */
#ifndef SQ_UTIL_NUMBERS_H
#define SQ_UTIL_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mem.h"

/* Starts as { 0 }. */
struct sq_numbers {
	uint64_t *item;
	size_t n;
};

void sq_numbers_add(struct sq_numbers *numbers, uint64_t number);

/* After the last is added, and before one is looked for. */
void sq_numbers_sort(struct sq_numbers *numbers);
bool sq_numbers_have(const struct sq_numbers *numbers, uint64_t number);

void sq_numbers_clear(struct sq_numbers *numbers);
#define _cleanup_numbers_ _cleanup_(sq_numbers_clear)

#endif
