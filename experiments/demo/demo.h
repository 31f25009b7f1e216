/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The demo's service, as small as it can be and still real: `back` keeps numbers and serves them
 * over TCP, `front` is a shop over HTTP that asks it for each request, `load` are its customers.
 * It stands apart from squall: it uses nothing of its folders.
 */
#ifndef SQ_DEMO_H
#define SQ_DEMO_H

/* `squall demo front|back|load [OPTION]...`; argv[0] is "demo". Returns an exit code. */
int sq_demo_main(int argc, char **argv);

struct sq_demo {
	const char *port; /* to listen on, at 127.0.0.1 */
	const char *store; /* front: HOST:PORT of back */
	const char *url; /* load */
	double rate; /* load: requests a second */
};

/* Each runs until SIGTERM. Returns an exit code, and says on standard error what failed. */
int sq_demo_back(const struct sq_demo *demo);
int sq_demo_front(const struct sq_demo *demo);
int sq_demo_load(const struct sq_demo *demo);

#endif
