// SPDX-License-Identifier: GPL-2.0-only
#include "probe/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/sample.h"
#include "util/time.h"

int sq_prober_new(struct sq_prober **ret, sd_event *event, int cgroup_fd, struct sq_error **err)
{
	struct sq_prober *prober = sq_alloc(sizeof(*prober));
	int r;

	prober->event = event;
	prober->cgroup_fd = cgroup_fd;
	r = sq_curl_open(prober, err);
	if (r)
		prober = sq_prober_free(prober);
	*ret = prober;
	return r;
}

void sq_prober_run_as(struct sq_prober *prober, const struct sq_user *user)
{
	prober->user = user;
}

static void release(struct sq_pending *pending)
{
	sq_curl_release(pending);
	sq_program_release(pending);
	pending->socket_fd = sq_close(pending->socket_fd);
	if (pending->place)
		pending->place->busy = false;
	*pending->link = pending->next;
	if (pending->next)
		pending->next->link = pending->link;
	free(pending->text);
	free(pending);
}

struct sq_prober *sq_prober_free(struct sq_prober *prober)
{
	if (!prober)
		return NULL;
	for (struct sq_pending *pending = prober->pending, *next; pending; pending = next) {
		next = pending->next;
		release(pending);
	}
	for (struct sq_log_place *place = prober->places, *next; place; place = next) {
		next = place->next;
		free(place->state);
		free(place);
	}
	sq_curl_close(prober);
	free(prober);
	return NULL;
}

void sq_pending_add(struct sq_pending *pending, const char *text, size_t n)
{
	n = MIN(n, pending->most - pending->n);
	pending->text = sq_realloc(pending->text, pending->n + n + 1);
	memcpy(pending->text + pending->n, text, n);
	/* what is searched ends at a NUL: those of the answer itself become spaces */
	for (size_t i = pending->n; i < pending->n + n; i++)
		if (!pending->text[i])
			pending->text[i] = ' ';
	pending->n += n;
	pending->text[pending->n] = '\0';
}

void sq_pending_finish(struct sq_pending *pending, const char *why)
{
	/* a name or an answer may be in it, of any bytes, and cut anywhere: reports are UTF-8 */
	_cleanup_free_ char *text = NULL;
	struct sq_sample sample = {
		.started_ns = pending->started_ns,
		.took_ns = sq_now() - pending->started_ns,
		.cpu_ns = pending->cpu_ns,
		.has_value = pending->has_value,
		.value = pending->value,
	};
	char late[SQ_WHY_SIZE];

	if (!why && pending->expect)
		why = sq_expect_duration(&pending->expect->latency, "latency", sample.took_ns,
					 late);
	if (why)
		text = sq_utf8_clean(sq_strdup(why));
	sample.met = !why;
	sample.why = text;
	pending->done(pending->data, &sample);
	release(pending);
}

uint64_t sq_work_begin(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SQ_S + (uint64_t)now.tv_nsec;
}

void sq_work_end(struct sq_prober *prober, uint64_t begun)
{
	prober->cpu_ns += sq_work_begin() - begun;
}

uint64_t sq_prober_cost(const struct sq_prober *prober)
{
	return prober->cpu_ns;
}

int sq_pending_limit(struct sq_pending *pending, uint64_t timeout_ns, sd_event_time_handler_t late)
{
	return sd_event_add_time_relative(pending->prober->event, &pending->timer, CLOCK_MONOTONIC,
					  timeout_ns / SQ_US, 1, late, pending);
}

/* In the order of sq_source_kinds. */
static void (*const starts[SQ_SOURCES])(struct sq_pending *pending) = {
	sq_http_start, sq_tcp_start,	    sq_dns_start,  sq_exec_start,
	sq_file_start, sq_prometheus_start, sq_unit_start, sq_log_start,
};

void sq_prober_sample(struct sq_prober *prober, const struct sq_source *source,
		      const struct sq_expect *expect, sq_sample_done done, void *data)
{
	struct sq_pending *pending = sq_alloc(sizeof(*pending));
	int kind = sq_source_kind(source);
	uint64_t begun = sq_work_begin();

	pending->prober = prober;
	pending->source = source;
	pending->expect = expect;
	pending->done = done;
	pending->data = data;
	pending->most = SQ_SAMPLE_TEXT;
	pending->output_fd = pending->socket_fd = -EBADF;
	pending->next = prober->pending;
	pending->link = &prober->pending;
	if (pending->next)
		pending->next->link = &pending->next;
	prober->pending = pending;
	pending->started_ns = sq_now();
	if (kind >= 0)
		starts[kind](pending);
	else
		sq_pending_finish(pending, "there is nothing to look at");
	sq_work_end(prober, begun);
}
