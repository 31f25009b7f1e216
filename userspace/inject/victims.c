// SPDX-License-Identifier: GPL-2.0-only
/* Which processes a fault has hit, and on which files. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "gen/squall.skel.h"
#include "inject/injector_state.h"

#define MOST 10

struct entry {
	struct sq_victim key;
	uint64_t injected;
};

/* The most first; of equals always in the same order. */
static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->injected != y->injected)
		return x->injected > y->injected ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* All that the kernel remembers of a fault. What comes or goes meanwhile may be missed. */
static size_t read_entries(int fd, size_t fault, struct entry *entries)
{
	struct sq_victim key;
	size_t n = 0;
	void *last = NULL;

	/* a key that is gone begins it anew, so there is an end to it */
	for (size_t i = 0; i < 2 * (size_t)SQ_VICTIMS && n < SQ_VICTIMS; i++) {
		if (bpf_map_get_next_key(fd, last, &key))
			break;
		last = &key;
		if (key.fault != fault || bpf_map_lookup_elem(fd, &key, &entries[n].injected))
			continue;
		entries[n++].key = key;
	}
	return n;
}

/* "pg_wal/000000010000000000000001", or NULL where the call names no file. */
static char *path_of(const struct sq_victim *key)
{
	if (!*key->file)
		return NULL;
	/* the root of a file system is its own folder, and called "/" */
	return sq_asprintf("%.*s%s%.*s", SQ_VICTIM_NAME,
			   strcmp(key->folder, "/") ? key->folder : "",
			   strcmp(key->file, "/") ? "/" : "", SQ_VICTIM_NAME, key->file);
}

json_t *sq_injector_victims(const struct sq_injector *injector, size_t fault)
{
	_cleanup_free_ struct entry *entries = sq_alloc(SQ_VICTIMS * sizeof(*entries));
	int fd = bpf_map__fd(injector->object->maps.sq_victims);
	json_t *victims = json_array();
	size_t n = fd < 0 ? 0 : read_entries(fd, fault, entries);

	if (n)
		qsort(entries, n, sizeof(*entries), by_number);
	for (size_t i = 0; i < n && i < MOST; i++) {
		const struct sq_victim *key = &entries[i].key;
		_cleanup_free_ char *path = path_of(key);
		_cleanup_free_ char *process =
			sq_asprintf("%.*s", (int)sizeof(key->process), key->process);
		json_t *victim = sq_json("{s:o, s:I}", "process", sq_json_string(process),
					 "injected", (json_int_t)entries[i].injected);

		if (path)
			json_object_set_new(victim, "path", sq_json_string(path));
		json_array_append_new(victims, victim);
	}
	return victims;
}
