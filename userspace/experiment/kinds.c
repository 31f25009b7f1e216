// SPDX-License-Identifier: GPL-2.0-only
/* Finding a kind of fault in the catalogue. */
#include <string.h>

#include "experiment/catalogue.h"

const struct sq_fault_kind *sq_fault_kind_find(const char *name)
{
	for (size_t i = 0; i < sq_catalogue_n; i++)
		if (!strcmp(sq_catalogue[i].name, name))
			return &sq_catalogue[i];
	return NULL;
}

bool sq_fault_kind_is_call(const struct sq_fault_kind *kind)
{
	return !strncmp(kind->name, "syscall.", strlen("syscall."));
}

const char *sq_fault_kind_nearest(const char *name)
{
	const char *names[SQ_FAULT_KINDS] = { NULL }, *near;

	for (size_t i = 0; i < sq_catalogue_n; i++)
		names[i] = sq_catalogue[i].name;
	near = sq_nearest(name, names, sq_catalogue_n);
	/* "latency" means one of two; the network's is the more frequent */
	for (size_t i = 0; !near && i < sq_catalogue_n; i++)
		if (!strcmp(strchr(names[i], '.') + 1, name))
			near = names[i];
	return near;
}

static const struct sq_schema *choose_kind(const struct sq_node *node, struct sq_diags *diags)
{
	const struct sq_node *kind_node = sq_node_get(node, "fault");
	const struct sq_fault_kind *kind;
	_cleanup_free_ char *hint = NULL;
	const char *near;

	if (!kind_node || kind_node->type != SQ_NODE_SCALAR) {
		sq_diag_error(diags, node->mark, "`squall faults` lists the kinds",
			      "a fault lacks 'fault', its kind");
		return NULL;
	}
	kind = sq_fault_kind_find(kind_node->value);
	if (kind)
		return &kind->schema;
	near = sq_fault_kind_nearest(kind_node->value);
	hint = near ? sq_asprintf("did you mean '%s'?", near)
		    : sq_strdup("`squall faults` lists the kinds");
	sq_diag_error(diags, kind_node->mark, hint, "fault: there is no '%.100s'",
		      kind_node->value);
	return NULL;
}

const struct sq_schema sq_fault_schema = {
	.what = "a fault",
	.size = sizeof(struct sq_fault),
	.choose = choose_kind,
};

struct search {
	const char *key;
	bool found;
};

static void match_key(const struct sq_field *field, void *data)
{
	struct search *search = data;

	search->found |= !strcmp(field->key, search->key);
}

bool sq_fault_kind_has(const struct sq_fault_kind *kind, const char *key)
{
	struct search search = { .key = key };

	sq_schema_each(&kind->schema, match_key, &search);
	return search.found;
}
