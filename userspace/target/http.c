// SPDX-License-Identifier: GPL-2.0-only
#include "target/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/time.h"

#define LARGEST (64u << 20)

struct body {
	char *text;
	size_t n, room, largest;
};

static size_t on_body(char *text, size_t size, size_t n, void *data)
{
	struct body *body = data;

	n *= size;
	if (body->n + n > body->largest)
		return 0;
	if (body->n + n + 1 > body->room) {
		body->room = MAX(2 * body->room, body->n + n + 1);
		body->text = sq_realloc(body->text, body->room);
	}
	memcpy(body->text + body->n, text, n);
	body->n += n;
	body->text[body->n] = '\0';
	return n;
}

static void set_secret(CURL *curl, const struct sq_http_secret *secret, CURLoption file,
		       CURLoption blob)
{
	struct curl_blob data = { secret->data, secret->n, CURL_BLOB_COPY };

	if (secret->data)
		curl_easy_setopt(curl, blob, &data);
	else if (secret->file)
		curl_easy_setopt(curl, file, secret->file);
}

static void prepare(CURL *curl, const struct sq_http *request, char *why, struct body *body)
{
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "squall/" SQ_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / SQ_MS));
	/* or it waits for a thread that resolves a name, for 10 s and more where DNS is down (7.87) */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	if (request->unix_socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (request->token) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->token);
	}
	set_secret(curl, &request->ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
	set_secret(curl, &request->certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
	set_secret(curl, &request->key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
	if (request->any_server) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static int fail(const struct sq_http *request, CURLcode code, const char *why,
		struct sq_error **err)
{
	const char *who = request->unix_socket ? request->unix_socket : request->url;
	char within[SQ_DURATION_SIZE];

	if (code == CURLE_OPERATION_TIMEDOUT)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, ETIMEDOUT,
				    "'%s' does not answer within %s", who,
				    sq_duration_text(request->timeout_ns, within));
	if (code == CURLE_WRITE_ERROR)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EPROTO,
				    "'%s' answers with more than %zu MiB", who,
				    (request->largest ? request->largest : LARGEST) >> 20);
	return sq_error_set(err, SQ_FAIL_NOT_NOW,
			    code == CURLE_COULDNT_CONNECT ? ECONNREFUSED : EPROTO,
			    "'%s' cannot be asked: %s", who, *why ? why : curl_easy_strerror(code));
}

int sq_http_get(const struct sq_http *request, char **ret, struct sq_error **err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct body body = { .largest = request->largest ? request->largest : LARGEST };
	long status = 0;
	CURLcode code;
	CURL *curl;
	int r = 0;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	if (!curl)
		sq_oom();
	prepare(curl, request, why, &body);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code)
		r = fail(request, code, why, err);
	else if (status != 200)
		r = sq_error_set(
			err, SQ_FAIL_NOT_NOW, EPROTO, "'%s' answers with status %ld%s",
			request->unix_socket ? request->unix_socket : request->url, status,
			status == 401 || status == 403 ? ": these credentials may not ask it" : "");
	else
		*ret = body.text ? TAKE_PTR(body.text) : sq_strdup("");
	free(body.text);
	return r;
}
