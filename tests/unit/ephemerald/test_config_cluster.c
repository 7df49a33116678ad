/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a cluster: who the others are, where this node is, and the times. */
#include "rig.h"

#include "failing_alloc.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* The key leaves the environment with each reading. */
#define read_again(r, ...) read_config(r, "--root-ca-key", KEY, __VA_ARGS__)

static void test_defaults(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->cluster_name, "ephemeral-store");
    assert_int_equal(r.c->cluster_size, 5);
    assert_int_equal(r.c->replicas, 3);
    assert_string_equal(r.c->peers, PEERS);
    assert_string_equal(r.c->place, "");
    assert_int_equal(r.c->times.heartbeat_ms, 100);
    assert_int_equal(r.c->times.election_ms, 300);
    assert_int_equal(r.c->times.lease_ms, 5000);
    assert_int_equal(r.c->times.lease_margin_ms, 1000);
    assert_int_equal(r.c->times.form_grace_ms, 3000);
    assert_int_equal(r.c->times.stranded_after_ms, 10000);
    assert_int_equal(r.c->times.lost_after_ms, 60000);
    rig_fini(&r);
}

static void test_everything_from_the_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    unsetenv("EPHEMERAL_STORE_PEERS");
    write_file(&r, "cluster-name = Blue_2.x\ncluster-size = 7\nreplicas = 5\npeers = a.b, [fd00::1]:7, srv:_x.y\n"
                   "advertise = fd00:0::2\nplace = rack 1 / 7\nheartbeat-ms = 20\nelection-ms = 60ms\nlease-ms = 1s\n"
                   "lease-margin-ms = 200\nform-grace-ms = 0\nstranded-after-ms = 600\nlost-after-ms = 2s\n");
    assert_good(&r, read_again(&r, "--config", r.path, NULL));
    assert_string_equal(r.c->cluster_name, "Blue_2.x");
    assert_int_equal(r.c->cluster_size, 7);
    assert_int_equal(r.c->replicas, 5);
    assert_string_equal(r.c->peers, "a.b, [fd00::1]:7, srv:_x.y");
    assert_string_equal(r.c->advertise, "fd00::2");
    assert_string_equal(r.c->place, "rack 1 / 7");
    assert_int_equal(r.c->times.heartbeat_ms, 20);
    assert_int_equal(r.c->times.election_ms, 60);
    assert_int_equal(r.c->times.lease_ms, 1000);
    assert_int_equal(r.c->times.lease_margin_ms, 200);
    assert_int_equal(r.c->times.form_grace_ms, 0);
    assert_int_equal(r.c->times.stranded_after_ms, 600);
    assert_int_equal(r.c->times.lost_after_ms, 2000);
    rig_fini(&r);
}

/* --- the others --- */

static void test_nobody_to_find(void **state)
{
    static const struct {
        const char *orchestration, *says;
    } kinds[] = {
        {"none", "cluster-size is 5 (default), but no peers are given, so that this node could never find "
                 "another: set EPHEMERAL_STORE_PEERS (or --peers) to where the nodes are"},
        {"marathon",
         "no peers are given (the environment variable MARATHON_APP_ID is not set: Marathon cannot be asked for them)"},
        {"kubernetes",
         "no peers are given (neither NAMESPACE nor INFO_SERVICE is set, and no service account is mounted: "
         "Kubernetes cannot be asked for them), so that"}};
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < 3; i++) {
        unsetenv("EPHEMERAL_STORE_PEERS");
        assert_int_equal(read_again(&r, "--orchestration", kinds[i].orchestration, NULL), EX_CONFIG);
        assert_why(&r, kinds[i].says);
        assert_why(&r, "or EPHEMERAL_STORE_CLUSTER_SIZE=1 for a cluster of one");
        set("EPHEMERAL_STORE_PEERS", " ");
        assert_int_equal(read_again(&r, "--cluster-size", "2", NULL), EX_CONFIG);
        assert_why(&r, "cluster-size is 2 (flag --cluster-size), but no peers are given");
        assert_good(&r, read_again(&r, "--cluster-size", "1", NULL));
        assert_null(r.c->peers);
    }
    rig_fini(&r);
}

static void test_bad_peers(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_PEERS", "10.0.0.1,10.0.0.2:0");
    assert_int_equal(read_again(&r, NULL), EX_CONFIG);
    assert_why(&r, "environment variable EPHEMERAL_STORE_PEERS: entry 2, '10.0.0.2:0': its port is no number from 1");
    /* Also of a node that would not need them. */
    assert_int_equal(read_again(&r, "--cluster-size", "1", "--peers", "a,,b", NULL), EX_CONFIG);
    assert_why(&r, "flag --peers: entry 2, '': it is empty: leave out the comma that is too many");
    rig_fini(&r);
}

/* --- reading the list again --- */

static void assert_reread(const struct rig *r, const char *expected)
{
    char *peers, why[512] = "";
    int status = config_reread_peers(r->c, &peers, why, sizeof why);
    if (status)
        fail_msg("%d: %s", status, why);
    if (expected)
        assert_string_equal(peers, expected);
    else
        assert_null(peers);
    free(peers);
}

static void assert_reread_fails(const struct rig *r, int status, const char *says)
{
    char *peers, why[512] = "";
    assert_int_equal(config_reread_peers(r->c, &peers, why, sizeof why), status);
    if (!strstr(why, says))
        fail_msg("\"%s\" does not say \"%s\"", why, says);
    assert_null(peers);
}

static void rewrite(const struct rig *r, const char *text)
{
    FILE *f = fopen(r->path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_peers_read_again_from_the_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    unsetenv("EPHEMERAL_STORE_PEERS");
    write_file(&r, "peers = 10.0.0.1\n");
    assert_good(&r, read_again(&r, "--config", r.path, NULL));
    assert_reread(&r, "10.0.0.1");
    rewrite(&r, "peers = 10.0.0.1,10.0.0.2\n");
    assert_reread(&r, "10.0.0.1,10.0.0.2");
    assert_string_equal(r.c->peers, "10.0.0.1");
    rewrite(&r, "peers = 10.0.0.300\n");
    assert_reread_fails(&r, EX_CONFIG, "entry 1, '10.0.0.300': it is neither an address nor");
    rewrite(&r, "# nobody\n");
    assert_reread_fails(&r, EX_CONFIG, "cluster-size is 5 (default), but no peers are given");
    rewrite(&r, "pears = a\n");
    assert_reread_fails(&r, EX_CONFIG, "unknown option 'pears': did you mean 'peers'?");
    unlink(r.path);
    assert_reread_fails(&r, EX_NOINPUT, "cannot be read");
    rig_fini(&r);
}

static void test_peers_that_cannot_change(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_again(&r, NULL));
    assert_reread(&r, PEERS);
    write_file(&r, "peers = 10.0.0.1\n");
    assert_good(&r, read_again(&r, "--config", r.path, NULL)); /* the environment wins */
    assert_reread(&r, PEERS);
    unsetenv("EPHEMERAL_STORE_PEERS");
    assert_good(&r, read_again(&r, "--cluster-size", "1", NULL));
    assert_reread(&r, NULL);
    rig_fini(&r);
}

static void test_peers_read_again_without_memory(void **state)
{
    struct rig r;
    char *peers, why[256];
    bool failed = true;
    (void)state;
    rig_init(&r);
    unsetenv("EPHEMERAL_STORE_PEERS");
    write_file(&r, "peers = 10.0.0.1\n");
    assert_good(&r, read_again(&r, "--config", r.path, NULL));
    for (size_t n = 1; failed; n++) {
        failing_alloc_start(n);
        int status = config_reread_peers(r.c, &peers, why, sizeof why);
        failed = failing_alloc_stop();
        assert_int_equal(status, failed ? EX_OSERR : 0);
        assert_true(failed == !peers);
        free(peers);
    }
    rig_fini(&r);
}

/* --- where this node is --- */

static void assert_advertises(const struct rig *r, const char *address, const char *first, const char *second)
{
    assert_string_equal(r->c->advertise, address);
    assert_int_equal(r->c->advertise_name_count, (first != NULL) + (second != NULL));
    if (first)
        assert_string_equal(r->c->advertise_names[0], first);
    if (second)
        assert_string_equal(r->c->advertise_names[1], second);
}

static void test_advertised_address(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "", "node-7", NULL); /* the host's name, which is looked up later */
    set("POD_IP", "10.244.0.5");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "10.244.0.5", NULL, NULL);
    set("HOST", "10.3.3.3");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "10.244.0.5", NULL, NULL); /* HOST may be any shell's variable */
    set("ORCHESTRATION", "marathon");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "10.3.3.3", NULL, NULL);
    set("HOST", "agent-3");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "10.244.0.5", NULL, NULL); /* an address counts before names */
    unsetenv("POD_IP");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "", "agent-3", "node-7");
    assert_false(r.c->advertise_given);
    fake_host_set_name("agent-3");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "", "agent-3", NULL);
    assert_good(&r, read_again(&r, "--listen", "127.0.0.3", NULL));
    assert_advertises(&r, "127.0.0.3", NULL, NULL);
    assert_good(&r, read_again(&r, "--listen", "127.0.0.3", "--advertise", "::ffff:10.1.2.3", NULL));
    assert_advertises(&r, "10.1.2.3", NULL, NULL);
    set("EPHEMERAL_STORE_ADVERTISE", "store-3.example");
    assert_good(&r, read_again(&r, "--listen", "0.0.0.0", NULL));
    assert_advertises(&r, "", "store-3.example", NULL);
    assert_true(r.c->advertise_given);
    rig_fini(&r);
}

/* For the others, loopback is their own machine: where an orchestrator says that, the next that is known counts. A
 * given `advertise` is taken as it is. */
static void test_loopback_is_not_found(void **state)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"};
    struct rig r;
    (void)state;
    rig_init(&r);
    set("ORCHESTRATION", "marathon");
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        set("HOST", loopback[i]);
        unsetenv("POD_IP");
        assert_good(&r, read_again(&r, NULL));
        assert_advertises(&r, "", "node-7", NULL);
        set("POD_IP", loopback[i]);
        assert_good(&r, read_again(&r, NULL));
        assert_advertises(&r, "", "node-7", NULL);
        assert_good(&r, read_again(&r, "--advertise", loopback[i], NULL));
        assert_advertises(&r, r.c->advertise, i ? NULL : "localhost", NULL);
        assert_true(i == 0 || strncmp(r.c->advertise, "127.", 4) == 0 || strcmp(r.c->advertise, "::1") == 0);
    }
    rig_fini(&r);
}

/* Nothing is advertised that refuses connections. */
static void test_advertised_family(void **state)
{
    static const struct {
        const char *listen, *advertise, *says;
    } bad[] = {{"0.0.0.0", "fd00::5",
                "flag --advertise: 'fd00::5' is an IPv6 address, but this node listens on 0.0.0.0 "
                "alone: the others could not connect. Set EPHEMERAL_STORE_LISTEN to ::"},
               {"10.1.2.3", "fd00::5", "is an IPv6 address, but this node listens on 10.1.2.3 alone"},
               {"fd00::5", "10.1.2.3", "is an IPv4 address, but this node listens on fd00::5 alone"}},
      good[] = {{"::", "fd00::5", NULL},
                {"::", "10.1.2.3", NULL},
                {"fd00::5", "fd00::6", NULL},
                {"0.0.0.0", "10.1.2.3", NULL},
                {"::ffff:10.1.2.3", "10.1.2.4", NULL}};
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_again(&r, "--listen", bad[i].listen, "--advertise", bad[i].advertise, NULL), EX_CONFIG);
        assert_why(&r, bad[i].says);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_good(&r, read_again(&r, "--listen", good[i].listen, "--advertise", good[i].advertise, NULL));
    set("POD_IP", "fd00::5");
    assert_good(&r, read_again(&r, NULL));
    assert_advertises(&r, "fd00::5", NULL, NULL);
    assert_good(&r, read_again(&r, "--listen", "0.0.0.0", NULL));
    assert_advertises(&r, "", "node-7", NULL); /* the next that is known */
    rig_fini(&r);
}

/* As of what a name server says, too. */
static void test_what_may_be_advertised(void **state)
{
    char out[46];
    (void)state;
    assert_true(config_may_advertise("::", "10.1.2.3", false, out));
    assert_true(config_may_advertise("::", "::ffff:10.1.2.3", false, out));
    assert_string_equal(out, "10.1.2.3");
    assert_true(config_may_advertise("0.0.0.0", "10.1.2.3", false, out));
    assert_false(config_may_advertise("0.0.0.0", "fd00::5", false, out));
    assert_true(config_may_advertise("fd00::4", "fd00:0::5", false, out));
    assert_string_equal(out, "fd00::5");
    assert_false(config_may_advertise("fd00::4", "10.1.2.3", true, out));
    assert_false(config_may_advertise("::", "127.0.1.1", false, out));
    assert_true(config_may_advertise("::", "127.0.1.1", true, out));
    assert_false(config_may_advertise("::", "::", true, out));
    assert_false(config_may_advertise("::", "name", true, out));
    assert_false(config_may_advertise("::", "", true, out));
}

static void test_bad_advertised_addresses(void **state)
{
    static const char *const bad[] = {"0.0.0.0", "::",  "10.1.2.300", "224.0.0.1", "",
                                      "a b",     "a,b", "a:7",        "srv:a",     "-"};
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_again(&r, "--advertise", bad[i], NULL) != EX_CONFIG)
            fail_msg("'%s' is taken", bad[i]);
        assert_why(&r, "flag --advertise: '");
        assert_why(&r, "' is no address that a node can have, and no name of a host: give one like 10.1.2.3");
    }
    rig_fini(&r);
}

static void test_no_address_at_all(void **state)
{
    static const char *const useless[] = {NULL, "localhost", "(none)", "a b"};
    struct rig r;
    (void)state;
    rig_init(&r);
    set("POD_IP", "pending");
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        fake_host_set_name(useless[i]);
        assert_int_equal(read_again(&r, NULL), EX_CONFIG);
        assert_why(&r, "advertise is not given, and no address of this node was found: listen is ::, HOST is '', "
                       "POD_IP is 'pending', the host's name is '");
        assert_why(&r, "and none of these is an address that is not loopback and that listen serves, or a name that "
                       "may have one: set EPHEMERAL_STORE_ADVERTISE to the address under which");
        assert_good(&r, read_again(&r, "--cluster-size", "1", NULL));
        assert_advertises(&r, "127.0.0.1", NULL, NULL);
    }
    rig_fini(&r);
}

static void test_place(void **state)
{
    struct rig r;
    char longest[257] = "";
    (void)state;
    rig_init(&r);
    set("HOSTNAME", "pod-1");
    set("NAMESPACE", "blue");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->place, ""); /* every shell has HOSTNAME */
    set("ORCHESTRATION", "kubernetes");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->place, "blue/pod-1");
    set("POD_NAME", "pod-2");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->place, "blue/pod-2");
    unsetenv("NAMESPACE");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->place, ""); /* half of a name is not one's own */
    set("MESOS_TASK_ID", "task.7");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->place, "task.7");
    memset(longest, 'x', 255);
    assert_good(&r, read_again(&r, "--place", longest, NULL));
    assert_string_equal(r.c->place, longest);
    memset(longest, 'x', 256);
    assert_int_equal(read_again(&r, "--place", longest, NULL), EX_CONFIG);
    assert_why(&r, "flag --place: 'xxx");
    set("MESOS_TASK_ID", "a\nb");
    assert_int_equal(read_again(&r, NULL), EX_CONFIG);
    assert_why(&r, "environment variable MESOS_TASK_ID: 'a\nb' is no name of a place: give at most 255 printable");
    rig_fini(&r);
}

static void test_name_of_the_cluster(void **state)
{
    static const char *const bad[] = {"", "a b", "a/b", "caf\xc3\xa9",
                                      "1234567890123456789012345678901234567890123456789012345678901234"};
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_again(&r, "--cluster-name", bad[i], NULL), EX_CONFIG);
        assert_why(&r, "' is no name of a cluster: give 1 to 63 letters, digits, - _ or .");
    }
    assert_good(&r, read_again(&r, "--cluster-name", bad[4] + 1, NULL));
    assert_string_equal(r.c->cluster_name, bad[4] + 1);
    rig_fini(&r);
}

/* --- numbers that must fit each other --- */

static void test_times_that_do_not_fit(void **state)
{
    static const struct {
        const char *name, *bad, *good, *says;
    } times[] = {
        {"--election-ms", "299", "300",
         "election-ms is 299 (flag --election-ms), but must be at least 300: three times heartbeat-ms"},
        {"--heartbeat-ms", "101", "100", "election-ms is 300 (default), but must be at least 303"},
        {"--lease-ms", "1199", "1200", "lease-ms is 1199 (flag --lease-ms), but must be at least 1200: four times"},
        {"--stranded-after-ms", "2999", "3s", "but must be at least 3000: ten times election-ms"},
        {"--lost-after-ms", "6000", "6001",
         "lost-after-ms is 6000 (flag --lost-after-ms), but must be at least 6001: more than lease-ms and "
         "lease-margin-ms"},
    };
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_int_equal(read_again(&r, times[i].name, times[i].bad, NULL), EX_CONFIG);
        assert_why(&r, times[i].says);
        assert_good(&r, read_again(&r, times[i].name, times[i].good, NULL));
    }
    rig_fini(&r);
}

static void test_fence_needs_an_orchestrator(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_again(&r, NULL));
    assert_int_equal(r.c->times.fence_after_ms, 0);
    assert_int_equal(read_again(&r, "--fence-after-ms", "30s", NULL), EX_CONFIG);
    assert_why(&r, "fence-after-ms is given (flag --fence-after-ms), but no orchestrator's API lists the nodes");
    setenv("ORCHESTRATION", "kubernetes", 1);
    assert_good(&r, read_again(&r, "--fence-after-ms", "30s", NULL));
    assert_int_equal(r.c->times.fence_after_ms, 30000);
    assert_int_equal(read_again(&r, "--fence-after-ms", "5999", NULL), EX_CONFIG);
    assert_why(&r, "fence-after-ms is 5999 (flag --fence-after-ms), but must be at least 6000: lease-ms and");
    assert_good(&r, read_again(&r, "--fence-after-ms", "0", NULL));
    rig_fini(&r);
}

static void test_bounds(void **state)
{
    static const char *const good[][2] = {{"--replicas", "1"},
                                          {"--replicas", "7"},
                                          {"--cluster-size", "1"},
                                          {"--cluster-size", "63"},
                                          {"--form-grace-ms", "0"}};
    static const char *const bad[][2] = {{"--replicas", "0"},      {"--replicas", "8"},     {"--cluster-size", "0"},
                                         {"--cluster-size", "65"}, {"--heartbeat-ms", "9"}, {"--lost-after-ms", "2d"}};
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_good(&r, read_again(&r, good[i][0], good[i][1], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_again(&r, bad[i][0], bad[i][1], NULL), EX_CONFIG);
        assert_why(&r, "is no value for");
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_from_the_file),
        cmocka_unit_test(test_nobody_to_find),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_peers_read_again_from_the_file),
        cmocka_unit_test(test_peers_that_cannot_change),
        cmocka_unit_test(test_peers_read_again_without_memory),
        cmocka_unit_test(test_advertised_address),
        cmocka_unit_test(test_loopback_is_not_found),
        cmocka_unit_test(test_advertised_family),
        cmocka_unit_test(test_what_may_be_advertised),
        cmocka_unit_test(test_bad_advertised_addresses),
        cmocka_unit_test(test_no_address_at_all),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_name_of_the_cluster),
        cmocka_unit_test(test_times_that_do_not_fit),
        cmocka_unit_test(test_fence_needs_an_orchestrator),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
