/* SPDX-License-Identifier: GPL-2.0-only */
/* A sample under way: what the kinds of probes share among themselves. */
#ifndef SQ_PROBE_SAMPLE_H
#define SQ_PROBE_SAMPLE_H

#include <signal.h>
#include <sys/types.h>

#include <curl/curl.h>

#include "probe/probe.h"

#define SQ_SAMPLE_TEXT 65536 /* of an answer's body, or a program's output */
#define SQ_WHY_SIZE 200 /* of why a sample is not met */

struct sq_pending {
	struct sq_prober *prober;
	struct sq_pending *next, **link;
	const struct sq_source *source;
	const struct sq_expect *expect; /* NULL: that it is answered at all */
	sq_sample_done done;
	void *data;
	uint64_t started_ns;
	uint64_t cpu_ns; /* of the program that it took */
	bool has_value;
	double value;
	char *text; /* what has been answered so far */
	size_t n, most; /* bytes, and how many are kept */
	/* http, tcp, prometheus */
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	void (*transferred)(struct sq_pending *pending); /* curl has done its part */
	/* exec, and what is looked at by a program of ours */
	pid_t pid;
	int output_fd;
	bool timed_out;
	void (*exited)(struct sq_pending *pending, const siginfo_t *info);
	/* tcp, dns: the socket's or the program's events, the end of the time */
	sd_event_source *child, *output, *timer;
	int socket_fd; /* dns */
	uint16_t question; /* dns: its id */
	size_t sent; /* tcp */
	struct sq_log_place *place; /* log: held while this sample is under way */
};

/* How far a log probe has read. */
struct sq_log_place {
	struct sq_log_place *next;
	const struct sq_source *source;
	char *state; /* what the reader wants to hear the next time */
	bool busy;
};

struct sq_prober {
	sd_event *event;
	int cgroup_fd;
	const struct sq_user *user; /* of exec probes; NULL: ours */
	CURLM *multi;
	sd_event_source *timer; /* curl's */
	struct sq_pending *pending;
	struct sq_log_place *places;
	uint64_t cpu_ns; /* of this thread, for all samples together */
};

/* Begins and ends what this thread does for probes: sq_prober_cost() tells the sum. */
uint64_t sq_work_begin(void);
void sq_work_end(struct sq_prober *prober, uint64_t begun);

/* Adds what has been answered; what is beyond pending->most is left out. */
void sq_pending_add(struct sq_pending *pending, const char *text, size_t n);

/* The sample is over; @why is NULL where it was met. Frees it. */
void sq_pending_finish(struct sq_pending *pending, const char *why);

/* Calls @late once when the sample has taken @timeout_ns. 0 or a negative errno. */
int sq_pending_limit(struct sq_pending *pending, uint64_t timeout_ns, sd_event_time_handler_t late);

/* Each starts a sample, or finishes it as not met. */
void sq_http_start(struct sq_pending *pending);
void sq_tcp_start(struct sq_pending *pending);
void sq_dns_start(struct sq_pending *pending);
void sq_exec_start(struct sq_pending *pending);
void sq_file_start(struct sq_pending *pending);
void sq_prometheus_start(struct sq_pending *pending);
void sq_unit_start(struct sq_pending *pending);
void sq_log_start(struct sq_pending *pending);

/*
 * Starts a program with its output into pending->text; pending->exited is called at its end, and
 * pending->timed_out says whether it was killed for being late. @program: what to execute, or NULL
 * for argv[0]. Finishes the sample where it cannot be started.
 */
void sq_program_start(struct sq_pending *pending, const char *program, const char *const *argv,
		      uint64_t timeout_ns);

/* What a kind holds in @pending, given back. */
void sq_curl_release(struct sq_pending *pending);
void sq_program_release(struct sq_pending *pending);

/* A transfer that has what all of them have; the rest is the caller's to set. */
CURL *sq_curl_prepare(struct sq_pending *pending, const char *url, uint64_t timeout_ns);
void sq_curl_headers(struct sq_pending *pending, const struct sq_texts *headers);
void sq_curl_start(struct sq_pending *pending);

/* The part of curl in the event loop. */
int sq_curl_open(struct sq_prober *prober, struct sq_error **err);
void sq_curl_close(struct sq_prober *prober);

/*
 * Does @code lie in one of the ranges, and the text meet the expectation? NULL, or why not, in
 * @why of SQ_WHY_SIZE bytes.
 */
const char *sq_expect_check(const struct sq_port_ranges *codes, const char *what, unsigned int code,
			    const struct sq_text_expect *expect, const char *text, char *why);

/* The same for a text alone. */
const char *sq_expect_text(const struct sq_text_expect *expect, const char *text, char *why);

/* NULL where @compare holds for a number; else why not: "value 7, expected < 5". */
const char *sq_expect_number(const struct sq_compare *compare, const char *what, double value,
			     char *why);

/* The same for a time, ns, and a size, bytes. */
const char *sq_expect_duration(const struct sq_compare *compare, const char *what, uint64_t ns,
			       char *why);
const char *sq_expect_size(const struct sq_compare *compare, const char *what, uint64_t bytes,
			   char *why);

/* The one number in a Prometheus server's answer to a query. NULL, or why there is none. */
const char *sq_prometheus_value(const char *answer, double *ret, char *why);

#endif
