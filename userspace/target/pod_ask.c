// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who knows the labels of this node's pods: the first of these that is there.
 *   /etc/squall/kubeconfig: an API server, or with port 10250 a kubelet
 *   the kubelet's port without authentication, where its configuration opens one
 *   the service account that a pod gets, where squall runs in one
 *   the kubelet's own kubeconfig: it may list its node's pods
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/yaml.h"
#include "target/kubeconfig.h"
#include "target/pods.h"
#include "util/fs.h"
#include "util/time.h"

#define PATIENCE_NS (5 * SQ_S)
#define KEPT_NS (30 * SQ_S) /* so late a label that changes on a pod is noticed */
#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static const char own_file[] = "/etc/squall/kubeconfig";
static const char *const kubelets_files[] = {
	"/etc/kubernetes/kubelet.conf",
	"/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
	"/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
	"/var/lib/kubelet/kubeconfig",
};

/*
 * Targets are looked for each time that a cgroup comes or goes; the API server is asked when there is a
 * pod that its last answer does not tell of.
 */
static struct {
	pthread_mutex_t lock;
	char *text;
	uint64_t at_ns;
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The kubelet's readOnlyPort; a number that it has not opened may be anybody's. */
static char *open_port(void)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, "/var/lib/kubelet/config.yaml", SQ_YAML_LARGEST, &text);
	struct sq_node *root = n > 0 ? sq_yaml_parse(text, (size_t)n, &diags) : NULL;
	const struct sq_node *port =
		root && root->type == SQ_NODE_MAP ? sq_node_get(root, "readOnlyPort") : NULL;
	char *url = NULL;

	if (port && port->type == SQ_NODE_SCALAR && strcmp(port->value, "0") != 0 &&
	    strspn(port->value, "0123456789") == strlen(port->value))
		url = sq_asprintf("http://127.0.0.1:%s", port->value);
	sq_node_free(root);
	return url;
}

static bool find_account(struct sq_kubeconfig *ret)
{
	const char *host = secure_getenv("KUBERNETES_SERVICE_HOST");
	const char *port = secure_getenv("KUBERNETES_SERVICE_PORT");

	if (!host || !port || access(ACCOUNT "/token", R_OK) < 0)
		return false;
	*ret = (struct sq_kubeconfig){
		.server = sq_asprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
				      port),
		.token = sq_kubeconfig_line(ACCOUNT "/token"),
		.ca.file = sq_strdup(ACCOUNT "/ca.crt"),
	};
	return true;
}

static int find_server(struct sq_kubeconfig *ret, struct sq_error **err)
{
	*ret = (struct sq_kubeconfig){ 0 };
	if (access(own_file, F_OK) == 0)
		return sq_kubeconfig_load(own_file, ret, err);
	ret->server = open_port();
	if (ret->server || find_account(ret))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kubelets_files); i++)
		if (access(kubelets_files[i], F_OK) == 0)
			return sq_kubeconfig_load(kubelets_files[i], ret, err);
	sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT, "nobody is known who could be asked for them");
	return sq_error_hint(err, "give squall a kubeconfig that may list pods: '%s'", own_file);
}

/* Is it a kubelet, and not an API server? */
static bool is_kubelet(const struct sq_kubeconfig *config)
{
	const char *port = strrchr(config->server, ':');

	return !strncmp(config->server, "http://127.0.0.1:", 17) ||
	       (port && !strcmp(port, ":10250"));
}

/* As the kubelet names its node where nothing else is set. */
static char *node_name(void)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return sq_strdup(name);
}

static int get(const struct sq_kubeconfig *config, const char *path, char **ret,
	       struct sq_error **err)
{
	_cleanup_free_ char *url = sq_asprintf("%s%s", config->server, path);
	const struct sq_http request = { .url = url,
					 .token = config->token,
					 .ca = config->ca,
					 .certificate = config->certificate,
					 .key = config->key,
					 .any_server = config->any_server,
					 .timeout_ns = PATIENCE_NS };

	return sq_http_get(&request, ret, err);
}

/* First those of this node; a node of another name than its host shows by there being none. */
static int ask(struct sq_pods *pods, const struct sq_kubeconfig *config, char **ret,
	       struct sq_error **err)
{
	_cleanup_free_ char *node = node_name();
	_cleanup_free_ char *ours =
		sq_asprintf("/api/v1/pods?fieldSelector=spec.nodeName%%3D%s", node);
	size_t found;
	int r;

	if (is_kubelet(config)) {
		r = get(config, "/pods", ret, err);
		return r ? r : sq_pods_take_list(pods, *ret, &found, err);
	}
	r = get(config, ours, ret, err);
	if (!r)
		r = sq_pods_take_list(pods, *ret, &found, err);
	if (r || found)
		return r;
	free(TAKE_PTR(*ret));
	r = get(config, "/api/v1/pods", ret, err);
	return r ? r : sq_pods_take_list(pods, *ret, &found, err);
}

static bool all_known(const struct sq_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		if (!pods->item[i].labels)
			return false;
	return true;
}

int sq_pods_ask(struct sq_pods *pods, struct sq_error **err)
{
	_cleanup_(sq_kubeconfig_clear) struct sq_kubeconfig config = { 0 };
	size_t found;
	int r = 0;

	pthread_mutex_lock(&last.lock);
	if (last.text && sq_now() < last.at_ns + KEPT_NS)
		r = sq_pods_take_list(pods, last.text, &found, err);
	if (!r && !all_known(pods)) {
		_cleanup_free_ char *text = NULL;

		r = find_server(&config, err);
		if (!r)
			r = ask(pods, &config, &text, err);
		if (!r) {
			free(last.text);
			last.text = TAKE_PTR(text);
			last.at_ns = sq_now();
		}
	}
	pthread_mutex_unlock(&last.lock);
	return r && err ? sq_error_wrap(err, "the pods' labels are not known") : r;
}
