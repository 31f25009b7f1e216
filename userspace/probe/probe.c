// SPDX-License-Identifier: GPL-2.0-only
#include "probe/probe.h"

#include <stdlib.h>
#include <string.h>

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

static void release(struct sq_pending *pending)
{
	sq_curl_release(pending);
	sq_exec_release(pending);
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
	sq_curl_close(prober);
	free(prober);
	return NULL;
}

void sq_pending_add(struct sq_pending *pending, const char *text, size_t n)
{
	n = MIN(n, SQ_SAMPLE_TEXT - pending->n);
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
	_cleanup_free_ char *text = why ? sq_utf8_clean(sq_strdup(why)) : NULL;
	struct sq_sample sample = {
		.started_ns = pending->started_ns,
		.took_ns = sq_now() - pending->started_ns,
		.met = !why,
		.why = text,
	};
	sq_sample_done done = pending->done;
	void *data = pending->data;

	done(data, &sample);
	release(pending);
}

void sq_prober_sample(struct sq_prober *prober, const struct sq_http *http,
		      const struct sq_tcp *tcp, const struct sq_exec *exec,
		      const struct sq_expect *expect, sq_sample_done done, void *data)
{
	struct sq_pending *pending = sq_alloc(sizeof(*pending));

	pending->prober = prober;
	pending->expect = expect;
	pending->done = done;
	pending->data = data;
	pending->output_fd = -EBADF;
	pending->next = prober->pending;
	pending->link = &prober->pending;
	if (pending->next)
		pending->next->link = &pending->next;
	prober->pending = pending;
	pending->started_ns = sq_now();
	if (http->object.node)
		sq_http_start(pending, http);
	else if (tcp->object.node)
		sq_tcp_start(pending, tcp);
	else
		sq_exec_start(pending, exec);
}
