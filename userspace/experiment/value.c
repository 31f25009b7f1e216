// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"
#include "util/units.h"

const char *sq_value_trap(const char *text)
{
	static const char *const truths[] = { "yes", "no", "on", "off", "y", "n", "true", "false" };
	static const char *const nulls[] = { "null", "~", "" };

	for (size_t i = 0; i < ARRAY_SIZE(truths); i++)
		if (!strcasecmp(text, truths[i]))
			return "is a truth value in YAML; put it in quotes if a text is meant";
	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		if (!strcasecmp(text, nulls[i]))
			return "is an empty value in YAML; put it in quotes if a text is meant";
	if (strspn(text, "0123456789:") == strlen(text) && strchr(text, ':') && text[0] != ':' &&
	    strlen(strrchr(text, ':')) == 3)
		return "is a number to the base of 60 in YAML 1.1; put it in quotes";
	return NULL;
}

static int parse_bool(const char *text, bool *ret, const char **why, const char **near)
{
	*ret = !strcmp(text, "true");
	if (*ret || !strcmp(text, "false"))
		return 0;
	if (!strcasecmp(text, "yes") || !strcasecmp(text, "on") || !strcasecmp(text, "true"))
		*near = "true";
	else if (!strcasecmp(text, "no") || !strcasecmp(text, "off") || !strcasecmp(text, "false"))
		*near = "false";
	*why = "is neither true nor false";
	return -EINVAL;
}

static int parse_name(const char *const *names, const char *text, unsigned int *ret,
		      const char **why, const char **near)
{
	static _Thread_local char list[512];
	size_t n, length;

	for (n = 0; names[n]; n++) {
		if (!strcmp(names[n], text)) {
			*ret = (unsigned int)n;
			return 0;
		}
	}
	length = (size_t)snprintf(list, sizeof(list), "is not one of");
	for (size_t i = 0; i < n && length + strlen(names[i]) + 8 < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   i == 0	? " "
					   : i == n - 1 ? " or "
							: ", ",
					   names[i]);
	*near = sq_nearest(text, names, n);
	*why = list;
	return -EINVAL;
}

static int parse_call(const char *text, struct sq_calls *calls, const char **why, const char **near)
{
	static _Thread_local char message[160];
	int number = sq_call_number(text);
	const char *never = sq_call_untouchable(text);

	if (*text == '@' && sq_call_group(text, calls))
		return 0;
	if (number < 0 || number >= 64 * SQ_CALLS_WORDS) {
		const char *machine = sq_call_elsewhere(text);

		*near = sq_call_nearest(text);
		snprintf(message, sizeof(message),
			 "is a system call of %s machines only, and this is none",
			 machine ? machine : "other");
		*why = *text == '@' ? "is not a group of system calls"
		       : machine    ? message
				    : "is not a system call of this machine";
		return -EINVAL;
	}
	if (never) {
		snprintf(message, sizeof(message), "must never be touched: %s", never);
		*why = message;
		return -EINVAL;
	}
	sq_calls_add(calls, (unsigned int)number);
	return 0;
}

static int parse_errno(const char *text, unsigned int *ret, const char **why, const char **near)
{
	int number = sq_errno_number(text);

	if (number < 0) {
		*near = sq_errno_nearest(text);
		*why = "is not the name of an error such as EIO";
		return -EINVAL;
	}
	*ret = (unsigned int)number;
	return 0;
}

static int parse_select(const char *text, struct sq_select *ret, const char **why)
{
	int r;

	*ret = (struct sq_select){ 0 };
	if (!strcmp(text, "all"))
		return 0;
	ret->kind = strchr(text, '%') ? SQ_SELECT_SHARE : SQ_SELECT_COUNT;
	r = ret->kind == SQ_SELECT_SHARE ? sq_parse_share(text, &ret->value, why)
					 : sq_parse_count(text, &ret->value, why);
	if (r == -EINVAL)
		*why = "is not all, a number or a share such as 50%";
	if (r)
		return r;
	if (ret->value == 0) {
		*why = "selects nothing";
		return -ERANGE;
	}
	return 0;
}

static int parse_codes(const struct sq_field *field, const char *text,
		       struct sq_port_ranges *ranges, const char **why)
{
	static _Thread_local char message[80];
	struct sq_port_range range;
	unsigned long low, high;
	char *end;

	if (!isdigit((unsigned char)*text) || strspn(text, "0123456789-") != strlen(text)) {
		*why = "is not a code such as 200, nor a range such as 200-299";
		return -EINVAL;
	}
	low = high = strtoul(text, &end, 10);
	if (isdigit((unsigned char)end[*end != '\0']))
		high = strtoul(end + 1, &end, 10);
	if (*end) {
		*why = "is not a range such as 200-299";
		return -EINVAL;
	}
	if (high < low) {
		*why = "is a range that ends before it begins";
		return -EINVAL;
	}
	if (low < field->min || high > field->max) {
		snprintf(message, sizeof(message), "is not between %llu and %llu",
			 (unsigned long long)field->min, (unsigned long long)field->max);
		*why = message;
		return -ERANGE;
	}
	range = (struct sq_port_range){ (uint16_t)low, (uint16_t)high };
	*(struct sq_port_range *)sq_append(&ranges->item, &ranges->n, sizeof(range)) = range;
	return 0;
}

static int parse_regex(const char *text, char **ret, const char **why)
{
	static _Thread_local char message[160];
	char reason[120];

	if (sq_regex_check(text, reason, sizeof(reason))) {
		snprintf(message, sizeof(message), "is not a regular expression: %s", reason);
		*why = message;
		return -EINVAL;
	}
	*ret = sq_strdup(text);
	return 0;
}

static int parse_enums(const struct sq_field *field, const char *text, uint32_t *bits,
		       const char **why, const char **near)
{
	unsigned int index;
	int r = parse_name(field->names, text, &index, why, near);

	if (!r)
		*bits |= 1u << index;
	return r;
}

static int parse_peers(const char *text, struct sq_peers *peers, const char **why)
{
	struct sq_peer peer;
	int r = sq_parse_peer(text, &peer, why);

	if (!r)
		*(struct sq_peer *)sq_append(&peers->item, &peers->n, sizeof(peer)) = peer;
	return r;
}

static int parse_ports(const char *text, struct sq_port_ranges *ranges, const char **why)
{
	struct sq_port_range range;
	int r = sq_parse_port_range(text, &range, why);

	if (!r)
		*(struct sq_port_range *)sq_append(&ranges->item, &ranges->n, sizeof(range)) =
			range;
	return r;
}

int sq_value_parse(const struct sq_field *field, const char *text, void *slot, const char **why,
		   const char **near)
{
	switch (field->type) {
	case SQ_TYPE_TEXT:
		*(char **)slot = sq_strdup(text);
		return 0;
	case SQ_TYPE_TEXTS:
		sq_texts_add(slot, text);
		return 0;
	case SQ_TYPE_BOOL:
		return parse_bool(text, slot, why, near);
	case SQ_TYPE_COUNT:
		return sq_parse_count(text, slot, why);
	case SQ_TYPE_DURATION:
		return sq_parse_duration(text, slot, why);
	case SQ_TYPE_SHARE:
		return sq_parse_share(text, slot, why);
	case SQ_TYPE_RATE:
		return sq_parse_rate(text, slot, why);
	case SQ_TYPE_BITRATE:
		return sq_parse_bitrate(text, slot, why);
	case SQ_TYPE_SIZE:
		return sq_parse_size(text, slot, why);
	case SQ_TYPE_REGEX:
		return parse_regex(text, slot, why);
	case SQ_TYPE_ENUM:
		return parse_name(field->names, text, slot, why, near);
	case SQ_TYPE_ENUMS:
		return parse_enums(field, text, slot, why, near);
	case SQ_TYPE_PEERS:
		return parse_peers(text, slot, why);
	case SQ_TYPE_PORTS:
		return parse_ports(text, slot, why);
	case SQ_TYPE_CALLS:
		return parse_call(text, slot, why, near);
	case SQ_TYPE_ERRNO:
		return parse_errno(text, slot, why, near);
	case SQ_TYPE_SELECT:
		return parse_select(text, slot, why);
	case SQ_TYPE_CODES:
		return parse_codes(field, text, slot, why);
	case SQ_TYPE_EXCESS:
		return sq_parse_excess(text, slot, why);
	case SQ_TYPE_COMPARE:
		return sq_compare_parse(text, SQ_UNIT_NUMBER, slot, why);
	case SQ_TYPE_DURATION_COMPARE:
		return sq_compare_parse(text, SQ_UNIT_DURATION, slot, why);
	case SQ_TYPE_SIZE_COMPARE:
		return sq_compare_parse(text, SQ_UNIT_SIZE, slot, why);
	case SQ_TYPE_COMPARES: /* a map */
	case SQ_TYPE_OBJECT:
	case SQ_TYPE_OBJECTS:
	case SQ_TYPE_NAMED:
		break;
	}
	return -EINVAL;
}

bool sq_value_is_list(enum sq_type type)
{
	return type == SQ_TYPE_TEXTS || type == SQ_TYPE_ENUMS || type == SQ_TYPE_PEERS ||
	       type == SQ_TYPE_PORTS || type == SQ_TYPE_CALLS || type == SQ_TYPE_CODES;
}

void sq_value_unset(enum sq_type type, void *slot)
{
	sq_value_clear(type, slot);
	switch (type) {
	case SQ_TYPE_BOOL:
		*(bool *)slot = false;
		break;
	case SQ_TYPE_COUNT:
	case SQ_TYPE_DURATION:
	case SQ_TYPE_SHARE:
	case SQ_TYPE_RATE:
	case SQ_TYPE_EXCESS:
	case SQ_TYPE_BITRATE:
	case SQ_TYPE_SIZE:
		*(uint64_t *)slot = 0;
		break;
	default:
		break;
	}
}

void sq_value_clear(enum sq_type type, void *slot)
{
	struct sq_port_ranges *ranges = slot;
	struct sq_peers *peers = slot;
	struct sq_compares *compares = slot;

	switch (type) {
	case SQ_TYPE_TEXT:
	case SQ_TYPE_REGEX:
		free(*(char **)slot);
		*(char **)slot = NULL;
		break;
	case SQ_TYPE_TEXTS:
		sq_texts_clear(slot);
		break;
	case SQ_TYPE_PEERS:
		for (size_t i = 0; i < peers->n; i++)
			sq_peer_clear(&peers->item[i]);
		free(peers->item);
		*peers = (struct sq_peers){ 0 };
		break;
	case SQ_TYPE_PORTS:
	case SQ_TYPE_CODES:
		free(ranges->item);
		*ranges = (struct sq_port_ranges){ 0 };
		break;
	case SQ_TYPE_COMPARE:
	case SQ_TYPE_DURATION_COMPARE:
	case SQ_TYPE_SIZE_COMPARE:
		sq_compare_clear(slot);
		break;
	case SQ_TYPE_COMPARES:
		for (size_t i = 0; i < compares->n; i++) {
			free(compares->item[i].path);
			sq_compare_clear(&compares->item[i].compare);
		}
		free(compares->item);
		*compares = (struct sq_compares){ 0 };
		break;
	default:
		break;
	}
}

const char *sq_type_text(enum sq_type type)
{
	switch (type) {
	case SQ_TYPE_TEXT:
		return "text";
	case SQ_TYPE_TEXTS:
		return "text or list of texts";
	case SQ_TYPE_BOOL:
		return "true or false";
	case SQ_TYPE_COUNT:
		return "number";
	case SQ_TYPE_DURATION:
		return "duration (100us, 50ms, 2m)";
	case SQ_TYPE_SHARE:
		return "share (5%)";
	case SQ_TYPE_RATE:
		return "rate (500/s)";
	case SQ_TYPE_BITRATE:
		return "bits a second (500kbit, 10mbit)";
	case SQ_TYPE_SIZE:
		return "size (512B, 64K, 2M)";
	case SQ_TYPE_REGEX:
		return "regular expression";
	case SQ_TYPE_ENUM:
	case SQ_TYPE_ENUMS:
		return "one of";
	case SQ_TYPE_PEERS:
		return "address, CIDR, with or without :PORT; or a list";
	case SQ_TYPE_PORTS:
		return "port or range (8000-8010); or a list";
	case SQ_TYPE_CALLS:
		return "system call; or a list";
	case SQ_TYPE_ERRNO:
		return "error (EIO)";
	case SQ_TYPE_SELECT:
		return "all, a number or a share";
	case SQ_TYPE_CODES:
		return "number or range (200-299); or a list";
	case SQ_TYPE_EXCESS:
		return "share (20%, 300%)";
	case SQ_TYPE_COMPARE:
		return "value, comparison or range (5, \"< 5\", \"1..5\", \"!= ok\", \"~ ^ok\")";
	case SQ_TYPE_DURATION_COMPARE:
		return "duration at most, comparison or range (5s, \"> 1s\", \"1s..5s\")";
	case SQ_TYPE_SIZE_COMPARE:
		return "size, comparison or range (2G, \"> 0B\", \"1K..5M\")";
	case SQ_TYPE_COMPARES:
		return "map of JSON paths and what is there";
	case SQ_TYPE_OBJECT:
		return "map";
	case SQ_TYPE_OBJECTS:
		return "list of maps";
	case SQ_TYPE_NAMED:
		return "map of named maps";
	}
	return "";
}
