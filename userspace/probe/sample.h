/* SPDX-License-Identifier: GPL-2.0-only */
/* A sample under way: what the kinds of probes share among themselves. */
#ifndef SQ_PROBE_SAMPLE_H
#define SQ_PROBE_SAMPLE_H

#include <sys/types.h>

#include <curl/curl.h>

#include "probe/probe.h"

#define SQ_SAMPLE_TEXT 65536 /* of an answer's body, or a program's output */

struct sq_pending {
	struct sq_prober *prober;
	struct sq_pending *next, **link;
	const struct sq_expect *expect;
	sq_sample_done done;
	void *data;
	uint64_t started_ns;
	char *text; /* what has been answered so far */
	size_t n;
	/* http, tcp */
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	/* exec */
	pid_t pid;
	int output_fd;
	bool timed_out;
	sd_event_source *child, *output, *timer;
};

struct sq_prober {
	sd_event *event;
	int cgroup_fd;
	CURLM *multi;
	sd_event_source *timer; /* curl's */
	struct sq_pending *pending;
};

/* Adds what has been answered; what is beyond SQ_SAMPLE_TEXT is left out. */
void sq_pending_add(struct sq_pending *pending, const char *text, size_t n);

/* The sample is over; @why is NULL where it was met. Frees it. */
void sq_pending_finish(struct sq_pending *pending, const char *why);

/* Each starts a sample, or finishes it as not met. */
void sq_http_start(struct sq_pending *pending, const struct sq_http *http);
void sq_tcp_start(struct sq_pending *pending, const struct sq_tcp *tcp);
void sq_exec_start(struct sq_pending *pending, const struct sq_exec *exec);

/* What a kind holds in @pending, given back. */
void sq_curl_release(struct sq_pending *pending);
void sq_exec_release(struct sq_pending *pending);

/* The part of curl in the event loop. */
int sq_curl_open(struct sq_prober *prober, struct sq_error **err);
void sq_curl_close(struct sq_prober *prober);

/*
 * Does @code lie in one of the ranges, and the text meet the expectation? NULL, or why not, in
 * @why of 160 bytes.
 */
const char *sq_expect_check(const struct sq_port_ranges *codes, const char *what, unsigned int code,
			    const struct sq_text_expect *expect, const char *text, char *why);

#endif
