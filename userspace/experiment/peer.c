// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define LONGEST_NAME 253
#define LONGEST_LABEL 63

static int fail(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

static int parse_port(const char **text, uint16_t *ret)
{
	unsigned long value = 0;
	const char *p = *text;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		value = value * 10 + (unsigned long)(*p - '0');
		if (value > 65535)
			return -EINVAL;
	}
	if (value == 0)
		return -EINVAL;
	*text = p;
	*ret = (uint16_t)value;
	return 0;
}

int sq_parse_port_range(const char *text, struct sq_port_range *ret, const char **why)
{
	if (parse_port(&text, &ret->low))
		return fail(why, "is not a port from 1 to 65535, nor a range such as 8000-8010");
	ret->high = ret->low;
	if (*text == '-') {
		text++;
		if (parse_port(&text, &ret->high))
			return fail(why, "is not a range of ports such as 8000-8010");
	}
	if (*text)
		return fail(why, "is not a port, nor a range such as 8000-8010");
	if (ret->high < ret->low)
		return fail(why, "is a range that ends before it begins");
	return 0;
}

/* Are all bits behind the prefix zero? Otherwise the range is not what it seems. */
static bool host_bits_clear(const uint8_t *address, unsigned int prefix)
{
	for (unsigned int bit = prefix; bit < 128; bit++)
		if (address[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

static int parse_prefix(const char *text, unsigned int width, unsigned int *ret)
{
	unsigned int value = 0;

	if (!*text || strlen(text) > 3 || strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	value = (unsigned int)strtoul(text, NULL, 10);
	if (value > width)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* RFC 1123, and the underscore that many have; one that is all digits was meant as an address. */
static bool is_host_name(const char *text)
{
	size_t label = 0;
	bool letter = false;

	if (strlen(text) > LONGEST_NAME)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p == '.') {
			if (!label || p[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_' && (*p != '-' || !label))
			return false;
		if (++label > LONGEST_LABEL)
			return false;
		letter |= !isdigit((unsigned char)*p);
	}
	return letter && text[strlen(text) - 1] != '-';
}

static int parse_range(char *text, struct sq_peer *peer, const char **why)
{
	char *slash = strchr(text, '/');
	unsigned int prefix, width;
	struct in_addr v4;

	if (slash)
		*slash++ = '\0';
	peer->ipv4 = inet_pton(AF_INET, text, &v4) == 1;
	if (peer->ipv4) {
		memset(peer->address, 0, 10);
		memset(peer->address + 10, 0xff, 2);
		memcpy(peer->address + 12, &v4, 4);
	} else if (inet_pton(AF_INET6, text, peer->address) != 1) {
		if (!is_host_name(text))
			return fail(why,
				    "is neither an IPv4 or IPv6 address or CIDR nor a host name");
		if (slash)
			return fail(why,
				    "is a host name with a prefix length; that takes an address");
		peer->host = sq_strdup(text);
		return 0;
	}
	width = prefix = peer->ipv4 ? 32 : 128;
	if (slash && parse_prefix(slash, width, &prefix))
		return fail(why, peer->ipv4 ? "has a prefix length that is not between 0 and 32"
					    : "has a prefix length that is not between 0 and 128");
	peer->prefix_len = (uint8_t)(prefix + (peer->ipv4 ? 96 : 0));
	if (!host_bits_clear(peer->address, peer->prefix_len))
		return fail(why, "has bits set behind its prefix length; write the network's "
				 "first address");
	return 0;
}

int sq_parse_peer(const char *text, struct sq_peer *ret, const char **why)
{
	_cleanup_free_ char *copy = sq_strdup(text);
	char *range = copy, *port = NULL;
	int r;

	*ret = (struct sq_peer){ 0 };
	if (*copy == '[') {
		char *end = strchr(copy, ']');

		if (!end || (end[1] && end[1] != ':'))
			return fail(why, "is not of the form \"[ADDRESS]:PORT\"");
		range = copy + 1;
		*end = '\0';
		port = end[1] ? end + 2 : NULL;
	} else if (strchr(copy, ':') && strchr(copy, ':') == strrchr(copy, ':')) {
		port = strchr(copy, ':');
		*port++ = '\0';
	}
	r = parse_range(range, ret, why);
	if (!r && port) {
		ret->has_ports = true;
		if (sq_parse_port_range(port, &ret->ports, why))
			r = fail(why, "does not end in a port from 1 to 65535, nor a range such "
				      "as :8000-8010");
	}
	if (!r)
		ret->text = sq_strdup(text);
	else
		sq_peer_clear(ret);
	return r;
}

void sq_peer_clear(struct sq_peer *peer)
{
	free(peer->host);
	free(peer->text);
	peer->host = peer->text = NULL;
}
