/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod of Kubernetes is told, and what it would ask of whom. */
#include "rig.h"

#include <stdlib.h>
#include <sysexits.h>

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* The environment of F5's manifest. */
static void init(struct rig *r)
{
    rig_init(r);
    unsetenv("EPHEMERAL_STORE_PEERS");
    set("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    set("KUBERNETES_SERVICE_PORT", "443");
    set("NAMESPACE", "blue");
    set("INFO_SERVICE", "ephemeral-store-info");
    set("POD_LABEL_SELECTOR", "ephemeral-store");
    set("HOSTNAME", "ephemeral-store-0");
}

static int read_again(struct rig *r, const char *option, const char *value)
{
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY); /* reading takes it out */
    return option ? read_config(r, option, value, NULL) : read_config(r, NULL);
}

static void test_what_is_asked(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    assert_good(&r, read_again(&r, NULL, NULL));
    const struct config_kubernetes *k = &r.c->kubernetes;
    assert_null(r.c->peers);
    assert_string_equal(k->api, "https://10.96.0.1:443");
    assert_string_equal(k->account, ACCOUNT);
    assert_string_equal(k->space, "blue");
    assert_string_equal(k->selector, "name=ephemeral-store");
    assert_string_equal(k->pod, "ephemeral-store-0");
    assert_string_equal(k->service, "ephemeral-store-info.blue.svc");
    rig_fini(&r);
}

static void test_less_in_the_environment(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    unsetenv("NAMESPACE");
    unsetenv("INFO_SERVICE");
    unsetenv("POD_LABEL_SELECTOR");
    unsetenv("HOSTNAME");
    unsetenv("KUBERNETES_SERVICE_HOST");
    fake_host_add_file(ACCOUNT, "");
    fake_host_add_file(ACCOUNT "/namespace", "green\n");
    assert_good(&r, read_again(&r, "--cluster-name", "store-2"));
    const struct config_kubernetes *k = &r.c->kubernetes;
    assert_int_equal(r.c->orchestration, ORCHESTRATION_KUBERNETES);
    assert_string_equal(k->api, "https://kubernetes.default.svc");
    assert_string_equal(k->space, "green");
    assert_string_equal(k->selector, "name=store-2");
    assert_string_equal(k->pod, "node-7");
    assert_null(k->service);
    rig_fini(&r);
}

/* Without a namespace the API cannot be asked, but DNS can: the search list begins with the pod's own. */
static void test_no_namespace(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    unsetenv("NAMESPACE");
    assert_good(&r, read_again(&r, NULL, NULL));
    assert_null(r.c->kubernetes.space);
    assert_string_equal(r.c->kubernetes.service, "ephemeral-store-info");
    unsetenv("INFO_SERVICE");
    assert_int_equal(read_again(&r, NULL, NULL), EX_CONFIG);
    assert_why(&r, "neither NAMESPACE nor INFO_SERVICE is set, and no service account is mounted");
    assert_good(&r, read_again(&r, "--cluster-size", "1"));
    rig_fini(&r);
}

static void test_addresses_of_the_api(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    set("KUBERNETES_SERVICE_HOST", "fd00::1");
    assert_good(&r, read_again(&r, NULL, NULL));
    assert_string_equal(r.c->kubernetes.api, "https://[fd00::1]:443");
    assert_good(&r, read_again(&r, "--kubernetes-api", "http://127.0.0.1:8001"));
    assert_string_equal(r.c->kubernetes.api, "http://127.0.0.1:8001");
    static const char *const bad[] = {"10.0.0.1:443", "https://", "https:///x",  "https://a/",
                                      "https://me@a", "ftp://a",  "https://a?b", "https://a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_again(&r, "--kubernetes-api", bad[i]), EX_CONFIG);
        assert_why(&r, "flag --kubernetes-api: ");
        assert_why(&r, "is no URL of the Kubernetes API");
    }
    rig_fini(&r);
}

static void test_selectors_and_services(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    assert_good(&r, read_again(&r, "--pod-label-selector", "app=store,tier in (cache)"));
    assert_string_equal(r.c->kubernetes.selector, "app=store,tier in (cache)");
    assert_int_equal(read_again(&r, "--pod-label-selector", "a\nb"), EX_CONFIG);
    assert_good(&r, read_again(&r, "--info-service", "store.green.svc.example"));
    assert_string_equal(r.c->kubernetes.service, "store.green.svc.example");
    assert_int_equal(read_again(&r, "--info-service", "a b"), EX_CONFIG);
    assert_why(&r, "'a b' is no name of a service");
    assert_int_equal(read_again(&r, "--kubernetes-namespace", "a.b"), EX_CONFIG);
    assert_why(&r, "'a.b' is no name of a namespace");
    rig_fini(&r);
}

/* Whoever says that there is no orchestrator is believed. */
static void test_without_kubernetes_nothing_is_asked(void **state)
{
    struct rig r;
    (void)state;
    init(&r);
    fake_host_add_file(ACCOUNT, "");
    fake_host_add_file(ACCOUNT "/namespace", "green\n");
    set("ORCHESTRATION", "none");
    assert_int_equal(read_again(&r, NULL, NULL), EX_CONFIG);
    assert_why(&r, "no peers are given, so that this node could never find another");
    assert_good(&r, read_again(&r, "--peers", "10.0.0.1"));
    assert_null(r.c->kubernetes.api);
    assert_null(r.c->kubernetes.service);
    rig_fini(&r);
}

struct lines {
    char text[4096];
};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct lines *l = arg;
    (void)level;
    snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%s\n", line);
}

/* Which --check shows, too. */
static void test_what_is_said(void **state)
{
    struct lines l = {""};
    const struct log log = {.level = LOG_INFO, .sink = keep_line, .arg = &l};
    struct rig r;
    (void)state;
    init(&r);
    assert_good(&r, read_again(&r, NULL, NULL));
    config_log(r.c, &log);
    assert_non_null(strstr(l.text, "no service account is mounted (" ACCOUNT "/token cannot be read)"));
    assert_non_null(strstr(l.text, "DNS is asked for the headless service ephemeral-store-info.blue.svc"));
    fake_host_add_file(ACCOUNT "/token", "secret");
    l.text[0] = '\0';
    config_log(r.c, &log);
    assert_non_null(strstr(l.text, "is asked at https://10.96.0.1:443 for the pods with name=ephemeral-store in "
                                   "namespace blue"));
    assert_null(strstr(l.text, "secret"));
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked),          cmocka_unit_test(test_less_in_the_environment),
        cmocka_unit_test(test_no_namespace),           cmocka_unit_test(test_addresses_of_the_api),
        cmocka_unit_test(test_selectors_and_services), cmocka_unit_test(test_without_kubernetes_nothing_is_asked),
        cmocka_unit_test(test_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
