// SPDX-License-Identifier: GPL-2.0-only
/* http and prometheus probes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/sample.h"
#include "util/json.h"

static void judge_http(struct sq_pending *pending)
{
	const struct sq_expect *expect = pending->expect;
	const char *why = NULL;
	char text[SQ_WHY_SIZE];
	long status = 0;

	curl_easy_getinfo(pending->curl, CURLINFO_RESPONSE_CODE, &status);
	if (expect)
		why = sq_expect_check(&expect->status, "status", (unsigned int)status,
				      &expect->body, pending->text, text);
	sq_pending_finish(pending, why);
}

void sq_http_start(struct sq_pending *pending)
{
	const struct sq_http *http = &pending->source->http;
	CURL *curl = sq_curl_prepare(pending, http->url, http->timeout_ns);

	pending->transferred = judge_http;
	sq_curl_headers(pending, &http->headers);
	if (http->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(http->body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, http->body);
	}
	if (!strcmp(sq_http_methods[http->method], "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (http->body || strcmp(sq_http_methods[http->method], "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, sq_http_methods[http->method]);
	if (http->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca);
	if (http->unix_socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->unix_socket);
	sq_curl_start(pending);
}

/* [time, "number"]: of a scalar, or of a vector's element. */
static const char *read_point(const json_t *point, double *ret, char *why)
{
	const char *number = json_string_value(json_array_get(point, 1));
	char *end;

	if (!number || !*number) {
		snprintf(why, SQ_WHY_SIZE, "the answer has no number in it");
		return why;
	}
	/* "NaN" and "+Inf" too: no expectation holds for the first */
	*ret = strtod(number, &end);
	if (!*end)
		return NULL;
	snprintf(why, SQ_WHY_SIZE, "'%.50s' is not a number", number);
	return why;
}

const char *sq_prometheus_value(const char *answer, double *ret, char *why)
{
	_cleanup_json_ json_t *json = json_loads(answer, 0, NULL);
	const json_t *data = json_object_get(json, "data"),
		     *result = json_object_get(data, "result");
	const char *type = sq_json_text(data, "resultType");

	if (!json)
		snprintf(why, SQ_WHY_SIZE, "the answer is not JSON: is this a Prometheus server?");
	else if (strcmp(sq_json_text(json, "status"), "success") != 0)
		snprintf(why, SQ_WHY_SIZE, "the query failed: %.150s", sq_json_text(json, "error"));
	else if (!strcmp(type, "scalar"))
		return read_point(result, ret, why);
	else if (strcmp(type, "vector") != 0)
		snprintf(why, SQ_WHY_SIZE, "the query gives a %.30s, not one number", type);
	else if (!json_array_size(result))
		snprintf(why, SQ_WHY_SIZE, "no data: the query gives nothing");
	else if (json_array_size(result) > 1)
		snprintf(why, SQ_WHY_SIZE, "the query gives %zu series, not one: sum() makes one",
			 json_array_size(result));
	else
		return read_point(json_object_get(json_array_get(result, 0), "value"), ret, why);
	return why;
}

static void judge_prometheus(struct sq_pending *pending)
{
	const char *why;
	char text[SQ_WHY_SIZE];

	/* an error comes with a status of its own and with JSON that says more */
	why = sq_prometheus_value(pending->text ? pending->text : "", &pending->value, text);
	pending->has_value = !why;
	if (!why && pending->expect)
		why = sq_expect_number(&pending->expect->value, "value", pending->value, text);
	sq_pending_finish(pending, why);
}

void sq_prometheus_start(struct sq_pending *pending)
{
	const struct sq_prometheus *prometheus = &pending->source->prometheus;
	size_t n = strlen(prometheus->url);
	bool slash = n && prometheus->url[n - 1] == '/';
	_cleanup_free_ char *url =
		sq_asprintf("%s%sapi/v1/query", prometheus->url, slash ? "" : "/");
	CURL *curl = sq_curl_prepare(pending, url, prometheus->timeout_ns);
	char *escaped = curl_easy_escape(curl, prometheus->query, 0);
	_cleanup_free_ char *form = sq_asprintf("query=%s", escaped ? escaped : "");

	if (!escaped)
		sq_oom();
	curl_free(escaped);
	pending->transferred = judge_prometheus;
	sq_curl_headers(pending, &prometheus->headers);
	curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, form);
	if (prometheus->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, prometheus->ca);
	sq_curl_start(pending);
}
