// SPDX-License-Identifier: GPL-2.0-only
/* tcp probes: a connection, and where it is asked for, what is said over it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "probe/sample.h"
#include "util/time.h"

static bool wants_answer(const struct sq_text_expect *answer)
{
	return answer->contains.n || answer->lacks.n || answer->matches || answer->json.n;
}

static int on_late(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_pending *pending = data;
	char why[SQ_WHY_SIZE], text[SQ_WHY_SIZE];
	const char *missing = sq_expect_text(&pending->expect->answer, pending->text, text);

	/* what must not come has not come until now */
	if (!missing || !pending->n) {
		sq_pending_finish(pending, missing ? "timed out: nothing came back" : NULL);
		return 0;
	}
	snprintf(why, sizeof(why), "timed out: %.150s", missing);
	sq_pending_finish(pending, why);
	return 0;
}

/* Is what has come so far what was waited for? Then the sample is over. */
static void judge(struct sq_pending *pending, bool closed)
{
	const struct sq_text_expect *answer = &pending->expect->answer;
	char text[SQ_WHY_SIZE];
	const char *why = sq_expect_text(answer, pending->text, text);

	/* of what must not come one knows at the end only */
	if (!closed && (why || (!answer->contains.n && !answer->matches && !answer->json.n)))
		return;
	if (why && !pending->n)
		why = "the connection was closed, and nothing had come back";
	sq_pending_finish(pending, why);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sq_pending *pending = data;
	const char *send = pending->source->tcp.send;
	size_t length = send ? strlen(send) : 0, n;
	char text[4096];
	CURLcode code;

	if (pending->sent < length) {
		code = curl_easy_send(pending->curl, send + pending->sent, length - pending->sent,
				      &n);
		if (!code)
			pending->sent += n;
		else if (code != CURLE_AGAIN)
			sq_pending_finish(pending, curl_easy_strerror(code));
		if (code && code != CURLE_AGAIN)
			return 0;
	}
	if (pending->sent == length)
		sd_event_source_set_io_events(source, EPOLLIN);
	if (pending->sent == length && !wants_answer(&pending->expect->answer)) {
		sq_pending_finish(pending, NULL);
		return 0;
	}
	code = curl_easy_recv(pending->curl, text, sizeof(text), &n);
	if (code == CURLE_AGAIN)
		return 0;
	if (!code)
		sq_pending_add(pending, text, n);
	judge(pending, code || !n || pending->n == pending->most);
	return 0;
}

/* The connection stands. */
static void talk(struct sq_pending *pending)
{
	const struct sq_tcp *tcp = &pending->source->tcp;
	uint64_t left = pending->started_ns + tcp->timeout_ns, now = sq_now();
	curl_socket_t fd;
	int r;

	if (!pending->expect || (!tcp->send && !wants_answer(&pending->expect->answer))) {
		sq_pending_finish(pending, NULL);
		return;
	}
	if (curl_easy_getinfo(pending->curl, CURLINFO_ACTIVESOCKET, &fd) || fd < 0) {
		sq_pending_finish(pending, "the connection was closed at once");
		return;
	}
	r = sd_event_add_io(pending->prober->event, &pending->output, fd,
			    EPOLLIN | (tcp->send ? EPOLLOUT : 0u), on_socket, pending);
	if (r >= 0)
		r = sq_pending_limit(pending, left > now ? left - now : 0, on_late);
	if (r < 0)
		sq_pending_finish(pending, "cannot watch the connection");
}

void sq_tcp_start(struct sq_pending *pending)
{
	const struct sq_tcp *tcp = &pending->source->tcp;
	_cleanup_free_ char *url = sq_asprintf("http://%s/", tcp->address);
	CURL *curl = sq_curl_prepare(pending, url, tcp->timeout_ns);

	pending->transferred = talk;
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	/* or it is closed as soon as it stands; that of a connect-only transfer is used by nobody else */
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 0L);
	sq_curl_start(pending);
}
