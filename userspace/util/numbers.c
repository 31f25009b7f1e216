// SPDX-License-Identifier: GPL-2.0-only
#include "util/numbers.h"

#include <stdlib.h>

void sq_numbers_add(struct sq_numbers *numbers, uint64_t number)
{
	*(uint64_t *)sq_append(&numbers->item, &numbers->n, sizeof(*numbers->item)) = number;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void sq_numbers_sort(struct sq_numbers *numbers)
{
	if (numbers->n)
		qsort(numbers->item, numbers->n, sizeof(*numbers->item), compare);
}

bool sq_numbers_have(const struct sq_numbers *numbers, uint64_t number)
{
	return numbers->n && bsearch(&number, numbers->item, numbers->n, sizeof(number), compare);
}

void sq_numbers_clear(struct sq_numbers *numbers)
{
	free(numbers->item);
	*numbers = (struct sq_numbers){ 0 };
}
