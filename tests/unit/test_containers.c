// SPDX-License-Identifier: GPL-2.0-only
/* What container runtimes and Kubernetes say, as recorded from them and cut to what is read of it. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "target/containers.h"
#include "target/kubeconfig.h"
#include "target/pods.h"
#include "target/runtimes.h"

#define ID "3f4d9f4cb1e1b8a7a5d0f8b8d5f0e4b7c6a5948372615040302010f0e0d0c0b0"
#define ID2 "00aa9f4cb1e1b8a7a5d0f8b8d5f0e4b7c6a5948372615040302010f0e0d0c0b0"
#define POD "8d2f1f0e-6c3b-4b7e-9a53-0c5a8b1d7e42"
#define POD_ "8d2f1f0e_6c3b_4b7e_9a53_0c5a8b1d7e42"

/* JSON with ' for ". To be freed. */
static char *json(const char *text)
{
	char *copy = sq_strdup(text);

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

static void assert_folder(const char *name, const char *above, const char *runtime)
{
	const char *id = NULL, *found = sq_container_folder(name, above, &id);

	if (!runtime) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, runtime);
	assert_memory_equal(id, ID, SQ_CONTAINER_ID);
}

static void test_folder_of_each_runtime_and_driver(void **state)
{
	assert_folder("libpod-" ID ".scope", "machine.slice", "podman");
	assert_folder("libpod-" ID, "libpod_parent", "podman");
	assert_folder("libpod-payload-" ID, "web.service", "podman");
	assert_folder("docker-" ID ".scope", "system.slice", "docker");
	assert_folder(ID, "docker", "docker");
	assert_folder("cri-containerd-" ID ".scope", "kubepods-pod" POD_ ".slice", "containerd");
	assert_folder(ID, "pod" POD, "containerd");
	assert_folder("nerdctl-" ID ".scope", "system.slice", "containerd");
	assert_folder("crio-" ID ".scope", "kubepods-pod" POD_ ".slice", "cri-o");
	assert_folder("crio-" ID, "pod" POD, "cri-o");
}

/* What watches a container is not in it; a pod of podman's has a number as well. */
static void test_folder_that_is_no_container(void **state)
{
	assert_folder("libpod-conmon-" ID ".scope", "machine.slice", NULL);
	assert_folder("crio-conmon-" ID ".scope", "system.slice", NULL);
	assert_folder(ID, "libpod_parent", NULL);
	assert_folder("a" ID, "docker", NULL);
	assert_folder("docker-" ID ".slice", "system.slice", NULL);
	assert_folder("docker-3f4d9f4cb1e1.scope", "system.slice", NULL);
	assert_folder("nginx.service", "system.slice", NULL);
	assert_true(sq_in_container("/docker/" ID "/kubelet.slice/x"));
	assert_true(sq_in_container("/docker/" ID));
	assert_false(sq_in_container("/docker"));
	assert_false(sq_in_container("/"));
}

static void test_pod_by_each_driver_and_class(void **state)
{
	static const char *const paths[] = {
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice",
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_ ".slice",
		"/kubepods.slice/kubepods-pod" POD_ ".slice",
		"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" POD_ ".slice",
		"/kubepods/burstable/pod" POD,
		"/kubepods/besteffort/pod" POD,
		"/kubepods/pod" POD,
	};
	static const char *const others[] = {
		"/kubepods.slice/kubepods-burstable.slice",
		"/kubepods/burstable",
		"/system.slice/pod" POD,
		"/podman/pod" POD,
		"/kubepods/podx",
		"/kubepods/pod" POD "0",
		"/xkubepods-pod" POD_ ".slice",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *uid = sq_pod_uid(paths[i]);

		assert_non_null(uid);
		assert_string_equal(uid, POD);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(sq_pod_uid(others[i]));
}

/* As the tree would show them. */
static void put(struct sq_containers *containers, const char *id, const char *path)
{
	*(struct sq_container *)sq_append(&containers->item, &containers->n,
					  sizeof(*containers->item)) =
		(struct sq_container){ .id = sq_strdup(id), .path = sq_strdup(path) };
	containers->in_tree = containers->n;
}

static void test_api_lists_names_and_labels(void **state)
{
	static char many[1 << 20];
	_cleanup_(sq_containers_clear) struct sq_containers containers = { 0 };
	_cleanup_free_ char *docker = json(
		"[{'Id':'" ID
		"','Names':['/shop/store','/web'],'Image':'nginx','ImageID':'sha256:0',"
		"'Created':1700000000,'Ports':[],'Labels':{'com.docker.compose.service':'web'},"
		"'State':'running','Status':'Up 2 hours'},"
		"{'Id':'" ID2 "','Names':['/old'],'Labels':null,'State':'exited'},"
		"{'Id':'/','Names':['/slash'],'State':'running'},"
		"{'Id':'','Names':['/none'],'State':'running'},"
		"{'Id':'ab','Names':['/\\u001b[2J'],'State':'running'}, 7, null]");
	struct sq_container *web;

	put(&containers, ID, "/docker/" ID);
	assert_true(sq_runtime_list(&containers, "docker", docker));
	assert_int_equal(containers.n, 3);
	web = sq_container_by_id(&containers, ID);
	assert_string_equal(web->name, "web");
	assert_true(web->running);
	assert_string_equal(sq_container_label(web, "com.docker.compose.service"), "web");
	assert_string_equal(containers.item[1].name, "old");
	assert_null(containers.item[1].path);
	assert_false(containers.item[1].running);
	/* what no runtime would call a container is no name */
	assert_null(containers.item[2].name);
	assert_false(sq_runtime_list(&containers, "docker", "{\"message\":\"no\"}"));
	assert_false(sq_runtime_list(&containers, "docker", "<html>"));
	/* a hundred times its length in memory, if it were read */
	memset(many, ',', sizeof(many) - 1);
	many[0] = '[';
	assert_false(sq_runtime_list(&containers, "docker", many));
}

static void test_state_files_of_docker_podman_and_containerd(void **state)
{
	_cleanup_(sq_containers_clear) struct sq_containers containers = { 0 };
	_cleanup_free_ char *docker =
		json("{'StreamConfig':{},'State':{'Running':true,'Pid':4242},'ID':'" ID "',"
		     "'Config':{'Hostname':'x','Labels':{'app':'web'}},'Name':'/web'}");
	_cleanup_free_ char *storage =
		json("[{'id':'" ID2 "','names':['k8s_app_cart-0_shop_" POD "_0'],'image':'0',"
		     "'layer':'0','metadata':'{}','created':'2026-01-01T00:00:00Z'}]");
	_cleanup_free_ char *bundle =
		json("{'ociVersion':'1.0.2','annotations':{'nerdctl/name':'other'},"
		     "'linux':{'cgroupsPath':'/'}}");

	put(&containers, ID2, "/kubepods/pod" POD "/" ID2);
	put(&containers, ID, "/docker/" ID);
	assert_true(sq_runtime_docker_file(&containers, docker));
	assert_true(sq_runtime_storage_file(&containers, storage));
	assert_string_equal(containers.item[0].runtime, "cri-o");
	assert_null(containers.item[0].labels);
	assert_string_equal(containers.item[1].name, "web");
	assert_string_equal(sq_container_label(&containers.item[1], "app"), "web");
	/* the root is nobody's cgroup, whatever the bundle says */
	assert_true(sq_runtime_bundle(&containers, "t1", bundle));
	assert_int_equal(containers.n, 3);
	assert_null(containers.item[2].path);
	assert_string_equal(containers.item[2].name, "other");
	assert_false(sq_runtime_bundle(&containers, "t2", "[]"));
}

static bool match(const json_t *labels, const char *first, const char *second)
{
	_cleanup_texts_ struct sq_texts wanted = { 0 };

	sq_texts_add(&wanted, first);
	if (second)
		sq_texts_add(&wanted, second);
	return sq_labels_match(labels, &wanted);
}

static void test_labels_match_all_of_them_exactly(void **state)
{
	_cleanup_free_ char *text = json("{'app':'cart','tier':'web'}");
	json_t *labels = json_loads(text, 0, NULL);

	assert_true(match(labels, "app=cart", "tier=web"));
	assert_false(match(labels, "app=cart", "tier=we"));
	assert_false(match(labels, "app=", NULL));
	assert_false(match(NULL, "app=cart", NULL));
	json_decref(labels);
}

static void put_pod(struct sq_pods *pods, const char *uid)
{
	*(struct sq_pod *)sq_append(&pods->item, &pods->n, sizeof(*pods->item)) =
		(struct sq_pod){ .uid = sq_strdup(uid), .path = sq_strdup("/kubepods/x") };
}

static void test_pod_list_knows_labels_containers_and_static_pods(void **state)
{
	_cleanup_(sq_pods_clear) struct sq_pods pods = { 0 };
	_cleanup_free_ char *list = json(
		"{'kind':'PodList','apiVersion':'v1','metadata':{},'items':["
		"{'metadata':{'name':'cart-0','namespace':'shop','uid':'" POD "',"
		"'labels':{'app':'cart'}},'spec':{'nodeName':'n1'},'status':{'phase':'Running',"
		"'containerStatuses':[{'name':'app','ready':true,'containerID':'containerd://" ID
		"'},{'name':'waiting','containerID':''}]}},"
		"{'metadata':{'name':'etcd-n1','namespace':'kube-system','uid':'other',"
		"'annotations':{'kubernetes.io/config.mirror':'0123456789abcdef0123456789abcdef'}}},"
		"{'metadata':{'name':'elsewhere','namespace':'shop','uid':'of another node'}}]}");
	_cleanup_error_ struct sq_error *err = NULL;
	_cleanup_free_ char *lie =
		json("{'items':[{'metadata':{'name':'x','namespace':'shop','uid':'" POD "'}}]}");
	size_t found;

	put_pod(&pods, "0123456789abcdef0123456789abcdef");
	put_pod(&pods, POD);
	assert_int_equal(sq_pods_take_list(&pods, list, &found, NULL), 0);
	assert_int_equal(found, 2);
	assert_string_equal(pods.item[0].name, "etcd-n1");
	assert_string_equal(pods.item[1].namespace, "shop");
	assert_string_equal(json_string_value(json_object_get(pods.item[1].labels, "app")), "cart");
	assert_int_equal(pods.item[1].n, 1);
	assert_string_equal(pods.item[1].container[0].id, ID);
	assert_ptr_equal(sq_pod_by_uid(&pods, POD_), &pods.item[1]);
	assert_int_equal(sq_pods_take_list(&pods, "{\"items\": null}", &found, NULL), 0);
	assert_true(sq_pods_take_list(&pods, "{\"kind\": \"Status\"}", &found, NULL) < 0);
	/* two who know do not say the same: nobody is believed */
	assert_true(sq_pods_take_list(&pods, lie, &found, &err) < 0);
	assert_contains(err->message, "on this node it is 'shop/cart-0'");
}

static const char kubeconfig[] =
	"apiVersion: v1\nkind: Config\ncurrent-context: b\n"
	"clusters:\n- name: one\n  cluster: {server: 'https://10.0.0.1:6443/', certificate-authority-data: aGVsbG8=}\n"
	"contexts:\n- name: a\n  context: {cluster: one, user: nobody}\n"
	"- name: b\n  context: {cluster: one, user: %s}\n"
	"users:\n- name: cert\n  user: {client-certificate: c.pem, client-key: /k.pem}\n"
	"- name: token\n  user: {token: abc}\n- name: exec\n  user: {exec: {command: aws}}\n";

static int parse(const char *user, struct sq_kubeconfig *ret, struct sq_error **err)
{
	_cleanup_free_ char *text = sq_asprintf(kubeconfig, user);

	return sq_kubeconfig_parse(text, strlen(text), "/etc/squall", ret, err);
}

static void test_kubeconfig_gives_server_and_credentials(void **state)
{
	_cleanup_(sq_kubeconfig_clear) struct sq_kubeconfig cert = { 0 }, token = { 0 },
							    none = { 0 };
	_cleanup_error_ struct sq_error *err = NULL;

	assert_int_equal(parse("cert", &cert, NULL), 0);
	assert_string_equal(cert.server, "https://10.0.0.1:6443");
	assert_int_equal(cert.ca.n, 5);
	assert_memory_equal(cert.ca.data, "hello", 5);
	assert_string_equal(cert.certificate.file, "/etc/squall/c.pem");
	assert_string_equal(cert.key.file, "/k.pem");
	assert_null(cert.token);
	assert_false(cert.any_server);
	assert_int_equal(parse("token", &token, NULL), 0);
	assert_string_equal(token.token, "abc");
	assert_true(parse("exec", &none, &err) < 0);
	assert_contains(err->message, "is not run");
}

UNIT(UNIT_TEST(test_folder_of_each_runtime_and_driver), UNIT_TEST(test_folder_that_is_no_container),
     UNIT_TEST(test_pod_by_each_driver_and_class), UNIT_TEST(test_api_lists_names_and_labels),
     UNIT_TEST(test_state_files_of_docker_podman_and_containerd),
     UNIT_TEST(test_labels_match_all_of_them_exactly),
     UNIT_TEST(test_pod_list_knows_labels_containers_and_static_pods),
     UNIT_TEST(test_kubeconfig_gives_server_and_credentials))
