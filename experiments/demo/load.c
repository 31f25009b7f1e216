// SPDX-License-Identifier: GPL-2.0-only
/* The customers: one comes every 1/rate seconds, however long those before them have to wait. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "experiments/demo/demo.h"

#define PATIENCE_MS 5000L
#define REPORT_S 1.0

static volatile sig_atomic_t stopped;

/* One who waits for an answer. */
struct customer {
	struct customer *next, **link;
	CURL *curl;
};

static struct customer *waiting;

struct tally {
	unsigned long answered, unavailable, failed;
	double slowest;
};

static void stop(int number)
{
	stopped = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t drop(char *text, size_t size, size_t n, void *data)
{
	return size * n;
}

static int send_one(CURLM *multi, const char *url)
{
	struct customer *customer = calloc(1, sizeof(*customer));
	CURL *curl = curl_easy_init();

	if (!customer || !curl) {
		free(customer);
		curl_easy_cleanup(curl);
		return -1;
	}
	*customer = (struct customer){ .next = waiting, .link = &waiting, .curl = curl };
	if (waiting)
		waiting->link = &customer->next;
	waiting = customer;
	curl_easy_setopt(curl, CURLOPT_PRIVATE, customer);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PATIENCE_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	return curl_multi_add_handle(multi, curl) ? -1 : 0;
}

static void leave(CURLM *multi, struct customer *customer)
{
	curl_multi_remove_handle(multi, customer->curl);
	curl_easy_cleanup(customer->curl);
	*customer->link = customer->next;
	if (customer->next)
		customer->next->link = customer->link;
	free(customer);
}

static void count_done(CURLM *multi, struct tally *tally)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left))) {
		CURL *curl = message->easy_handle;
		struct customer *customer = NULL;
		double took = 0;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(curl, CURLINFO_PRIVATE, &customer);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &took);
		if (message->data.result)
			tally->failed++;
		else if (status == 200)
			tally->answered++;
		else
			tally->unavailable++;
		if (took > tally->slowest)
			tally->slowest = took;
		leave(multi, customer);
	}
}

static void report(struct tally *tally)
{
	printf("%lu answered, %lu unavailable, %lu failed, the slowest took %.0f ms\n",
	       tally->answered, tally->unavailable, tally->failed, tally->slowest * 1000);
	fflush(stdout);
	*tally = (struct tally){ 0 };
}

int sq_demo_load(const struct sq_demo *demo)
{
	struct tally tally = { 0 };
	double next = now(), told = next, wait;
	CURLM *multi;
	int running;

	signal(SIGTERM, stop);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	if (!multi)
		return 1;
	while (!stopped) {
		while (next <= now()) {
			if (send_one(multi, demo->url))
				return 1;
			next += 1 / demo->rate;
		}
		curl_multi_perform(multi, &running);
		count_done(multi, &tally);
		if (now() >= told + REPORT_S) {
			told += REPORT_S;
			report(&tally);
		}
		wait = next - now();
		curl_multi_poll(multi, NULL, 0, wait > 0 ? (int)(wait * 1000) : 0, NULL);
	}
	report(&tally);
	while (waiting)
		leave(multi, waiting);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
	return 0;
}
