// SPDX-License-Identifier: GPL-2.0-only
/*
 * libcurl, libmicrohttpd and OpenSSL are loaded when something of theirs is called first, and not when squall
 * starts: they and the 29 libraries that they bring take more than half of the time from the start of `squall
 * abort` to its one write. The functions below stand for theirs, and hand over what they are given. systemd
 * loads what it seldom needs likewise (its dlopen_many_sym_or_warn()).
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen/sonames.h"
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#include "util/mem.h"

#define EXIT_ERROR 70 /* of squall itself */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): each library has its own */

/* It was there when squall was built. Without it squall could not start, were it loaded then. */
static void *find(const char *library, const char *name)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	void *found = handle ? dlsym(handle, name) : NULL;

	_cleanup_free_ char *text = NULL;

	if (found)
		return found;
	text = sq_asprintf("squall: %s\nhint: is the package of '%s' installed?\n", dlerror(),
			   library);
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(EXIT_ERROR);
	exit(EXIT_ERROR);
}

#define LATE(library, type, name, parameters, ...)                                        \
	type name parameters                                                              \
	{                                                                                 \
		static type(*late) parameters;                                            \
                                                                                          \
		if (!late)                                                                \
			*(void **)&late = find(library, #name); /* as dlopen(3) has it */ \
		return late(__VA_ARGS__);                                                 \
	}

/* What follows is one word, be it a number or a pointer: so libcurl reads it itself. */
#define LATE_OPTION(type, name, of, option)                            \
	type name(of handle, option which, ...)                        \
	{                                                              \
		static type (*late)(of, option, ...);                  \
		va_list rest;                                          \
		void *word;                                            \
                                                                       \
		va_start(rest, which);                                 \
		word = va_arg(rest, void *);                           \
		va_end(rest);                                          \
		if (!late)                                             \
			*(void **)&late = find(SQ_SONAME_CURL, #name); \
		return late(handle, which, word);                      \
	}

LATE_OPTION(CURLcode, curl_easy_setopt, CURL *, CURLoption)
LATE_OPTION(CURLcode, curl_easy_getinfo, CURL *, CURLINFO)
LATE_OPTION(CURLMcode, curl_multi_setopt, CURLM *, CURLMoption)

#define CURL_LATE(type, name, parameters, ...) \
	LATE(SQ_SONAME_CURL, type, name, parameters, __VA_ARGS__)

CURL_LATE(CURLcode, curl_global_init, (long flags), flags)
CURL_LATE(void, curl_global_cleanup, (void), )
CURL_LATE(CURL *, curl_easy_init, (void), )
CURL_LATE(void, curl_easy_cleanup, (CURL * curl), curl)
CURL_LATE(CURLcode, curl_easy_perform, (CURL * curl), curl)
CURL_LATE(CURLcode, curl_easy_recv, (CURL * curl, void *to, size_t size, size_t *n), curl, to, size,
	  n)
CURL_LATE(CURLcode, curl_easy_send, (CURL * curl, const void *from, size_t size, size_t *n), curl,
	  from, size, n)
CURL_LATE(const char *, curl_easy_strerror, (CURLcode code), code)
CURL_LATE(char *, curl_easy_escape, (CURL * curl, const char *text, int n), curl, text, n)
CURL_LATE(void, curl_free, (void *p), p)
CURL_LATE(CURLM *, curl_multi_init, (void), )
CURL_LATE(CURLMcode, curl_multi_cleanup, (CURLM * multi), multi)
CURL_LATE(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *curl), multi, curl)
CURL_LATE(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL *curl), multi, curl)
CURL_LATE(CURLMcode, curl_multi_assign, (CURLM * multi, curl_socket_t fd, void *data), multi, fd,
	  data)
CURL_LATE(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), multi, running)
CURL_LATE(CURLMcode, curl_multi_poll,
	  (CURLM * multi, struct curl_waitfd *fds, unsigned int n, int timeout_ms, int *ready),
	  multi, fds, n, timeout_ms, ready)
CURL_LATE(CURLMcode, curl_multi_socket_action,
	  (CURLM * multi, curl_socket_t fd, int what, int *running), multi, fd, what, running)
CURL_LATE(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), multi, left)
CURL_LATE(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text),
	  list, text)
CURL_LATE(void, curl_slist_free_all, (struct curl_slist * list), list)
CURL_LATE(CURLU *, curl_url, (void), )
CURL_LATE(void, curl_url_cleanup, (CURLU * url), url)
CURL_LATE(CURLUcode, curl_url_set,
	  (CURLU * url, CURLUPart part, const char *text, unsigned int flags), url, part, text,
	  flags)

#define CRYPTO_LATE(type, name, parameters, ...) \
	LATE(SQ_SONAME_CRYPTO, type, name, parameters, __VA_ARGS__)

CRYPTO_LATE(unsigned char *, SHA256, (const unsigned char *data, size_t n, unsigned char *digest),
	    data, n, digest)
CRYPTO_LATE(int, EVP_DecodeBlock, (unsigned char *to, const unsigned char *from, int n), to, from,
	    n)

#define MHD_LATE(type, name, parameters, ...) \
	LATE(SQ_SONAME_MICROHTTPD, type, name, parameters, __VA_ARGS__)

MHD_LATE(struct MHD_Daemon *, MHD_start_daemon_va,
	 (unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_data,
	  MHD_AccessHandlerCallback answer, void *answer_data, va_list rest),
	 flags, port, accept, accept_data, answer, answer_data, rest)
MHD_LATE(struct MHD_Response *, MHD_create_response_from_buffer,
	 (size_t n, void *text, enum MHD_ResponseMemoryMode mode), n, text, mode)
MHD_LATE(enum MHD_Result, MHD_add_response_header,
	 (struct MHD_Response * response, const char *name, const char *value), response, name,
	 value)
MHD_LATE(enum MHD_Result, MHD_queue_response,
	 (struct MHD_Connection * connection, unsigned int status, struct MHD_Response *response),
	 connection, status, response)
MHD_LATE(void, MHD_destroy_response, (struct MHD_Response * response), response)

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port,
				    MHD_AcceptPolicyCallback accept, void *accept_data,
				    MHD_AccessHandlerCallback answer, void *answer_data, ...)
{
	struct MHD_Daemon *daemon;
	va_list rest;

	va_start(rest, answer_data);
	daemon = MHD_start_daemon_va(flags, port, accept, accept_data, answer, answer_data, rest);
	va_end(rest);
	return daemon;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
