// SPDX-License-Identifier: GPL-2.0-only
/* libcurl's multi interface in the event loop, for all that goes over a connection. */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "probe/sample.h"
#include "util/time.h"

static void check_done(struct sq_prober *prober)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(prober->multi, &left))) {
		struct sq_pending *pending;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pending))
			continue;
		if (result == CURLE_OPERATION_TIMEDOUT)
			sq_pending_finish(pending, "timed out");
		else if (result)
			sq_pending_finish(pending, *pending->error ? pending->error
								   : curl_easy_strerror(result));
		else
			pending->transferred(pending);
	}
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sq_prober *prober = data;
	uint64_t begun = sq_work_begin();
	int action = 0, running;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		action |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		action |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		action |= CURL_CSELECT_ERR;
	curl_multi_socket_action(prober->multi, fd, action, &running);
	check_done(prober);
	sq_work_end(prober, begun);
	return 0;
}

static int watch_socket(CURL *curl, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct sq_prober *prober = data;
	sd_event_source *source = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		curl_multi_assign(prober->multi, fd, NULL);
		return 0;
	}
	if (source)
		return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
	if (sd_event_add_io(prober->event, &source, fd, events, on_socket, prober) < 0)
		return -1;
	curl_multi_assign(prober->multi, fd, source);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct sq_prober *prober = data;
	uint64_t begun = sq_work_begin();
	int running;

	curl_multi_socket_action(prober->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(prober);
	sq_work_end(prober, begun);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *data)
{
	struct sq_prober *prober = data;

	if (timeout_ms < 0)
		return sd_event_source_set_enabled(prober->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(prober->timer, (uint64_t)timeout_ms * 1000) < 0)
		return -1;
	return sd_event_source_set_enabled(prober->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

int sq_curl_open(struct sq_prober *prober, struct sq_error **err)
{
	int r;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	prober->multi = curl_multi_init();
	if (!prober->multi)
		sq_oom();
	r = sd_event_add_time(prober->event, &prober->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
			      prober);
	if (r < 0)
		return sq_error_errno(err, -r, "cannot set up the probes' timer");
	sd_event_source_set_enabled(prober->timer, SD_EVENT_OFF);
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETDATA, prober);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERDATA, prober);
	return 0;
}

void sq_curl_close(struct sq_prober *prober)
{
	if (prober->multi)
		curl_multi_cleanup(prober->multi);
	prober->multi = NULL;
	prober->timer = sd_event_source_disable_unref(prober->timer);
}

static size_t on_body(char *text, size_t size, size_t n, void *data)
{
	sq_pending_add(data, text, size * n);
	return size * n;
}

CURL *sq_curl_prepare(struct sq_pending *pending, const char *url, uint64_t timeout_ns)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		sq_oom();
	pending->curl = curl;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, pending);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, pending->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "squall/" SQ_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / SQ_MS));
	/* or it waits for a thread that resolves a name, for 10 s and more where DNS is down (7.87) */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	/* a pooled connection would hide that a new one cannot be had */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, pending);
	return curl;
}

void sq_curl_headers(struct sq_pending *pending, const struct sq_texts *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		struct curl_slist *longer = curl_slist_append(pending->headers, headers->item[i]);

		if (!longer)
			sq_oom();
		pending->headers = longer;
	}
	if (pending->headers)
		curl_easy_setopt(pending->curl, CURLOPT_HTTPHEADER, pending->headers);
}

void sq_curl_start(struct sq_pending *pending)
{
	if (curl_multi_add_handle(pending->prober->multi, pending->curl))
		sq_oom();
}

void sq_curl_release(struct sq_pending *pending)
{
	if (!pending->curl)
		return;
	curl_multi_remove_handle(pending->prober->multi, pending->curl);
	curl_easy_cleanup(pending->curl);
	curl_slist_free_all(pending->headers);
	pending->curl = NULL;
	pending->headers = NULL;
}
