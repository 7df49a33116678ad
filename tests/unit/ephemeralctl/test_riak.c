/* SPDX-License-Identifier: Apache-2.0 */
/* Riak's commands: by which name, to which port, and what they print. */
#include "ephemeralctl/riak.h"

#include "ephemeralctl/riak_view.h"
#include "support.h"

#include <stdlib.h>

static char *text;
static size_t length;
static FILE *out;

static int set_up(void **state)
{
    (void)state;
    out = open_memstream(&text, &length);
    unsetenv("PORT_PROTO");
    unsetenv("EPHEMERAL_STORE_PROTO_PORT");
    unsetenv("EPHEMERAL_STORE_LISTEN");
    return out ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fclose(out);
    free(text);
    return 0;
}

static const char *printed(void)
{
    fflush(out);
    return text;
}

static void names(void **state)
{
    (void)state;
    assert_true(riak_is_name("riak-admin"));
    assert_true(riak_is_name("/usr/sbin/riak-admin"));
    assert_true(riak_is_name("./riak"));
    assert_true(riak_is_name("/riak-bootstrap/readiness-probe.sh"));
    assert_false(riak_is_name("ephemeralctl"));
    assert_false(riak_is_name("/riak/ephemeralctl"));
    assert_false(riak_is_name("riak-admin/"));
    assert_false(riak_is_name(""));
    assert_false(riak_is_name(NULL));
}

static void expect_here(const char *host, unsigned port)
{
    struct riak_node here = riak_node_here();
    if (host)
        assert_string_equal(here.host, host);
    else
        assert_null(here.host);
    assert_int_equal(here.port, port);
}

static void where_the_node_is(void **state)
{
    (void)state;
    expect_here(NULL, 8087);
    setenv("EPHEMERAL_STORE_PROTO_PORT", "18087", 1);
    expect_here(NULL, 18087);
    setenv("PORT_PROTO", "31000", 1); /* Marathon's counts first, as for the daemon */
    expect_here(NULL, 31000);
    setenv("PORT_PROTO", "", 1);
    setenv("EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:8087", 1); /* a service link of Kubernetes */
    expect_here(NULL, 8087);
    setenv("EPHEMERAL_STORE_LISTEN", "::", 1);
    expect_here(NULL, 8087);
    setenv("EPHEMERAL_STORE_LISTEN", "0.0.0.0", 1);
    expect_here(NULL, 8087);
    setenv("EPHEMERAL_STORE_LISTEN", "127.0.0.3", 1);
    expect_here("127.0.0.3", 8087);
}

/* Two members, of whom one does not answer, and three partitions of two replicas. */
static struct riak_ring sample(void)
{
    struct riak_ring r = {.node = {.state = STATUS_MEMBER,
                                   .health = STATUS_DEGRADED,
                                   .id = 1,
                                   .partitions_incomplete = 1,
                                   .memory = {.resident = 4096},
                                   .member = {{.id = 1, .address = "10.0.0.1", .state = STATUS_LIVE, .leader = true},
                                              {.id = 2, .address = "10.0.0.2", .state = STATUS_UNREACHABLE}},
                                   .member_count = 2}};
    for (unsigned i = 0; i < 3; i++) {
        struct status_partition p = {.number = i, .replica = {{.member = 1}, {.member = 2}}, .replica_count = 2};
        if (i == 0)
            p.replica_count = 1;
        riak_ring_add(&r, &p);
    }
    return r;
}

static void members(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    r.node.member[1].state = STATUS_MEMBER_LEAVING;
    riak_view_members(&r, out);
    assert_string_equal(printed(), "================================= Membership ==================================\n"
                                   "Status     Ring    Pending    Node\n"
                                   "-------------------------------------------------------------------------------\n"
                                   "valid      60.0%      --      'riak@10.0.0.1'\n"
                                   "leaving    40.0%      --      'riak@10.0.0.2'\n"
                                   "-------------------------------------------------------------------------------\n"
                                   "Valid:1 / Leaving:1 / Exiting:0 / Joining:0 / Down:0\n");
}

static void ring(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    riak_view_ring(&r, out);
    assert_string_equal(printed(),
                        "================================== Claimant ===================================\n"
                        "Claimant:  'riak@10.0.0.1'\n"
                        "Status:     up\n"
                        "Ring Ready: false\n\n"
                        "============================== Ownership Handoff ==============================\n"
                        "1 partitions have fewer replicas than they should; they are copied without an operator.\n\n"
                        "============================== Unreachable Nodes ==============================\n"
                        "The following nodes are unreachable: ['riak@10.0.0.2']\n"
                        "The cluster replaces their copies without an operator.\n");
}

static void ring_of_a_healthy_cluster(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    r.node.member[1].state = STATUS_LIVE;
    r.node.partitions_incomplete = 0;
    riak_view_ring(&r, out);
    assert_non_null(strstr(printed(), "Ring Ready: true\n"));
    assert_non_null(strstr(printed(), "No pending changes.\n"));
    assert_non_null(strstr(printed(), "All nodes are up and reachable\n"));
}

static void ready(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    riak_view_ready(&r, out);
    r.node.member[1].state = STATUS_LIVE;
    riak_view_ready(&r, out);
    r.node.health = STATUS_NO_QUORUM;
    riak_view_ready(&r, out);
    assert_string_equal(printed(), "FALSE ['riak@10.0.0.2'] down.  All nodes need to be up to check.\n"
                                   "TRUE All nodes agree on the ring ['riak@10.0.0.1','riak@10.0.0.2']\n"
                                   "FALSE no quorum\n");
}

static void cluster(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    riak_view_cluster(&r, out);
    assert_string_equal(printed(), "---- Cluster Status ----\n"
                                   "Ring ready: false\n\n"
                                   "+--------------------+------+-------+-----+-------+\n"
                                   "|       node         |status| avail |ring |pending|\n"
                                   "+--------------------+------+-------+-----+-------+\n"
                                   "| (C) riak@10.0.0.1  |valid |  up   | 60.0|  --   |\n"
                                   "|     riak@10.0.0.2  |valid | down! | 40.0|  --   |\n"
                                   "+--------------------+------+-------+-----+-------+\n\n"
                                   "Key: (C) = Claimant; availability marked with '!' is unexpected\n");
}

static void status(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    riak_view_status(&r, out);
    assert_string_equal(printed(), "stats for 'riak@10.0.0.1'\n"
                                   "-------------------------------------------\n"
                                   "nodename : 'riak@10.0.0.1'\n"
                                   "connected_nodes : ['riak@10.0.0.1']\n"
                                   "ring_members : ['riak@10.0.0.1','riak@10.0.0.2']\n"
                                   "ring_num_partitions : 3\n"
                                   "ring_ownership : <<\"[{'riak@10.0.0.1',3},{'riak@10.0.0.2',2}]\">>\n"
                                   "memory_total : 4096\n");
}

/* Five nodes on one machine. */
static void ports_tell_members_apart(void **state)
{
    struct riak_ring r = sample();
    (void)state;
    strcpy(r.node.member[1].address, "10.0.0.1");
    r.node.member[0].epmd_port = 4369;
    r.node.member[1].epmd_port = 4370;
    riak_view_members(&r, out);
    assert_non_null(strstr(printed(), "'riak@10.0.0.1:4369'\n"));
    assert_non_null(strstr(printed(), "'riak@10.0.0.1:4370'\n"));
}

static void in_no_cluster(void **state)
{
    struct riak_ring r = {.node = {.state = STATUS_SEEKING, .health = STATUS_NO_QUORUM, .why = "3 of 5\nanswer"}};
    (void)state;
    riak_view_members(&r, out);
    assert_non_null(strstr(printed(), "Valid:0 / Leaving:0"));
    assert_non_null(strstr(printed(), "This node is in no cluster (seeking): 3 of 5\\nanswer\n"));
    assert_false(riak_ring_is_ready(&r));
}

static void transfers(void **state)
{
    struct riak_ring r = sample();
    const struct status_transfer one = {.partition = 7, .from = 1, .to = 9, .keys = 3, .bytes = 100, .age_ms = 12000};
    (void)state;
    riak_view_transfers(&r.node, &one, 1, out);
    assert_string_equal(printed(), "1 partitions wait for a replica\n"
                                   "Active Transfers:\n\n"
                                   "transfer type: ownership_transfer\n"
                                   "vnode type: riak_kv_vnode\n"
                                   "partition: 7\n"
                                   "started: 12s ago\n"
                                   "total size: 100 bytes\n"
                                   "objects transferred: 3\n\n"
                                   "riak@10.0.0.1  =======>  member 9\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names),
        CASE(where_the_node_is),
        CASE(members),
        CASE(ring),
        CASE(ring_of_a_healthy_cluster),
        CASE(ready),
        CASE(cluster),
        CASE(status),
        CASE(ports_tell_members_apart),
        CASE(transfers),
        CASE(in_no_cluster),
    };
    return cmocka_run_group_tests_name("ephemeralctl/riak", tests, NULL, NULL);
}
