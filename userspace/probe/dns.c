// SPDX-License-Identifier: GPL-2.0-only
/* dns probes: one question by UDP to one server, without the resolver's tries and caches. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#undef MIN /* of sys/param.h, which resolv.h brings */
#undef MAX

#include "experiment/peer.h"
#include "probe/sample.h"
#include "util/text.h"

#define DNS_PORT 53
#define LARGEST 4096

static const ns_type types[] = { ns_t_a,   ns_t_aaaa, ns_t_cname, ns_t_mx, ns_t_ns,
				 ns_t_ptr, ns_t_soa,  ns_t_srv,	  ns_t_txt };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "10.0.0.2", "10.0.0.2:5353", "[::1]:53", "::1": the file's check has parsed it before. */
static int address_of(const char *text, union address *ret)
{
	struct sq_peer peer;
	const char *why;
	uint16_t port;

	if (sq_parse_peer(text, &peer, &why))
		return -EINVAL;
	sq_peer_clear(&peer);
	port = htons(peer.has_ports ? peer.ports.low : DNS_PORT);
	*ret = (union address){ 0 };
	if (peer.ipv4) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = port;
		memcpy(&ret->in.sin_addr, peer.address + 12, 4);
	} else {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = port;
		memcpy(&ret->in6.sin6_addr, peer.address, 16);
	}
	return 0;
}

/* The first server of /etc/resolv.conf; where there is none, libresolv takes this host. */
static int default_server(union address *ret)
{
	struct __res_state state = { 0 };
	int r = res_ninit(&state) ? -EIO : 0;

	*ret = (union address){ 0 };
	if (!r && state.nscount && state.nsaddr_list[0].sin_family == AF_INET)
		ret->in = state.nsaddr_list[0];
	else if (!r && state._u._ext.nsaddrs[0])
		ret->in6 = *state._u._ext.nsaddrs[0];
	else
		r = -ENOENT;
	res_nclose(&state);
	return r;
}

/* A name in the message, from @data on; "" where it is damaged. */
static const char *name_at(const ns_msg *message, const unsigned char *data, char text[NS_MAXDNAME])
{
	if (dn_expand(ns_msg_base(*message), ns_msg_end(*message), data, text, NS_MAXDNAME) < 0)
		*text = '\0';
	return text;
}

static void add_text(const unsigned char *data, size_t n, struct sq_buffer *text)
{
	size_t i = 0, length;

	for (; i < n; i += length + 1) {
		length = MIN(data[i], n - i - 1);
		sq_buffer_add(text, "%s\"%.*s\"", i ? " " : "", (int)length,
			      (const char *)data + i + 1);
	}
}

/* "A 10.0.0.1", "MX 10 mail.example.org", in a line. */
static void add_record(const ns_msg *message, const ns_rr *record, struct sq_buffer *text)
{
	const unsigned char *data = ns_rr_rdata(*record);
	size_t n = ns_rr_rdlen(*record);
	char name[NS_MAXDNAME];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i] == ns_rr_type(*record))
			sq_buffer_add(text, "%s ", sq_dns_types[i]);
	switch (ns_rr_type(*record)) {
	case ns_t_a:
	case ns_t_aaaa:
		if (n == (ns_rr_type(*record) == ns_t_a ? NS_INADDRSZ : NS_IN6ADDRSZ))
			sq_buffer_add(text, "%s",
				      inet_ntop(n == NS_INADDRSZ ? AF_INET : AF_INET6, data, name,
						sizeof(name)));
		break;
	case ns_t_mx:
		if (n > 2)
			sq_buffer_add(text, "%u %s", ns_get16(data),
				      name_at(message, data + 2, name));
		break;
	case ns_t_srv:
		if (n > 6)
			sq_buffer_add(text, "%u %u %u %s", ns_get16(data), ns_get16(data + 2),
				      ns_get16(data + 4), name_at(message, data + 6, name));
		break;
	case ns_t_txt:
		add_text(data, n, text);
		break;
	case ns_t_cname:
	case ns_t_ns:
	case ns_t_ptr:
	case ns_t_soa:
		sq_buffer_add(text, "%s", name_at(message, data, name));
		break;
	default:
		sq_buffer_add(text, "type %d", ns_rr_type(*record));
	}
	sq_buffer_add(text, "\n");
}

/* What a DNS answer holds. NULL and the rcode, the number of records, them as text; or why not. */
static const char *parse(const unsigned char *answer, size_t n, unsigned int *ret_rcode,
			 unsigned int *ret_records, struct sq_buffer *text)
{
	ns_msg message;

	if (ns_initparse(answer, (int)n, &message) < 0)
		return "the answer is not DNS";
	*ret_rcode = ns_msg_getflag(message, ns_f_rcode);
	*ret_records = ns_msg_count(message, ns_s_an);
	for (unsigned int i = 0; i < *ret_records; i++) {
		ns_rr record;

		if (ns_parserr(&message, ns_s_an, (int)i, &record) < 0)
			return "the answer is cut off or damaged";
		add_record(&message, &record, text);
	}
	return NULL;
}

static const char *rcode_name(unsigned int rcode, char text[16])
{
	for (unsigned int i = 0; sq_dns_rcodes[i]; i++)
		if (i == rcode)
			return sq_dns_rcodes[i];
	snprintf(text, 16, "rcode %u", rcode);
	return text;
}

static const char *judge(const struct sq_expect *expect, unsigned int rcode, unsigned int records,
			 const char *text, char *why)
{
	char name[16];

	if (!(expect->rcode >> rcode & 1)) {
		snprintf(why, SQ_WHY_SIZE, "the server answers %s", rcode_name(rcode, name));
		return why;
	}
	if (expect->records.op == SQ_COMPARE_NONE && rcode == ns_r_noerror && !records) {
		snprintf(why, SQ_WHY_SIZE, "the answer has no records");
		return why;
	}
	return sq_expect_number(&expect->records, "records", records, why)
		       ?: sq_expect_text(&expect->answer, text, why);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sq_pending *pending = data;
	_cleanup_buffer_ struct sq_buffer text = { 0 };
	unsigned char answer[LARGEST];
	unsigned int rcode = 0, records = 0;
	char why[SQ_WHY_SIZE];
	const char *wrong;
	ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		snprintf(why, sizeof(why), "no answer from the server: %s", strerror(errno));
		sq_pending_finish(pending, why);
		return 0;
	}
	/* not to what was asked: somebody else's, or a late one */
	if (n < NS_HFIXEDSZ || (answer[0] << 8 | answer[1]) != pending->question)
		return 0;
	wrong = parse(answer, (size_t)n, &rcode, &records, &text);
	if (!wrong && pending->expect)
		wrong = judge(pending->expect, rcode, records, sq_buffer_text(&text), why);
	sq_pending_finish(pending, wrong);
	return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *data)
{
	sq_pending_finish(data, "timed out: no answer from the server");
	return 0;
}

static int ask(struct sq_pending *pending, const struct sq_dns *dns)
{
	unsigned char question[NS_PACKETSZ];
	union address server;
	int n, r = dns->server ? address_of(dns->server, &server) : default_server(&server);
	socklen_t size;

	if (r)
		return r;
	n = res_mkquery(ns_o_query, dns->name, ns_c_in, types[dns->type], NULL, 0, NULL, question,
			sizeof(question));
	if (n < 0)
		return -EINVAL;
	if (getrandom(&pending->question, sizeof(pending->question), GRND_NONBLOCK) < 0)
		pending->question = (uint16_t)pending->started_ns;
	question[0] = (unsigned char)(pending->question >> 8);
	question[1] = (unsigned char)pending->question;
	size = server.any.sa_family == AF_INET ? sizeof(server.in) : sizeof(server.in6);
	pending->socket_fd =
		socket(server.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pending->socket_fd < 0 || connect(pending->socket_fd, &server.any, size) < 0 ||
	    send(pending->socket_fd, question, (size_t)n, MSG_NOSIGNAL) < 0)
		return -errno;
	r = sd_event_add_io(pending->prober->event, &pending->output, pending->socket_fd, EPOLLIN,
			    on_answer, pending);
	return r < 0 ? r : sq_pending_limit(pending, dns->timeout_ns, on_late);
}

void sq_dns_start(struct sq_pending *pending)
{
	int r = ask(pending, &pending->source->dns);
	char why[SQ_WHY_SIZE];

	if (r >= 0)
		return;
	if (r == -ENOENT)
		snprintf(why, sizeof(why), "/etc/resolv.conf names no server");
	else
		snprintf(why, sizeof(why), "cannot ask the server: %s", strerror(-r));
	sq_pending_finish(pending, why);
}
