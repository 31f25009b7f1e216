// SPDX-License-Identifier: GPL-2.0-only
#include "target/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/yaml.h"
#include "util/fs.h"

#define LARGEST_LINE 65536

static const char *text_of(const struct sq_node *map, const char *key)
{
	const struct sq_node *node = map && map->type == SQ_NODE_MAP ? sq_node_get(map, key) : NULL;

	return node && node->type == SQ_NODE_SCALAR && *node->value ? node->value : NULL;
}

/* The item of a list whose "name" is so. */
static const struct sq_node *named(const struct sq_node *list, const char *name)
{
	for (size_t i = 0; name && list && list->type == SQ_NODE_LIST && i < list->n; i++) {
		const char *other = text_of(list->item[i], "name");

		if (other && !strcmp(other, name))
			return list->item[i];
	}
	return NULL;
}

static char *path_in(const char *folder, const char *path)
{
	return *path == '/' ? sq_strdup(path) : sq_asprintf("%s/%s", folder, path);
}

/* KEY names a file, KEY-data is the thing itself in base64. */
static int read_secret(const struct sq_node *map, const char *key, const char *folder,
		       struct sq_http_secret *ret, struct sq_error **err)
{
	_cleanup_free_ char *data_key = sq_asprintf("%s-data", key);
	const char *data = text_of(map, data_key), *file = text_of(map, key);
	size_t n = data ? strlen(data) : 0;
	int decoded;

	if (file)
		ret->file = path_in(folder, file);
	if (!data)
		return 0;
	ret->data = sq_alloc(n / 4 * 3 + 4);
	decoded = EVP_DecodeBlock((unsigned char *)ret->data, (const unsigned char *)data, (int)n);
	if (decoded < 0)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EINVAL, "'%s' is not in base64",
				    data_key);
	/* what the padding stands for is not there */
	for (size_t i = n; i > 0 && data[i - 1] == '=' && decoded > 0; i--)
		decoded--;
	ret->n = (size_t)decoded;
	return 0;
}

char *sq_kubeconfig_line(const char *file)
{
	char *text = NULL;

	if (sq_read_file(AT_FDCWD, file, LARGEST_LINE, &text) < 0)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static int read_user(const struct sq_node *user, const char *folder, struct sq_kubeconfig *ret,
		     struct sq_error **err)
{
	const char *token = text_of(user, "token"), *file = text_of(user, "tokenFile");
	int r = read_secret(user, "client-certificate", folder, &ret->certificate, err);

	if (!r)
		r = read_secret(user, "client-key", folder, &ret->key, err);
	if (r)
		return r;
	if (file) {
		_cleanup_free_ char *path = path_in(folder, file);

		ret->token = sq_kubeconfig_line(path);
		if (!ret->token)
			return sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
					    "the token '%s' cannot be read", path);
	} else {
		ret->token = sq_strdup(token);
	}
	if (ret->token || ret->certificate.file || ret->certificate.data)
		return 0;
	return sq_error_set(err, SQ_FAIL_NOT_NOW, ENOENT,
			    "its user has neither a client certificate nor a token%s",
			    user && sq_node_get(user, "exec")
				    ? ": a program that fetches one ('exec') is not run"
				    : "");
}

static int read_config(const struct sq_node *root, const char *folder, struct sq_kubeconfig *ret,
		       struct sq_error **err)
{
	const char *current = text_of(root, "current-context"), *insecure;
	const struct sq_node *context = current ? named(sq_node_get(root, "contexts"), current)
						: NULL;
	const struct sq_node *cluster, *user;
	int r;

	context = context ? sq_node_get(context, "context") : NULL;
	cluster = context ? named(sq_node_get(root, "clusters"), text_of(context, "cluster"))
			  : NULL;
	user = context ? named(sq_node_get(root, "users"), text_of(context, "user")) : NULL;
	cluster = cluster ? sq_node_get(cluster, "cluster") : NULL;
	user = user ? sq_node_get(user, "user") : NULL;
	if (!text_of(cluster, "server") || !user)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, EINVAL,
				    "it has no current context with a cluster and a user");
	ret->server = sq_strdup(text_of(cluster, "server"));
	while (*ret->server && ret->server[strlen(ret->server) - 1] == '/')
		ret->server[strlen(ret->server) - 1] = '\0';
	insecure = text_of(cluster, "insecure-skip-tls-verify");
	ret->any_server = insecure && !strcmp(insecure, "true");
	r = read_secret(cluster, "certificate-authority", folder, &ret->ca, err);
	return r ? r : read_user(user, folder, ret, err);
}

int sq_kubeconfig_parse(const char *text, size_t n, const char *folder, struct sq_kubeconfig *ret,
			struct sq_error **err)
{
	_cleanup_diags_ struct sq_diags diags = { 0 };
	struct sq_node *root;
	int r;

	*ret = (struct sq_kubeconfig){ 0 };
	root = sq_yaml_parse(text, n, &diags);
	if (root && root->type == SQ_NODE_MAP && !diags.errors)
		r = read_config(root, folder, ret, err);
	else
		r = sq_error_set(err, SQ_FAIL_NOT_NOW, EINVAL, "%s",
				 diags.n ? diags.item[0].message : "it is no map");
	sq_node_free(root);
	return r;
}

int sq_kubeconfig_load(const char *file, struct sq_kubeconfig *ret, struct sq_error **err)
{
	_cleanup_free_ char *text = NULL, *folder = NULL;
	ssize_t n;
	int r;

	*ret = (struct sq_kubeconfig){ 0 };
	/* whoever writes it says which pods have which labels */
	n = sq_read_roots(file, SQ_YAML_LARGEST, &text);
	if (n == -EPERM)
		return sq_error_set(err, SQ_FAIL_REFUSED, EPERM,
				    "'%s' is not root's alone to write: it is not believed", file);
	if (n < 0)
		return sq_error_set(err, SQ_FAIL_NOT_NOW, (int)-n, "'%s' cannot be read: %s", file,
				    strerror((int)-n));
	folder = sq_strndup(file, (size_t)(sq_base_name(file) - file));
	r = sq_kubeconfig_parse(text, (size_t)n, folder, ret, err);
	return r ? sq_error_wrap(err, "'%s'", file) : 0;
}

void sq_kubeconfig_clear(struct sq_kubeconfig *config)
{
	struct sq_http_secret *secrets[] = { &config->ca, &config->certificate, &config->key };

	free(config->server);
	free(config->token);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		free(secrets[i]->file);
		free(secrets[i]->data);
	}
	*config = (struct sq_kubeconfig){ 0 };
}
