// SPDX-License-Identifier: GPL-2.0-only
#include "util/set.h"

#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

#define SMALLEST 64 /* a power of two */

/* Where the text is, or the empty slot where it would be: open addressing, never more than half full. */
static char **find(const struct sq_set *set, const char *text)
{
	size_t i = sq_hash_text(0, text) & (set->room - 1);

	while (set->slot[i] && strcmp(set->slot[i], text) != 0)
		i = (i + 1) & (set->room - 1);
	return &set->slot[i];
}

static void grow(struct sq_set *set)
{
	struct sq_set old = *set;

	set->room = MAX(2 * old.room, (size_t)SMALLEST);
	set->slot = sq_alloc(set->room * sizeof(*set->slot));
	for (size_t i = 0; i < old.room; i++)
		if (old.slot[i])
			*find(set, old.slot[i]) = old.slot[i];
	free(old.slot);
}

bool sq_set_add(struct sq_set *set, const char *text)
{
	char **slot;

	if (2 * (set->n + 1) > set->room)
		grow(set);
	slot = find(set, text);
	if (*slot)
		return false;
	*slot = sq_strdup(text);
	set->n++;
	return true;
}

bool sq_set_has(const struct sq_set *set, const char *text)
{
	return set->n && *find(set, text);
}

bool sq_set_has_above(const struct sq_set *set, const char *path)
{
	_cleanup_free_ char *above = sq_strdup(path);

	for (char *end = strrchr(above, '/'); end && end[1]; end = strrchr(above, '/')) {
		end[end == above] = '\0'; /* the root keeps its name */
		if (sq_set_has(set, above))
			return true;
		if (end == above)
			return false;
	}
	return false;
}

void sq_set_clear(struct sq_set *set)
{
	for (size_t i = 0; i < set->room; i++)
		free(set->slot[i]);
	free(set->slot);
	*set = (struct sq_set){ 0 };
}
