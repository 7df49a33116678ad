/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <stdlib.h>
#include <sysexits.h>

#define MOUNTED_CERT "/riak-bootstrap/ca-certs/tls.crt"
#define MOUNTED_KEY  "/riak-bootstrap/ca-certs/tls.key"
#define CGROUP_V2    "/sys/fs/cgroup/memory.max"
#define CGROUP_V1    "/sys/fs/cgroup/memory/memory.limit_in_bytes"

/* --- the manifests of docs/deployment.md --- */

static void test_marathon(void **state)
{
    struct rig r;
    (void)state;
    rig_init_bare(&r);
    set("ORCHESTRATION", "marathon");
    set("EPHEMERAL_STORE_USER", "{ \"name\" : \"myUser\", \"auth_mode\" : \"certificate\" }");
    set("EPHEMERAL_STORE_ROOT_CA_CERT", CERT);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    set("HOST", "10.1.2.3");
    set("PORT_PROTO", "31087");
    set("PORT_EPMD", "31369");
    set("PORT_HANDOFF", "31099");
    set("MARATHON_APP_RESOURCE_MEM", "1024.0");
    set("MESOS_TASK_ID", "ephemeral-store.1234");
    set("EPHEMERAL_STORE_PEERS", "ephemeral-store.marathon.mesos");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_MARATHON);
    assert_int_equal(r.c->user_count, 1);
    assert_string_equal(r.c->user_names[0], "myUser");
    assert_string_equal(r.c->root_ca_cert.text, CERT);
    assert_string_equal(r.c->root_ca_key.text, KEY);
    assert_string_equal(r.c->node_name, "riak@10.1.2.3");
    assert_int_equal(r.c->proto_port, 31087);
    assert_int_equal(r.c->epmd_port, 31369);
    assert_int_equal(r.c->handoff_port, 31099);
    assert_string_equal(r.c->advertise, "10.1.2.3");
    assert_string_equal(r.c->place, "ephemeral-store.1234");
    assert_int_equal(r.c->memory_bytes, UINT64_C(1) << 30);
    assert_string_equal(r.c->memory_source, "environment variable MARATHON_APP_RESOURCE_MEM");
    rig_fini(&r);
}

static void test_kubernetes(void **state)
{
    struct rig r;
    (void)state;
    rig_init_bare(&r);
    set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    set("EPHEMERAL_STORE_USER", USER);
    set("NAMESPACE", "default");
    set("HOSTNAME", "ephemeral-store-0");
    set("EPHEMERAL_STORE_PEERS", "ephemeral-store-info.default.svc");
    fake_host_add_file(MOUNTED_CERT, CERT);
    fake_host_add_file(MOUNTED_KEY, KEY);
    fake_host_add_file(CGROUP_V2, "1073741824\n");
    fake_host_set_name("ephemeral-store-0");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_KUBERNETES);
    assert_string_equal(r.c->root_ca_cert.text, CERT);
    assert_string_equal(r.c->root_ca_key.text, KEY);
    assert_string_equal(r.c->node_name, "riak@ephemeral-store-0");
    assert_string_equal(r.c->advertise, ""); /* that comes from the host's name, later */
    assert_string_equal(r.c->advertise_names[0], "ephemeral-store-0");
    assert_string_equal(r.c->place, "default/ephemeral-store-0");
    assert_int_equal(r.c->name_count, 4); /* localhost and both of loopback, too */
    assert_int_equal(r.c->proto_port, 8087);
    assert_int_equal(r.c->memory_bytes, UINT64_C(1) << 30);
    assert_string_equal(r.c->memory_source, "limit of the control group, " CGROUP_V2);
    rig_fini(&r);
}

/* The mounted files count only where nothing else is given, and only in Kubernetes. */
static void test_mounted_root(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    fake_host_add_file(MOUNTED_CERT, "-----BEGIN other");
    set("ORCHESTRATION", "kubernetes");
    assert_good(&r, read_config(&r, NULL));
    assert_string_equal(r.c->root_ca_cert.text, CERT);
    unsetenv("EPHEMERAL_STORE_ROOT_CA_CERT");
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_good(&r, read_config(&r, NULL));
    assert_string_equal(r.c->root_ca_cert.text, "-----BEGIN other");
    set("ORCHESTRATION", "none");
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "root-ca-cert is not given");
    rig_fini(&r);
}

static void test_mounted_root_that_is_too_large(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    unsetenv("EPHEMERAL_STORE_ROOT_CA_CERT");
    set("ORCHESTRATION", "kubernetes");
    char *large = calloc(1, 256 * 1024 + 2);
    assert_non_null(large);
    memset(large, 'x', 256 * 1024 + 1);
    fake_host_add_file(MOUNTED_CERT, large);
    assert_int_equal(read_config(&r, NULL), EX_DATAERR);
    assert_why(&r, "file " MOUNTED_CERT ": the file is larger than 256 KiB");
    rig_fini(&r);
    free(large);
}

static void test_who_started_this_node(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_NONE);
    rig_fini(&r);
    rig_init(&r);
    fake_host_add_file("/var/run/secrets/kubernetes.io/serviceaccount", ""); /* without peers, it is asked for them */
    fake_host_add_file("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "blue");
    unsetenv("EPHEMERAL_STORE_PEERS");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_KUBERNETES);
    rig_fini(&r);
    rig_init(&r);
    set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    set("ORCHESTRATION", "Marathon");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_MARATHON);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    set("ORCHESTRATION", "none");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->orchestration, ORCHESTRATION_NONE);
    rig_fini(&r);
}

static void test_defaults(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, NULL));
    const struct config *c = r.c;
    assert_string_equal(c->listen, "::");
    assert_true(c->listen_by_default);
    assert_int_equal(c->proto_port, 8087);
    assert_int_equal(c->epmd_port, 4369);
    assert_int_equal(c->handoff_port, 8099);
    assert_string_equal(c->server_version, "3.0.16");
    assert_true(c->legacy_suites);
    assert_int_equal(c->certificate_days, 30);
    assert_int_equal(c->cluster_size, 5);
    assert_int_equal(c->bucket_type_count, 0);
    assert_int_equal(c->object_size_max_bytes, 50 << 20);
    assert_int_equal(c->siblings_max, 100);
    assert_int_equal(c->delete_reap_ms, 3000);
    assert_int_equal(c->handshake_timeout_ms, 10000);
    assert_int_equal(c->auth_failure_delay_ms, 5000);
    assert_int_equal(c->stall_timeout_ms, 60000);
    assert_int_equal(c->request_timeout_ms, 60000);
    assert_int_equal(c->log_level, LOG_INFO);
    rig_fini(&r);
}

/* --- the root --- */

/* Newlines as they are, written out, or left out: what the PEM means is not the configuration's. */
static void test_pem_in_place(void **state)
{
    static const char *const spellings[] = {
        CERT,
        "-----BEGIN CERTIFICATE-----\\nQUJD\\n-----END CERTIFICATE-----\\n",
        "-----BEGIN CERTIFICATE-----QUJD-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE----- QUJD -----END CERTIFICATE-----",
        "comment\n" CERT,
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClFVSkQKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=", /* it in base64 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct rig r;
        rig_init(&r);
        set("EPHEMERAL_STORE_ROOT_CA_CERT", spellings[i]);
        assert_good(&r, read_config(&r, "--root-ca-key", spellings[i], NULL));
        assert_string_equal(r.c->root_ca_cert.text, spellings[i]);
        assert_string_equal(r.c->root_ca_key.text, spellings[i]);
        rig_fini(&r);
    }
}

static void test_pem_from_a_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_ROOT_CA_CERT", write_file(&r, CERT CERT));
    assert_good(&r, read_config(&r, NULL));
    assert_string_equal(r.c->root_ca_cert.text, CERT CERT);
    assert_string_equal(r.c->root_ca_key.text, KEY);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", r.path);
    assert_good(&r, read_config(&r, "--root-ca-cert", CERT, NULL));
    assert_string_equal(r.c->root_ca_cert.text, CERT);
    assert_string_equal(r.c->root_ca_key.text, CERT CERT);
    rig_fini(&r);
}

static void test_pem_in_the_configuration_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init_bare(&r);
    write_file(&r, "cluster-size = 1\nuser = " USER "\nroot-ca-cert = <<END\n" CERT "END\nroot-ca-key = <<END\n" KEY
                   "END\n");
    assert_good(&r, read_config(&r, "--config", r.path, NULL));
    assert_string_equal(r.c->root_ca_cert.text, CERT);
    assert_string_equal(r.c->root_ca_key.text, KEY);
    rig_fini(&r);
}

static void test_no_root(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    unsetenv("EPHEMERAL_STORE_ROOT_CA_KEY");
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "root-ca-key is not given: set EPHEMERAL_STORE_ROOT_CA_KEY to the PEM, or --root-ca-key to it or "
                   "to a file");
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    unsetenv("EPHEMERAL_STORE_ROOT_CA_CERT");
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "root-ca-cert is not given: set EPHEMERAL_STORE_ROOT_CA_CERT to the PEM");
    rig_fini(&r);
}

static void test_pem_file_that_cannot_be_read(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_ROOT_CA_CERT", "/nonexistent/ca.pem");
    assert_int_equal(read_config(&r, NULL), EX_NOINPUT);
    assert_why(&r,
               "environment variable EPHEMERAL_STORE_ROOT_CA_CERT: the file '/nonexistent/ca.pem' cannot be read (No "
               "such file or directory): give the PEM itself (it begins with -----BEGIN), or the path of a file");
    assert_int_equal(read_config(&r, "--root-ca-cert", "/tmp", "--root-ca-key", KEY, NULL), EX_NOINPUT);
    assert_why(&r, "flag --root-ca-cert, file /tmp: the file '/tmp' cannot be read (Is a directory)");
    assert_int_equal(read_config(&r, "--root-ca-cert", "rootCA.crt.nowhere", "--root-ca-key", KEY, NULL), EX_NOINPUT);
    assert_why(&r, "flag --root-ca-cert: the file 'rootCA.crt.nowhere' cannot be read (No such file or directory)");
    rig_fini(&r);
}

static void test_placeholders(void **state)
{
    static const char *const left_in[] = {"<your-rootCA.crt>", "<root-ca-cert-in-PEM-format>", "${ROOT_CA}", "$(ROOT)",
                                          "{{ .Values.root }}"};
    struct rig r;
    char expected[256];
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof left_in / sizeof left_in[0]; i++) {
        set("EPHEMERAL_STORE_ROOT_CA_CERT", left_in[i]);
        assert_int_equal(read_config(&r, "--root-ca-key", KEY, NULL), EX_CONFIG);
        snprintf(expected, sizeof expected,
                 "environment variable EPHEMERAL_STORE_ROOT_CA_CERT: '%s' is a placeholder that was left in: put the "
                 "PEM in its place",
                 left_in[i]);
        assert_why(&r, expected);
    }
    rig_fini(&r);
}

/* What was given instead of a key may be a mistyped key: it is not repeated. */
static void test_mistyped_key_is_not_shown(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", "----BEGIN PRIVATE KEY-----\nREVG");
    assert_int_equal(read_config(&r, NULL), EX_NOINPUT);
    assert_why(&r, "environment variable EPHEMERAL_STORE_ROOT_CA_KEY: a text of 31 bytes that is no PEM (it does not "
                   "begin with -----BEGIN), nor the path of a file that can be read");
    assert_null(strstr(r.why, "REVG"));
    set("EPHEMERAL_STORE_ROOT_CA_KEY", "MC4CAQAwBQYDK2VwBCIEIJ/REVG+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_int_equal(read_config(&r, NULL), EX_NOINPUT);
    assert_why(&r, "a text of 64 bytes that is no PEM");
    assert_null(strstr(r.why, "REVG"));
    rig_fini(&r);
}

static void test_pem_file_with_strange_contents(void **state)
{
    char *large = malloc(256 * 1024 + 1);
    struct rig r;
    (void)state;
    assert_non_null(large);
    memset(large, 'x', 256 * 1024 + 1);
    rig_init(&r);
    assert_int_equal(read_config(&r, "--root-ca-cert", write_file(&r, ""), NULL), EX_DATAERR);
    assert_why(&r, ": the file is empty");
    assert_why(&r, "flag --root-ca-cert, file /tmp/");
    assert_why(&r, r.path);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_int_equal(read_config(&r, "--root-ca-cert", write_bytes(&r, "0\x82\0\1", 4), NULL), EX_DATAERR);
    assert_why(&r, "the file is DER, not PEM: convert it with openssl x509 or pkey, -inform DER");
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_int_equal(read_config(&r, "--root-ca-cert", write_bytes(&r, "a\0b", 3), NULL), EX_DATAERR);
    assert_why(&r, ": the file is no text");
    assert_int_equal(read_config(&r, "--root-ca-cert", write_bytes(&r, large, 256 * 1024 + 1), NULL), EX_DATAERR);
    assert_why(&r, ": the file is larger than 256 KiB");
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_good(&r, read_config(&r, "--root-ca-cert", write_bytes(&r, large, 256 * 1024), NULL));
    assert_int_equal(strlen(r.c->root_ca_cert.text), 256 * 1024);
    rig_fini(&r);
    free(large);
}

static void test_key_leaves_the_environment(void **state)
{
    static char variable[] = "EPHEMERAL_STORE_ROOT_CA_KEY=" KEY;
    static const char zeros[sizeof KEY];
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(putenv(variable), 0); /* the environment uses this very memory */
    assert_good(&r, read_config(&r, NULL));
    assert_string_equal(r.c->root_ca_key.text, KEY);
    assert_memory_equal(strchr(variable, '=') + 1, zeros, sizeof KEY);
    assert_null(getenv("EPHEMERAL_STORE_ROOT_CA_KEY"));
    assert_string_equal(getenv("EPHEMERAL_STORE_ROOT_CA_CERT"), CERT);
    rig_fini(&r);
}

/* --- who wins --- */

static void test_precedence(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    write_file(&r, "proto-port = 3\nepmd-port = 3\nhandoff-port = 3\n");
    set("EPHEMERAL_STORE_CONFIG", r.path);
    set("EPHEMERAL_STORE_PROTO_PORT", "2");
    set("EPHEMERAL_STORE_EPMD_PORT", "2");
    assert_good(&r, read_config(&r, "--proto-port", "1", NULL));
    assert_int_equal(r.c->proto_port, 1);
    assert_int_equal(r.c->epmd_port, 2);
    assert_int_equal(r.c->handoff_port, 3);
    set("PORT_EPMD", "4"); /* Marathon's own variable wins over ours */
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->epmd_port, 4);
    rig_fini(&r);
}

static void test_everything_from_the_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    write_file(&r, "# a whole node\n"
                   "listen = ::1\nnode-name = riak@here\nnames = a,b\nserver-version = 2.2.3\n"
                   "certificate-days = 7\nlegacy-suites = off\nmemory = 2GiB\ncluster-size = 1\n"
                   "bucket-types = {\"short\":{\"ttl\":30}}\nobject-size-max = 1MiB\nsiblings-max = 7\n"
                   "delete-mode = keep\nmax-connections = 77\nmax-handshakes = 5\nhandshake-timeout-ms = 3s\n"
                   "auth-failure-delay-ms = 0\nstall-timeout-ms = 1m\nrequest-timeout-ms = 5s\n"
                   "log-level = debug\norchestration = none\n");
    assert_good(&r, read_config(&r, "--config", r.path, NULL));
    const struct config *c = r.c;
    assert_string_equal(c->listen, "::1");
    assert_string_equal(c->node_name, "riak@here");
    assert_string_equal(c->server_version, "2.2.3");
    assert_int_equal(c->certificate_days, 7);
    assert_false(c->legacy_suites);
    assert_int_equal(c->memory_bytes, UINT64_C(2) << 30);
    assert_int_equal(c->cluster_size, 1);
    assert_int_equal(c->bucket_type_count, 1);
    assert_int_equal(c->bucket_types[0].props.ttl_s, 30);
    assert_int_equal(c->object_size_max_bytes, 1 << 20);
    assert_int_equal(c->siblings_max, 7);
    assert_int_equal(c->delete_reap_ms, CONFIG_REAP_NEVER);
    assert_int_equal(c->connections_max, 77);
    assert_int_equal(c->handshakes_max, 5);
    assert_int_equal(c->handshake_timeout_ms, 3000);
    assert_int_equal(c->auth_failure_delay_ms, 0);
    assert_int_equal(c->stall_timeout_ms, 60000);
    assert_int_equal(c->request_timeout_ms, 5000);
    assert_int_equal(c->log_level, LOG_DEBUG);
    rig_fini(&r);
}

/* --- names --- */

static void assert_names(const struct rig *r, const char *expected)
{
    char got[512] = "";
    for (size_t i = 0; i < r->c->name_count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "", r->c->names[i]);
    assert_string_equal(got, expected);
}

static void test_names_of_the_node(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_names(&r, "node-7 localhost 127.0.0.1 ::1");
    assert_string_equal(r.c->host_name, "node-7");
    assert_string_equal(r.c->node_name, "riak@node-7");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--listen", "10.0.0.7", "--names", "vip, a.b,,Node-7", NULL));
    assert_names(&r, "10.0.0.7 node-7 vip a.b localhost 127.0.0.1 ::1"); /* each once, whatever the case */
    assert_string_equal(r.c->node_name, "riak@10.0.0.7");
    set("POD_IP", "fd00:0::9");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--listen", "0::0", "--node-name", "riak@x", "--advertise",
                                "10.9.9.9", NULL));
    assert_string_equal(r.c->listen, "::");
    assert_false(r.c->listen_by_default);
    assert_names(&r, "node-7 localhost 10.9.9.9 fd00::9 127.0.0.1 ::1");
    assert_string_equal(r.c->node_name, "riak@x");
    set("POD_IP", "pending");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--advertise", "::ffff:127.0.0.1", NULL));
    assert_names(&r, "node-7 localhost 127.0.0.1 ::1");
    rig_fini(&r);
}

static void test_names_from_the_host(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_CLUSTER_SIZE", "1"); /* not a question of addresses */
    set("HOST", "agent-3.dc.example");
    set("ORCHESTRATION", "marathon");
    fake_host_set_name("agent-3");
    assert_good(&r, read_config(&r, NULL));
    assert_names(&r, "agent-3.dc.example agent-3 localhost 127.0.0.1 ::1");
    unsetenv("ORCHESTRATION"); /* else HOST is only a shell's variable */
    set("HOST", "terminal");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_names(&r, "agent-3 localhost 127.0.0.1 ::1");
    fake_host_set_name(NULL);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_names(&r, "localhost 127.0.0.1 ::1");
    assert_string_equal(r.c->node_name, "riak@localhost");
    rig_fini(&r);
}

/* Machines have names that no certificate can carry: the node starts, is known by its other names, and says so. */
static void test_names_that_no_certificate_can_carry(void **state)
{
    static const char *const bad[] = {"(none)", "a b", "k\xc3\xb6ln",
                                      "a234567890123456789012345678901234567890123456789012345678901234", "a..b"};
    struct rig r;
    char long_host[300];
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_CLUSTER_SIZE", "1");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake_host_set_name(bad[i]);
        assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
        assert_names(&r, "localhost 127.0.0.1 ::1");
        assert_string_equal(r.c->node_name, "riak@localhost");
        assert_non_null(strstr(r.c->names_left_out, bad[i]));
    }
    fake_host_set_name("whole.example."); /* the dot only says that nothing follows */
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_names(&r, "whole.example localhost 127.0.0.1 ::1");
    assert_string_equal(r.c->names_left_out, "");
    snprintf(long_host, sizeof long_host, "%0299d", 7);
    set("HOST", long_host);
    set("ORCHESTRATION", "marathon");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--names", "good,b@d", NULL));
    assert_names(&r, "whole.example good localhost 127.0.0.1 ::1");
    assert_non_null(strstr(r.c->names_left_out, "'b@d'"));
    assert_non_null(strstr(r.c->names_left_out, "'00000"));
    rig_fini(&r);
}

static void test_too_many_and_too_long_names(void **state)
{
    struct rig r;
    char list[512] = "";
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 44; i++)
        sprintf(list + strlen(list), "n%d,", i);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--names", list, NULL));
    assert_int_equal(r.c->name_count, 48);
    strcat(list, "one-more");
    assert_int_equal(read_config(&r, "--root-ca-key", KEY, "--names", list, NULL), EX_CONFIG);
    assert_why(&r, "more than 48 names for this node: give fewer with --names");
    snprintf(list, sizeof list, "short,%0256d", 7);
    assert_int_equal(read_config(&r, "--names", list, NULL), EX_CONFIG);
    assert_why(&r, "flag --names: a name of 256 bytes is too long");
    rig_fini(&r);
}

/* --- memory --- */

static void test_memory_from_each_source(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->memory_bytes, UINT64_C(1) << 30);
    assert_string_equal(r.c->memory_source, "default, as no limit is set");
    fake_host_add_file(CGROUP_V1, "134217728\n");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_int_equal(r.c->memory_bytes, 128 << 20);
    assert_string_equal(r.c->memory_source, "limit of the control group, " CGROUP_V1);
    set("MARATHON_APP_RESOURCE_MEM", "512");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_int_equal(r.c->memory_bytes, 512 << 20);
    set("EPHEMERAL_STORE_MEMORY", "64MiB");
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, NULL));
    assert_int_equal(r.c->memory_bytes, 64 << 20);
    assert_string_equal(r.c->memory_source, "environment variable EPHEMERAL_STORE_MEMORY");
    rig_fini(&r);
}

static void test_control_group_without_a_limit(void **state)
{
    static const char *const texts[] = {"max\n", "9223372036854771712\n", "18446744073709551615\n", "\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rig r;
        rig_init(&r);
        fake_host_add_file(CGROUP_V2, texts[i]);
        fake_host_add_file(CGROUP_V1, texts[i]);
        assert_good(&r, read_config(&r, NULL));
        assert_string_equal(r.c->memory_source, "default, as no limit is set");
        rig_fini(&r);
    }
}

/* Promise 7: a limit that is too small is no reason to do as if there were none. */
static void test_control_group_that_is_too_small(void **state)
{
    static const char *const paths[] = {CGROUP_V2, CGROUP_V1};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        rig_init(&r);
        fake_host_add_file(paths[i], "33554432\n");
        assert_int_equal(read_config(&r, NULL), EX_CONFIG);
        assert_why(&r, paths[i]);
        assert_why(&r, ": 33554432 bytes of memory are too few: a node needs at least 64 MiB");
        rig_fini(&r);
    }
}

static void test_marathons_memory(void **state)
{
    static const char *const bad[] = {"x", "-1", "0", "1024MB", "nan", "inf", "1e300"};
    struct rig r;
    (void)state;
    rig_init(&r);
    set("MARATHON_APP_RESOURCE_MEM", "100.5");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->memory_bytes, 201 << 19);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set("MARATHON_APP_RESOURCE_MEM", bad[i]);
        assert_int_equal(read_config(&r, NULL), EX_CONFIG);
        assert_why(&r, "environment variable MARATHON_APP_RESOURCE_MEM: '");
        assert_why(&r, "' is no number of megabytes");
        assert_why(&r, bad[i]);
    }
    set("MARATHON_APP_RESOURCE_MEM", "63");
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "MARATHON_APP_RESOURCE_MEM: 66060288 bytes of memory are too few: a node needs at least 64 MiB");
    rig_fini(&r);
}

/* An eighth of the memory at 32 KiB each, but at least 256, unless it is said; and places of strangers likewise. */
static void test_connections(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--memory", "1GiB", NULL));
    assert_int_equal(r.c->connections_max, 4096);
    assert_int_equal(r.c->handshakes_max, 1024);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--memory", "64MiB", NULL));
    assert_int_equal(r.c->connections_max, 256);
    assert_int_equal(r.c->handshakes_max, 170);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--memory", "256MiB", NULL));
    assert_int_equal(r.c->handshakes_max, 682);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--max-connections", "3", NULL));
    assert_int_equal(r.c->connections_max, 3);
    rig_fini(&r);
}

/* --- texts --- */

static void test_delete_mode(void **state)
{
    static const char *const bad[] = {"", "Keep", "3s", "-1", " 1", "316224000001", "99999999999999999999"};
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--delete-mode", "immediate", NULL));
    assert_int_equal(r.c->delete_reap_ms, 0);
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--delete-mode", "316224000000", NULL));
    assert_int_equal(r.c->delete_reap_ms, UINT64_C(316224000000));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_config(&r, "--delete-mode", bad[i], NULL), EX_CONFIG);
        assert_why(&r, "flag --delete-mode: '");
        assert_why(&r, "' is no delete mode: give keep, immediate or milliseconds");
    }
    rig_fini(&r);
}

static void test_server_version(void **state)
{
    static const char *const bad[] = {"",          "3",       "3.0",     "3.0.x",  "3.0.16.1",
                                      "3.0.16-rc", "v3.0.16", "3.0.-16", "3. 0.16"};
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--server-version", "2.2.3", NULL));
    assert_string_equal(r.c->server_version, "2.2.3");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_config(&r, "--server-version", bad[i], NULL), EX_CONFIG);
        assert_why(&r, "flag --server-version: '");
        assert_why(&r, "' is no version: give three integers like 3.0.16");
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marathon),
        cmocka_unit_test(test_kubernetes),
        cmocka_unit_test(test_mounted_root),
        cmocka_unit_test(test_mounted_root_that_is_too_large),
        cmocka_unit_test(test_who_started_this_node),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_pem_in_place),
        cmocka_unit_test(test_pem_from_a_file),
        cmocka_unit_test(test_pem_in_the_configuration_file),
        cmocka_unit_test(test_no_root),
        cmocka_unit_test(test_pem_file_that_cannot_be_read),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_mistyped_key_is_not_shown),
        cmocka_unit_test(test_pem_file_with_strange_contents),
        cmocka_unit_test(test_key_leaves_the_environment),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_everything_from_the_file),
        cmocka_unit_test(test_names_of_the_node),
        cmocka_unit_test(test_names_from_the_host),
        cmocka_unit_test(test_names_that_no_certificate_can_carry),
        cmocka_unit_test(test_too_many_and_too_long_names),
        cmocka_unit_test(test_memory_from_each_source),
        cmocka_unit_test(test_control_group_without_a_limit),
        cmocka_unit_test(test_control_group_that_is_too_small),
        cmocka_unit_test(test_marathons_memory),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_delete_mode),
        cmocka_unit_test(test_server_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
